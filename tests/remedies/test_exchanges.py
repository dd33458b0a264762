"""What may be had in exchange: in stock, in the order's currency, and no dearer than what was paid."""

from __future__ import annotations

from dataclasses import replace

from app.money import Money
from app.remedies.exchanges import exchangeable
from app.stores.asked import Variant
from tests.api.kit import LAMP, order_of


def variant(name: str, minor: int, currency: str = "EUR", *, available: bool = True) -> Variant:
    return Variant(name, name.title(), Money(minor, currency, 2), available)


def test_only_what_costs_no_more_and_is_there_may_be_had() -> None:
    """Two lamps cost 50.00."""
    offered = [
        variant("same", 2500),
        variant("cheaper", 100),
        variant("dearer", 2501),
        variant("gone", 2500, available=False),
        variant("dollars", 2500, "USD"),
    ]
    assert [one.variant_id for one in exchangeable(order_of(), LAMP, offered)] == ["same", "cheaper"]
    assert exchangeable(order_of(), "no such line", offered) == ()
    # Where prices are listed without tax, they are compared with what was paid without it: 21.00.
    net = [variant("same", 2100), variant("dearer", 2101)]
    assert [one.variant_id for one in exchangeable(replace(order_of(), taxes_included=False), LAMP, net)] == ["same"]


def test_a_discount_takes_no_variant_away() -> None:
    """The lamp costs 30.00 in the list, and was bought for 25.00: another one at 30.00 may be had."""
    order = order_of()
    lamp, *others = order.lines
    bought = replace(order, lines=(replace(lamp, variant_id="same"), *others))
    offered = [variant("same", 3000), variant("other", 3000), variant("dearer", 3001)]
    assert [one.variant_id for one in exchangeable(bought, LAMP, offered)] == ["same", "other"]
