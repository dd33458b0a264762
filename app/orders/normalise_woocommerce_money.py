"""Money in WooCommerce's orders: text with the store's own number of decimals. Pure."""

from __future__ import annotations

from collections.abc import Mapping
from decimal import ROUND_HALF_UP, Decimal
from typing import Any

from app.money import BadAmount, allocate, currency_exponent, significant_decimals
from app.orders.reading import UnreadablePayload, amount, identifier, objects, text

_MOST_DECIMALS = 8
_LARGEST_MINOR = 10**15
_TAX_WEIGHT = Decimal(10) ** 12


def currency_in(payload: Mapping[str, Any]) -> str:
    """The order's currency. Raises `UnreadablePayload`."""
    currency = text(payload, "currency", 10) or ""
    try:
        currency_exponent(currency)
    except BadAmount as error:
        raise UnreadablePayload(f"The order's currency: {error.detail}") from error
    return currency


def exponent_in(payload: Mapping[str, Any]) -> int:
    """The store's decimals as the order's total shows them, and never too few for another amount of the order.

    Raises `UnreadablePayload`.
    """
    total = amount(payload, "total")
    if total is None or total < 0:
        raise UnreadablePayload("The order's total is not an amount of zero or more")
    written = total.as_tuple().exponent
    digits = [-written if isinstance(written, int) else 0]
    for key in ("line_items", "shipping_lines", "fee_lines", "refunds"):
        for item in objects(payload, key):
            found = (amount(item, "total"), amount(item, "total_tax"))
            digits.extend(significant_decimals(value) for value in found if value is not None)
    if max(digits) > _MOST_DECIMALS:
        raise UnreadablePayload(f"An amount of the order has more than {_MOST_DECIMALS} digits after the point")
    return max(digits)


def in_minor(value: Decimal, exponent: int) -> int:
    """An amount in minor units. Raises `UnreadablePayload` for one that is too large."""
    minor = int(value.scaleb(exponent).quantize(Decimal(1), rounding=ROUND_HALF_UP))
    if abs(minor) > _LARGEST_MINOR:
        raise UnreadablePayload("An amount of the order is too large")
    return minor


def minor_of(item: Mapping[str, Any], key: str, exponent: int) -> int:
    """The amount at `key` in minor units, 0 where it is left out. Raises `UnreadablePayload` for what is no amount."""
    if item.get(key) in (None, ""):
        return 0
    value = amount(item, key)
    if value is None:
        raise UnreadablePayload(f"The field {key!r} is not an amount")
    return in_minor(value, exponent)


def taxes_of(item: Mapping[str, Any], tax: int) -> dict[str, int]:
    """Tax by rate id, adding up to `tax`.

    `taxes[].total` can have more digits than the store's decimals, and is `""` for a rate that does not apply.
    """
    sign = -1 if tax < 0 else 1
    rates: list[str] = []
    weights: list[int] = []
    for entry in objects(item, "taxes"):
        rate, share = identifier(entry, "id"), amount(entry, "total")
        if rate is not None and share is not None and share * sign > 0:
            rates.append(rate)
            weights.append(int(share.copy_abs() * _TAX_WEIGHT))
    taxes: dict[str, int] = {}
    for rate, part in zip(rates, allocate(abs(tax), weights) if weights else [], strict=True):
        taxes[rate] = taxes.get(rate, 0) + sign * part
    return {rate: part for rate, part in taxes.items() if part}
