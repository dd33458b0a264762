"""Shopify's webhook payloads (REST spelling) become snapshots. Pure.

Field names and types are those of public clients with typed payloads and real bodies; any of them may be missing or
null, because protected customer data is withheld from some apps. Only what is used is read: transactions also carry
card numbers in part and gateway receipts.
"""

from __future__ import annotations

from collections.abc import Mapping
from decimal import Decimal
from itertools import chain
from typing import Any

from app.orders.normalise_shopify_money import (
    SHIPPING_WITHOUT_ID,
    UNDELIVERABLE,
    amounts_by_side,
    exponent_for,
    gateways,
    is_currency,
    kept_share,
    kept_units,
    line_title,
    refunded_units,
    to_minor,
)
from app.orders.normalise_shopify_refund import CUSTOMER, SHOP, Purse, has_id, refund_from_webhook, refund_in
from app.orders.reading import (
    UnreadablePayload,
    amount,
    child,
    identifier,
    moment,
    objects,
    quantity,
    required_identifier,
    text,
)
from app.orders.snapshot import Extra, Fulfilment, Line, OrderSnapshot, Platform, SeenRefund

__all__ = ["fulfilment_from_webhook", "order_from_webhook", "refund_from_webhook"]

_PAID_IN_FULL = frozenset({"paid", "partially_refunded", "refunded"})


def order_from_webhook(payload: Mapping[str, Any]) -> OrderSnapshot:
    """Reads an `orders/*` payload. Disputes are not in it: `disputed` is always False here.

    Raises `UnreadablePayload` when the id, a usable date or a usable currency is missing.
    """
    order_id = required_identifier(payload, "id")
    placed_at = moment(payload, "created_at") or moment(payload, "processed_at") or moment(payload, "updated_at")
    if placed_at is None:
        raise UnreadablePayload("The order has no usable date")
    purse, shop = _purses(payload)
    extras = _shipping(payload, purse)
    refunds = _refunds(payload, purse, extras)
    refunded = refunded_units(refund.lines for refund in refunds) if refunds is not None else None
    total = max(0, to_minor(purse.read(payload, "total_price"), purse.exponent))
    status = text(payload, "financial_status", 40) or "unknown"
    return OrderSnapshot(
        platform=Platform.SHOPIFY,
        order_id=order_id,
        number=text(payload, "name", 80) or f"#{identifier(payload, 'order_number') or order_id}",
        currency=purse.currency,
        exponent=purse.exponent,
        total=total,
        captured=_captured(payload, status, total, purse),
        status=status,
        placed_at=placed_at,
        updated_at=moment(payload, "updated_at") or placed_at,
        lines=tuple(_line(item, purse, shop, refunded) for item in objects(payload, "line_items") if has_id(item)),
        extras=extras,
        fulfilments=tuple(_fulfilment(item) for item in objects(payload, "fulfillments") if has_id(item)),
        refunds=refunds,
        shop_currency=shop.currency,
        shop_exponent=shop.exponent,
        taxes_included=purse.taxes_included,
        email=text(payload, "email", 320) or text(payload, "contact_email", 320),
        country=_country(payload),
        region=text(_address(payload), "province_code", 10),
        company=text(child(payload, "billing_address"), "company") is not None,
        locale=text(payload, "customer_locale", 35),
        payment_method=_payment_method(payload),
        cancelled_at=moment(payload, "cancelled_at"),
        test=payload.get("test") is True,
    )


def fulfilment_from_webhook(payload: Mapping[str, Any]) -> tuple[str, Fulfilment]:
    """Reads a `fulfillments/*` payload: the order's id and the parcel. Raises `UnreadablePayload` without ids."""
    order_id = required_identifier(payload, "order_id")
    required_identifier(payload, "id")
    return order_id, _fulfilment(payload)


def _purses(payload: Mapping[str, Any]) -> tuple[Purse, Purse]:
    total = child(payload, "total_price_set")
    own = text(payload, "currency", 3) or text(child(total, SHOP), "currency_code", 3)
    currency = text(payload, "presentment_currency", 3) or text(child(total, CUSTOMER), "currency_code", 3) or own
    if currency is None or not is_currency(currency):
        raise UnreadablePayload("The order has no usable currency")
    shop_currency = own if own is not None and is_currency(own) else currency
    included = payload.get("taxes_included") is True
    same = shop_currency == currency
    told, plain = amounts_by_side(payload, (CUSTOMER, SHOP)), _plain_amounts(payload)
    seen = chain(told[CUSTOMER], plain if same else ())
    shop_seen = chain(told[SHOP], plain)
    return (
        Purse(CUSTOMER, currency, exponent_for(currency, seen), plain=same, taxes_included=included),
        Purse(SHOP, shop_currency, exponent_for(shop_currency, shop_seen), plain=True, taxes_included=included),
    )


