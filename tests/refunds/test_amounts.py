"""How much falls to which units: everything adds up, whatever the order of partial refunds."""

from __future__ import annotations

from datetime import UTC, datetime

from hypothesis import given, settings
from hypothesis import strategies as st

from app.orders.snapshot import Extra, Line, OrderSnapshot, Platform
from app.refunds.amounts import Kept, Taken, decide, part_of, units_left

NOW = datetime(2026, 11, 21, tzinfo=UTC)
NOTHING = Taken(0, {}, {})


def order(
    lines: list[Line], extras: tuple[Extra, ...] = (), captured: int | None = None, **changes: object
) -> OrderSnapshot:
    total = sum(line.total for line in lines) + sum(extra.total for extra in extras)
    values: dict[str, object] = {"platform": Platform.SHOPIFY, "currency": "EUR", "exponent": 2, "taxes_included": True}
    return OrderSnapshot(
        order_id="1",
        number="#1",
        total=total,
        captured=total if captured is None else captured,
        status="paid",
        placed_at=NOW,
        updated_at=NOW,
        lines=tuple(lines),
        extras=extras,
        **{**values, **changes},  # type: ignore[arg-type]
    )


def after(taken: Taken, decided_amount: int, lines: dict[str, int], extras: dict[str, int]) -> Taken:
    return Taken(
        taken.amount + decided_amount,
        {key: taken.lines.get(key, 0) + lines.get(key, 0) for key in {*taken.lines, *lines}},
        {key: taken.extras.get(key, 0) + extras.get(key, 0) for key in {*taken.extras, *extras}},
    )


def test_one_of_three_mugs_as_woocommerce_counts() -> None:
    # The captured refund of the payloads: net 17.99 and tax 3.42 by rate id.
    mug = Line("1", "Mug", 3, total=5398 + 1026, tax=1026, taxes={"1": 1026})
    other = Line("2", "Shirt", 1, total=2678, tax=428, taxes={"1": 428})
    decided = decide(order([mug, other], platform=Platform.WOOCOMMERCE, taxes_included=False), {"1": 1}, NOTHING)
    assert decided.amount == 2141
    assert (decided.lines[0].total, decided.lines[0].tax, dict(decided.lines[0].taxes)) == (2141, 342, {"1": 342})
    assert decided.extras == ()


def test_the_last_unit_takes_the_remainder() -> None:
    wanted = order([Line("1", "Lamp", 3, total=1000), Line("2", "Bulb", 1, total=500)])
    first = decide(wanted, {"1": 1}, NOTHING)
    last = decide(wanted, {"1": 2}, Taken(first.amount, {"1": 1}, {}))
    assert (first.amount, last.amount) == (333, 667)


def test_shipping_goes_with_the_refund_that_empties_the_order() -> None:
    shipping = Extra("s", "shipping", "Standard", total=496)
    wanted = order([Line("1", "Lamp", 1, total=1999), Line("2", "Bulb", 1, total=500)], (shipping,))
    first = decide(wanted, {"1": 1}, NOTHING)
    assert (first.amount, first.extras) == (1999, ())
    last = decide(wanted, {"2": 1}, Taken(1999, {"1": 1}, {}))
    assert (last.amount, last.extras[0].total) == (996, 496)
    again = decide(wanted, {"2": 1}, Taken(1999 + 496, {"1": 1}, {"s": 496}))
    assert (again.amount, again.extras) == (500, ())


def test_never_more_than_is_left_of_the_captured_money() -> None:
    wanted = order([Line("1", "Lamp", 1, total=1999)], captured=1500)
    assert decide(wanted, {"1": 1}, NOTHING).amount == 1500
    assert decide(wanted, {"1": 1}, Taken(1400, {}, {})).amount == 100
    assert decide(wanted, {"1": 1}, Taken(1600, {}, {})).amount == 0


def test_units_that_are_gone_are_left_out() -> None:
    wanted = order([Line("1", "Lamp", 2, total=2000)])
    decided = decide(wanted, {"1": 2}, Taken(1000, {"1": 1}, {}))
    assert (decided.amount, decided.lines[0].quantity) == (1000, 1)
    assert decide(wanted, {"9": 1}, NOTHING).lines == ()


