from __future__ import annotations

from contextlib import suppress
from datetime import UTC, datetime
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from app.orders.normalise_shopify_api import TRANSACTIONS_ASKED, order_from_api
from app.orders.reading import UnreadablePayload
from app.orders.snapshot import RefundState
from tests.orders.shopify_bodies import MARKED, bag, order_node
from tests.orders.shopify_damage import damaged

LINE = "12695210000533"


def test_an_order_is_read_in_the_customers_currency() -> None:
    order = order_from_api(order_node())

    assert (order.order_id, order.number, order.currency, order.exponent) == ("5196695273621", "#1106", "USD", 2)
    assert (order.total, order.captured, order.status) == (4329, 4329, "partially_refunded")
    assert (order.shop_currency, order.country, order.locale) == ("EUR", "FR", "fr-FR")
    assert order.payment_method == "shopify_payments,gift_card"
    assert not order.disputed


def test_a_line_is_exact_and_keeps_refunded_units() -> None:
    (line,) = order_from_api(order_node()).lines

    assert (line.line_id, line.title, line.quantity) == (LINE, "Lamp", 2)
    assert (line.total, line.tax, line.shop_total) == (3791, 658, 3498)


def test_the_approximate_price_serves_when_discounts_are_not_told() -> None:
    node = order_node()
    del node["lineItems"]["nodes"][0]["discountAllocations"]

    order = order_from_api(node)

    assert (order.exponent, order.lines[0].total) == (2, 3791)


def test_units_removed_by_an_edit_are_no_longer_ordered() -> None:
    (line,) = order_from_api(order_node(refunds=[])).lines

    assert (line.quantity, line.total, line.tax) == (1, 1896, 329)


def test_refunds_parcels_and_shipping_are_read() -> None:
    order = order_from_api(order_node())

    assert order.refunds is not None
    (refund,) = order.refunds
    assert (refund.store_refund_id, refund.operation, refund.state) == ("975224602904", MARKED, RefundState.SUCCEEDED)
    assert (refund.amount, refund.shop_amount, refund.lines, refund.extras) == (1896, 1749, {LINE: 1}, {})
    assert order.extras[0].total == 538
    assert order.fulfilments[0].delivered_at == datetime(2026, 11, 15, 15, 20, tzinfo=UTC)
    assert order.fulfilments[0].updated_at == datetime(2026, 11, 15, 15, 21, tzinfo=UTC)
    assert order.fulfilments[0].lines == {LINE: 2}


def test_lines_that_did_not_fit_are_not_told_at_all() -> None:
    node = order_node()
    node["refunds"][0]["refundLineItems"]["pageInfo"]["hasNextPage"] = True
    node["fulfillments"][0]["fulfillmentLineItems"]["pageInfo"]["hasNextPage"] = True

    order = order_from_api(node)

    assert order.refunds is not None
    assert order.refunds[0].lines is None
    assert order.fulfilments[0].lines == {}
    assert order.lines[0].quantity == 2


def test_a_refund_whose_transactions_cannot_be_seen_stays_counted() -> None:
    node = order_node()
    node["refunds"][0]["transactions"] = {"nodes": []}

    refunds = order_from_api(node).refunds

    assert refunds is not None
    assert (refunds[0].state, refunds[0].amount, refunds[0].shop_amount) == (RefundState.UNCLEAR, 1896, 1749)


def test_refunded_shipping_names_its_line() -> None:
    node = order_node(taxesIncluded=False)
    node["refunds"][0]["refundShippingLines"]["nodes"] = [
        {
            "shippingLine": {"id": "gid://shopify/ShippingLine/1"},
            "subtotalAmountSet": bag("2", "2.17"),
            "taxAmountSet": bag("0.4", "0.43"),
        }
    ]

    refunds = order_from_api(node).refunds

    assert refunds is not None
    assert refunds[0].extras == {"1": 260}


@pytest.mark.parametrize(
    ("status", "disputed", "charged_back"),
    [
        ("NEEDS_RESPONSE", True, False),
        ("UNDER_REVIEW", True, False),
        ("SOMETHING_NEW", True, False),
        ("LOST", False, True),
        ("ACCEPTED", False, True),
        ("CHARGE_REFUNDED", False, True),
        ("WON", False, False),
        ("PREVENTED", False, False),
    ],
)
def test_only_a_dispute_won_or_prevented_is_harmless(status: str, disputed: bool, charged_back: bool) -> None:
    order = order_from_api(order_node(disputes=[{"id": "1", "status": status}]))
    assert (order.disputed, order.charged_back) == (disputed, charged_back)
    assert order.disputes_won is not (disputed or charged_back)


def test_what_disputes_are_over_is_told_by_their_ids() -> None:
    states = {"1": "WON", "2": "NEEDS_RESPONSE", "3": "LOST", "4": "UNDER_REVIEW", "5": "PREVENTED"}
    disputes = [{"id": f"gid://shopify/ShopifyPaymentsDispute/{key}", "status": one} for key, one in states.items()]
    assert order_from_api(order_node(disputes=disputes)).disputes_ended == ("1", "3", "5")


def test_disputes_are_won_when_there_were_some_and_none_is_open() -> None:
    won, opened = {"id": "1", "status": "WON"}, {"id": "2", "status": "NEEDS_RESPONSE"}
    assert not order_from_api(order_node(disputes=[won, opened])).disputes_won
    assert not order_from_api(order_node(disputes=[])).disputes_won


def test_a_list_of_transactions_that_may_be_cut_gives_way_to_the_total() -> None:
    node = order_node(totalReceivedSet=bag("90", "97.50"))
    node["transactions"] = node["transactions"][:1] * TRANSACTIONS_ASKED

    assert order_from_api(node).captured == 9750


@pytest.mark.parametrize(
    "changes",
    [
        {"id": None},
        {"createdAt": None, "updatedAt": "x"},
        {"presentmentCurrencyCode": None, "currencyCode": "??"},
    ],
)
def test_only_what_nothing_can_be_done_without_is_unreadable(changes: dict[str, Any]) -> None:
    with pytest.raises(UnreadablePayload):
        order_from_api(order_node(**changes))


@settings(max_examples=300, deadline=None)
@given(st.data())
def test_damage_is_at_worst_unreadable(data: st.DataObject) -> None:
    node = data.draw(damaged(order_node()))
    with suppress(UnreadablePayload):
        order = order_from_api(node)
        assert order.captured >= 0
        assert all(line.total >= 0 and line.quantity >= 0 for line in order.lines)
