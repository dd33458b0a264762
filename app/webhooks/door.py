"""Takes webhooks in by the shortest way: 200 is answered only after the raw bytes are committed.

`Door` stands before the framework and answers what it can tell from the path alone; routing, validation and their
bookkeeping, which cost more than all of it, are for the rest of the API. `app.webhooks.endpoints` documents the paths.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Final

import structlog
from starlette.requests import ClientDisconnect
from starlette.responses import Response
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from app.crashpoints import Point, reached
from app.errors import AppError, NotFound, Unauthorized
from app.metrics import counts
from app.orders.reading import UnreadablePayload, parse_object, text
from app.orders.snapshot import Platform
from app.runtime import Runtime
from app.settings_store import StoreSettings
from app.webhooks import inbox, signatures
from app.webhooks.inbox import Arrival
from app.webhooks.intake import NotStored
from app.webhooks.models import SourceKind

log = structlog.get_logger()

PREFIX: Final = "/webhooks/"
_STORED: Final[Message] = {"type": "http.response.start", "status": 200, "headers": [(b"content-length", b"0")]}
_NOTHING: Final[Message] = {"type": "http.response.body", "body": b""}


class BadSignature(Unauthorized):
    """The signature is missing or wrong, or its time is off."""

    code = "bad_signature"
    title = "The signature is missing or wrong"


class UnknownSource(NotFound):
    """Nobody is configured under that key for that kind of webhook."""

    code = "unknown_source"
    title = "Nobody sends webhooks to this path"


class BodyTooLarge(AppError):
    """More than 5 MiB."""

    status = 413
    code = "body_too_large"
    title = "The body is larger than 5 MiB"


class Door:
    """ASGI middleware that answers `POST /webhooks/<kind>/<key>` and hands everything else on."""

    def __init__(self, app: ASGIApp, runtime: Runtime, refuse: Callable[[AppError], Response]) -> None:
        """`refuse` words an error as the rest of the API does."""
        self._app = app
        self._runtime = runtime
        self._refuse = refuse

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serves one request."""
        kind, key = _place(scope)
        if kind not in _KINDS:
            await self._app(scope, receive, send)
            return
        scope["path_template"] = f"{PREFIX}{kind}/{'{supplier}' if kind == 'suppliers' else '{store}'}"
        try:
            await take(self._runtime, kind, key, headers_of(scope), receive)
        except AppError as error:
            await self._refuse(error)(scope, receive, send)
        except ClientDisconnect:
            # Nobody is there to be answered.
            return
        else:
            await send(_STORED)
            await send(_NOTHING)


def _place(scope: Scope) -> tuple[str, str]:
    """Kind and key of a path that is one of ours; empty when it is not."""
    if scope["type"] != "http" or scope["method"] != "POST":
        return "", ""
    path: str = scope["path"].removeprefix(scope.get("root_path", ""))
    kind, _, key = path.removeprefix(PREFIX).partition("/")
    return (kind, key) if path.startswith(PREFIX) and key and "/" not in key else ("", "")


def headers_of(scope: Scope) -> dict[str, str]:
    """The request's headers by lower-case name; of several of one name the first counts."""
    return {name.decode("latin-1"): value.decode("latin-1") for name, value in reversed(scope["headers"])}


async def take(runtime: Runtime, kind: str, key: str, headers: Mapping[str, str], receive: Receive) -> None:
    """Returns when a webhook is stored, or when it needs not be; no call and no rule comes before that.

    Raises `UnknownSource`, `BodyTooLarge`, `BadSignature`, `NotStored`, and `ClientDisconnect` when the sender hung up.
    """
    arrival = await _KINDS[kind](runtime, key, headers, receive)
    if arrival is not None:
        await _store_and_count(runtime, arrival)
        reached(Point.WEBHOOK_STORED)


async def _store_and_count(runtime: Runtime, arrival: Arrival) -> None:
    told = (arrival.source_kind, arrival.source, arrival.topic)
    try:
        new = await runtime.intake.store(arrival, runtime.clock.now())
    except NotStored:
        counts.delivery(*told, "not_stored")
        raise
    counts.delivery(*told, "received" if new else "duplicate")


async def _shopify(runtime: Runtime, store: str, headers: Mapping[str, str], receive: Receive) -> Arrival:
    settings = _store(runtime, store, Platform.SHOPIFY)
    body = await _body(headers, receive)
    if not signatures.verify_hmac(settings.webhook_secrets, body, headers.get("x-shopify-hmac-sha256")):
        raise _refused(store, "The X-Shopify-Hmac-Sha256 header does not sign this body with the app's client secret.")
    return inbox.shopify_arrival(store, headers, body)


async def _woocommerce(runtime: Runtime, store: str, headers: Mapping[str, str], receive: Receive) -> Arrival | None:
    settings = _store(runtime, store, Platform.WOOCOMMERCE)
    body = await _body(headers, receive)
    if signatures.is_woocommerce_ping(headers.get("content-type"), body, headers):
        return None
    if not signatures.verify_woocommerce(settings.webhook_secrets, body, headers.get("x-wc-webhook-signature")):
        raise _refused(store, "The X-WC-Webhook-Signature header does not sign this body with the webhook's secret.")
    return inbox.woocommerce_arrival(store, headers, body)


async def _supplier(runtime: Runtime, supplier: str, headers: Mapping[str, str], receive: Receive) -> Arrival:
    settings = runtime.settings.suppliers.get(supplier)
    if settings is None or settings.webhook_secret is None:
        raise UnknownSource(f"No supplier with an API is configured under the key {supplier[:60]!r}.")
    body = await _body(headers, receive)
    secret = settings.webhook_secret.get_secret_value()
    if not signatures.verify_standard_webhook(secret, body, headers, runtime.clock.now()):
        raise _refused(
            supplier,
            "The webhook-signature header does not sign this message, or its time is too far off.",
            SourceKind.SUPPLIER,
        )
    return inbox.supplier_arrival(supplier, headers, body, _event_type(body))


_KINDS: Final = {"shopify": _shopify, "woocommerce": _woocommerce, "suppliers": _supplier}


def _refused(source: str, why: str, kind: SourceKind = SourceKind.STORE) -> BadSignature:
    # A wrong secret in our settings costs a store's subscription after some tries: the log says so, once a minute.
    log.warning("webhook_refused", source=source, why=why)
    counts.delivery(kind, source, "", "refused")
    return BadSignature(why)


def _event_type(body: bytes) -> str:
    try:
        return text(parse_object(body), "type", 60) or "unknown"
    except UnreadablePayload:
        return "unknown"


def _store(runtime: Runtime, key: str, platform: Platform) -> StoreSettings:
    settings = runtime.settings.stores.get(key)
    if settings is None or settings.platform is not platform:
        raise UnknownSource(f"No {platform} store is configured under the key {key[:60]!r}.")
    return settings


async def _body(headers: Mapping[str, str], receive: Receive) -> bytes:
    """The raw bytes, refused as soon as they are too many, whatever Content-Length says."""
    declared = headers.get("content-length", "")
    if declared.isdigit() and int(declared) > inbox.MAX_BODY:
        raise BodyTooLarge("A webhook may have 5 MiB at most.")
    pieces: list[bytes] = []
    size = 0
    more = True
    while more:
        message = await receive()
        if message["type"] == "http.disconnect":
            raise ClientDisconnect
        pieces.append(message.get("body", b""))
        size += len(pieces[-1])
        if size > inbox.MAX_BODY:
            raise BodyTooLarge("A webhook may have 5 MiB at most.")
        more = message.get("more_body", False)
    return pieces[0] if len(pieces) == 1 else b"".join(pieces)
