"""WooCommerce orders as snapshots, from real captures and from what plugins and bad luck make of them."""

from __future__ import annotations

import base64
import hashlib
import hmac
import json
from datetime import UTC, datetime
from decimal import Decimal
from typing import Any
from uuid import UUID

import pytest
from hypothesis import given
from hypothesis import strategies as st

from app.orders.marker import marker_for
from app.orders.normalise_woocommerce import action_order_id, order_from_payload, refunds_from_api
from app.orders.reading import UnreadablePayload, parse_object
from app.orders.snapshot import Extra, Fulfilment, Line, Platform, RefundState, SeenRefund, is_manual_payment
from tests.orders.woo_captures import WEBHOOK_SECRETS, capture, order, payload, raw_body, refund, refunded_order

OURS = UUID("01990000-0000-7000-8000-000000000001")


@pytest.mark.parametrize("name", WEBHOOK_SECRETS)
def test_the_captures_are_what_was_signed(name: str) -> None:
    mac = hmac.new(WEBHOOK_SECRETS[name], raw_body(name), hashlib.sha256).digest()
    assert base64.b64encode(mac).decode() == capture(name)["headers"]["X-WC-Webhook-Signature"]


def test_the_captured_order() -> None:
    snapshot = order_from_payload(payload("webhook-order.created"))
    assert (snapshot.platform, snapshot.order_id, snapshot.number) == (Platform.WOOCOMMERCE, "14", "14")
    assert (snapshot.currency, snapshot.exponent, snapshot.total, snapshot.captured) == ("EUR", 2, 16342, 16342)
    assert snapshot.status == "processing"
    assert snapshot.placed_at == datetime(2026, 11, 21, 20, 47, 5, tzinfo=UTC)
    assert (snapshot.email, snapshot.country, snapshot.payment_method) == ("zoe@example.test", "DE", "bacs")
    assert snapshot.lines == (
        Line("1", "Mug", 3, 6424, 1026, None, "LAB-MUG", None, "10", None, {"1": 1026}),
        Line("2", "Shirt «Größe L»", 1, 2678, 428, None, "LAB-SHIRT", None, "11", None, {"1": 428}),
        Line("3", "Book", 2, 6419, 420, None, "LAB-BOOK", None, "12", None, {"2": 420}),
    )
    assert snapshot.extras == (
        Extra("4", "shipping", "Flat", 583, 93, {"1": 93}),
        Extra("5", "fee", "Gift wrap", 238, 38, {"1": 38}),
    )
    assert sum(line.total for line in snapshot.lines) + sum(extra.total for extra in snapshot.extras) == snapshot.total
    assert (snapshot.refunds, snapshot.fulfilments, snapshot.cancelled_at) == ((), (), None)
    assert snapshot.taxes_included is False


def test_the_same_order_under_another_topic_is_the_same_snapshot() -> None:
    assert order_from_payload(order()) == order_from_payload(payload("webhook-order.created"))


def test_the_captured_refund_as_totals() -> None:
    snapshot = order_from_payload(refunded_order())
    assert snapshot.refunds == (SeenRefund("16", 2141, RefundState.SUCCEEDED),)
    assert snapshot.total == 16342
    assert snapshot.updated_at == datetime(2026, 11, 21, 20, 48, 31, tzinfo=UTC)


def test_the_captured_refund_with_its_lines() -> None:
    assert refunds_from_api(refunded_order(), [refund()]) == (
        SeenRefund(
            "16",
            2141,
            RefundState.SUCCEEDED,
            lines={"1": 1},
            extras={},
            created_at=datetime(2026, 11, 21, 20, 48, 31, tzinfo=UTC),
        ),
    )


def test_a_signed_error_object_is_no_order() -> None:
    with pytest.raises(UnreadablePayload, match="woocommerce_rest_shop_order_invalid_id"):
        order_from_payload(payload("webhook-order.created-error-body"))