def test_yen_and_dinars_have_their_own_digits() -> None:
    yen = order([Line("1", "Lamp", 3, total=1000)], currency="JPY", exponent=0)
    assert [decide(yen, {"1": 1}, Taken(0, {"1": taken}, {})).amount for taken in range(3)] == [333, 333, 334]
    dinars = order([Line("1", "Lamp", 2, total=10_005)], currency="KWD", exponent=3)
    assert [decide(dinars, {"1": 1}, Taken(0, {"1": taken}, {})).amount for taken in range(2)] == [5003, 5002]


LINES = st.lists(
    st.tuples(st.integers(1, 6), st.integers(0, 20_000), st.integers(0, 25)).map(
        lambda given: (given[0], given[1], given[1] * given[2] // 100)
    ),
    min_size=1,
    max_size=4,
)


@settings(max_examples=300, deadline=None)
@given(LINES, st.integers(0, 3000), st.booleans(), st.data())
def test_any_series_of_partial_refunds_adds_up_to_what_was_paid(
    lines: list[tuple[int, int, int]], shipping: int, included: bool, data: st.DataObject
) -> None:
    goods = [
        Line(str(index), "x", quantity, total + tax, tax, taxes={} if included else {"7": tax})
        for index, (quantity, total, tax) in enumerate(lines)
    ]
    extras = (Extra("s", "shipping", "Standard", shipping),) if shipping else ()
    platform = Platform.SHOPIFY if included else Platform.WOOCOMMERCE
    wanted = order(goods, extras, platform=platform, taxes_included=included)
    taken, paid = NOTHING, 0
    left = {line.line_id: line.quantity for line in goods}
    while any(left.values()):
        units = {line_id: data.draw(st.integers(0, rest)) for line_id, rest in left.items()}
        if not any(units.values()):
            units = left
        decided = decide(wanted, units, taken)
        assert decided.amount == sum(one.total for one in decided.lines) + sum(one.total for one in decided.extras)
        assert all(one.total >= one.tax >= 0 for one in decided.lines)
        paid += decided.amount
        taken = after(taken, decided.amount, units, {extra.line_id: extra.total for extra in decided.extras})
        left = {line_id: rest - units[line_id] for line_id, rest in left.items()}
    assert paid == wanted.captured


def share(wanted: OrderSnapshot, units: dict[str, int], taken: Taken = NOTHING) -> tuple[int, int, dict[str, int]]:
    """Total, tax and taxes of the first line."""
    line = decide(wanted, units, taken).lines[0]
    return line.total, line.tax, dict(line.taxes)


def test_the_tax_of_an_included_shopify_line_is_within_its_total() -> None:
    wanted = order([Line("1", "Lamp", 3, total=1000, tax=160), Line("2", "Bulb", 1, total=1)])
    assert share(wanted, {"1": 1}) == (333, 53, {})
    assert share(wanted, {"1": 2}) == (666, 106, {})
    assert share(wanted, {"1": 2}, Taken(333, {"1": 1}, {})) == (667, 107, {})


def test_where_prices_exclude_tax_net_and_tax_are_split_apart() -> None:
    # Net 1000 and tax 170 over 3 units: 333 + 57, and the last 334 + 56.
    lines = [Line("1", "Lamp", 3, total=1170, tax=170), Line("2", "Bulb", 1, total=1)]
    for platform in Platform:
        wanted = order(lines, platform=platform, taxes_included=False)
        assert share(wanted, {"1": 1}) == (390, 57, {})
        assert share(wanted, {"1": 1}, Taken(780, {"1": 2}, {})) == (390, 56, {})


def test_woocommerce_splits_net_and_tax_apart_even_when_its_prices_include_it() -> None:
    wanted = order([Line("1", "Lamp", 3, total=1001, tax=160)], platform=Platform.WOOCOMMERCE)
    # Net 841: 280 + 53; of the whole 1001 it would be 334.
    assert share(wanted, {"1": 1}) == (333, 53, {})
    wanted = order([Line("1", "Lamp", 2, total=101, tax=51)], platform=Platform.WOOCOMMERCE)
    assert share(wanted, {"1": 1}) == (51, 26, {})


def test_the_tax_of_several_rates_is_the_sum_of_their_shares() -> None:
    # Each rate is split by itself: twice (5 of 3 units → 2) is 4, and 10 of 3 units would be 3.
    line = Line("1", "Lamp", 3, total=110, tax=10, taxes={"a": 5, "b": 5})
    wanted = order([line], platform=Platform.WOOCOMMERCE, taxes_included=False)
    assert share(wanted, {"1": 1}) == (37, 4, {"a": 2, "b": 2})
    assert share(wanted, {"1": 1}, Taken(74, {"1": 2}, {})) == (36, 2, {"a": 1, "b": 1})


def test_more_taken_than_there_is_leaves_nothing_and_spoils_nothing() -> None:
    wanted = order([Line("1", "Lamp", 2, total=2000), Line("2", "Bulb", 1, total=500)])
    decided = decide(wanted, {"1": 1, "2": 1}, Taken(2000, {"1": 5}, {}))
    assert [(line.line_id, line.quantity, line.total) for line in decided.lines] == [("2", 1, 500)]
    assert decide(wanted, {"1": -1}, NOTHING).lines == ()


def test_extras_go_out_only_with_goods_and_only_with_the_last_of_them() -> None:
    parts = (Extra("s", "shipping", "Standard", total=496), Extra("z", "fee", "Free", total=0))
    wanted = order([Line("1", "Lamp", 2, total=2000)], parts)
    assert decide(wanted, {}, Taken(2000, {"1": 2}, {})).extras == ()
    assert decide(wanted, {"1": 1}, NOTHING).extras == ()
    whole = decide(wanted, {"1": 2}, NOTHING)
    assert [(extra.line_id, extra.kind, extra.total) for extra in whole.extras] == [("s", "shipping", 496)]
    assert whole.amount == 2496


def test_an_untouched_extra_goes_out_as_it_was_paid() -> None:
    parts = (Extra("f", "fee", "Wrapping", total=119, tax=19, taxes={"7": 12, "9": 7}),)
    (extra,) = decide(order([Line("1", "Lamp", 1, total=100)], parts), {"1": 1}, NOTHING).extras
    assert (extra.line_id, extra.kind, extra.total, extra.tax, dict(extra.taxes)) == (
        "f", "fee", 119, 19, {"7": 12, "9": 7},
    )  # fmt: skip


def test_the_rest_of_an_extra_keeps_the_proportions_of_net_and_taxes() -> None:
    parts = (Extra("f", "fee", "Wrapping", total=200, tax=50, taxes={"7": 40, "9": 10}),)
    wanted = order([Line("1", "Lamp", 1, total=100)], parts)
    (extra,) = decide(wanted, {"1": 1}, Taken(100, {}, {"f": 100})).extras
    assert (extra.line_id, extra.kind, extra.total, extra.tax, dict(extra.taxes)) == (
        "f", "fee", 100, 25, {"7": 20, "9": 5},
    )  # fmt: skip
    bare = order([Line("1", "Lamp", 1, total=100)], (Extra("f", "fee", "Wrapping", total=200, tax=50),))
    (extra,) = decide(bare, {"1": 1}, Taken(100, {}, {"f": 100})).extras
    assert (extra.total, extra.tax, dict(extra.taxes)) == (100, 25, {})


def test_an_extra_that_was_refunded_beyond_its_price_is_gone() -> None:
    wanted = order([Line("1", "Lamp", 1, total=100)], (Extra("f", "fee", "Wrapping", total=2),))
    assert decide(wanted, {"1": 1}, Taken(3, {}, {"f": 3})).extras == ()
    assert decide(wanted, {"1": 1}, Taken(1, {}, {"f": 1})).extras[0].total == 1


def test_a_fee_comes_off_the_line_and_its_tax_alike() -> None:
    mug = Line("1", "Mug", 3, total=11899, tax=1900, taxes={"1": 1900})
    wanted = order([mug, Line("2", "Shirt", 1, total=5000)], platform=Platform.WOOCOMMERCE, taxes_included=False)
    decided = decide(wanted, {"1": 3}, NOTHING, Kept({"1": 594}))
    assert (decided.amount, decided.fee) == (11305, 594)
    (line,) = decided.lines
    assert (line.total, line.tax, dict(line.taxes), line.quantity) == (11305, 1805, {"1": 1805}, 3)


def test_a_fee_is_never_more_than_the_line() -> None:
    decided = decide(order([Line("1", "Lamp", 1, total=100)]), {"1": 1}, NOTHING, Kept({"1": 500}))
    assert (decided.amount, decided.fee) == (0, 100)


def test_of_express_delivery_only_the_standard_price_goes_back_and_once() -> None:
    express = Extra("9", "shipping", "Express", total=1190, tax=190, taxes={"1": 190})
    wanted = order([Line("1", "Lamp", 2, total=2000)], (express,), platform=Platform.WOOCOMMERCE)
    kept = Kept(shipping={"9": 595})
    whole = decide(wanted, {"1": 2}, NOTHING, kept)
    (extra,) = whole.extras
    assert (whole.amount, extra.total, extra.tax, dict(extra.taxes)) == (2595, 595, 95, {"1": 95})
    again = decide(wanted, {"1": 1}, Taken(1595, {"1": 1}, {"9": 595}), kept)
    assert (again.amount, again.extras) == (1000, ())


@given(
    total=st.integers(0, 10**7),
    tax_percent=st.integers(0, 99),
    rates=st.integers(0, 3),
    quantity=st.integers(1, 5),
    fee=st.integers(0, 10**7),
)
def test_the_parts_of_a_reduced_line_add_up(total: int, tax_percent: int, rates: int, quantity: int, fee: int) -> None:
    tax = total * tax_percent // 100
    taxes = {str(rate): tax // rates + (tax % rates if rate == 0 else 0) for rate in range(rates)}
    wanted = order([Line("1", "Lamp", quantity, total=total, tax=tax, taxes=taxes)], taxes_included=False)
    decided = decide(wanted, {"1": quantity}, NOTHING, Kept({"1": fee}))
    (line,) = decided.lines
    assert decided.amount == line.total == total - min(fee, total)
    assert decided.fee == min(fee, total)
    assert 0 <= line.tax <= line.total
    assert not line.taxes or sum(line.taxes.values()) == line.tax
    assert all(part >= 0 for part in line.taxes.values())


def test_who_keeps_the_goods_gets_a_part_rounded_down_and_no_delivery() -> None:
    shipping = Extra("s", "shipping", "Standard", total=496)
    wanted = order([Line("1", "Lamp", 3, total=1000, tax=160)], (shipping,))
    part = part_of(wanted, {"1": 3}, NOTHING, 33)
    assert (part.amount, part.extras, part.fee) == (330, (), 0)
    assert [(line.quantity, line.total) for line in part.lines] == [(3, 330)]
    assert part_of(wanted, {"1": 3}, Taken(1400, {}, {}), 33).amount == 96
    assert part_of(wanted, {"1": 3}, NOTHING, 100).amount == 1000


def test_units_whose_customer_keeps_goods_are_gone_and_do_not_empty_the_order() -> None:
    """One lamp was replaced: the other two are refunded without delivery, and the first never is."""
    shipping = Extra("s", "shipping", "Standard", total=496)
    wanted = order([Line("1", "Lamp", 3, total=3000)], (shipping,))
    replaced = Taken(0, {}, {}, {"1": 1})
    two = decide(wanted, {"1": 3}, replaced)
    assert (two.amount, two.extras, [line.quantity for line in two.lines]) == (2000, (), [2])
    assert decide(wanted, {"1": 1}, Taken(2000, {"1": 2}, {}, {"1": 1})).amount == 0
    assert decide(wanted, {"1": 3}, NOTHING).amount == 3496


def test_units_are_left_while_nobody_has_refunded_replaced_or_removed_them() -> None:
    bought = order([Line("1", "lamp", 3, 3000), Line("2", "mug", 1, 500)])
    assert units_left(bought, {"1": 3, "2": 1}, NOTHING)
    assert units_left(bought, {"1": 1}, Taken(0, {"1": 1}, {}, {"1": 1}))
    assert not units_left(bought, {"1": 2}, Taken(0, {"1": 1}, {}, {"1": 1}))
    assert not units_left(bought, {"2": 1}, Taken(0, {"2": 1}, {}))
    assert not units_left(bought, {"gone": 1}, NOTHING)
