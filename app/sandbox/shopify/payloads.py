"""Webhook bodies as Shopify writes them: REST-like, snake case, integer ids, lower-case enums.

Money is text, except `subtotal` and `total_tax` of a refund's lines, which are JSON numbers; a set names its currency
`currency_code`, except `total_unsettled_set`, which says `currency`. Times carry the shop's offset, not UTC. Card data
and gateway receipts are there too, as in real life: a receiver has to leave them behind.
"""

from __future__ import annotations

from datetime import timedelta

from app.sandbox.shopify import status
from app.sandbox.shopify.payload_parts import (
    Payload,
    both,
    ids,
    line_piece,
    local_time,
    money_set,
    money_text,
    shipping_piece,
)
from app.sandbox.shopify.state import Dispute, Order, Parcel, Refund, RefundLine, Return, ReturnLine, Transaction
from app.sandbox.shopify.values import ZERO


def order_payload(order: Order) -> Payload:
    """The body of every orders/* topic."""
    financial, fulfilment = status.financial(order), status.fulfilment(order)
    return {
        **ids("Order", order.id),
        "app_id": 580111,
        "browser_ip": None,
        "cancel_reason": order.cancel_reason.lower() if order.cancel_reason else None,
        "cancelled_at": local_time(order.cancelled_at),
        "closed_at": None,
        "confirmed": True,
        "contact_email": order.email,
        "created_at": local_time(order.created_at),
        "customer": {"id": order.customer_id, "email": order.email, "first_name": "Ana", "last_name": "Example"},
        "customer_locale": order.locale,
        "discount_codes": [],
        "duties_included": False,
        "email": order.email,
        "estimated_taxes": False,
        "financial_status": financial.lower(),
        "fulfillment_status": {"FULFILLED": "fulfilled", "PARTIALLY_FULFILLED": "partial"}.get(fulfilment),
        "fulfillments": [parcel_payload(order, parcel) for parcel in order.parcels],
        "line_items": [line_piece(order, line) for line in order.lines],
        "location_id": None,
        "name": order.name,
        "note": order.note,
        "note_attributes": [],
        "number": order.number - 1000,
        "order_number": order.number,
        "payment_gateway_names": list(dict.fromkeys(item.gateway for item in order.transactions)),
        "phone": None,
        "processed_at": local_time(order.created_at),
        "refunds": [refund_payload(order, refund) for refund in order.refunds],
        "returns": [{**ids("Return", item.id), "status": item.status.lower()} for item in order.returns],
        "shipping_address": {"name": "Ana Example", "address1": "1 Example Street", "country_code": order.country},
        "shipping_lines": [shipping_piece(order)] if order.shipping else [],
        "source_name": "web",
        "tags": ", ".join(order.tags),
        "tax_exempt": False,
        "tax_lines": [],
        "taxes_included": order.taxes_included,
        "test": False,
        "total_weight": 0,
        "updated_at": local_time(order.updated_at),
        "user_id": None,
        **_order_money(order),
    }


def _order_money(order: Order) -> Payload:
    discounts = sum((line.discount + line.code_discount for line in order.lines), ZERO)
    return {
        "currency": order.currencies.shop,
        "presentment_currency": order.currencies.presentment,
        "discount_applications": [{"type": kind} for kind in ("automatic", "discount_code")] if discounts else [],
        **both("current_total_price", order, order.total - order.refunded(("SUCCESS", "PENDING"))),
        **both("current_total_discounts", order, discounts),
        **both("subtotal_price", order, sum((line.discounted() for line in order.lines), ZERO)),
        **both("total_discounts", order, discounts),
        **both("total_price", order, order.total),
        **both("total_tax", order, order.tax),
        "total_shipping_price_set": money_set(order.bag(order.shipping)),
        "total_outstanding": money_text(order.bag(max(ZERO, order.total - order.received)).shop, order.currencies.shop),
    }


def refund_payload(order: Order, refund: Refund) -> Payload:
    """The body of refunds/create; it says nothing of whether money moved but in its transactions."""
    return {
        **ids("Refund", refund.id),
        "order_id": order.id,
        "created_at": local_time(refund.created_at),
        "processed_at": local_time(refund.created_at),
        "note": refund.note,
        "user_id": None,
        "restock": any(line.restock_type != "NO_RESTOCK" for line in refund.lines),
        "return": None,
        "duties": [],
        "total_duties_set": money_set(order.bag(ZERO)),
        "order_adjustments": _adjustments(order, refund),
        "refund_shipping_lines": [_refund_shipping(order, refund)] if refund.shipping else [],
        "refund_line_items": [_refund_line(order, line) for line in refund.lines],
        "transactions": [transaction_payload(order, item) for item in refund.transactions],
    }


def _adjustments(order: Order, refund: Refund) -> list[Payload]:
    if not refund.discrepancy:
        return []
    return [
        {
            "id": refund.adjustment_id,
            "order_id": order.id,
            "refund_id": refund.id,
            "kind": "refund_discrepancy",
            "reason": refund.discrepancy_reason.replace("_", " ").capitalize(),
            **both("amount", order, refund.discrepancy),
            **both("tax_amount", order, ZERO),
        }
    ]


