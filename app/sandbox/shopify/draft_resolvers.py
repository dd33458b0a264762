"""What GraphQL answers about drafts and products of the sandbox's Shopify shop."""

from __future__ import annotations

from typing import Any

from app.sandbox.faults import FaultKind
from app.sandbox.shopify.answers import Refused, parse_gid
from app.sandbox.shopify.catalogue import ProductVariant
from app.sandbox.shopify.connections import View, connection
from app.sandbox.shopify.drafts import Draft
from app.sandbox.shopify.values import gid
from app.sandbox.shopify.views import order_view


def draft_view(draft: Draft) -> View:
    """`DraftOrder`."""
    total = draft.total
    return {
        "id": draft.gid,
        "name": draft.name,
        "status": "COMPLETED" if draft.order else "OPEN",
        "ready": draft.ready,
        "tags": draft.tags,
        "note2": draft.asked.get("note"),
        "email": draft.asked.get("email"),
        "totalPriceSet": {
            "shopMoney": {"amount": total.shop, "currencyCode": total.shop_currency},
            "presentmentMoney": {"amount": total.presentment, "currencyCode": total.presentment_currency},
        },
        "order": lambda _info: order_view(draft.order) if draft.order else None,
    }


def draft(_root: Any, info: Any, id: str) -> View | None:
    """`draftOrder`."""
    found = info.context.shop.drafts.find(parse_gid("DraftOrder", id))
    return draft_view(found) if found else None


def drafts(_root: Any, info: Any, **arguments: Any) -> View:
    """`draftOrders`."""
    found = info.context.shop.drafts.search(arguments.get("query"))
    return connection(found, draft_view, lambda item: item.id)(info, **arguments)


def create(_root: Any, info: Any, input: dict[str, Any]) -> View:
    """`draftOrderCreate`."""
    call = info.context
    try:
        made = call.shop.drafts.create(input, call.fault)
    except Refused as refused:
        return {"draftOrder": None, "userErrors": [refused.entry]}
    return {"draftOrder": draft_view(made), "userErrors": _afterwards(call.fault)}


def complete(_root: Any, info: Any, id: str, **_: Any) -> View:
    """`draftOrderComplete`."""
    call = info.context
    try:
        done = call.shop.drafts.complete(parse_gid("DraftOrder", id), call.fault)
    except Refused as refused:
        return {"draftOrder": None, "userErrors": [refused.entry]}
    return {"draftOrder": draft_view(done), "userErrors": _afterwards(call.fault)}


def delete(_root: Any, info: Any, input: dict[str, Any]) -> View:
    """`draftOrderDelete`."""
    call = info.context
    try:
        if call.fault is not None and call.fault.kind is FaultKind.REFUSE:
            raise Refused(None, call.fault.text or "The draft order could not be deleted")
        call.shop.drafts.delete(parse_gid("DraftOrder", input["id"]))
    except Refused as refused:
        return {"deletedId": None, "userErrors": [refused.entry]}
    return {"deletedId": input["id"], "userErrors": []}


def _afterwards(fault: Any) -> list[dict[str, object]]:
    """REFUSE_AFTER: a complaint beside what was made."""
    if fault is None or fault.kind is not FaultKind.REFUSE_AFTER:
        return []
    return [Refused(None, fault.text or "Something went wrong").entry]


def product(_root: Any, info: Any, id: str) -> View | None:
    """`product`."""
    found = info.context.shop.book.catalogue.products.get(parse_gid("Product", id))
    if found is None:
        return None
    return {
        "id": gid("Product", found.id),
        "title": found.title,
        "vendor": found.vendor,
        "variants": connection(found.variants, _variant_view, lambda item: item.id),
    }


def _variant_view(variant: ProductVariant) -> View:
    return {
        "id": gid("ProductVariant", variant.id),
        "title": variant.title,
        "sku": variant.sku,
        "price": variant.price,
        "availableForSale": variant.available,
    }
