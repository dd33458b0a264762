"""What GraphQL shows of transactions, refunds and suggestions."""

from __future__ import annotations

from collections.abc import Callable

from app.sandbox.shopify.connections import View, connection
from app.sandbox.shopify.state import Order, Refund, RefundLine, Transaction
from app.sandbox.shopify.suggest import Portion, PricedLine, Suggestion
from app.sandbox.shopify.values import ZERO, gid
from app.sandbox.shopify.view_parts import line_view, money, shipping_view

ShowOrder = Callable[[Order], View]


def transaction_view(order: Order, item: Transaction) -> View:
    """`OrderTransaction`."""
    parent = next((other for other in order.transactions if other.id == item.parent_id), None)
    presentment = order.currencies.presentment
    refundable = item in order.payments()
    return {
        "id": gid("OrderTransaction", item.id),
        "kind": item.kind,
        "status": item.status,
        "gateway": item.gateway,
        "formattedGateway": item.gateway.replace("_", " ").title(),
        "test": False,
        "amountSet": money(order, item.amount),
        "totalUnsettledSet": money(order, ZERO),
        "createdAt": item.created_at,
        "processedAt": item.processed_at,
        "errorCode": item.error_code,
        "manualPaymentGateway": item.manual,
        "manuallyCapturable": item.kind == "AUTHORIZATION",
        "multiCapturable": False,
        "paymentId": f"{order.name}.{item.id % 100}",
        "maximumRefundableV2": {"amount": order.left_of(item), "currencyCode": presentment} if refundable else None,
        "parentTransaction": lambda _info: transaction_view(order, parent) if parent else None,
    }


def refund_view(order: Order, refund: Refund, show_order: ShowOrder) -> View:
    """`Refund`."""
    shipped = [refund] if refund.shipping else []
    adjusted = [refund] if refund.discrepancy else []
    return {
        "id": gid("Refund", refund.id),
        "legacyResourceId": refund.id,
        "createdAt": refund.created_at,
        "processedAt": refund.created_at,
        "updatedAt": refund.created_at,
        "note": refund.note,
        "totalRefundedSet": money(order, refund.money),
        "order": lambda _info: show_order(order),
        "return": None,
        "transactions": connection(
            refund.transactions, lambda item: transaction_view(order, item), lambda item: item.id
        ),
        "refundLineItems": connection(refund.lines, lambda line: _line(order, line), lambda line: line.id),
        "refundShippingLines": connection(
            shipped, lambda item: _shipping(order, item), lambda item: item.shipping_line_id
        ),
        "orderAdjustments": connection(
            adjusted, lambda item: _adjustment(order, item), lambda item: item.adjustment_id
        ),
    }


def _line(order: Order, line: RefundLine) -> View:
    return {
        "id": gid("RefundLineItem", line.id),
        "quantity": line.quantity,
        "restockType": line.restock_type,
        "restocked": line.restock_type != "NO_RESTOCK",
        "lineItem": lambda _info: line_view(order, line.goods),
        "location": None,
        "priceSet": money(order, line.goods.price),
        "subtotalSet": money(order, line.subtotal),
        "totalTaxSet": money(order, line.tax),
    }


def _shipping(order: Order, refund: Refund) -> View:
    return {
        "id": gid("RefundShippingLine", refund.shipping_line_id),
        "shippingLine": shipping_view(order),
        "subtotalAmountSet": money(order, refund.shipping),
        "taxAmountSet": money(order, refund.shipping_tax),
    }


def _adjustment(order: Order, refund: Refund) -> View:
    return {
        "id": gid("OrderAdjustment", refund.adjustment_id),
        "reason": refund.discrepancy_reason,
        "amountSet": money(order, refund.discrepancy),
        "taxAmountSet": money(order, ZERO),
    }


def suggestion_view(found: Suggestion) -> View:
    """`SuggestedRefund`."""
    order = found.order
    return {
        "amountSet": money(order, found.amount),
        "maximumRefundableSet": money(order, found.maximum),
        "subtotalSet": money(order, found.discounted_subtotal + found.cart_discount),
        "discountedSubtotalSet": money(order, found.discounted_subtotal),
        "totalTaxSet": money(order, found.tax),
        "totalDutiesSet": money(order, ZERO),
        "totalCartDiscountAmountSet": money(order, found.cart_discount),
        "shipping": {
            "amountSet": money(order, found.shipping),
            "maximumRefundableSet": money(order, order.shipping_left),
            "taxSet": money(order, found.shipping_tax),
        },
        "suggestedTransactions": [_portion(order, portion) for portion in found.portions],
        "suggestedRefundMethods": [_store_credit(found)] if found.store_credit else [],
        "refundLineItems": [_suggested_line(order, line) for line in found.lines],
    }


def _portion(order: Order, portion: Portion) -> View:
    parent = transaction_view(order, portion.payment)
    return {
        "kind": "SUGGESTED_REFUND",
        "gateway": portion.payment.gateway,
        "formattedGateway": parent["formattedGateway"],
        "amountSet": money(order, portion.amount),
        "maximumRefundableSet": money(order, portion.maximum),
        "parentTransaction": parent,
    }


def _store_credit(found: Suggestion) -> View:
    return {
        "__typename": "SuggestedStoreCreditRefund",
        "amount": money(found.order, found.amount),
        "maximumRefundable": money(found.order, found.maximum),
        "expiresAt": None,
    }


def _suggested_line(order: Order, line: PricedLine) -> View:
    wanted = line.wanted
    return {
        "id": None,
        "quantity": wanted.quantity,
        "restockType": wanted.restock_type,
        "restocked": wanted.restock_type != "NO_RESTOCK",
        "lineItem": lambda _info: line_view(order, wanted.goods),
        "location": None,
        "priceSet": money(order, wanted.goods.price),
        "subtotalSet": money(order, line.subtotal),
        "totalTaxSet": money(order, line.tax),
    }
