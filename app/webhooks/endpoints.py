"""Webhooks in. 200 is answered only after the raw bytes are committed; no call and no rule runs before the answer."""

from __future__ import annotations

import structlog
from fastapi import APIRouter, Request, Response
from sqlalchemy.exc import DBAPIError

from app.api import errors_of, runtime_from
from app.crashpoints import Point, reached
from app.errors import AppError, NotFound, Unauthorized, Unavailable
from app.metrics import counts
from app.orders.reading import UnreadablePayload, parse_object, text
from app.orders.snapshot import Platform
from app.settings_store import StoreSettings
from app.webhooks import inbox, signatures
from app.webhooks.inbox import Arrival
from app.webhooks.models import SourceKind

log = structlog.get_logger()
router = APIRouter(prefix="/webhooks", tags=["webhooks"])

_RAW_BODY = {
    "requestBody": {
        "required": True,
        "content": {"application/json": {"schema": {"type": "object"}, "example": {"id": 5196695273621}}},
    }
}


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


class NotStored(Unavailable):
    """The database did not take the delivery; the sender should try again."""

    code = "not_stored"
    title = "Not stored; try again"


@router.post(
    "/shopify/{store}",
    summary="Takes a Shopify webhook",
    description="Verified by `X-Shopify-Hmac-Sha256` over the raw bytes. 200: stored, also when it came before.",
    responses=errors_of(BadSignature, UnknownSource, BodyTooLarge, NotStored),
    openapi_extra=_RAW_BODY,
)
async def shopify(store: str, request: Request) -> Response:
    """Stores a signed Shopify delivery."""
    settings = _store(request, store, Platform.SHOPIFY)
    body = await _body(request)
    if not signatures.verify_hmac(settings.webhook_secrets, body, request.headers.get("x-shopify-hmac-sha256")):
        raise _refused(store, "The X-Shopify-Hmac-Sha256 header does not sign this body with the app's client secret.")
    return await _keep(request, inbox.shopify_arrival(store, request.headers, body))


@router.post(
    "/woocommerce/{store}",
    summary="Takes a WooCommerce webhook",
    description=(
        "Verified by `X-WC-Webhook-Signature` over the raw bytes. 200: stored, also when it came before. The unsigned "
        "ping of a webhook's creation (`webhook_id=7` as a form) is answered 200 and not stored."
    ),
    responses=errors_of(BadSignature, UnknownSource, BodyTooLarge, NotStored),
    openapi_extra=_RAW_BODY,
)
async def woocommerce(store: str, request: Request) -> Response:
    """Stores a signed WooCommerce delivery, or answers the ping."""
    settings = _store(request, store, Platform.WOOCOMMERCE)
    body = await _body(request)
    if signatures.is_woocommerce_ping(request.headers.get("content-type"), body, request.headers):
        return Response()
    signature = request.headers.get("x-wc-webhook-signature")
    if not signatures.verify_woocommerce(settings.webhook_secrets, body, signature):
        raise _refused(store, "The X-WC-Webhook-Signature header does not sign this body with the webhook's secret.")
    return await _keep(request, inbox.woocommerce_arrival(store, request.headers, body))


@router.post(
    "/suppliers/{supplier}",
    summary="Takes a supplier's event",
    description=(
        "Verified by Standard Webhooks (`webhook-id`, `webhook-timestamp`, `webhook-signature`); a timestamp more than "
        "5 minutes off is refused. 200: stored, also when it came before."
    ),
    responses=errors_of(BadSignature, UnknownSource, BodyTooLarge, NotStored),
    openapi_extra=_RAW_BODY,
)
async def supplier(supplier: str, request: Request) -> Response:
    """Stores a signed supplier event."""
    runtime = runtime_from(request)
    settings = runtime.settings.suppliers.get(supplier)
    if settings is None or settings.webhook_secret is None:
        raise UnknownSource(f"No supplier with an API is configured under the key {supplier[:60]!r}.")
    body = await _body(request)
    secret = settings.webhook_secret.get_secret_value()
    if not signatures.verify_standard_webhook(secret, body, request.headers, runtime.clock.now()):
        why = "The webhook-signature header does not sign this message, or its time is too far off."
        raise _refused(supplier, why, SourceKind.SUPPLIER)
    return await _keep(request, inbox.supplier_arrival(supplier, request.headers, body, _event_type(body)))


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


def _store(request: Request, key: str, platform: Platform) -> StoreSettings:
    settings = runtime_from(request).settings.stores.get(key)
    if settings is None or settings.platform is not platform:
        raise UnknownSource(f"No {platform} store is configured under the key {key[:60]!r}.")
    return settings


async def _body(request: Request) -> bytes:
    """The raw bytes, refused as soon as they are too many, whatever Content-Length says."""
    declared = request.headers.get("content-length", "")
    if declared.isdigit() and int(declared) > inbox.MAX_BODY:
        raise BodyTooLarge("A webhook may have 5 MiB at most.")
    received = bytearray()
    async for chunk in request.stream():
        received += chunk
        if len(received) > inbox.MAX_BODY:
            raise BodyTooLarge("A webhook may have 5 MiB at most.")
    return bytes(received)


async def _keep(request: Request, arrival: Arrival) -> Response:
    try:
        async with runtime_from(request).work() as work:
            _, new = await inbox.receive(work, arrival)
    except (DBAPIError, OSError, TimeoutError) as error:
        counts.delivery(arrival.source_kind, arrival.source, arrival.topic, "not_stored")
        raise NotStored("The delivery could not be stored; send it again.") from error
    counts.delivery(arrival.source_kind, arrival.source, arrival.topic, "received" if new else "duplicate")
    reached(Point.WEBHOOK_STORED)
    return Response()
