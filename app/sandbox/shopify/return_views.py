"""What GraphQL shows of returns."""

from __future__ import annotations

from collections.abc import Callable

from app.sandbox.shopify.connections import View, connection
from app.sandbox.shopify.state import Order, Return, ReturnLine
from app.sandbox.shopify.values import gid
from app.sandbox.shopify.view_parts import money, parcel_line_view

# Handles and numbers of the reason definitions as one development store had them; a client looks them up by handle.
_DEFINITIONS = {
    "UNKNOWN": (1, "unknown", "Unknown"),
    "UNWANTED": (2, "changed-my-mind", "Changed my mind"),
    "NOT_AS_DESCRIBED": (3, "item-not-as-described", "Item not as described"),
    "WRONG_ITEM": (4, "received-the-wrong-item", "Received the wrong item"),
    "OTHER": (5, "other-reason", "Other reason"),
    "DEFECTIVE": (6, "damaged-or-defective", "Damaged or defective"),
    "SIZE_TOO_SMALL": (7, "too-small", "Too small"),
    "SIZE_TOO_LARGE": (8, "too-big", "Too big"),
}


def return_view(order: Order, item: Return, show_order: Callable[[Order], View]) -> View:
    """`Return`."""
    declined = {"reason": item.decline_reason, "note": item.decline_note} if item.decline_reason else None
    approved = [item] if item.approved_at else []
    return {
        "id": gid("Return", item.id),
        "name": item.name,
        "status": item.status,
        "createdAt": item.created_at,
        "closedAt": item.closed_at,
        "requestApprovedAt": item.approved_at,
        "totalQuantity": sum(line.quantity for line in item.lines),
        "decline": declined,
        "order": lambda _info: show_order(order),
        "returnShippingFees": [],
        "returnLineItems": connection(item.lines, lambda line: _line(order, item, line), lambda line: line.id),
        "refunds": connection([], dict, lambda _: 0),
        "transactions": connection([], dict, lambda _: 0),
        "reverseFulfillmentOrders": connection(approved, _reverse, lambda made: made.id),
    }


def _line(order: Order, item: Return, line: ReturnLine) -> View:
    """`ReturnLineItem`. A refund by refundCreate is not linked to a return, so its refunded quantity stays 0."""
    goods = line.parcel_line.goods
    number, handle, name = _DEFINITIONS.get(line.reason, _DEFINITIONS["OTHER"])
    processable = line.quantity if item.status == "OPEN" else 0
    return {
        "__typename": "ReturnLineItem",
        "id": gid("ReturnLineItem", line.id),
        "quantity": line.quantity,
        "processableQuantity": processable,
        "processedQuantity": 0,
        "unprocessedQuantity": line.quantity,
        "refundableQuantity": line.quantity,
        "refundedQuantity": 0,
        "customerNote": line.customer_note,
        "returnReason": line.reason,
        "returnReasonNote": line.note,
        "returnReasonDefinition": {
            "id": gid("ReturnReasonDefinition", number),
            "handle": handle,
            "name": name,
            "deleted": False,
        },
        "fulfillmentLineItem": lambda _info: parcel_line_view(order, line.parcel_line),
        "restockingFee": None,
        "withCodeDiscountedTotalPriceSet": money(order, goods.share(goods.discounted(), 0, line.quantity)),
    }


def _reverse(item: Return) -> View:
    """After approval a reverse fulfilment order exists; its number is the return's here."""
    status = {"OPEN": "OPEN", "CANCELED": "CANCELED"}.get(item.status, "CLOSED")
    return {"id": gid("ReverseFulfillmentOrder", item.id), "status": status}
