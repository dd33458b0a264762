from __future__ import annotations

import json
from dataclasses import replace
from decimal import Decimal
from typing import Any

import httpx
import pytest
import respx

from app.money import Money
from app.orders.snapshot import Extra, RefundState, SeenRefund
from app.stores.asked import RefundLine
from app.stores.base import RefundNotPossible
from tests.stores.shopify_shop import (
    LINE,
    ORDER_GID,
    REFUND_ID,
    Shop,
    an_intent,
    an_order,
    data,
    make_store,
    payment,
    suggestion,
)

pytestmark = pytest.mark.respx(assert_all_called=False)


async def test_the_request_is_built_from_the_suggestion(respx_mock: respx.Router) -> None:
    shop = Shop(respx_mock).on("SuggestedRefund", suggestion("43.29", payment(1, "18.96", "43.29")))

    made = await make_store().prepare_refund(an_intent(), an_order())

    assert shop.asked("SuggestedRefund") == [
        {
            "orderId": ORDER_GID,
            "lines": [{"lineItemId": f"gid://shopify/LineItem/{LINE}", "quantity": 1, "restockType": "NO_RESTOCK"}],
            "shippingAmount": "0.00",
            "alloc": "ORIGINAL_PAYMENT_METHODS",
            "full": False,
        }
    ]
    assert made.amount == Money(1896, "USD", 2)
    assert made.payload == {
        "idempotencyKey": str(REFUND_ID),
        "input": {
            "orderId": ORDER_GID,
            "currency": "USD",
            "note": f"[makegood:{REFUND_ID}] supplier confirmed",
            "notify": True,
            "refundLineItems": shop.asked("SuggestedRefund")[0]["lines"],
            "transactions": [
                {
                    "orderId": ORDER_GID,
                    "parentId": "gid://shopify/OrderTransaction/1",
                    "gateway": "shopify_payments",
                    "kind": "REFUND",
                    "amount": "18.96",
                }
            ],
        },
    }


@pytest.mark.parametrize(
    ("minor", "payments", "parts"),
    [
        (1896, [payment(1, "18.96", "30.00"), payment(2, "0.00", "13.29")], {"1": "18.96"}),
        (4329, [payment(1, "30.00", "30.00"), payment(2, "13.29", "13.29")], {"1": "30.00", "2": "13.29"}),
        (3500, [payment(1, "10.00", "30.00"), payment(2, "5.00", "13.29")], {"1": "30.00", "2": "5.00"}),
        (
            1896,
            [payment(1, "0.00", "5.00"), payment(2, "0.00", None), payment(3, "0.00", "40")],
            {"1": "5.00", "3": "13.96"},
        ),
        (9900, [payment(1, "43.29", "43.29")], {"1": "43.29"}),
    ],
)
async def test_the_amount_is_split_over_the_payments(
    respx_mock: respx.Router, minor: int, payments: list[dict[str, Any]], parts: dict[str, str]
) -> None:
    Shop(respx_mock).on("SuggestedRefund", suggestion("43.29", *payments))

    made = await make_store().prepare_refund(an_intent(minor), an_order())

    sent = made.payload["input"]["transactions"]
    assert {each["parentId"].rsplit("/", 1)[-1]: each["amount"] for each in sent} == parts
    assert sum(Decimal(part) for part in parts.values()) == Decimal(made.amount.text)


@pytest.mark.parametrize(("included", "asked"), [(True, "5.00"), (False, "4.20")])
async def test_shipping_is_named_without_the_tax_that_shopify_adds(
    respx_mock: respx.Router, included: bool, asked: str
) -> None:
    shop = Shop(respx_mock).on("SuggestedRefund", suggestion("43.29", payment(1, "23.96", "43.29", None)))

    made = await make_store(notify=False).prepare_refund(
        an_intent(2396, shipping=500, tax=80), an_order(taxesIncluded=included)
    )

    assert shop.asked("SuggestedRefund")[0]["shippingAmount"] == asked
    assert made.payload["input"]["shipping"] == {"amount": asked}
    assert made.payload["input"]["notify"] is False
    assert made.payload["input"]["transactions"][0]["gateway"] == "parents_own"


