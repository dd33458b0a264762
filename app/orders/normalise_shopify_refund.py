"""Refunds in Shopify's webhook payloads, and the purse with which every amount of such a payload is read. Pure."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from decimal import Decimal
from itertools import chain
from typing import Any

from app.orders.marker import operation_in
from app.orders.normalise_shopify_money import (
    SHIPPING_WITHOUT_ID,
    RefundMovement,
    amounts_in,
    exponent_for,
    is_currency,
    money_moved,
    refund_state,
    to_minor,
)
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
from app.orders.snapshot import RefundState, SeenRefund

CUSTOMER, SHOP = "presentment_money", "shop_money"

# ISO 4217's code for no currency: a refund without transactions moves no money, in whatever currency.
_NO_CURRENCY = "XXX"


@dataclass(frozen=True, slots=True)
class Purse:
    """The currency that amounts are wanted in, and whether plain fields (always the shop's currency) are in it."""

    side: str
    currency: str
    exponent: int
    plain: bool
    taxes_included: bool

    def read(self, container: Mapping[str, Any], key: str) -> Decimal:
        """The amount of the set `<key>_set` in this currency, else the plain field if it is in this currency."""
        found = amount(child(child(container, f"{key}_set"), self.side), "amount")
        if found is None and self.plain:
            found = amount(container, key)
        return found if found is not None else Decimal(0)

    def tax(self, container: Mapping[str, Any]) -> Decimal:
        """The tax on a line of goods or shipping, whether or not its price includes it."""
        return sum((self.read(tax, "price") for tax in objects(container, "tax_lines")), Decimal(0))

    def total(self, container: Mapping[str, Any], units: int) -> int:
        """Minor units paid for a line: price for every unit, less what discounts were allocated to it, with tax."""
        given = sum((self.read(each, "amount") for each in objects(container, "discount_allocations")), Decimal(0))
        added = Decimal(0) if self.taxes_included else self.tax(container)
        return max(0, to_minor(self.read(container, "price") * units - given + added, self.exponent))


def refund_from_webhook(payload: Mapping[str, Any]) -> tuple[str, SeenRefund]:
    """Reads a `refunds/create` payload: the order's id and the refund.

    Minor units have the exponent that the refund's own amounts need. Whether the order's prices include tax is not
    told here, so refunded shipping is taken as written, without its separate tax.

    Raises `UnreadablePayload` when the refund's or the order's id is missing, or its transactions name no currency.
    """
    order_id = required_identifier(payload, "order_id")
    required_identifier(payload, "id")
    paid = objects(payload, "transactions")
    named = [*(text(each, "currency", 3) for each in paid), _currency_of_sets(payload)]
    currency = next((code for code in named if code is not None and is_currency(code)), None)
    if currency is None and paid:
        raise UnreadablePayload("The refund's transactions name no usable currency")
    seen = [value for each in paid if (value := amount(each, "amount")) is not None]
    exponent = exponent_for(currency or _NO_CURRENCY, chain(amounts_in(payload, CUSTOMER), seen))
    purse = Purse(CUSTOMER, currency or _NO_CURRENCY, exponent, plain=False, taxes_included=True)
    return order_id, refund_in(payload, purse, SHIPPING_WITHOUT_ID, shop_currency=None)


def _currency_of_sets(payload: Mapping[str, Any]) -> str | None:
    for each in objects(payload, "refund_line_items"):
        code = text(child(child(each, "subtotal_set"), CUSTOMER), "currency_code", 3)
        if code is not None:
            return code
    return None


def has_id(item: Mapping[str, Any]) -> bool:
    """Whether the item can be told from others at all."""
    return identifier(item, "id") is not None


def refund_in(item: Mapping[str, Any], purse: Purse, shipping: str, shop_currency: str | None) -> SeenRefund:
    """One refund. `shipping` is the extra that refunded shipping falls to when its line is not named."""
    paid = [each for each in objects(item, "transactions") if text(each, "kind", 20) == "refund"]
    movements = [
        RefundMovement((text(each, "status", 40) or "unknown").lower(), amount(each, "amount") or Decimal(0))
        for each in paid
        if text(each, "currency", 3) in (None, purse.currency)
    ]
    told = isinstance(item.get("transactions"), list) and len(movements) == len(paid)
    moved = to_minor(money_moved(movements), purse.exponent)
    return SeenRefund(
        store_refund_id=required_identifier(item, "id"),
        amount=moved,
        state=refund_state(movements) if told else RefundState.UNCLEAR,
        operation=operation_in(text(item, "note", 5000)),
        shop_amount=moved if shop_currency == purse.currency else None,
        lines=_refund_lines(item),
        extras=_refund_shipping(item, purse, shipping),
        created_at=moment(item, "created_at"),
    )


def _refund_lines(item: Mapping[str, Any]) -> dict[str, int] | None:
    if not isinstance(item.get("refund_line_items"), list):
        return None
    lines: dict[str, int] = {}
    for each in objects(item, "refund_line_items"):
        line_id = identifier(each, "line_item_id") or identifier(child(each, "line_item"), "id")
        if line_id is not None:
            lines[line_id] = lines.get(line_id, 0) + max(0, quantity(each, "quantity"))
    return lines


def _refund_shipping(item: Mapping[str, Any], purse: Purse, shipping: str) -> dict[str, int] | None:
    """Newer bodies have `refund_shipping_lines`; older ones a negative `shipping_refund` adjustment."""
    if not any(isinstance(item.get(key), list) for key in ("refund_shipping_lines", "order_adjustments")):
        return None
    extras: dict[str, int] = {}
    by_line = objects(item, "refund_shipping_lines")
    for each in by_line:
        line_id = identifier(child(each, "shipping_line"), "id") or identifier(each, "shipping_line_id") or shipping
        _add(extras, line_id, purse.read(each, "subtotal_amount"), purse.read(each, "tax_amount"), purse)
    for each in objects(item, "order_adjustments"):
        if not by_line and text(each, "kind", 40) == "shipping_refund":
            _add(extras, shipping, purse.read(each, "amount"), purse.read(each, "tax_amount"), purse)
    return extras


def _add(extras: dict[str, int], line_id: str, net: Decimal, tax: Decimal, purse: Purse) -> None:
    whole = abs(net) if purse.taxes_included else abs(net) + abs(tax)
    extras[line_id] = extras.get(line_id, 0) + to_minor(whole, purse.exponent)
