"""Reading other people's JSON: nothing of what they may send does harm."""

from __future__ import annotations

import json
from datetime import UTC, datetime
from decimal import Decimal
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from app.orders.reading import (
    UnreadablePayload,
    amount,
    child,
    identifier,
    moment,
    objects,
    parse_json,
    parse_object,
    quantity,
    required_identifier,
    text,
)

scalars = (
    st.none()
    | st.booleans()
    | st.integers()
    | st.decimals(allow_nan=False, allow_infinity=False)
    | st.text(st.characters(exclude_categories=[]), max_size=30)
)
anything = st.recursive(
    scalars, lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(), inner, max_size=3)
)


def test_numbers_never_become_floats() -> None:
    value = parse_json(b'{"price": 17.993333333333332, "n": 2, "list": [0.1]}')
    assert value == {"price": Decimal("17.993333333333332"), "n": 2, "list": [Decimal("0.1")]}
    assert isinstance(value["price"], Decimal)
    assert isinstance(value["list"][0], Decimal)


@pytest.mark.parametrize(
    "raw",
    [
        b"",
        b"{",
        b"webhook_id=1",
        b"\xff\xfe",
        b'{"a": NaN}',
        b'{"a": Infinity}',
        b'{"a": -Infinity}',
        b'{"a": 1e99999999999999999999}',
        b'{"a": ' + b"9" * 5000 + b"}",
        b"[" * 65 + b"]" * 65,
        b"[" * 100_000 + b"]" * 100_000,
    ],
)
def test_what_is_not_sane_json_is_unreadable(raw: bytes) -> None:
    with pytest.raises(UnreadablePayload):
        parse_json(raw)


def test_nesting_up_to_the_limit_is_read() -> None:
    assert parse_json(b"[" * 60 + b"]" * 60)


@pytest.mark.parametrize("raw", [b"[]", b"1", b'"x"', b"null"])
def test_an_object_is_wanted(raw: bytes) -> None:
    with pytest.raises(UnreadablePayload):
        parse_object(raw)


@given(st.binary(max_size=200))
def test_bytes_are_read_or_refused(raw: bytes) -> None:
    try:
        parse_json(raw)
    except UnreadablePayload as refusal:
        assert refusal.code == "unreadable_payload"  # noqa: PT017
    else:
        assert json.dumps(json.loads(raw))


@given(anything)
def test_every_reader_takes_every_value(value: Any) -> None:
    container = {"key": value}
    assert all(isinstance(item, dict) for item in objects(container, "key"))
    assert isinstance(child(container, "key"), dict)
    found_text = text(container, "key", 10)
    assert found_text is None or (0 < len(found_text) <= 10 and "\x00" not in found_text and found_text.encode())
    found_id = identifier(container, "key")
    assert found_id is None or 0 < len(found_id) <= 64
    assert abs(quantity(container, "key")) < 10**9
    found_amount = amount(container, "key")
    assert found_amount is None or abs(found_amount) < 10**15
    found_moment = moment(container, "key")
    assert found_moment is None or found_moment.tzinfo is UTC


@pytest.mark.parametrize(
    ("value", "found"),
    [
        (14, "14"),
        ("14", "14"),
        (" 14 ", "14"),
        ("gid://shopify/Order/5512", "5512"),
        ("gid://shopify/Order/5512?x=1", "5512"),
        (True, None),
        (None, None),
        ("", None),
        (Decimal("1.0"), None),
        ("é", None),
        ("a\nb", None),
    ],
)
def test_identifiers(value: Any, found: str | None) -> None:
    assert identifier({"id": value}, "id") == found


def test_a_required_identifier_is_required() -> None:
    assert required_identifier({"id": 7}, "id") == "7"
    with pytest.raises(UnreadablePayload, match="'id'"):
        required_identifier({}, "id")


@pytest.mark.parametrize(
    ("value", "found"),
    [
        (3, 3),
        (Decimal("3.0"), 3),
        (Decimal("1.5"), -7),
        ("3", -7),
        (True, -7),
        (None, -7),
        (10**9, -7),
        (Decimal("1E+999999999"), -7),
    ],
)
def test_quantities(value: Any, found: int) -> None:
    assert quantity({"quantity": value}, "quantity", default=-7) == found


@pytest.mark.parametrize(
    ("value", "found"),
    [
        ("-21.41", Decimal("-21.41")),
        (Decimal("3.42"), Decimal("3.42")),
        (5, Decimal(5)),
        ("-", None),
        ("", None),
        ("1,50", None),
        (True, None),
        (None, None),
        (10**400, None),
    ],
)
def test_amounts(value: Any, found: Decimal | None) -> None:
    assert amount({"total": value}, "total") == found


@pytest.mark.parametrize(
    ("value", "found"),
    [
        ("2026-11-21T20:47:05", datetime(2026, 11, 21, 20, 47, 5, tzinfo=UTC)),
        ("2026-11-21T20:47:05Z", datetime(2026, 11, 21, 20, 47, 5, tzinfo=UTC)),
        ("2026-11-21T21:47:05+01:00", datetime(2026, 11, 21, 20, 47, 5, tzinfo=UTC)),
        ("0001-01-01T00:00:00+14:00", None),
        ("yesterday", None),
        (1_763_757_000, None),
        (None, None),
    ],
)
def test_moments_are_in_utc(value: Any, found: datetime | None) -> None:
    assert moment({"at": value}, "at") == found


def test_text_is_cut_stripped_and_without_nul() -> None:
    assert text({"a": "  a\x00b  "}, "a") == "ab"
    assert text({"a": "x" * 600}, "a") == "x" * 500
    assert text({"a": "\ud800"}, "a") == "?"
    assert text({"a": "   "}, "a") is None
    assert text({"a": 5}, "a") is None