async def test_an_amount_alone_asks_for_the_payments_of_the_whole_order(respx_mock: respx.Router) -> None:
    shop = Shop(respx_mock).on("SuggestedRefund", suggestion("43.29", payment(1, "43.29", "43.29")))

    made = await make_store().prepare_refund(an_intent(500, lines=(), reason="x" * 999), an_order())

    assert shop.asked("SuggestedRefund")[0]["full"] is True
    assert made.amount.minor == 500
    assert "refundLineItems" not in made.payload["input"]
    assert "shipping" not in made.payload["input"]
    assert made.payload["input"]["note"].startswith(f"[makegood:{REFUND_ID}] xxx")
    assert len(made.payload["input"]["note"]) == 255


async def test_units_and_shipping_of_a_failed_refund_are_paid_as_an_amount_alone(respx_mock: respx.Router) -> None:
    shop = Shop(respx_mock).on("SuggestedRefund", suggestion("43.29", payment(1, "43.29", "43.29")))
    order = an_order()
    extras = (Extra("1", "shipping", "Standard", 500, 80),)
    failed = SeenRefund("7", 3792, RefundState.FAILED, lines={LINE: 1}, extras={"1": 500})
    order = replace(order, extras=extras, refunds=(failed,))

    made = await make_store().prepare_refund(an_intent(4292, quantity=2, shipping=500, tax=80), order)

    assert [line["quantity"] for line in made.payload["input"]["refundLineItems"]] == [1]
    assert "shipping" not in made.payload["input"]
    assert made.amount.minor == 4292
    assert shop.asked("SuggestedRefund")[0]["full"] is False


async def test_payments_that_are_not_suggested_any_more_take_the_rest(respx_mock: respx.Router) -> None:
    answer = suggestion("43.29", payment(1, "9.00", "9.00"))
    node = json.loads(answer.content)
    left = {"amount": "34.29", "currencyCode": "USD"}
    sale = {"kind": "SALE", "status": "SUCCESS", "gateway": "gift_card", "maximumRefundableV2": left}
    node["data"]["order"]["transactions"] = [
        {**sale, "id": "gid://shopify/OrderTransaction/1"},
        {**sale, "id": "gid://shopify/OrderTransaction/2"},
        {**sale, "id": "gid://shopify/OrderTransaction/3", "kind": "REFUND"},
        {**sale, "id": "gid://shopify/OrderTransaction/4", "status": "FAILURE"},
        {**sale, "id": "gid://shopify/OrderTransaction/5", "maximumRefundableV2": {**left, "currencyCode": "EUR"}},
    ]
    Shop(respx_mock).on("SuggestedRefund", httpx.Response(200, json=node))

    made = await make_store().prepare_refund(an_intent(1896), an_order())

    sent = made.payload["input"]["transactions"]
    assert [(each["parentId"][-1], each["gateway"], each["amount"]) for each in sent] == [
        ("1", "shopify_payments", "9.00"),
        ("2", "gift_card", "9.96"),
    ]


@pytest.mark.parametrize(
    "answer",
    [
        suggestion("0.00", payment(1, "0.00", "0.00")),
        suggestion("43.29"),
        suggestion("43.29", payment(1, "9.00", "9.00")),
        suggestion("43.29", {**payment(1, "5", "5"), "parentTransaction": None}),
        data("order", None),
        data("order", {"id": ORDER_GID, "suggestedRefund": None}),
    ],
)
async def test_nothing_to_refund_is_said_before_money_is_asked_for(
    respx_mock: respx.Router, answer: httpx.Response
) -> None:
    Shop(respx_mock).on("SuggestedRefund", answer)

    with pytest.raises(RefundNotPossible):
        await make_store().prepare_refund(an_intent(), an_order())


@pytest.mark.parametrize(
    "changes",
    [
        {"amount": Money(1896, "EUR", 2)},
        {"amount": Money(18960, "USD", 3)},
        {"order_id": "1"},
        {"lines": (RefundLine("abc", 1, 1896),)},
    ],
)
async def test_an_intent_that_does_not_fit_the_order_is_not_possible(changes: dict[str, Any]) -> None:
    with pytest.raises(RefundNotPossible):
        await make_store().prepare_refund(an_intent(**changes), an_order())
