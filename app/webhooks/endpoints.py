"""Webhooks in, as the API describes them. `app.webhooks.door` takes them in, mostly before they come here."""

from __future__ import annotations

from fastapi import APIRouter, Request, Response

from app.api import errors_of, runtime_from
from app.webhooks import door
from app.webhooks.door import BadSignature, BodyTooLarge, UnknownSource
from app.webhooks.intake import NotStored

router = APIRouter(prefix="/webhooks", tags=["webhooks"])

_RAW_BODY = {
    "requestBody": {
        "required": True,
        "content": {"application/json": {"schema": {"type": "object"}, "example": {"id": 5196695273621}}},
    }
}


@router.post(
    "/shopify/{store}",
    summary="Takes a Shopify webhook",
    description="Verified by `X-Shopify-Hmac-Sha256` over the raw bytes. 200: stored, also when it came before.",
    responses=errors_of(BadSignature, UnknownSource, BodyTooLarge, NotStored),
    openapi_extra=_RAW_BODY,
)
async def shopify(store: str, request: Request) -> Response:
    """Stores a signed Shopify delivery."""
    return await _take("shopify", store, request)


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
    return await _take("woocommerce", store, request)


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
    return await _take("suppliers", supplier, request)


async def _take(kind: str, key: str, request: Request) -> Response:
    await door.take(runtime_from(request), kind, key, door.headers_of(request.scope), request.receive)
    return Response()
