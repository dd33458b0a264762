from __future__ import annotations

from contextlib import suppress
from datetime import UTC, datetime
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from app.orders.normalise_shopify import fulfilment_from_webhook, order_from_webhook, refund_from_webhook
from app.orders.reading import UnreadablePayload
from app.orders.snapshot import RefundState
from tests.orders.shopify_bodies import MARKED, both, order_body, refund_body
from tests.orders.shopify_damage import damaged

LINE = "12695210000533"


def test_an_order_is_read_in_the_customers_currency() -> None:
    order = order_from_webhook(order_body())

    assert (order.order_id, order.number, order.currency, order.exponent) == ("5196695273621", "#1106", "USD", 2)
    assert (order.total, order.captured, order.status) == (4329, 4329, "paid")
    assert (order.shop_currency, order.shop_exponent) == ("EUR", 2)
    assert (order.email, order.country, order.locale) == ("ana@example.com", "FR", "fr-FR")
    assert order.payment_method == "shopify_payments"
    assert order.placed_at == datetime(2026, 11, 2, 8, 14, 5, tzinfo=UTC)
    assert order.refunds == ()


def test_a_line_is_price_times_quantity_less_allocated_discounts() -> None:
    (line,) = order_from_webhook(order_body()).lines

    assert (line.line_id, line.title, line.quantity) == (LINE, "Lamp (Red)", 2)
    assert (line.total, line.tax, line.shop_total) == (3791, 658, 3498)
    assert (line.sku, line.vendor, line.product_id, line.variant_id) == ("LAMP-01", "Acme", "7", "42")


def test_tax_is_added_when_prices_exclude_it() -> None:
    order = order_from_webhook(order_body(taxes_included=False))

    assert order.lines[0].total == 3791 + 658
    assert order.lines[0].shop_total == 3498 + 607


def test_shipping_and_delivery_are_read() -> None:
    order = order_from_webhook(order_body())

    assert [(extra.line_id, extra.kind, extra.total) for extra in order.extras] == [("1", "shipping", 538)]
    (parcel,) = order.fulfilments
    assert parcel.delivered_at == datetime(2026, 11, 15, 15, 20, tzinfo=UTC)
    assert (parcel.status, parcel.carrier, parcel.lines) == ("delivered", "YunExpress", {LINE: 2})


def test_plain_fields_serve_when_both_currencies_are_the_same() -> None:
    body = order_body(presentment_currency="EUR", total_price_set=None)
    body["line_items"][0].update(price_set=None, discount_allocations=[{"amount": "5.00"}])

    order = order_from_webhook(body)

    assert (order.currency, order.total, order.lines[0].total) == ("EUR", 3994, 3498)


def test_plain_fields_are_not_taken_for_another_currency() -> None:
    body = order_body()
    body["line_items"][0]["price_set"] = None

    assert order_from_webhook(body).lines[0].total == 0


@pytest.mark.parametrize(
    ("status", "outstanding", "captured"),
    [
        ("paid", "0.00", 3994),
        ("partially_refunded", "0.00", 3994),
        ("refunded", "0.00", 3994),
        ("partially_paid", "10.00", 2994),
        ("partially_paid", None, 0),
        ("pending", "39.94", 0),
        ("authorized", "39.94", 0),
        ("voided", "0.00", 0),
    ],
)
def test_what_came_in_follows_the_financial_status(status: str, outstanding: str | None, captured: int) -> None:
    body = order_body(
        presentment_currency="EUR", total_price_set=None, financial_status=status, total_outstanding=outstanding
    )

    assert order_from_webhook(body).captured == captured


def test_units_removed_by_an_edit_are_no_longer_ordered_and_refunded_ones_still_are() -> None:
    removed = order_body()
    removed["line_items"][0]["current_quantity"] = 1
    refunded = order_body(refunds=[refund_body()])
    refunded["line_items"][0]["current_quantity"] = 1

    (left,), (kept,) = order_from_webhook(removed).lines, order_from_webhook(refunded).lines

    assert (left.quantity, left.total) == (1, 1896)
    assert (kept.quantity, kept.total) == (2, 3791)


def test_nothing_is_taken_for_removed_when_refunds_are_not_told() -> None:
    body = order_body(refunds=None)
    body["line_items"][0]["current_quantity"] = 1

    order = order_from_webhook(body)

    assert order.refunds is None
    assert order.lines[0].quantity == 2


def test_a_currency_without_decimals_keeps_the_digits_that_the_order_uses() -> None:
    body = order_body(currency="JPY", presentment_currency="JPY", total_price="1200", total_price_set=None)
    body["line_items"] = [{"id": 1, "quantity": 3, "price": "59.5"}]
    body["shipping_lines"], body["fulfillments"] = [], []

    order = order_from_webhook(body)

    assert (order.exponent, order.total, order.lines[0].total) == (1, 12000, 1785)


def test_a_refund_is_recognised_by_its_marker() -> None:
    order_id, refund = refund_from_webhook(refund_body())

    assert (order_id, refund.store_refund_id, refund.operation) == ("5196695273621", "975224602904", MARKED)
    assert (refund.amount, refund.state) == (1896, RefundState.SUCCEEDED)
    assert (refund.lines, refund.extras) == ({LINE: 1}, {})


