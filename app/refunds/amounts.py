"""How much money falls to some units of an order. Pure; everything adds up exactly.

The goods: each line's paid total is split over its units (the last unit takes the remainder), tax by rate. Beside the
goods: shipping and fees go with the refund that empties the order, so they go out once however many cases there are.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from app.money import allocate, units_share
from app.orders.snapshot import Extra, Line, OrderSnapshot, Platform
from app.stores.base import RefundExtra, RefundLine


@dataclass(frozen=True, slots=True)
class Taken:
    """What has been refunded or is reserved: minor units in all, units by line, minor units by extra."""

    amount: int
    lines: Mapping[str, int]
    extras: Mapping[str, int]


@dataclass(frozen=True, slots=True)
class Decided:
    """One refund's amount and what it is made of."""

    amount: int
    lines: tuple[RefundLine, ...]
    extras: tuple[RefundExtra, ...]


def decide(order: OrderSnapshot, wanted: Mapping[str, int], taken: Taken) -> Decided:
    """The refund for `wanted` units by line, given what was taken before.

    Units that are not there any more are left out. The amount never exceeds what is left of the captured money; where
    it would, it is cut and the parts stay as they are (adapters scale them).
    """
    lines = tuple(
        _line_share(order, line, taken.lines.get(line.line_id, 0), wanted.get(line.line_id, 0)) for line in order.lines
    )
    kept = tuple(line for line in lines if line.quantity > 0)
    extras = _extras(order, taken) if kept and _empties(order, kept, taken) else ()
    total = sum(line.total for line in kept) + sum(extra.total for extra in extras)
    left = max(0, order.captured - taken.amount)
    return Decided(min(total, left), kept, extras)


def _line_share(order: OrderSnapshot, line: Line, before: int, units: int) -> RefundLine:
    before = min(before, line.quantity)
    units = max(0, min(units, line.quantity - before))
    if units == 0:
        return RefundLine(line.line_id, 0, 0)
    tax = units_share(line.tax, line.quantity, before, units)
    taxes = {rate: units_share(minor, line.quantity, before, units) for rate, minor in line.taxes.items()}
    if taxes:
        tax = sum(taxes.values())
    if order.platform is Platform.SHOPIFY and order.taxes_included:
        return RefundLine(line.line_id, units, units_share(line.total, line.quantity, before, units), tax)
    net = units_share(line.total - line.tax, line.quantity, before, units)
    return RefundLine(line.line_id, units, net + tax, tax, taxes)


def _empties(order: OrderSnapshot, lines: tuple[RefundLine, ...], taken: Taken) -> bool:
    now = {line.line_id: line.quantity for line in lines}
    return all(taken.lines.get(line.line_id, 0) + now.get(line.line_id, 0) >= line.quantity for line in order.lines)


def _extras(order: OrderSnapshot, taken: Taken) -> tuple[RefundExtra, ...]:
    parts = (_extra_rest(extra, taken.extras.get(extra.line_id, 0)) for extra in order.extras if extra.total > 0)
    return tuple(part for part in parts if part.total > 0)


def _extra_rest(extra: Extra, before: int) -> RefundExtra:
    rest = max(0, extra.total - before)
    if rest == extra.total:
        return RefundExtra(extra.line_id, extra.kind, rest, extra.tax, dict(extra.taxes))
    net, tax = allocate(rest, [extra.total - extra.tax, extra.tax])
    rates = list(extra.taxes)
    shares = allocate(tax, [extra.taxes[rate] for rate in rates]) if rates else []
    return RefundExtra(extra.line_id, extra.kind, net + tax, tax, dict(zip(rates, shares, strict=True)))