def _refund_shipping(order: Order, refund: Refund) -> Payload:
    return {
        "id": refund.shipping_line_id,
        "shipping_line": shipping_piece(order),
        "subtotal_amount_set": money_set(order.bag(refund.shipping)),
        "tax_amount_set": money_set(order.bag(refund.shipping_tax)),
    }


def _refund_line(order: Order, line: RefundLine) -> Payload:
    subtotal, tax = order.bag(line.subtotal), order.bag(line.tax)
    return {
        "id": line.id,
        "line_item_id": line.goods.id,
        "quantity": line.quantity,
        "location_id": None,
        "restock_type": line.restock_type.lower(),
        "subtotal": float(subtotal.shop),
        "total_tax": float(tax.shop),
        "subtotal_set": money_set(subtotal),
        "total_tax_set": money_set(tax),
        "line_item": line_piece(order, line.goods),
    }


def transaction_payload(order: Order, item: Transaction) -> Payload:
    """The body of order_transactions/create, also inside refunds; amounts in the customer's currency."""
    presentment = order.currencies.presentment
    card = {
        "credit_card_bin": "424242",
        "credit_card_number": "•••• •••• •••• 4242",
        "credit_card_company": "Visa",
        "credit_card_name": "Ana Example",
        "credit_card_expiration_month": 12,
        "credit_card_expiration_year": 2030,
    }
    return {
        **ids("OrderTransaction", item.id),
        "order_id": order.id,
        "parent_id": item.parent_id,
        "kind": item.kind.lower(),
        "status": item.status.lower(),
        "gateway": item.gateway,
        "amount": money_text(item.amount, presentment),
        "currency": presentment,
        "error_code": item.error_code.lower() if item.error_code else None,
        "message": "Transaction approved" if item.status == "SUCCESS" else None,
        "test": False,
        "created_at": local_time(item.created_at),
        "processed_at": local_time(item.processed_at),
        "payment_details": card if item.card else None,
        "receipt": {"charge": f"ch_{item.id}", "card_last4": "4242"} if item.card else {},
        "payment_id": f"{order.name}.{item.id % 100}",
        "total_unsettled_set": money_set(order.bag(ZERO), "currency"),
        "user_id": None,
    }


def parcel_payload(order: Order, parcel: Parcel) -> Payload:
    """The body of fulfillments/create and fulfillments/update."""
    return {
        **ids("Fulfillment", parcel.id),
        "order_id": order.id,
        "status": "success",
        "shipment_status": "delivered" if parcel.delivered_at else None,
        "created_at": local_time(parcel.created_at),
        "updated_at": local_time(parcel.updated_at),
        "service": "manual",
        "location_id": None,
        "name": parcel.name,
        "tracking_company": parcel.company,
        "tracking_number": parcel.number,
        "tracking_numbers": [parcel.number] if parcel.number else [],
        "tracking_url": parcel.url,
        "tracking_urls": [parcel.url] if parcel.url else [],
        "email": order.email,
        "receipt": {},
        "line_items": [{**line_piece(order, line.goods), "quantity": line.quantity} for line in parcel.lines],
    }


def return_payload(order: Order, item: Return) -> Payload:
    """The body of returns/request and returns/approve: no times, no amounts, no order name."""
    return {
        **ids("Return", item.id),
        "status": item.status.lower(),
        "order": ids("Order", order.id),
        "name": item.name,
        "total_return_line_items": len(item.lines),
        "return_line_items": [_return_line(line) for line in item.lines],
        "return_shipping_fees": [],
        "exchange_line_items": [],
        "total_exchange_line_items": 0,
    }


def _return_line(line: ReturnLine) -> Payload:
    goods = ids("LineItem", line.parcel_line.goods.id)
    return {
        **ids("ReturnLineItem", line.id),
        "fulfillment_line_item": {**ids("FulfillmentLineItem", line.parcel_line.id), "line_item": goods},
        "quantity": line.quantity,
        "return_reason": line.reason.lower(),
        "return_reason_note": line.note,
        "customer_note": line.customer_note,
    }


def return_declined_payload(order: Order, item: Return) -> Payload:
    """The body of returns/decline."""
    return {
        **ids("Return", item.id),
        "status": item.status.lower(),
        "decline": {"reason": (item.decline_reason or "OTHER").lower(), "note": item.decline_note},
        "order": ids("Order", order.id),
    }


def return_state_payload(order: Order, item: Return) -> Payload:
    """The body of returns/close, cancel and reopen: only ids and the state."""
    return {**ids("Return", item.id), "order_id": order.id, "status": item.status.lower()}


def dispute_payload(order: Order, dispute: Dispute) -> Payload:
    """The body of disputes/create and disputes/update."""
    return {
        "id": dispute.id,
        "order_id": order.id,
        "type": dispute.kind.lower(),
        "amount": money_text(dispute.amount, order.currencies.presentment),
        "currency": order.currencies.presentment,
        "reason": "product_not_received",
        "network_reason_code": "4855",
        "status": dispute.status.lower(),
        "evidence_due_by": local_time(dispute.opened_at + timedelta(days=10)),
        "evidence_sent_on": None,
        "finalized_on": local_time(dispute.closed_at),
        "initiated_at": local_time(dispute.opened_at),
    }