@pytest.mark.parametrize(
    ("transactions", "state", "amount"),
    [
        ([("success", "10.00"), ("success", "5.00")], RefundState.SUCCEEDED, 1500),
        ([("success", "10.00"), ("pending", "5.00")], RefundState.PENDING, 1500),
        ([("success", "10.00"), ("failure", "5.00")], RefundState.UNCLEAR, 1000),
        ([("failure", "10.00"), ("error", "5.00")], RefundState.FAILED, 0),
        ([("shrug", "10.00")], RefundState.UNCLEAR, 0),
        ([], RefundState.NO_MONEY, 0),
    ],
)
def test_what_became_of_the_money(transactions: list[tuple[str, str]], state: RefundState, amount: int) -> None:
    paid = [{"kind": "refund", "status": each, "amount": text, "currency": "USD"} for each, text in transactions]

    _, refund = refund_from_webhook(refund_body(transactions=paid))

    assert (refund.state, refund.amount) == (state, amount)


def test_a_voided_authorisation_is_no_refund_of_money() -> None:
    voided = [{"kind": "void", "status": "success", "amount": "10.00", "currency": "USD"}]

    assert refund_from_webhook(refund_body(transactions=voided))[1].state is RefundState.NO_MONEY


def test_transactions_that_are_not_told_or_in_another_currency_are_unclear() -> None:
    body = order_body(refunds=[refund_body(transactions=None), refund_body()])
    body["refunds"][1]["transactions"][0]["currency"] = "EUR"

    refunds = order_from_webhook(body).refunds

    assert refunds is not None
    assert [each.state for each in refunds] == [RefundState.UNCLEAR, RefundState.UNCLEAR]


def test_refunded_shipping_falls_to_the_orders_shipping_line() -> None:
    adjusted = refund_body(
        order_adjustments=[
            {"kind": "shipping_refund", "amount": "-4.96", "amount_set": both("-4.96", "-5.38")},
            {"kind": "refund_discrepancy", "amount": "-1.00", "amount_set": both("-1.00", "-1.08")},
        ]
    )
    named = refund_body(refund_shipping_lines=[{"id": 9, "subtotal_amount_set": both("2.00", "2.17")}])

    refunds = order_from_webhook(order_body(refunds=[adjusted, named])).refunds

    assert refunds is not None
    assert [each.extras for each in refunds] == [{"1": 538}, {"1": 217}]
    assert refund_from_webhook(adjusted)[1].extras == {"shipping": 538}


def test_tax_on_refunded_shipping_counts_where_prices_exclude_it() -> None:
    shipped = refund_body(
        refund_shipping_lines=[{"subtotal_amount_set": both("2", "2.17"), "tax_amount_set": both("0.4", "0.43")}]
    )

    refunds = order_from_webhook(order_body(taxes_included=False, refunds=[shipped])).refunds

    assert refunds is not None
    assert refunds[0].extras == {"1": 260}


def test_a_parcel_update_names_its_order() -> None:
    order_id, parcel = fulfilment_from_webhook(order_body()["fulfillments"][0])
    _, lost = fulfilment_from_webhook({"id": 1, "order_id": 2, "status": "cancelled", "shipment_status": "delivered"})

    assert (order_id, parcel.fulfilment_id, parcel.tracking_number) == ("5196695273621", "8124554117426", "YT2631")
    assert lost.status == "cancelled"
    assert (parcel.updated_at, lost.updated_at) == (datetime(2026, 11, 15, 15, 20, tzinfo=UTC), None)


@pytest.mark.parametrize(
    "changes",
    [{"id": None}, {"created_at": "soon", "updated_at": None}, {"presentment_currency": "dollar", "currency": None}],
)
def test_only_what_nothing_can_be_done_without_is_unreadable(changes: dict[str, Any]) -> None:
    with pytest.raises(UnreadablePayload):
        order_from_webhook(order_body(**changes, total_price_set=None))


def test_the_least_order_is_readable() -> None:
    order = order_from_webhook({"id": 1, "currency": "EUR", "updated_at": "2026-11-20T10:00:00Z"})

    assert (order.number, order.lines, order.captured) == ("#1", (), 0)


@pytest.mark.parametrize("changes", [{"id": None}, {"order_id": None}])
def test_a_refund_needs_its_ids(changes: dict[str, Any]) -> None:
    with pytest.raises(UnreadablePayload):
        refund_from_webhook(refund_body(**changes))


def test_a_refund_with_money_in_no_currency_is_unreadable() -> None:
    with pytest.raises(UnreadablePayload):
        refund_from_webhook(refund_body(transactions=[{"kind": "refund", "amount": "1"}], refund_line_items=[]))


@settings(max_examples=300, deadline=None)
@given(st.data())
def test_damage_is_at_worst_unreadable(data: st.DataObject) -> None:
    body = data.draw(damaged(order_body(refunds=[refund_body()])))
    refund = data.draw(damaged(refund_body()))
    parcel = data.draw(damaged(order_body()["fulfillments"][0]))
    with suppress(UnreadablePayload):
        order = order_from_webhook(body)
        assert order.captured >= 0
        assert all(line.total >= 0 and line.quantity >= 0 for line in order.lines)
    with suppress(UnreadablePayload):
        refund_from_webhook(refund)
    with suppress(UnreadablePayload):
        fulfilment_from_webhook(parcel)
