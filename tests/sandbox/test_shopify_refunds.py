"""refundCreate of the sandbox's Shopify shop: money, refusals, pending money."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

import pytest

from app.sandbox.faults import Fault, FaultKind
from app.sandbox.shopify.answers import Refused
from app.sandbox.shopify.book import LineSpec
from app.sandbox.shopify.idempotency import MoneyOutcome
from app.sandbox.shopify.values import gid
from tests.sandbox.shopify_kit import (
    BULB,
    LAMP,
    MONEY,
    World,
    line_input,
    made,
    money_input,
    refund_input,
    refused,
    served,
    two_payments,
)

STATUS = f"""
query Status($id: ID!) {{
  refund(id: $id) {{
    note totalRefundedSet {MONEY}
    transactions(first: 5) {{ nodes {{ kind status errorCode parentTransaction {{ id }} }} }}
    orderAdjustments(first: 5) {{ nodes {{ reason amountSet {MONEY} }} }}
    refundLineItems(first: 5) {{ nodes {{ quantity restockType subtotalSet {MONEY} totalTaxSet {MONEY} }} }}
    refundShippingLines(first: 5) {{ nodes {{ subtotalAmountSet {MONEY} taxAmountSet {MONEY} }} }}
    order {{ displayFinancialStatus totalRefundedSet {MONEY} netPaymentSet {MONEY} lineItems(first: 1) {{
      nodes {{ refundableQuantity currentQuantity }}
    }} }}
  }}
}}"""


def status(world: World, refund: Any) -> Any:
    return world.data(STATUS, {"id": refund["id"]})["refund"]


def presentment(bag: Any) -> str:
    amount: str = bag["presentmentMoney"]["amount"]
    return amount


def test_a_refund_moves_money_in_the_customers_currency() -> None:
    with served(currency="CAD") as world:
        order = world.shop.create_order([LAMP], currency="USD", rate="0.7042", shipping="4.00", shipping_tax_rate="0.2")
        body = world.pay(refund_input(order, "12.00", shipping={"amount": "2.00"}), "k")
        refund = made(body)
        assert refund["note"] == "[makegood:test] refund"
        assert refund["totalRefundedSet"] == {
            "shopMoney": {"amount": "17.04", "currencyCode": "CAD"},
            "presentmentMoney": {"amount": "12.0", "currencyCode": "USD"},
        }
        (move,) = refund["transactions"]["nodes"]
        assert (move["kind"], move["status"], move["gateway"]) == ("REFUND", "SUCCESS", "shopify_payments")
        assert body["data"]["refundCreate"]["order"]["displayFinancialStatus"] == "PARTIALLY_REFUNDED"
        shown = status(world, refund)
        assert shown["orderAdjustments"]["nodes"] == []
        line, shipped = shown["refundLineItems"]["nodes"][0], shown["refundShippingLines"]["nodes"][0]
        assert (presentment(line["subtotalSet"]), presentment(line["totalTaxSet"])) == ("10.0", "1.67")
        assert presentment(shipped["taxAmountSet"]) == "0.33"
        assert shown["order"]["lineItems"]["nodes"][0] == {"refundableQuantity": 1, "currentQuantity": 1}
        assert world.shop.refunded_total(order.id) == Decimal("12.00")


def test_partial_refunds_add_up_to_the_whole() -> None:
    line = LineSpec(sku="A", title="A", price="3.34", quantity=3, discount="0.02", tax_rate="0.19")
    with served() as world:
        order = world.shop.create_order([line], taxes_included=False)
        for _ in range(3):
            world.shop.refund_by_hand(order.id, {order.lines[0].id: 1})
        assert world.shop.refunded_total(order.id) == order.total == Decimal("11.90")
        assert [refund.discrepancy for refund in world.shop.refunds(order.id)] == [0, 0, 0]


def test_less_money_than_the_lines_is_a_discrepancy() -> None:
    with served() as world:
        order = world.shop.create_order([LAMP])
        less = made(world.pay(refund_input(order, "7.50", discrepancyReason="DAMAGE"), "k1"))
        (adjustment,) = status(world, less)["orderAdjustments"]["nodes"]
        assert (adjustment["reason"], presentment(adjustment["amountSet"])) == ("DAMAGE", "2.5")
        goodwill = made(world.pay(refund_input(order, "1.00", refundLineItems=[]), "k2"))
        (adjustment,) = status(world, goodwill)["orderAdjustments"]["nodes"]
        assert (adjustment["reason"], presentment(adjustment["amountSet"])) == ("REFUND_DISCREPANCY", "-1.0")


def test_lines_without_transactions_make_a_record_and_move_nothing() -> None:
    with served() as world:
        order = world.shop.create_order([LAMP])
        refund = made(world.pay(refund_input(order, "0", transactions=[]), "k"))
        assert refund["transactions"]["nodes"] == []
        assert presentment(refund["totalRefundedSet"]) == "0.0"
        shown = status(world, refund)
        assert shown["order"]["displayFinancialStatus"] == "PAID"
        assert shown["order"]["lineItems"]["nodes"][0]["refundableQuantity"] == 1
        assert world.shop.refunded_total(order.id) == 0


def test_card_and_gift_card_are_refunded_apart() -> None:
    with served() as world:
        order = world.shop.create_order([LAMP], payments=two_payments())
        both = [money_input(order, "10.00", 0), money_input(order, "2.00", 1, gateway="whatever")]
        refund = made(world.pay(refund_input(order, "", transactions=both), "k"))
        assert [item["gateway"] for item in refund["transactions"]["nodes"]] == ["shopify_payments", "gift_card"]
        more = refused(world.pay(refund_input(order, "1.00"), "k2"))
        assert more["field"] == ["transactions"], "the card has nothing left, the order has"


def test_store_credit_needs_no_parent() -> None:
    with served() as world:
        order = world.shop.create_order([LAMP])
        credit = [{"storeCreditRefund": {"amount": {"amount": "10.00", "currencyCode": "EUR"}}}]
        refund = made(world.pay(refund_input(order, "", transactions=[], refundMethods=credit), "k"))
        assert [item["gateway"] for item in refund["transactions"]["nodes"]] == ["shopify_store_credit"]
        assert world.shop.refunded_total(order.id) == 10


@pytest.mark.parametrize(
    ("change", "field", "message"),
    [
        (lambda order: {"orderId": gid("Order", 7)}, ["orderId"], "Order does not exist"),
        (
            lambda order: {"refundLineItems": [line_input(order, 1), line_input(order, 0, 3)]},
            ["refundLineItems", "1", "quantity"],
            "Quantity cannot refund more items than were purchased",
        ),
        (
            lambda order: {"refundLineItems": [line_input(order, 0, 2), line_input(order, 0, 1)]},
            ["refundLineItems", "1", "quantity"],
            "Quantity cannot refund more items than were purchased",
        ),
        (
            lambda order: {"transactions": [money_input(order, "1.00", kind="AUTHORIZATION")]},
            ["transactions"],
            "Kind authorization is not a valid transaction",
        ),
        (
            lambda order: {"transactions": [money_input(order, "1.00", parentId=gid("OrderTransaction", 7))]},
            ["transactions"],
            "Transactions require a parent_id associated with the order",
        ),
        (
            lambda order: {"transactions": [money_input(order, "1.00", parentId=None)]},
            ["transactions"],
            "Transactions require a parent_id associated with the order",
        ),
        (
            lambda order: {"transactions": [money_input(order, "1.001")]},
            ["transactions"],
            "Amount has more digits than EUR allows",
        ),
        (
            lambda order: {"transactions": [money_input(order, "-1.00")]},
            ["transactions"],
            "Amount must be greater than or equal to 0",
        ),
        (
            lambda order: {"shipping": {"amount": "0.01"}},
            ["shipping"],
            "Shipping refund is more than the shipping left to refund",
        ),
        (
            lambda order: {"refundLineItems": [{"lineItemId": gid("LineItem", 7), "quantity": 1}]},
            ["refundLineItems", "0", "lineItemId"],
            "Line item does not belong to the order",
        ),
        (
            lambda order: {"refundLineItems": [line_input(order, 0, 0)]},
            ["refundLineItems", "0", "quantity"],
            "Quantity must be greater than 0",
        ),
    ],
)
def test_refusals(change: Any, field: list[str], message: str) -> None:
    with served() as world:
        order = world.shop.create_order([LAMP, BULB])
        body = world.pay(refund_input(order, "10.00", **change(order)), "k")
        assert refused(body) == {"field": field, "message": message}
        assert world.shop.refunds(order.id) == []
        (call,) = world.shop.money_calls
        assert (call.outcome, call.detail) == (MoneyOutcome.REFUSED, message)


def test_an_over_refund_names_the_net_payment_and_shows_the_order() -> None:
    with served(currency="JPY") as world:
        order = world.shop.create_order([LineSpec(sku="A", title="A", price="1500")])
        world.shop.refund_by_hand(order.id, amount="300")
        body = world.pay(refund_input(order, "1201", allowOverRefunding=True), "k")
        assert refused(body) == {
            "field": None,
            "message": "Refund amount $1201 is greater than net payment received $1200",
        }
        assert body["data"]["refundCreate"]["order"]["id"] == order.gid
    with served() as world:
        order = world.shop.create_order([LineSpec(sku="A", title="A", price="15.00")])
        body = world.pay(refund_input(order, "25.00"), "k")
        assert refused(body)["message"] == "Refund amount $25.00 is greater than net payment received $15.00"


def test_the_currency_is_the_customers() -> None:
    with served() as world:
        order = world.shop.create_order([LAMP], currency="USD", rate="1.25")
        wrong = world.pay(refund_input(order, "10.00", currency="EUR"), "k1")
        assert wrong["errors"][0]["extensions"]["code"] == "CURRENCY_CODE_INVALID"
        assert wrong["data"] == {"refundCreate": None}
        missing = refund_input(order, "10.00")
        del missing["currency"]
        assert refused(world.pay(missing, "k2"))["field"] == ["currency"]
        assert world.shop.refunds(order.id) == []
        same = world.shop.create_order([LAMP])
        plain = refund_input(same, "10.00")
        del plain["currency"]
        assert made(world.pay(plain, "k3"))


def test_what_the_schema_refuses() -> None:
    with served() as world:
        order = world.shop.create_order([LAMP])
        for wrong in (
            refund_input(order, "1,50"),
            refund_input(order, "1e1"),
            refund_input(order, "10.00", currency="XXX"),
            refund_input(order, "10.00", reason="x"),
        ):
            body = world.pay(wrong, "k")
            assert body["errors"][0]["extensions"]["code"] == "INVALID_VARIABLE"
            assert "data" not in body
        body = world.pay(refund_input(order, "10.00", orderId=gid("Return", order.id)), "k")
        assert body["errors"][0]["extensions"]["code"] == "RESOURCE_NOT_FOUND"
        with_code = "mutation M($i: RefundInput!) { refundCreate(input: $i) { userErrors { code } } }"
        assert world.run(with_code, {"i": refund_input(order, "1")})["errors"][0]["extensions"] == {
            "code": "undefinedField"
        }
        assert world.shop.refunds(order.id) == []


@pytest.mark.parametrize(
    ("ok", "end", "code", "total"), [(True, "SUCCESS", None, 10), (False, "FAILURE", "PROCESSING_ERROR", 0)]
)
def test_pending_money_is_decided_later(ok: bool, end: str, code: str | None, total: int) -> None:
    with served() as world:
        order = world.shop.create_order([LAMP])
        world.subscribe("ORDER_TRANSACTIONS_CREATE")
        world.shop.faults.add("refundCreate", Fault(FaultKind.PENDING))
        refund = made(world.pay(refund_input(order, "10.00"), "k"))
        assert refund["transactions"]["nodes"][0]["status"] == "PENDING"
        assert [world.shop.refunded_total(order.id), world.shop.pending_total(order.id)] == [0, 10]
        assert refused(world.pay(refund_input(order, "10.01", refundLineItems=[]), "k2")), "pending money is not free"
        assert world.delivered() == []
        world.shop.settle_pending(refund["id"], ok)
        shown = status(world, refund)["transactions"]["nodes"][0]
        assert (shown["status"], shown["errorCode"]) == (end, code)
        assert [world.shop.refunded_total(order.id), world.shop.pending_total(order.id)] == [total, 0]
        assert world.delivered() == ["order_transactions/create"]
        assert world.inbox.last("order_transactions/create").body["status"] == end.lower()


def test_money_that_fails_after_the_answer() -> None:
    with served() as world:
        order = world.shop.create_order([LAMP])
        world.shop.faults.add("refundCreate", Fault(FaultKind.FAIL_LATER))
        refund = made(world.pay(refund_input(order, "10.00"), "k"))
        assert refund["transactions"]["nodes"][0]["status"] == "PENDING"
        assert status(world, refund)["transactions"]["nodes"][0]["status"] == "FAILURE"
        assert world.shop.refunded_total(order.id) == 0


def test_a_full_refund_by_hand() -> None:
    with served() as world:
        order = world.shop.create_order([LAMP], shipping="4.00")
        refund = world.shop.refund_by_hand(order.id, {order.lines[0].id: 2}, shipping="4.00")
        assert (refund.note, refund.money) == ("Refunded by the merchant", Decimal("24.00"))
        body = world.data(
            "query Q($id: ID!) { order(id: $id) { displayFinancialStatus refundable } }", {"id": order.gid}
        )
        assert body["order"] == {"displayFinancialStatus": "REFUNDED", "refundable": False}
        with pytest.raises(Refused, match="greater than net payment"):
            world.shop.refund_by_hand(order.id, amount="0.01")
        with pytest.raises(KeyError):
            world.shop.refund_by_hand(order.id, {1: 1})