@pytest.mark.parametrize(
    "change",
    [
        {"id": "14"},
        {"id": True},
        {"id": 0},
        {"status": None},
        {"currency": "euro"},
        {"currency": None},
        {"total": "-"},
        {"total": "-5.00"},
        {"total": "1,50"},
        {"total": "0.1234567891"},
        {"total": "999999999999999.00"},
        {"date_created_gmt": None, "date_modified_gmt": None},
    ],
)
def test_what_an_order_cannot_do_without(change: dict[str, Any]) -> None:
    with pytest.raises(UnreadablePayload):
        order_from_payload(order() | change)


@pytest.mark.parametrize(
    ("currency", "total", "line", "exponent", "minor"),
    [
        ("JPY", "59.50", "59.50", 2, 5950),
        ("EUR", "89.250", "89.250", 3, 89250),
        ("EUR", "60", "60", 0, 60),
        ("KWD", "1.234", "1.234", 3, 1234),
        ("EUR", "60", "59.95", 2, 6000),
    ],
)
def test_the_exponent_is_the_stores(currency: str, total: str, line: str, exponent: int, minor: int) -> None:
    items = [{"id": 1, "quantity": 1, "total": line, "total_tax": "0", "taxes": []}]
    change = {"currency": currency, "total": total, "line_items": items, "shipping_lines": [], "fee_lines": []}
    snapshot = order_from_payload(order() | change)
    assert (snapshot.exponent, snapshot.total) == (exponent, minor)


def test_unrounded_taxes_do_not_raise_the_exponent_and_add_up() -> None:
    taxes = [{"id": 1, "total": "3.333333"}, {"id": 2, "total": "6.666667"}, {"id": 3, "total": ""}]
    items = [{"id": 1, "quantity": 1, "total": "50.00", "total_tax": "10.00", "taxes": taxes}]
    snapshot = order_from_payload(order() | {"line_items": items})
    assert snapshot.exponent == 2
    assert snapshot.lines[0].taxes == {"1": 333, "2": 667}


@given(
    st.integers(-(10**9), 10**9),
    st.lists(st.decimals(-(10**6), 10**6, places=6).map(str), max_size=5),
)
def test_taxes_by_rate_always_add_up(tax: int, shares: list[str]) -> None:
    taxes = [{"id": rate, "total": share} for rate, share in enumerate(shares, start=1)]
    text = f"{Decimal(tax) / 100:.2f}"
    items = [{"id": 1, "quantity": 1, "total": "0.00", "total_tax": text, "taxes": taxes}]
    line = order_from_payload(order() | {"line_items": items}).lines[0]
    assert line.tax == tax
    if line.taxes:
        assert sum(line.taxes.values()) == tax
        assert all((part > 0) == (tax > 0) for part in line.taxes.values())
    else:
        assert not any(Decimal(share) * tax > 0 for share in shares)


def test_a_negative_fee_stays_negative() -> None:
    fee = {"id": 5, "name": "Loyalty", "total": "-4.00", "total_tax": "-0.76", "taxes": [{"id": 1, "total": "-0.76"}]}
    extra = order_from_payload(order() | {"fee_lines": [fee]}).extras[1]
    assert extra == Extra("5", "fee", "Loyalty", -476, -76, {"1": -76})


@pytest.mark.parametrize(
    ("status", "paid_at", "captured"),
    [
        ("pending", None, 0),
        ("on-hold", None, 0),
        ("cancelled", None, 0),
        ("cancelled", "2026-11-21T20:47:05", 16342),
        ("processing", None, 16342),
        ("completed", None, 16342),
        ("refunded", None, 16342),
        ("custom-packed", "2026-11-21T20:47:05", 16342),
    ],
)
def test_what_came_in(status: str, paid_at: str | None, captured: int) -> None:
    assert order_from_payload(order() | {"status": status, "date_paid_gmt": paid_at}).captured == captured


def test_a_cancelled_and_a_trashed_order() -> None:
    cancelled = order_from_payload(order() | {"status": "cancelled"})
    assert cancelled.cancelled_at == cancelled.updated_at
    assert order_from_payload(order() | {"status": "trash"}).status == "trash"


