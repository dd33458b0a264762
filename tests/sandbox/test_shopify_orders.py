"""Orders of the sandbox's Shopify shop, as GraphQL shows them."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest

from app.clock import MovableClock
from app.sandbox.shopify.book import LineSpec, PaymentSpec
from app.sandbox.shopify.state import Order
from app.sandbox.shopify.values import gid
from tests.sandbox.shopify_kit import BULB, LAMP, MONEY, World, line_input, served, two_payments

LOOKUP = f"""
query Order($id: ID!) {{
  order(id: $id) {{
    id legacyResourceId name email customerLocale taxesIncluded currencyCode presentmentCurrencyCode
    displayFinancialStatus displayFulfillmentStatus returnStatus refundable
    totalPriceSet {MONEY} totalTaxSet {MONEY} totalReceivedSet {MONEY}
    customer {{ id }} shippingAddress {{ countryCodeV2 }} disputes {{ id status initiatedAs }}
    lineItems(first: 10) {{ nodes {{
      id sku vendor quantity refundableQuantity unfulfilledQuantity taxLines {{ rate priceSet {MONEY} }}
      discountedUnitPriceAfterAllDiscountsSet {MONEY} discountAllocations {{ allocatedAmountSet {MONEY} }}
      before: discountedTotalSet {MONEY} after: discountedTotalSet(withCodeDiscounts: true) {MONEY}
    }} }}
    shippingLines(first: 5) {{ nodes {{ originalPriceSet {MONEY} }} }}
    fulfillments(first: 5) {{
      displayStatus deliveredAt trackingInfo(first: 1) {{ company number }}
      fulfillmentLineItems(first: 5) {{ nodes {{ quantity lineItem {{ id }} }} }}
    }}
    transactions(first: 5) {{ id kind status gateway amountSet {MONEY} }}
  }}
}}"""


def look_up(world: World, order: Order) -> Any:
    return world.data(LOOKUP, {"id": order.gid})["order"]


def amounts(bag: Any) -> tuple[str, str]:
    return bag["shopMoney"]["amount"], bag["presentmentMoney"]["amount"]


def test_an_order_in_a_foreign_currency_shows_both() -> None:
    with served() as world:
        order = world.shop.create_order(
            [LAMP, BULB], currency="USD", rate="1.25", shipping="4.00", payments=two_payments(), locale="he"
        )
        shown = look_up(world, order)
        assert order.id > 2**31
        assert shown["legacyResourceId"] == order.id
        assert (shown["currencyCode"], shown["presentmentCurrencyCode"]) == ("EUR", "USD")
        assert amounts(shown["totalPriceSet"]) == ("23.2", "29.0")
        assert amounts(shown["totalTaxSet"]) == ("2.66", "3.33")
        assert [amounts(item["amountSet"])[1] for item in shown["transactions"]] == ["19.0", "10.0"]
        assert [item["gateway"] for item in shown["transactions"]] == ["shopify_payments", "gift_card"]
        assert [line["vendor"] for line in shown["lineItems"]["nodes"]] == ["Acme", "Bright"]
        assert shown["customerLocale"] == "he"
        assert shown["shippingAddress"] == {"countryCodeV2": "FR"}


def test_discounts_and_taxes_on_top() -> None:
    line = LineSpec(
        sku="A", title="A", price="10.00", quantity=3, discount="3.00", code_discount="6.00", tax_rate="0.10"
    )
    with served() as world:
        shown = look_up(world, world.shop.create_order([line], taxes_included=False))
        goods = shown["lineItems"]["nodes"][0]
        assert amounts(goods["before"])[1] == "27.0"
        assert amounts(goods["after"])[1] == "21.0"
        assert amounts(goods["discountedUnitPriceAfterAllDiscountsSet"])[1] == "7.0"
        assert [amounts(part["allocatedAmountSet"])[1] for part in goods["discountAllocations"]] == ["3.0", "6.0"]
        assert amounts(goods["taxLines"][0]["priceSet"])[1] == "2.1"
        assert amounts(shown["totalPriceSet"])[1] == "23.1"
        assert shown["taxesIncluded"] is False


@pytest.mark.parametrize(
    ("currency", "price", "shown"), [("JPY", "1500", "1500.0"), ("KWD", "1.234", "1.234"), ("EUR", "10.00", "10.0")]
)
def test_currencies_have_their_own_digits(currency: str, price: str, shown: str) -> None:
    with served(currency=currency) as world:
        order = world.shop.create_order([LineSpec(sku="A", title="A", price=price)])
        assert amounts(look_up(world, order)["totalPriceSet"]) == (shown, shown)


def test_financial_status_follows_the_payments() -> None:
    with served() as world:
        partly = world.shop.create_order([LAMP], payments=[PaymentSpec(amount="5.00")])
        orders = [world.shop.create_order([LAMP], financial_status=word) for word in ("paid", "authorized", "pending")]
        shown = [look_up(world, order) for order in (*orders, partly)]
        assert [item["displayFinancialStatus"] for item in shown] == ["PAID", "AUTHORIZED", "PENDING", "PARTIALLY_PAID"]
        assert [item["refundable"] for item in shown] == [True, False, False, True]


def test_parcels_and_their_delivery() -> None:
    with served() as world:
        order = world.shop.create_order([LAMP, BULB])
        world.shop.fulfil(order.id, {order.lines[0].id: 1}, number="T1")
        shown = look_up(world, order)
        assert shown["displayFulfillmentStatus"] == "PARTIALLY_FULFILLED"
        assert shown["lineItems"]["nodes"][0]["unfulfilledQuantity"] == 1
        world.shop.fulfil(order.gid)
        world.shop.deliver(str(order.id))
        shown = look_up(world, order)
        first, second = shown["fulfillments"]
        assert shown["displayFulfillmentStatus"] == "FULFILLED"
        assert first["trackingInfo"] == [{"company": "Colissimo", "number": "T1"}]
        assert first["deliveredAt"].endswith("Z")
        assert [line["quantity"] for line in second["fulfillmentLineItems"]["nodes"]] == [1, 1]
        with pytest.raises(ValueError, match="more units"):
            world.shop.fulfil(order.id, {order.lines[0].id: 1})


def test_disputes_show_until_they_end() -> None:
    with served() as world:
        order = world.shop.create_order([LAMP])
        world.shop.open_dispute(order.id)
        assert look_up(world, order)["disputes"][0]["status"] == "NEEDS_RESPONSE"
        world.shop.close_dispute(order.id, "LOST")
        assert look_up(world, order)["disputes"][0]["status"] == "LOST"


def test_orders_are_searched_and_paged() -> None:
    clock = MovableClock()
    query = """query Q($query: String, $after: String, $first: Int) {
      orders(first: $first, after: $after, query: $query, sortKey: UPDATED_AT) {
        nodes { name } pageInfo { hasNextPage endCursor }
      } }"""
    with served(clock=clock) as world:
        early = world.shop.create_order([LAMP], number=1106, email="x@example.com")
        for _ in range(3):
            clock.move(timedelta(minutes=1))
            world.shop.create_order([LAMP])

        def names(text: str, first: int = 10, after: str | None = None) -> list[str]:
            found = world.data(query, {"query": text, "first": first, "after": after})["orders"]
            return [node["name"] for node in found["nodes"]]

        assert names("name:#1106") == names("name:'1106'") == names('name:"#1106"') == names("#1106") == ["#1106"]
        assert names("name:#110") == []
        assert names("email:x@example.com") == ["#1106"]
        assert names(f"id:{early.id}") == ["#1106"]
        assert names("colour:red name:#1106") == ["#1106"], "a field that cannot be searched is ignored"
        clock.move(timedelta(minutes=1))
        since = clock.now().isoformat()
        world.shop.cancel_order(early.id)
        assert names(f"updated_at:>='{since}'") == ["#1106"]
        assert names(f"updated_at:<'{since}' AND created_at:<='{since}'") == ["#1001", "#1002", "#1003"]
        page = world.data(query, {"query": None, "first": 3})["orders"]
        assert page["pageInfo"]["hasNextPage"] is True
        assert names("", 3, page["pageInfo"]["endCursor"]) == ["#1106"]


def test_lists_need_a_length() -> None:
    with served() as world:
        body = world.run("{ orders { nodes { id } } }")
        assert body["errors"][0]["message"] == "you must provide one of first or last"
        assert world.run("{ orders(first: 251) { nodes { id } } }")["errors"]


def test_ids_of_another_type_and_unknown_ones() -> None:
    query = "query Q($id: ID!) { order(id: $id) { id } }"
    with served() as world:
        order = world.shop.create_order([LAMP])
        for wrong in (gid("Return", order.id), str(order.id)):
            body = world.run(query, {"id": wrong})
            assert body["data"] == {"order": None}
            assert body["errors"][0]["message"] == f"Invalid id: {wrong}"
            assert body["errors"][0]["extensions"]["code"] == "RESOURCE_NOT_FOUND"
        assert world.data(query, {"id": gid("Order", 1)}) == {"order": None}


SUGGEST = f"""
query S($id: ID!, $lines: [RefundLineItemInput!], $shipping: Money, $full: Boolean, $how: RefundMethodAllocation) {{
  order(id: $id) {{
    suggestedRefund(
      refundLineItems: $lines, shippingAmount: $shipping, suggestFullRefund: $full, refundMethodAllocation: $how
    ) {{
      amountSet {MONEY} maximumRefundableSet {MONEY} totalTaxSet {MONEY} totalCartDiscountAmountSet {MONEY}
      shipping {{ amountSet {MONEY} maximumRefundableSet {MONEY} }}
      suggestedTransactions {{ kind gateway amountSet {MONEY} parentTransaction {{ id kind }} }}
      suggestedRefundMethods {{ __typename amount {MONEY} }}
      refundLineItems {{ quantity lineItem {{ id }} subtotalSet {MONEY} totalTaxSet {MONEY} }}
    }}
  }}
}}"""


def suggest(world: World, order: Order, **asked: Any) -> Any:
    return world.data(SUGGEST, {"id": order.gid, **asked})["order"]["suggestedRefund"]


def test_suggests_lines_with_their_discounts_and_payments() -> None:
    line = LineSpec(sku="A", title="A", price="10.00", quantity=3, code_discount="1.00", tax_rate="0.20")
    with served() as world:
        order = world.shop.create_order([line], shipping="4.00", payments=two_payments())
        shown = suggest(world, order, lines=[line_input(order, quantity=2)], shipping="1.50")
        assert amounts(shown["amountSet"])[1] == "20.83"
        assert amounts(shown["totalTaxSet"])[1] == "3.22"
        assert amounts(shown["totalCartDiscountAmountSet"])[1] == "0.67"
        assert amounts(shown["maximumRefundableSet"])[1] == "33.0"
        assert amounts(shown["shipping"]["maximumRefundableSet"])[1] == "4.0"
        assert [item["kind"] for item in shown["suggestedTransactions"]] == ["SUGGESTED_REFUND"]
        full = suggest(world, order, full=True)
        parts = [(item["gateway"], amounts(item["amountSet"])[1]) for item in full["suggestedTransactions"]]
        assert parts == [("shopify_payments", "23.0"), ("gift_card", "10.0")]
        assert full["suggestedTransactions"][0]["parentTransaction"]["kind"] == "SALE"


def test_suggests_no_more_than_is_left() -> None:
    with served() as world:
        order = world.shop.create_order([LAMP], shipping="4.00")
        world.shop.refund_by_hand(order.id, {order.lines[0].id: 1}, shipping="3.00")
        shown = suggest(world, order, lines=[line_input(order, quantity=2)], shipping="4.00")
        assert shown["refundLineItems"][0]["quantity"] == 1
        assert amounts(shown["amountSet"])[1] == "11.0"


def test_suggests_store_credit() -> None:
    with served() as world:
        order = world.shop.create_order([LAMP])
        shown = suggest(world, order, lines=[line_input(order)], how="STORE_CREDIT")
        assert shown["suggestedTransactions"] == []
        method = shown["suggestedRefundMethods"][0]
        assert (method["__typename"], amounts(method["amount"])[1]) == ("SuggestedStoreCreditRefund", "10.0")
