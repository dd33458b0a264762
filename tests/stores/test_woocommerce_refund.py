"""What is sent for a refund, and what an answer proves; without any network."""

from __future__ import annotations

import dataclasses
from decimal import Decimal
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from app.orders.snapshot import RefundState, SeenRefund
from app.outcomes import Ok
from app.stores.asked import RefundExtra, RefundIntent, RefundLine
from app.stores.base import RefundNotPossible
from app.stores.woocommerce_client import Reply
from app.stores.woocommerce_refund import judge, prepare, proof_of
from tests.stores.woo_samples import BOOK, MUG, REASON, SHIPPING, booked, euros, intent, prepared, snapshot

FEE = {"id": 5, "name": "Loyalty", "total": "-4.00", "total_tax": "-0.76", "taxes": [{"id": 1, "total": "-0.76"}]}


def sent_sum(payload: dict[str, Any]) -> Decimal:
    return sum(
        (
            Decimal(item["refund_total"]) + sum(Decimal(tax["refund_total"]) for tax in item.get("refund_tax", []))
            for item in payload["line_items"]
        ),
        Decimal(0),
    )


def test_one_mug_to_the_letter() -> None:
    ready = prepare(intent(), snapshot())
    assert (ready.order_id, ready.amount, ready.refund_id) == ("14", euros(2141), intent().refund_id)
    assert ready.payload == {
        "amount": "21.41",
        "reason": REASON,
        "api_refund": True,
        "api_restock": False,
        "line_items": [
            {"id": 1, "quantity": 1, "refund_total": "17.99", "refund_tax": [{"id": 1, "refund_total": "3.42"}]}
        ],
    }


@pytest.mark.parametrize(
    ("method", "asks"), [("stripe", True), ("bacs", False), ("cheque", False), ("cod", False), ("", False)]
)
def test_a_gateway_is_asked_only_where_there_is_one(method: str, asks: bool) -> None:
    payload = prepare(intent(), snapshot(method)).payload
    assert payload["api_refund"] is asks
    assert payload["api_restock"] is False


def test_lines_and_shipping() -> None:
    payload = prepare(intent(2141 + 6419 + 583, (MUG, BOOK), (SHIPPING,)), snapshot()).payload
    assert payload["amount"] == "91.43"
    assert payload["line_items"][2] == {
        "id": 4,
        "quantity": 0,
        "refund_total": "4.90",
        "refund_tax": [{"id": 1, "refund_total": "0.93"}],
    }
    assert sent_sum(payload) == Decimal("91.43")


def test_an_amount_below_the_lines_is_spread_in_proportion() -> None:
    payload = prepare(intent(1000, (MUG,), (SHIPPING,)), snapshot()).payload
    assert payload["amount"] == "10.00"
    assert sent_sum(payload) == Decimal("10.00")
    assert [item["refund_total"] for item in payload["line_items"]] == ["6.60", "1.80"]


@given(st.integers(1, 2141 + 6419 + 583))
def test_spread_lines_always_add_up(minor: int) -> None:
    payload = prepare(intent(minor, (MUG, BOOK), (SHIPPING,)), snapshot()).payload
    assert sent_sum(payload) == Decimal(payload["amount"]) == Decimal(minor) / 100
    assert not any(text.startswith("-") for item in payload["line_items"] for text in [item["refund_total"]])


def test_a_negative_fee_is_taken_back_with_the_goods() -> None:
    order = snapshot(fee_lines=[FEE])
    discount = RefundExtra("5", "fee", -476, -76, {"1": -76})
    whole = prepare(intent(2141 - 476, (MUG,), (discount,)), order).payload
    assert (whole["amount"], sent_sum(whole)) == ("16.65", Decimal("16.65"))
    assert whole["line_items"][1]["refund_total"] == "-4.00"
    less = prepare(intent(1000, (MUG,), (discount,)), order).payload
    assert sent_sum(less) == Decimal("10.00")
    assert less["line_items"][1]["refund_total"] == "-4.00"


def test_an_amount_without_lines_is_booked_alone() -> None:
    payload = prepare(intent(500, ()), snapshot()).payload
    assert (payload["amount"], payload["line_items"]) == ("5.00", [])


def test_tax_of_no_known_rate_is_carried_by_the_amount_only() -> None:
    line = RefundLine("1", 1, 2141, 342)
    payload = prepare(intent(2141, (line,)), snapshot()).payload
    assert payload["line_items"] == [{"id": 1, "quantity": 1, "refund_total": "17.99"}]
    assert payload["amount"] == "21.41"


def test_a_store_without_decimals() -> None:
    items = [{"id": 1, "quantity": 1, "total": "60", "total_tax": "0", "taxes": []}]
    order = snapshot(total="60", line_items=items, shipping_lines=[], fee_lines=[])
    amount = dataclasses.replace(euros(60), exponent=0)
    payload = prepare(intent(lines=(RefundLine("1", 1, 60),), amount=amount), order).payload
    assert (payload["amount"], payload["line_items"][0]["refund_total"]) == ("60", "60")


