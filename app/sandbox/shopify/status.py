"""The words a Shopify order shows for its own state, worked out from what happened to it."""

from __future__ import annotations

from app.sandbox.shopify.state import Order


def financial(order: Order) -> str:
    """`displayFinancialStatus`: PARTIALLY_REFUNDED after a partial refund, REFUNDED after a full one."""
    received, refunded = order.received, order.refunded()
    if refunded > 0:
        return "REFUNDED" if refunded >= received else "PARTIALLY_REFUNDED"
    if received > 0 or order.total == 0:
        return "PAID" if received >= order.total else "PARTIALLY_PAID"
    authorized = any(item.kind == "AUTHORIZATION" and item.status == "SUCCESS" for item in order.transactions)
    return "AUTHORIZED" if authorized else "PENDING"


def fulfilment(order: Order) -> str:
    """`displayFulfillmentStatus`."""
    sent = sum(order.fulfilled_units(line) for line in order.lines)
    if sent == 0:
        return "UNFULFILLED"
    return "FULFILLED" if sent >= sum(line.quantity for line in order.lines) else "PARTIALLY_FULFILLED"


def returning(order: Order) -> str:
    """`returnStatus`: any REQUESTED before any OPEN before any CLOSED; a declined return does not count."""
    states = {item.status for item in order.returns}
    for state, shown in (("REQUESTED", "RETURN_REQUESTED"), ("OPEN", "IN_PROGRESS"), ("CLOSED", "RETURNED")):
        if state in states:
            return shown
    return "NO_RETURN"
