"""How much money falls to some units of an order. Pure; everything adds up exactly.

The goods: each line's paid total is split over its units (the last unit takes the remainder), tax by rate; a lawful fee
is taken off them. Beside the goods: shipping and fees go with the refund that empties the order, so they go out once
however many cases there are.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace

from app.money import allocate, units_share
from app.orders.snapshot import Extra, Line, OrderSnapshot, Platform
from app.stores.asked import RefundExtra, RefundLine


@dataclass(frozen=True, slots=True)
class Taken:
    """What has been refunded or is reserved: minor units in all, units by line, minor units by extra.

    `otherwise` is units by line whose customer keeps goods: replaced ones, and those that were kept for a part of the
    price. They cannot be refunded any more, and they do not empty the order.
    """

    amount: int
    lines: Mapping[str, int]
    extras: Mapping[str, int]
    otherwise: Mapping[str, int] = field(default_factory=dict)

    def units(self, line_id: str) -> int:
        """Units of a line that are settled or reserved in any way."""
        return self.lines.get(line_id, 0) + self.otherwise.get(line_id, 0)


def units_left(order: OrderSnapshot, wanted: Mapping[str, int], taken: Taken) -> bool:
    """Whether `wanted` units by line are all there, refunded and replaced by nobody."""
    there = {line.line_id: line.quantity for line in order.lines}
    return all(units <= there.get(line_id, 0) - taken.units(line_id) for line_id, units in wanted.items())


@dataclass(frozen=True, slots=True)
class Kept:
    """What the merchant keeps. Minor units, with tax.

    `fees` is by line, for the units of this refund; `shipping` is the most that ever goes back of a shipping line (of
    express delivery the law gives back what standard delivery costs).
    """

    fees: Mapping[str, int] = field(default_factory=dict)
    shipping: Mapping[str, int] = field(default_factory=dict)


NOTHING_KEPT = Kept()


@dataclass(frozen=True, slots=True)
class Decided:
    """One refund's amount and what it is made of. `fee` is what the lines were reduced by."""

    amount: int
    lines: tuple[RefundLine, ...]
    extras: tuple[RefundExtra, ...]
    fee: int = 0


def decide(order: OrderSnapshot, wanted: Mapping[str, int], taken: Taken, kept: Kept = NOTHING_KEPT) -> Decided:
    """The refund for `wanted` units by line, given what was taken before, less what is kept.

    Units that are not there any more are left out. The amount never exceeds what is left of the captured money; where
    it would, it is cut and the parts stay as they are (adapters scale them).
    """
    shares = (_line_share(order, line, taken.units(line.line_id), wanted.get(line.line_id, 0)) for line in order.lines)
    whole = tuple(line for line in shares if line.quantity > 0)
    lines = tuple(_less(line, kept.fees.get(line.line_id, 0)) for line in whole)
    extras = _extras(order, taken, kept) if lines and _empties(order, lines, taken) else ()
    goods = sum(line.total for line in lines)
    left = max(0, order.captured - taken.amount)
    fee = sum(line.total for line in whole) - goods
    return Decided(min(goods + sum(extra.total for extra in extras), left), lines, extras, fee)


def part_of(order: OrderSnapshot, wanted: Mapping[str, int], taken: Taken, percent: int) -> Decided:
    """The refund for `wanted` units whose customer keeps them: so much of what they cost, and nothing beside the goods.

    Rounded down for each line, so that it never comes to more than was promised.
    """
    whole = decide(order, wanted, taken).lines
    lines = tuple(_less(line, line.total - line.total * percent // 100) for line in whole)
    left = max(0, order.captured - taken.amount)
    return Decided(min(sum(line.total for line in lines), left), lines, ())


def _less(line: RefundLine, fee: int) -> RefundLine:
    """The line with `fee` taken off, off its net and off the tax of each rate alike."""
    fee = min(fee, line.total)
    if fee <= 0:
        return line
    rates = list(line.taxes)
    untold = line.tax - sum(line.taxes.values())
    parts = [line.total - line.tax, untold, *(line.taxes[rate] for rate in rates)]
    _net, rest, *taxes = allocate(line.total - fee, parts)
    return replace(line, total=line.total - fee, tax=rest + sum(taxes), taxes=dict(zip(rates, taxes, strict=True)))


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


def _extras(order: OrderSnapshot, taken: Taken, kept: Kept) -> tuple[RefundExtra, ...]:
    parts = (
        _extra_rest(extra, taken.extras.get(extra.line_id, 0), kept.shipping.get(extra.line_id, extra.total))
        for extra in order.extras
        if extra.total > 0
    )
    return tuple(part for part in parts if part.total > 0)


def _extra_rest(extra: Extra, before: int, most: int) -> RefundExtra:
    rest = max(0, min(extra.total, most) - before)
    if rest == extra.total:
        return RefundExtra(extra.line_id, extra.kind, rest, extra.tax, dict(extra.taxes))
    net, tax = allocate(rest, [extra.total - extra.tax, extra.tax])
    rates = list(extra.taxes)
    shares = allocate(tax, [extra.taxes[rate] for rate in rates]) if rates else []
    return RefundExtra(extra.line_id, extra.kind, net + tax, tax, dict(zip(rates, shares, strict=True)))