def test_a_completed_order_without_tracking_was_sent_once() -> None:
    change = {"status": "completed", "date_completed_gmt": "2026-11-23T10:00:00"}
    assert order_from_payload(order() | change).fulfilments == (
        Fulfilment("completed", "completed", created_at=datetime(2026, 11, 23, 10, tzinfo=UTC)),
    )


def test_parcels_of_tracking_plugins() -> None:
    items = [
        {"tracking_id": "a1", "tracking_number": "1Z9", "tracking_provider": "ups", "date_shipped": "1795262400"},
        {
            "tracking_number": "RX1",
            "tracking_provider": "",
            "custom_tracking_provider": "Sloth Post",
            "custom_tracking_link": "https://sloth.example/RX1",
            "date_shipped": "2026-11-22",
        },
        "junk",
        {"date_shipped": "9" * 60},
    ]
    change = {"status": "completed", "meta_data": [{"id": 1, "key": "_wc_shipment_tracking_items", "value": items}]}
    assert order_from_payload(order() | change).fulfilments == (
        Fulfilment("a1", "shipped", datetime(2026, 11, 21, 12, tzinfo=UTC), None, "ups", "1Z9"),
        Fulfilment(
            "tracking-2",
            "shipped",
            datetime(2026, 11, 22, tzinfo=UTC),
            None,
            "Sloth Post",
            "RX1",
            "https://sloth.example/RX1",
        ),
        Fulfilment("tracking-3", "shipped"),
    )


def test_locale_vendor_and_country_come_from_where_they_are() -> None:
    changed = order() | {
        "shipping": {"country": "fr"},
        "meta_data": [{"key": "_locale", "value": {"odd": 1}}, {"key": "wpml_language", "value": "he"}],
    }
    changed["line_items"][0]["meta_data"] = [{"key": "_supplier", "value": "Acme"}]
    changed["line_items"][1]["meta_data"] = [{"key": "vendor", "value": ["not", "text"]}]
    snapshot = order_from_payload(changed)
    assert (snapshot.country, snapshot.locale) == ("FR", "he")
    assert [line.vendor for line in snapshot.lines] == ["Acme", None, None]


@pytest.mark.parametrize("total", ["-", "", None])
def test_a_refund_without_amount_counts_nothing_and_is_unclear(total: str | None) -> None:
    changed = order() | {"refunds": [{"id": 22, "reason": "", "total": total}]}
    assert order_from_payload(changed).refunds == (SeenRefund("22", 0, RefundState.UNCLEAR),)
    listed = refunds_from_api(order(), [{"id": 22, "amount": total, "refunded_payment": True}])
    assert listed == (SeenRefund("22", 0, RefundState.UNCLEAR, lines={}, extras={}),)


def test_a_refund_of_nothing_is_not_negative() -> None:
    changed = order() | {"refunds": [{"id": 22, "reason": "", "total": "-0.00"}]}
    assert order_from_payload(changed).refunds == (SeenRefund("22", 0, RefundState.SUCCEEDED),)


@pytest.mark.parametrize(
    ("marked", "paid", "method", "state"),
    [
        (False, False, "stripe", RefundState.SUCCEEDED),
        (False, None, "stripe", RefundState.SUCCEEDED),
        (True, True, "stripe", RefundState.SUCCEEDED),
        (True, False, "stripe", RefundState.UNCLEAR),
        (True, None, "stripe", RefundState.UNCLEAR),
        (True, "false", "bacs", RefundState.UNCLEAR),
        (True, None, "bacs", RefundState.UNCLEAR),
        (True, False, "bacs", RefundState.SUCCEEDED),
        (True, False, "", RefundState.SUCCEEDED),
    ],
)
def test_when_a_refund_is_money(marked: bool, paid: Any, method: str, state: RefundState) -> None:
    reason = f"{marker_for(OURS)} broken" if marked else "broken"
    item = refund() | {"reason": reason, "refunded_payment": paid}
    (seen,) = refunds_from_api(order() | {"payment_method": method}, [item])
    assert (seen.state, seen.operation) == (state, str(OURS) if marked else None)


