"""The pieces that Shopify's webhook bodies are made of: ids, times, money in two currencies, lines.

Money is text; a set names its currency `currency_code`, except `total_unsettled_set`, which says `currency`. Times
carry the shop's offset, not UTC.
"""

from __future__ import annotations

from datetime import datetime, timedelta, timezone
from decimal import Decimal
from typing import Any

from app.sandbox.shopify.state import Order
from app.sandbox.shopify.values import Bag, Goods, gid, rounded

_SHOP_ZONE = timezone(timedelta(hours=1))

Payload = dict[str, Any]


def local_time(moment: datetime | None) -> str | None:
    """A time as the payloads write it: ISO 8601 with the shop's offset, whole seconds."""
    return moment.astimezone(_SHOP_ZONE).isoformat(timespec="seconds") if moment else None


def money_text(amount: Decimal, currency: str) -> str:
    """The amount with the currency's digits."""
    return format(rounded(amount, currency), "f")


def money_set(bag: Bag, currency_key: str = "currency_code") -> Payload:
    """The amount in the shop's and the customer's currency."""
    return {
        "shop_money": {"amount": money_text(bag.shop, bag.shop_currency), currency_key: bag.shop_currency},
        "presentment_money": {
            "amount": money_text(bag.presentment, bag.presentment_currency),
            currency_key: bag.presentment_currency,
        },
    }


def both(name: str, order: Order, amount: Decimal) -> Payload:
    """`name` in the shop's currency and `name_set` in both."""
    bag = order.bag(amount)
    return {name: money_text(bag.shop, bag.shop_currency), f"{name}_set": money_set(bag)}


def ids(kind: str, number: int) -> Payload:
    """Both spellings of an id."""
    return {"id": number, "admin_graphql_api_id": gid(kind, number)}


def line_piece(order: Order, line: Goods) -> Payload:
    """An order line as it is now."""
    sent = order.fulfilled_units(line)
    return {
        **ids("LineItem", line.id),
        "variant_id": line.variant_id,
        "product_id": line.product_id,
        "sku": line.sku,
        "name": line.title,
        "title": line.title,
        "variant_title": None,
        "vendor": line.vendor,
        "quantity": line.quantity,
        "current_quantity": line.quantity - line.removed - order.refunded_units(line),
        "fulfillable_quantity": max(0, line.quantity - line.removed - sent - order.refunded_units(line, "CANCEL")),
        "fulfillment_status": None if sent == 0 else "fulfilled" if sent >= line.quantity else "partial",
        "gift_card": line.gift_card,
        "grams": 0,
        **both("price", order, line.price),
        **both("total_discount", order, line.discount),
        "discount_allocations": [
            {**both("amount", order, amount), "discount_application_index": index}
            for index, amount in enumerate((line.discount, line.code_discount))
            if amount
        ],
        "tax_lines": tax_pieces(order, line.tax_rate, line.tax),
        "duties": [],
        "properties": [],
        "product_exists": line.product_id is not None,
        "requires_shipping": not line.gift_card,
        "taxable": bool(line.tax_rate),
    }


def tax_pieces(order: Order, rate: Decimal, tax: Decimal) -> list[Payload]:
    """The tax lines: one rate, or none."""
    return [{"title": "VAT", "rate": float(rate), **both("price", order, tax), "channel_liable": False}] if rate else []


def shipping_piece(order: Order) -> Payload:
    """The shipping line."""
    return {
        "id": order.shipping_line_id,
        "title": "Standard",
        "code": "standard",
        **both("price", order, order.shipping),
        **both("discounted_price", order, order.shipping),
        "tax_lines": tax_pieces(order, order.shipping_tax_rate, order.shipping_tax),
    }
