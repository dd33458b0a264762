"""Webhooks of the sandbox's WooCommerce site: pinged, queued, built late, sent once, switched off by failures."""

from __future__ import annotations

import base64
import hashlib
import hmac
import html
import secrets
import string
import threading
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

import httpx

from app.clock import Clock
from app.http import tls_context
from app.sandbox.delivery import Courier, NotLoopback, is_loopback
from app.sandbox.woocommerce.errors import RestError
from app.sandbox.woocommerce.php import php_json
from app.sandbox.woocommerce.render import VERSION, WORDPRESS_VERSION, Writer

USER_AGENT = f"WooCommerce/{VERSION} Hookshot (WordPress/{WORDPRESS_VERSION})"
MAX_FAILURES = 6
"""The next failure in a row, the 7th, switches the webhook off and is not counted (documentation says 5)."""

_PING_TIMEOUT = 5.0
_RESOURCES = frozenset({"coupon", "customer", "order", "product"})
_EVENTS = frozenset({"created", "updated", "deleted", "restored"})

Event = tuple[str, int]
"""A topic and the id of what it is about."""


@dataclass(slots=True)
class Webhook:
    """A webhook of the site. `pending_delivery` stays set until a ping was answered with exactly 200."""

    webhook_id: int
    name: str
    topic: str
    delivery_url: str
    secret: str
    created_at: datetime
    modified_at: datetime
    status: str = "active"
    failure_count: int = 0
    pending_delivery: bool = True
    pings: list[int | None] = field(default_factory=list)

    def key(self) -> bytes:
        """The signing key: WordPress decodes HTML entities in the secret first, so `a&amp;b` signs as `a&b`."""
        return html.unescape(self.secret).encode()


def is_topic(topic: str) -> bool:
    """Whether WooCommerce takes the topic: a resource's event, or any of its own actions."""
    resource, _, event = topic.partition(".")
    if resource == "action":
        return event.startswith(("woocommerce_", "wc_"))
    return resource in _RESOURCES and event in _EVENTS


def counts_as_delivered(status: int | None) -> bool:
    """WooCommerce's reading of an answer: 200 to 299, 300, 301 and 302 are success; redirects are not followed."""
    return status is not None and (200 <= status < 300 or status in {300, 301, 302})