def test_a_long_reason_never_pushes_the_marker_out() -> None:
    assert prepare(intent(reason="x" * 1000), snapshot()).payload["reason"].startswith(REASON.split()[0])


@pytest.mark.parametrize(
    "wrong",
    [
        intent(2142),
        intent(0, ()),
        intent(-5, ()),
        intent(16343, ()),
        intent(2141, (dataclasses.replace(MUG, line_id="99"),)),
        intent(2141, (dataclasses.replace(MUG, line_id="x1"),)),
        intent(583, (), (dataclasses.replace(SHIPPING, line_id="1"),)),
        intent(2141, (dataclasses.replace(MUG, quantity=4),)),
        intent(2141, (dataclasses.replace(MUG, quantity=-1),)),
        intent(6425, (dataclasses.replace(MUG, total=6425),)),
        intent(2141, (dataclasses.replace(MUG, taxes={"1": 341}),)),
        intent(2141, (dataclasses.replace(MUG, taxes={"VAT": 342}),)),
        intent(4282, (MUG, MUG)),
        intent(order_id="15"),
        intent(amount=dataclasses.replace(euros(2141), currency="USD")),
        intent(amount=dataclasses.replace(euros(2141), exponent=3)),
    ],
)
def test_what_the_order_does_not_bear_is_refused(wrong: RefundIntent) -> None:
    with pytest.raises(RefundNotPossible):
        prepare(wrong, snapshot())


def test_what_is_left_counts_every_refund_in_the_store() -> None:
    seen = (SeenRefund("16", 14202, RefundState.UNCLEAR),)
    with pytest.raises(RefundNotPossible, match=r"21\.40 EUR is left"):
        prepare(intent(), dataclasses.replace(snapshot(), refunds=seen))
    assert prepare(intent(2140), dataclasses.replace(snapshot(), refunds=seen)).amount == euros(2140)


def test_an_order_read_without_refunds_is_not_enough() -> None:
    with pytest.raises(RefundNotPossible):
        prepare(intent(), dataclasses.replace(snapshot(), refunds=None))


def test_the_captured_answer_proves_a_refund_by_hand() -> None:
    proof = proof_of(prepared("bacs"), booked(paid=False))
    assert (proof.store_refund_id, proof.amount, proof.state, proof.detail) == (
        "16",
        euros(2141),
        RefundState.SUCCEEDED,
        "",
    )


def changed_line(**changes: Any) -> list[dict[str, Any]]:
    return [booked()["line_items"][0] | changes]


@pytest.mark.parametrize(
    ("change", "amount"),
    [
        ({"amount": "150.00"}, 15000),
        ({"amount": ""}, 0),
        ({"amount": "21.415"}, 0),
        ({"line_items": []}, 2141),
        ({"line_items": changed_line(quantity=-3)}, 2141),
        ({"line_items": changed_line(total="-18.00")}, 2141),
        ({"line_items": changed_line(total="")}, 2141),
        ({"line_items": changed_line(total_tax="0.00")}, 2141),
        ({"line_items": changed_line(meta_data=[])}, 2141),
        ({"refunded_payment": False}, 2141),
        ({"refunded_payment": "true"}, 2141),
    ],
)
def test_an_answer_that_differs_is_a_refund_in_doubt(change: dict[str, Any], amount: int) -> None:
    proof = proof_of(prepared(), booked() | change)
    assert (proof.amount, proof.state) == (euros(amount), RefundState.UNCLEAR)
    assert proof.detail


def test_shipping_in_the_answer_is_compared_too() -> None:
    ready = prepare(intent(583, (), (SHIPPING,)), snapshot())
    meta = [{"key": "_refunded_item_id", "value": "4"}]
    item = {"id": 31, "total": "-4.90", "total_tax": "-0.93", "meta_data": meta}
    answer = booked(amount="5.83", line_items=[], shipping_lines=[item])
    assert proof_of(ready, answer).state is RefundState.SUCCEEDED
    assert proof_of(ready, answer | {"shipping_lines": []}).state is RefundState.UNCLEAR


@given(
    st.integers(100, 599),
    st.booleans(),
    st.recursive(
        st.none()
        | st.integers()
        | st.text(max_size=5)
        | st.sampled_from(["rest_x", "woocommerce_rest_invalid_order_id"]),
        lambda inner: (
            st.lists(inner, max_size=2)
            | st.dictionaries(st.sampled_from(["id", "code", "amount", "message", "line_items"]), inner, max_size=4)
        ),
    ),
)
def test_no_answer_but_a_201_with_an_id_is_ever_a_refund(status: int, is_json: bool, body: Any) -> None:
    answer = judge(prepared(), Reply(status, is_json, body if is_json else None))
    made = is_json and status == 201 and isinstance(body, dict) and isinstance(body.get("id"), int) and body["id"] > 0
    assert isinstance(answer, Ok) == made
    assert not (isinstance(answer, Ok) and answer.value.state is RefundState.SUCCEEDED)
