"""Webhook subscriptions of the sandbox's Shopify shop, and the signed deliveries to them."""

from __future__ import annotations

import base64
import hashlib
import hmac
import json
import threading
from collections.abc import Iterable
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any
from uuid import uuid4

from app.clock import Clock
from app.sandbox.delivery import Courier, is_loopback
from app.sandbox.shopify.answers import Refused

API_VERSION = "2026-10"
_FAILURES_ALLOWED = 8
_TWO_WORDS = ("ORDER_TRANSACTIONS", "FULFILLMENT_EVENTS", "REVERSE_DELIVERIES", "REVERSE_FULFILLMENT_ORDERS")
_TAKEN = "Address for this topic has already been taken"


def signature(secret: str, body: bytes) -> str:
    """The X-Shopify-Hmac-Sha256 header: base64 HMAC-SHA256 of the raw body with the app's client secret."""
    return base64.b64encode(hmac.new(secret.encode(), body, hashlib.sha256).digest()).decode()


def topic_of(enum: str) -> str:
    """The delivery spelling of a topic: ORDER_TRANSACTIONS_CREATE is `order_transactions/create`."""
    for resource in _TWO_WORDS:
        if enum.startswith(f"{resource}_"):
            return f"{resource}/{enum[len(resource) + 1 :]}".lower()
    return enum.replace("_", "/", 1).lower()


@dataclass(slots=True, eq=False)
class Subscription:
    """One subscription made through the Admin API. `failures` counts deliveries refused in a row."""

    id: int
    topic: str
    uri: str
    created_at: datetime
    updated_at: datetime
    include_fields: list[str] = field(default_factory=list)
    filter: str | None = None
    name: str | None = None
    failures: int = 0


class Webhooks:
    """Sends what happens to whoever subscribed. Guarded by the shop's lock, also from the courier's thread."""

    def __init__(self, domain: str, secret: str, courier: Courier, clock: Clock, lock: threading.RLock) -> None:
        self.subscriptions: dict[int, Subscription] = {}
        self._domain = domain
        self._secret = secret
        self._courier = courier
        self._clock = clock
        self._lock = lock

    def subscribe(self, number: int, topic: str, data: dict[str, Any]) -> Subscription:
        """Adds a subscription; `topic` is the enum. Raises `Refused` for a bad address or one taken already."""
        uri = self._checked(data.get("uri"), topic)
        now = self._clock.now()
        made = Subscription(number, topic, uri, now, now)
        self._fill(made, data)
        self.subscriptions[made.id] = made
        return made

    def update(self, subscription: Subscription, data: dict[str, Any]) -> None:
        """Changes a subscription. Raises `Refused` as `subscribe` does."""
        if data.get("uri") is not None and data["uri"] != subscription.uri:
            subscription.uri = self._checked(data["uri"], subscription.topic)
        self._fill(subscription, data)
        subscription.updated_at = self._clock.now()
        subscription.failures = 0

    def _fill(self, subscription: Subscription, data: dict[str, Any]) -> None:
        subscription.include_fields = list(data.get("includeFields") or subscription.include_fields)
        subscription.filter = data.get("filter", subscription.filter)
        subscription.name = data.get("name", subscription.name)

    def _checked(self, uri: str | None, topic: str) -> str:
        """A real shop wants https; the sandbox also takes loopback http, and nothing that is not loopback."""
        where = ["webhookSubscription", "callbackUrl"]
        if not uri:
            raise Refused(where, "Address can't be blank")
        if not is_loopback(uri):
            raise Refused(where, "Address is not supported: the sandbox delivers to this machine only")
        if any((item.topic, item.uri) == (topic, uri) for item in self.subscriptions.values()):
            raise Refused(where, _TAKEN)
        return uri

    def announce(self, *news: tuple[str, dict[str, Any]]) -> None:
        """Delivers topics (delivery spelling) with their bodies; all share one event id, as one action's do."""
        event_id = str(uuid4())
        for topic, payload in news:
            for subscription in self._listening(topic):
                self._deliver(subscription, topic, payload, event_id)

    def _listening(self, topic: str) -> Iterable[Subscription]:
        return [item for item in self.subscriptions.values() if topic_of(item.topic) == topic]

    def _deliver(self, subscription: Subscription, topic: str, payload: dict[str, Any], event_id: str) -> None:
        fields = subscription.include_fields
        shown = {key: value for key, value in payload.items() if key in fields} if fields else payload
        body = json.dumps(shown, ensure_ascii=False, separators=(",", ":")).encode()
        headers = {
            "Content-Type": "application/json",
            "User-Agent": "Shopify-Captain-Hook",
            "X-Shopify-Topic": topic,
            "X-Shopify-Hmac-Sha256": signature(self._secret, body),
            "X-Shopify-Shop-Domain": self._domain,
            "X-Shopify-API-Version": API_VERSION,
            "X-Shopify-Webhook-Id": str(uuid4()),
            "X-Shopify-Event-Id": event_id,
            "X-Shopify-Triggered-At": self._clock.now().isoformat().replace("+00:00", "Z"),
        }
        if subscription.name:
            headers["X-Shopify-Name"] = subscription.name
        number = subscription.id
        self._courier.post(subscription.uri, headers, body, lambda status: self._heard(number, status))

    def _heard(self, number: int, status: int | None) -> None:
        """After eight failures in a row Shopify deletes a subscription that was made through the Admin API."""
        with self._lock:
            subscription = self.subscriptions.get(number)
            if subscription is None:
                return
            accepted = status is not None and 200 <= status < 300
            subscription.failures = 0 if accepted else subscription.failures + 1
            if subscription.failures >= _FAILURES_ALLOWED:
                del self.subscriptions[number]