class WebhookBoard:
    """The site's webhooks and their queue. Thread-safe by the site's lock."""

    def __init__(
        self,
        writer: Writer,
        clock: Clock,
        courier: Courier,
        lock: threading.RLock,
        build_order: Callable[[int], Mapping[str, Any]],
    ) -> None:
        self.source = f"{writer.url}/"
        self.hooks: dict[int, Webhook] = {}
        self._writer, self._clock, self._courier, self._lock = writer, clock, courier, lock
        self._build_order = build_order
        self._pending: dict[tuple[int, Event], None] = {}
        self._holding = 0

    def create(self, fields: Mapping[str, Any]) -> Webhook:
        """Adds a webhook, always `active`, without pinging. Raises `RestError` 400 for a wrong topic or URL."""
        topic, url = _checked(fields.get("topic")), _checked(fields.get("delivery_url"))
        _check_topic(topic)
        _check_url(url)
        now = self._clock.now()
        alphabet = string.ascii_letters + string.digits
        secret = _checked(fields.get("secret")) or "".join(secrets.choice(alphabet) for _ in range(50))
        name = _checked(fields.get("name")) or f"Webhook created on {now:%b %d, %Y @ %I:%M %p}"
        with self._lock:
            hook = Webhook(max(self.hooks, default=0) + 1, name, topic, url, secret, now, now)
            self.hooks[hook.webhook_id] = hook
        return hook

    def update(self, hook: Webhook, fields: Mapping[str, Any]) -> bool:
        """Changes what is given; says whether a ping is due (a new URL). `failure_count` survives a re-activation."""
        if "topic" in fields:
            _check_topic(_checked(fields["topic"]))
        if "delivery_url" in fields:
            _check_url(_checked(fields["delivery_url"]))
        with self._lock:
            moved = "delivery_url" in fields and fields["delivery_url"] != hook.delivery_url
            for name in ("name", "topic", "delivery_url", "secret", "status"):
                if isinstance(fields.get(name), str):
                    setattr(hook, name, fields[name])
            hook.pending_delivery = hook.pending_delivery or moved
            hook.modified_at = self._clock.now()
        return moved

    def ping(self, hook: Webhook) -> None:
        """Sends the unsigned ping and waits for its answer, at most 5 s. Creation succeeds whatever comes back."""
        status: int | None = None
        if is_loopback(hook.delivery_url):
            content = {"webhook_id": str(hook.webhook_id)}
            headers = {"User-Agent": USER_AGENT}
            try:
                with httpx.Client(timeout=_PING_TIMEOUT, trust_env=False, verify=tls_context()) as client:
                    status = client.post(
                        hook.delivery_url, data=content, headers=headers, follow_redirects=True
                    ).status_code
            except httpx.HTTPError:
                status = None
        with self._lock:
            hook.pings.append(status)
            hook.pending_delivery = status != 200

    def fire(self, events: Iterable[Event]) -> None:
        """Queues a delivery per subscribed webhook; an identical one that still waits is not queued again.

        Unless the queue is held the jobs run at once. Several webhooks on one topic go newest first.
        """
        with self._lock:
            for event in events:
                for hook in sorted(self.hooks.values(), key=lambda item: -item.webhook_id):
                    if hook.topic == event[0] and hook.status == "active":
                        self._pending.setdefault((hook.webhook_id, event))
            if not self._holding:
                self._run()

    def hold(self) -> None:
        """The queue's runner stands still, as with broken WP-Cron; what happens meanwhile collapses."""
        with self._lock:
            self._holding += 1

    def release(self) -> None:
        """The runner works off the queue; every body is built now, from the state as it is now."""
        with self._lock:
            self._holding = max(0, self._holding - 1)
            if not self._holding:
                self._run()

    @contextmanager
    def one_request(self) -> Iterator[None]:
        """Within one request the same event is delivered once."""
        with self._lock:
            self.hold()
            try:
                yield
            finally:
                self.release()

    def _run(self) -> None:
        jobs, self._pending = list(self._pending), {}
        for webhook_id, event in jobs:
            hook = self.hooks.get(webhook_id)
            if hook is not None and hook.status == "active":
                self.deliver(hook, event)

    def deliver(self, hook: Webhook, event: Event) -> None:
        """Builds, signs and sends one delivery, with no second try."""
        body = self._body(hook.topic, event[1])
        try:
            self._courier.post(
                hook.delivery_url, self._headers(hook, body), body, lambda status: self._settle(hook, status)
            )
        except NotLoopback:
            self._settle(hook, None)

    def _body(self, topic: str, about: int) -> bytes:
        resource, _, event = topic.partition(".")
        if resource == "action":
            return php_json({"action": event, "arg": about})
        if event == "deleted":
            return php_json({"id": about})
        try:
            return php_json(self._build_order(about))
        except RestError as error:
            return php_json(error.body)

    def _headers(self, hook: Webhook, body: bytes) -> dict[str, str]:
        resource, _, event = hook.topic.partition(".")
        second = int(self._clock.now().timestamp())
        delivery = hashlib.md5(f"{hook.webhook_id}{second}".encode(), usedforsecurity=False).hexdigest()
        return {
            "User-Agent": USER_AGENT,
            "Content-Type": "application/json",
            "X-WC-Webhook-Source": self.source,
            "X-WC-Webhook-Topic": hook.topic,
            "X-WC-Webhook-Resource": resource,
            "X-WC-Webhook-Event": event,
            "X-WC-Webhook-Signature": base64.b64encode(hmac.digest(hook.key(), body, hashlib.sha256)).decode(),
            "X-WC-Webhook-ID": str(hook.webhook_id),
            "X-WC-Webhook-Delivery-ID": delivery,
            "Connection": "close",
        }

    def _settle(self, hook: Webhook, status: int | None) -> None:
        with self._lock:
            if counts_as_delivered(status):
                hook.failure_count = 0
            elif hook.failure_count >= MAX_FAILURES:
                hook.status = "disabled"
            else:
                hook.failure_count += 1
            ping_again = hook.pending_delivery
        if ping_again:
            self.ping(hook)

    def as_json(self, hook: Webhook) -> dict[str, Any]:
        """The webhook as REST shows it; the secret is never shown."""
        resource, _, event = hook.topic.partition(".")
        return {
            "id": hook.webhook_id,
            "name": hook.name,
            "status": hook.status,
            "topic": hook.topic,
            "resource": resource,
            "event": event,
            "hooks": [event] if resource == "action" else [f"woocommerce_{event}_{resource}"],
            "delivery_url": hook.delivery_url,
            **self._writer.times(created=hook.created_at, modified=hook.modified_at),
            "_links": {
                "self": [{"href": self._writer.api(f"webhooks/{hook.webhook_id}")}],
                "collection": [{"href": self._writer.api("webhooks")}],
            },
        }


def _checked(value: Any) -> str:
    return value if isinstance(value, str) else ""


def _check_topic(topic: str) -> None:
    if not is_topic(topic):
        raise RestError(400, "woocommerce_rest_shop_webhook_invalid_topic", "Webhook topic must be valid.")


def _check_url(url: str) -> None:
    if not url.startswith(("http://", "https://")):
        code = "woocommerce_rest_shop_webhook_invalid_delivery_url"
        raise RestError(400, code, "Webhook delivery URL must be a valid URL starting with http:// or https://.")
