"""What GraphQL shows of an order: dictionaries in the schema's names; lists and cycles are resolved when asked for."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

from app.sandbox.shopify import status
from app.sandbox.shopify.answers import parse_gid
from app.sandbox.shopify.connections import View, connection, some
from app.sandbox.shopify.refund_views import refund_view, suggestion_view, transaction_view
from app.sandbox.shopify.return_views import return_view
from app.sandbox.shopify.state import Order, Parcel
from app.sandbox.shopify.suggest import WantedLine, everything, suggest
from app.sandbox.shopify.values import ZERO, gid
from app.sandbox.shopify.view_parts import line_view, money, parcel_line_view, shipping_view


def order_view(order: Order) -> View:
    """`Order`."""
    return {
        **_identity(order),
        **_state(order),
        **_amounts(order),
        **_people(order),
        "disputes": [
            {"id": gid("ShopifyPaymentsDispute", item.id), "initiatedAs": item.kind, "status": item.status}
            for item in order.disputes
        ],
        "lineItems": connection(order.lines, lambda line: line_view(order, line), lambda line: line.id),
        "shippingLine": lambda _info: shipping_view(order) if order.shipping else None,
        "shippingLines": connection(
            [order] if order.shipping else [], shipping_view, lambda item: item.shipping_line_id
        ),
        "fulfillments": some(order.parcels, lambda parcel: parcel_view(order, parcel)),
        "transactions": some(order.transactions, lambda item: transaction_view(order, item)),
        "refunds": some(order.refunds, lambda item: refund_view(order, item, order_view)),
        "returns": connection(order.returns, lambda item: return_view(order, item, order_view), lambda item: item.id),
        "suggestedRefund": lambda _info, **arguments: _suggested(order, arguments),
    }


def _identity(order: Order) -> View:
    return {
        "id": order.gid,
        "legacyResourceId": order.id,
        "name": order.name,
        "number": order.number,
        "note": order.note,
        "tags": order.tags,
        "test": False,
        "createdAt": order.created_at,
        "updatedAt": order.updated_at,
        "processedAt": order.created_at,
        "cancelledAt": order.cancelled_at,
        "cancelReason": order.cancel_reason,
        "closedAt": None,
        "closed": False,
        "confirmed": True,
    }


def _state(order: Order) -> View:
    return {
        "currencyCode": order.currencies.shop,
        "presentmentCurrencyCode": order.currencies.presentment,
        "taxesIncluded": order.taxes_included,
        "dutiesIncluded": False,
        "displayFinancialStatus": status.financial(order),
        "displayFulfillmentStatus": status.fulfilment(order),
        "returnStatus": status.returning(order),
        "refundable": order.net_payment > 0,
        "paymentGatewayNames": list(dict.fromkeys(item.gateway for item in order.transactions)),
    }


def _amounts(order: Order) -> View:
    discounts = sum((line.discount + line.code_discount for line in order.lines), ZERO)
    amounts: dict[str, Decimal] = {
        "subtotalPriceSet": sum((line.discounted() for line in order.lines), ZERO),
        "totalPriceSet": order.total,
        "originalTotalPriceSet": order.total,
        "currentTotalPriceSet": order.total - order.refunded(("SUCCESS", "PENDING")),
        "totalTaxSet": order.tax,
        "totalDiscountsSet": discounts,
        "totalShippingPriceSet": order.shipping,
        "totalRefundedSet": order.refunded(),
        "totalReceivedSet": order.received,
        "netPaymentSet": order.received - order.refunded(),
        "totalRefundedShippingSet": order.shipping - order.shipping_left,
        "totalOutstandingSet": max(ZERO, order.total - order.received),
        "refundDiscrepancySet": sum((refund.discrepancy for refund in order.refunds), ZERO),
    }
    return {name: money(order, amount) for name, amount in amounts.items()}


def _people(order: Order) -> View:
    address = {
        "id": gid("MailingAddress", order.customer_id),
        "name": "Ana Example",
        "firstName": "Ana",
        "lastName": "Example",
        "address1": "1 Example Street",
        "city": "Example",
        "zip": "10000",
        "countryCodeV2": order.country,
    }
    return {
        "email": order.email,
        "customerLocale": order.locale,
        "shippingAddress": address,
        "billingAddress": address,
        "customer": {
            "id": gid("Customer", order.customer_id),
            "legacyResourceId": order.customer_id,
            "locale": order.locale,
            "displayName": "Ana Example",
        },
    }


def parcel_view(order: Order, parcel: Parcel) -> View:
    """`Fulfillment`."""
    tracking = {"company": parcel.company, "number": parcel.number, "url": parcel.url}
    return {
        "id": gid("Fulfillment", parcel.id),
        "legacyResourceId": parcel.id,
        "name": parcel.name,
        "status": "SUCCESS",
        "displayStatus": "DELIVERED" if parcel.delivered_at else "FULFILLED",
        "createdAt": parcel.created_at,
        "updatedAt": parcel.updated_at,
        "deliveredAt": parcel.delivered_at,
        "totalQuantity": sum(line.quantity for line in parcel.lines),
        "requiresShipping": True,
        "order": lambda _info: order_view(order),
        "trackingInfo": some([tracking] if parcel.number else [], lambda item: item),
        "fulfillmentLineItems": connection(
            parcel.lines, lambda line: parcel_line_view(order, line), lambda line: line.id
        ),
    }


def _suggested(order: Order, arguments: dict[str, Any]) -> View:
    if arguments.get("suggestFullRefund"):
        wanted, shipping = everything(order), order.shipping_left
    else:
        wanted = _wanted(order, arguments.get("refundLineItems") or [])
        asked = arguments.get("shippingAmount") or ZERO
        shipping = order.shipping_left if arguments.get("refundShipping") else asked
    store_credit = arguments.get("refundMethodAllocation") == "STORE_CREDIT"
    return suggestion_view(suggest(order, wanted, shipping, store_credit))


def _wanted(order: Order, entries: list[dict[str, Any]]) -> list[WantedLine]:
    """The lines asked about, each cut to what is left of it (a guess: Shopify may refuse more instead)."""
    asked = {parse_gid("LineItem", entry["lineItemId"]): entry for entry in entries}
    return [
        WantedLine(
            goods,
            max(0, min(asked[goods.id]["quantity"], goods.quantity - order.refunded_units(goods))),
            asked[goods.id].get("restockType") or "NO_RESTOCK",
        )
        for goods in order.lines
        if goods.id in asked
    ]
