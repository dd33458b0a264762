"""Money: whole minor units, plain decimals only, splits that add up."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from app.money import (
    BadAmount,
    CurrencyMismatch,
    Money,
    allocate,
    currency_exponent,
    parse_decimal,
    significant_decimals,
    units_share,
)

minors = st.integers(min_value=-(10**14), max_value=10**14)
exponents = st.integers(min_value=0, max_value=6)


@pytest.mark.parametrize(("currency", "digits"), [("EUR", 2), ("USD", 2), ("JPY", 0), ("KWD", 3), ("BHD", 3)])
def test_exponent_of_a_currency(currency: str, digits: int) -> None:
    assert currency_exponent(currency) == digits


@pytest.mark.parametrize("currency", ["", "eur", "EURO", "E1R", "ÉUR", "EUR\n"])
def test_what_is_no_currency_is_refused(currency: str) -> None:
    with pytest.raises(BadAmount):
        currency_exponent(currency)


@pytest.mark.parametrize(
    ("text", "currency", "minor", "written"),
    [
        ("21.41", "EUR", 2141, "21.41"),
        ("-21.41", "EUR", -2141, "-21.41"),
        ("15.0", "EUR", 1500, "15.00"),
        ("15", "EUR", 1500, "15.00"),
        ("-0.00", "EUR", 0, "0.00"),
        ("0.05", "EUR", 5, "0.05"),
        ("1200", "JPY", 1200, "1200"),
        ("1200.00", "JPY", 1200, "1200"),
        ("1.234", "KWD", 1234, "1.234"),
    ],
)
def test_reading_and_writing_an_amount(text: str, currency: str, minor: int, written: str) -> None:
    money = Money.parse(text, currency)
    assert (money.minor, money.text) == (minor, written)


def test_a_store_may_write_more_decimals_than_the_currency_has() -> None:
    assert Money.parse("59.50", "JPY", 2) == Money(5950, "JPY", 2)
    assert Money.parse("59.50", "JPY", 2).text == "59.50"


@pytest.mark.parametrize(("text", "currency"), [("1.005", "EUR"), ("0.5", "JPY"), ("1.2345", "KWD")])
def test_more_digits_than_the_currency_are_refused_and_not_rounded(text: str, currency: str) -> None:
    with pytest.raises(BadAmount):
        Money.parse(text, currency)


@pytest.mark.parametrize(
    "odd",
    [
        "1,50",
        "1,000.00",
        "1e1",
        "1E+2",
        "",
        "-",
        ".5",
        "5.",
        "+5",
        "--5",
        " 5",
        "5 ",
        "5\n",
        "0x10",
        "1_000",
        "٣",
        "5€",
        "NaN",
        "Infinity",
        "9" * 16,
        "0." + "1" * 13,
    ],
)
def test_odd_formats_never_pass_for_a_number(odd: str) -> None:
    with pytest.raises(BadAmount):
        parse_decimal(odd)


@pytest.mark.parametrize(
    "value", [1.5, 0.0, True, None, b"1", [1], Decimal("NaN"), Decimal("sNaN"), Decimal("Infinity")]
)
def test_floats_and_other_types_are_refused(value: Any) -> None:
    with pytest.raises(BadAmount):
        parse_decimal(value)


@pytest.mark.parametrize(
    "monster",
    [Decimal("1E+999999999"), Decimal("1E-999999999"), Decimal("0E+999999999"), 10**400, -(10**5000)],
    ids=["large", "small", "zero", "integer", "integer too long to print"],
)
def test_a_monstrous_number_is_refused_without_being_written_out(monster: Decimal | int) -> None:
    with pytest.raises(BadAmount):
        parse_decimal(monster)


def test_integers_stay_exact() -> None:
    assert parse_decimal(999_999_999_999_999) == Decimal("999999999999999")
    assert parse_decimal(Decimal("1E+2")) == Decimal(100)


@pytest.mark.parametrize(
    ("text", "digits"), [("15.0", 0), ("15.50", 1), ("15.05", 2), ("100", 0), ("0.00", 0), ("-0.125", 3)]
)
def test_significant_decimals(text: str, digits: int) -> None:
    assert significant_decimals(text) == digits


@given(minors, exponents)
def test_an_amount_survives_writing_and_reading(minor: int, exponent: int) -> None:
    money = Money(minor, "EUR", exponent)
    assert Money.parse(money.text, "EUR", exponent) == money


@given(minors, minors, exponents)
def test_adding_and_taking_away(one: int, two: int, exponent: int) -> None:
    first, second = Money(one, "EUR", exponent), Money(two, "EUR", exponent)
    assert (first + second) - second == first
    assert (first + second).minor == one + two
    assert (first < second) == (one < two)
    assert (first <= second) == (one <= two)


@pytest.mark.parametrize("other", [Money(1, "USD", 2), Money(1, "EUR", 3)])
def test_different_currencies_or_exponents_do_not_mix(other: Money) -> None:
    money = Money(1, "EUR", 2)
    with pytest.raises(CurrencyMismatch):
        _ = money + other
    with pytest.raises(CurrencyMismatch):
        _ = money - other
    with pytest.raises(CurrencyMismatch):
        _ = money < other
    with pytest.raises(CurrencyMismatch):
        _ = money <= other


def test_three_mugs_as_woocommerce_counts_them() -> None:
    assert [units_share(5398, 3, taken, 1) for taken in range(3)] == [1799, 1799, 1800]
    assert [units_share(1026, 3, taken, 1) for taken in range(3)] == [342, 342, 342]


@given(st.data(), st.integers(0, 10**9), st.integers(1, 60))
def test_any_series_of_partial_shares_adds_up(data: st.DataObject, total: int, quantity: int) -> None:
    taken, paid = 0, 0
    while taken < quantity:
        take = data.draw(st.integers(1, quantity - taken))
        share = units_share(total, quantity, taken, take)
        assert share >= 0
        taken, paid = taken + take, paid + share
    assert paid == total


@given(st.integers(0, 10**9), st.integers(1, 60), st.data())
def test_more_units_are_never_worth_less(total: int, quantity: int, data: st.DataObject) -> None:
    taken = data.draw(st.integers(0, quantity))
    shares = [units_share(total, quantity, taken, take) for take in range(quantity - taken + 1)]
    assert shares == sorted(shares)
    assert shares[0] == 0
    assert all(0 <= share <= total for share in shares)


@pytest.mark.parametrize(
    ("total", "quantity", "taken", "take"),
    [(100, 0, 0, 0), (100, 3, 0, 4), (100, 3, 2, 2), (100, 3, -1, 1), (100, 3, 0, -1), (-100, 3, 0, 1)],
)
def test_units_that_are_not_there_are_refused(total: int, quantity: int, taken: int, take: int) -> None:
    with pytest.raises(ValueError, match="cannot take"):
        units_share(total, quantity, taken, take)


weights = st.lists(st.integers(0, 10**9), min_size=1, max_size=12)


@given(st.integers(0, 10**12), weights)
def test_an_allocation_adds_up_and_is_fair(total: int, parts: list[int]) -> None:
    if not any(parts):
        parts[0] = 1
    shares = allocate(total, parts)
    assert sum(shares) == total
    for share, weight in zip(shares, parts, strict=True):
        exact = Decimal(total) * weight / sum(parts)
        assert abs(share - exact) <= 1
        assert share >= 0
        assert weight or share == 0


@given(weights)
def test_a_total_equal_to_the_weights_gives_the_weights(parts: list[int]) -> None:
    assert allocate(sum(parts), parts) == parts


def test_the_largest_remainder_gets_the_odd_unit() -> None:
    assert allocate(10, [1, 1, 1]) == [4, 3, 3]
    assert allocate(100, [1, 5]) == [17, 83]
    assert allocate(0, [0, 0]) == [0, 0]
    assert allocate(0, []) == []


@pytest.mark.parametrize(("total", "parts"), [(-1, [1]), (1, [-1, 2]), (1, [0, 0]), (1, [])])
def test_what_cannot_be_allocated_is_refused(total: int, parts: list[int]) -> None:
    with pytest.raises(ValueError, match="allocate"):
        allocate(total, parts)