def _plain_amounts(payload: Mapping[str, Any]) -> list[Decimal]:
    lines = [*objects(payload, "line_items"), *objects(payload, "shipping_lines")]
    found = [amount(payload, "total_price"), *(amount(line, "price") for line in lines)]
    return [value for value in found if value is not None]


def _captured(payload: Mapping[str, Any], status: str, total: int, purse: Purse) -> int:
    if status in _PAID_IN_FULL:
        return total
    outstanding = amount(payload, "total_outstanding")
    # `total_outstanding` has no set and is in the shop's currency: in another one what came in cannot be told from it.
    if status != "partially_paid" or outstanding is None or not purse.plain:
        return 0
    return max(0, total - to_minor(outstanding, purse.exponent))


def _line(item: Mapping[str, Any], purse: Purse, shop: Purse, refunded: Mapping[str, int] | None) -> Line:
    line_id = required_identifier(item, "id")
    ordered = max(0, quantity(item, "quantity"))
    current = quantity(item, "current_quantity", -1)
    gone = None if refunded is None else refunded.get(line_id, 0)
    kept = kept_units(ordered, current if current >= 0 else None, gone)
    return Line(
        line_id=line_id,
        title=line_title(text(item, "title") or text(item, "name"), text(item, "variant_title")),
        quantity=kept,
        total=kept_share(purse.total(item, ordered), ordered, kept),
        tax=kept_share(max(0, to_minor(purse.tax(item), purse.exponent)), ordered, kept),
        shop_total=kept_share(shop.total(item, ordered), ordered, kept),
        sku=text(item, "sku", 255),
        vendor=text(item, "vendor", 255),
        product_id=identifier(item, "product_id"),
        variant_id=identifier(item, "variant_id"),
        gift_card=item.get("gift_card") is True,
    )


def _shipping(payload: Mapping[str, Any], purse: Purse) -> tuple[Extra, ...]:
    return tuple(
        Extra(
            line_id=identifier(item, "id") or SHIPPING_WITHOUT_ID,
            kind="shipping",
            title=text(item, "title") or "",
            total=purse.total(item, 1),
            tax=max(0, to_minor(purse.tax(item), purse.exponent)),
        )
        for item in objects(payload, "shipping_lines")
        if item.get("is_removed") is not True
    )


def _refunds(payload: Mapping[str, Any], purse: Purse, extras: tuple[Extra, ...]) -> tuple[SeenRefund, ...] | None:
    if not isinstance(payload.get("refunds"), list):
        return None
    shipping = extras[0].line_id if extras else SHIPPING_WITHOUT_ID
    shop_currency = purse.currency if purse.plain else None
    return tuple(
        refund_in(item, purse, shipping, shop_currency) for item in objects(payload, "refunds") if has_id(item)
    )


def _fulfilment(item: Mapping[str, Any]) -> Fulfilment:
    raw, shipment = text(item, "status", 40), text(item, "shipment_status", 40)
    lines: dict[str, int] = {}
    for each in objects(item, "line_items"):
        line_id = identifier(each, "id")
        if line_id is not None:
            lines[line_id] = lines.get(line_id, 0) + max(0, quantity(each, "quantity"))
    return Fulfilment(
        fulfilment_id=required_identifier(item, "id"),
        status=raw if raw in UNDELIVERABLE else shipment or raw or "unknown",
        created_at=moment(item, "created_at"),
        delivered_at=moment(item, "updated_at") if shipment == "delivered" else None,
        carrier=text(item, "tracking_company", 120),
        tracking_number=text(item, "tracking_number", 120),
        tracking_url=text(item, "tracking_url", 500),
        lines=lines,
        updated_at=moment(item, "updated_at"),
    )


def _address(payload: Mapping[str, Any]) -> dict[str, Any]:
    """Where the goods went, else who was billed."""
    shipping = child(payload, "shipping_address")
    return shipping if text(shipping, "country_code", 2) else child(payload, "billing_address")


def _country(payload: Mapping[str, Any]) -> str | None:
    found = text(_address(payload), "country_code", 2)
    return found.upper() if found else None


def _payment_method(payload: Mapping[str, Any]) -> str | None:
    names = payload.get("payment_gateway_names")
    return gateways(names) if isinstance(names, list) else None
