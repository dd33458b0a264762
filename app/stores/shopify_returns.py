"""Returns as the Shopify admin keeps them: reading, approving, declining, closing."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from app.orders.reading import child, identifier, objects, quantity, text
from app.stores.base import StoreRefused, StoreReturn, StoreReturnLine
from app.stores.shopify_client import ShopifyClient, every_page
from app.stores.shopify_documents import RETURN, RETURN_APPROVE, RETURN_CLOSE, RETURN_DECLINE, Document, gid

# Shopify's limit for the note of a decline, in characters.
_LONGEST_DECLINE_NOTE = 500


async def read_return(client: ShopifyClient, return_id: str) -> StoreReturn | None:
    """The return with all its lines; lines that belong to no order line (unverified returns) are left out."""
    return_gid = gid("Return", return_id)
    if return_gid is None:
        return None
    found, lines = await every_page(client, RETURN, {"id": return_gid}, "returnLineItems")
    if found is None:
        return None
    return StoreReturn(
        return_id=identifier(found, "id") or return_id,
        order_id=identifier(child(found, "order"), "id") or "",
        status=(text(found, "status", 40) or "unknown").lower(),
        name=text(found, "name", 80),
        lines=tuple(line for each in lines if (line := _line(each)) is not None),
    )


def _line(node: Mapping[str, Any]) -> StoreReturnLine | None:
    line_id = identifier(child(child(node, "fulfillmentLineItem"), "lineItem"), "id")
    if line_id is None:
        return None
    return StoreReturnLine(
        line_id=line_id,
        quantity=max(0, quantity(node, "quantity")),
        reason=(text(child(node, "returnReasonDefinition"), "handle", 80) or "unknown").lower(),
        note=text(node, "customerNote") or text(node, "returnReasonNote"),
    )


async def approve_return(client: ShopifyClient, return_id: str) -> None:
    """Approves a request. The customer is told by Makegood's own mail, which has the RMA number and the address."""
    return_gid = _required(return_id)
    variables = {"input": {"id": return_gid, "notifyCustomer": False}}
    # A return that is closed by now was open before.
    await _change(client, RETURN_APPROVE, variables, return_gid, frozenset({"open", "closed"}))


async def decline_return(client: ShopifyClient, return_id: str, note: str) -> None:
    """Declines a request for a reason of our own."""
    return_gid = _required(return_id)
    words = note[:_LONGEST_DECLINE_NOTE]
    variables = {"input": {"id": return_gid, "declineReason": "OTHER", "declineNote": words, "notifyCustomer": False}}
    await _change(client, RETURN_DECLINE, variables, return_gid, frozenset({"declined"}))


async def close_return(client: ShopifyClient, return_id: str) -> None:
    """Closes an open return; Shopify lets this succeed twice."""
    return_gid = _required(return_id)
    await _change(client, RETURN_CLOSE, {"id": return_gid}, return_gid, frozenset({"closed"}))


def _required(return_id: str) -> str:
    return_gid = gid("Return", return_id)
    if return_gid is None:
        raise StoreRefused("That is not the id of a Shopify return")
    return return_gid


async def _change(
    client: ShopifyClient, document: Document, variables: Mapping[str, Any], return_gid: str, wanted: frozenset[str]
) -> None:
    """Approving and declining twice answers INVALID_STATE, so the return is read again before that is believed."""
    outcome = await client.ask(document, variables) or {}
    errors = objects(outcome, "userErrors")
    if not errors:
        if child(outcome, "return"):
            return
        raise StoreRefused(f"Shopify did not say what became of {document.root}")
    if any(text(each, "code", 60) == "INVALID_STATE" for each in errors):
        seen = await read_return(client, return_gid)
        if seen is not None and seen.status in wanted:
            return
    said = "; ".join(text(each, "message", 200) or "no message" for each in errors[:3])
    raise StoreRefused(f"Shopify refuses {document.root}: {said}")