def test_our_marker_is_found_in_totals_too() -> None:
    listed = [{"id": 16, "reason": f"{marker_for(OURS)} x", "total": "-1.00"}]
    seen = order_from_payload(order() | {"refunds": listed, "payment_method": "stripe"}).refunds
    assert seen == (SeenRefund("16", 100, RefundState.UNCLEAR, operation=str(OURS)),)


def test_refunded_shipping_and_fees() -> None:
    meta = [{"key": "_refunded_item_id", "value": 4}]
    discount = [{"key": "_refunded_item_id", "value": "6"}]
    item = refund() | {
        "shipping_lines": [{"id": 31, "total": "-4.90", "total_tax": "-0.93", "meta_data": meta}],
        "fee_lines": [
            {"id": 32, "total": "2.00", "total_tax": "0.38", "meta_data": discount},
            {"id": 33, "total": "-1.00", "total_tax": "0.00", "meta_data": []},
        ],
    }
    (seen,) = refunds_from_api(order(), [item])
    assert seen.extras == {"4": 583, "6": -238}


def test_the_order_of_an_action() -> None:
    assert action_order_id(payload("webhook-action.woocommerce_order_refunded")) == "14"
    assert action_order_id({"action": "woocommerce_refund_created", "arg": 726}) is None


@pytest.mark.parametrize(
    "body",
    [{}, {"arg": 14}, {"action": "woocommerce_order_refunded"}, {"action": "woocommerce_order_refunded", "arg": "x"}],
)
def test_an_action_without_an_order(body: dict[str, Any]) -> None:
    with pytest.raises(UnreadablePayload):
        action_order_id(body)


@pytest.mark.parametrize(("method", "manual"), [("bacs", True), ("cod", True), (None, True), ("stripe", False)])
def test_manual_methods(method: str | None, manual: bool) -> None:
    assert is_manual_payment(method) is manual


_SCALARS: st.SearchStrategy[Any] = (
    st.none()
    | st.booleans()
    | st.integers()
    | st.floats(allow_nan=False, allow_infinity=False)
    | st.text(max_size=20)
    | st.sampled_from(["-", "", "1e5", "-0.00", "99999999999999.99", "1.123456", "0001-01-01T00:00:00", "9" * 40])
)
_VALUES = st.recursive(
    _SCALARS, lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(), inner, max_size=3)
)


def _paths(value: Any, path: tuple[Any, ...] = ()) -> list[tuple[Any, ...]]:
    children = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
    return [path, *(found for key, inner in children for found in _paths(inner, (*path, key)))]


def _replace(value: Any, path: tuple[Any, ...], new: Any) -> None:
    for key in path[:-1]:
        value = value[key]
    value[path[-1]] = new


_BASE = json.loads(raw_body("webhook-order.updated-after-partial-refund"))
_BASE["meta_data"].append({"key": "_wc_shipment_tracking_items", "value": [{"date_shipped": 1, "tracking_id": "x"}]})
_REFUND = json.loads(raw_body("rest-refund-create-201"))


@given(st.data(), st.lists(_VALUES, min_size=1, max_size=4))
def test_a_mutated_payload_is_read_or_unreadable(data: st.DataObject, values: list[Any]) -> None:
    mutant = json.loads(json.dumps({"order": _BASE, "refund": _REFUND}))
    for value in values:
        paths = [path for path in _paths(mutant) if len(path) > 1]
        _replace(mutant, data.draw(st.sampled_from(paths)), value)
    read = parse_object(json.dumps(mutant).encode())
    try:
        snapshot = order_from_payload(read["order"])
        seen = refunds_from_api(read["order"], [read["refund"]])
    except UnreadablePayload:
        return
    parts: list[Line | Extra] = [*snapshot.lines, *snapshot.extras]
    assert all(not part.taxes or sum(part.taxes.values()) == part.tax for part in parts)
    assert snapshot.captured in (0, snapshot.total)
    assert all(refund.amount >= 0 for refund in (*(snapshot.refunds or ()), *seen))
