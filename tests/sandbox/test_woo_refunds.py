"""Refunds in the sandbox's WooCommerce: the captured answers, and every trap of the real one."""

from __future__ import annotations

import json
import threading
from collections.abc import Iterator
from decimal import Decimal
from typing import Any

import pytest
import requests

from app.sandbox.woocommerce.gateway import Gateway
from app.sandbox.woocommerce.model import NewLine, NewOrder
from tests.sandbox.test_woo_orders import contents, shape
from tests.sandbox.woo_kit import CAPTURED_ORDER, ONE_MUG, Shop, capture, open_shop

CASES = {case["name"]: case for case in capture("rest-refund-errors.json")["cases"]}
CAREFUL = {"api_refund": True, "api_restock": False}


@pytest.fixture
def shop() -> Iterator[Shop]:
    with open_shop() as opened:
        yield opened


def test_a_partial_refund_answers_as_captured(shop: Shop) -> None:
    captured = capture("rest-refund-create-201.json")
    order_id = shop.site.create_order(CAPTURED_ORDER)
    answer = shop.post_refund(order_id, captured["request"]["body"])
    body, expected = answer.json(), json.loads(captured["body"])
    assert answer.status_code == 201
    assert shape(body) == shape(expected)
    assert contents(body) == contents(expected)
    assert "(?P<order_id>" in answer.headers["Location"]
    order = shop.api().get(f"orders/{order_id}").json()
    told = {"id": body["id"], "reason": "one mug broken", "total": "-21.41", "total_tax": "-3.42"}
    assert (order["refunds"], order["total"], order["status"]) == ([told], "163.42", "processing")
    assert [entry["value"] for entry in order["line_items"][0]["meta_data"]] == ["2", "1"]


@pytest.mark.parametrize("name", ["over-refund", "unknown-order", "negative-amount", "amount-as-number", "broken-json"])
def test_refusals_answer_as_captured_and_make_no_row(shop: Shop, name: str) -> None:
    case = CASES[name]
    order_id = shop.site.create_order(CAPTURED_ORDER)
    asked = 99_999_999 if name == "unknown-order" else order_id
    answer = shop.post_refund(asked, case["request"]["body"])
    assert (answer.status_code, answer.json()) == (case["status"], json.loads(case["body"]))
    assert answer.text == case["body"].replace("/", "\\/")
    assert shop.site.refunds(order_id) == []
    assert [(call.outcome, call.status) for call in shop.site.money_calls] == [("refused", case["status"])]


def test_a_cent_more_than_what_is_left_is_refused(shop: Shop) -> None:
    order_id = shop.site.create_order(ONE_MUG)
    assert shop.post_refund(order_id, {"amount": "23.81", "api_refund": False}).json()["data"] == 500
    assert shop.post_refund(order_id, {"amount": "abc", "api_refund": False}).json()["data"] == 500
    assert shop.post_refund(order_id, {"amount": None}).json()["data"] == 400
    assert shop.site.refunds(order_id) == []


@pytest.mark.parametrize("name", ["invalid-line", "empty-refund", "comma-amount"])
def test_odd_refunds_are_taken_as_captured(shop: Shop, name: str) -> None:
    case = CASES[name]
    answer = shop.post_refund(shop.site.create_order(CAPTURED_ORDER), case["request"]["body"])
    expected = json.loads(case["body"])
    assert answer.status_code == 201
    assert shape(answer.json()) == shape(expected)
    assert contents(answer.json()) == contents(expected)


@pytest.mark.parametrize(
    ("sent", "shown", "counted"),
    [("1,50", "150.00", "1.00"), ("1,000.00", "1000.00", "1.00"), ("1e1", "11.00", "10.00"), ("0.005", "0.01", "0.01")],
)
def test_an_odd_amount_is_paid_as_shown_and_counted_otherwise(shop: Shop, sent: str, shown: str, counted: str) -> None:
    order_id = shop.site.create_order(NewOrder([NewLine("Desk", "170.00")]))
    answer = shop.post_refund(order_id, {"amount": sent, **CAREFUL})
    assert answer.json()["amount"] == shown
    assert shop.site.order(order_id)["refunds"][0]["total"] == f"-{shown}"
    assert shop.site.refunds(order_id)[0].counted == Decimal(counted)
    assert shop.site.paid_out(order_id) == Decimal(shown)
    assert shop.site.money_calls[0].client_errors == ("amount is not a plain decimal of the site",)


def test_a_refund_without_amount_shows_a_bare_minus(shop: Shop) -> None:
    order_id = shop.site.create_order(ONE_MUG)
    assert shop.post_refund(order_id, {"api_refund": False}).json()["amount"] == ""
    assert shop.site.order(order_id)["refunds"][0]["total"] == "-"


def test_without_an_amount_the_lines_are_added_up(shop: Shop) -> None:
    order_id = shop.site.create_order(ONE_MUG)
    line = {"id": shop.site.order(order_id)["line_items"][0]["id"], "quantity": 1, "refund_total": "10.00"}
    body = {"api_refund": False, "line_items": [{**line, "refund_tax": [{"id": 1, "refund_total": "1.90"}]}]}
    assert shop.post_refund(order_id, body).json()["amount"] == "11.90"


def test_lines_are_not_checked_and_one_without_an_id_loses_them_all(shop: Shop) -> None:
    order_id = shop.site.create_order(ONE_MUG)
    line_id = shop.site.order(order_id)["line_items"][0]["id"]
    absurd = {"id": line_id, "quantity": 50, "refund_total": "500.00", "refund_tax": [{"id": 77, "refund_total": "9"}]}
    body = shop.post_refund(order_id, {"amount": "1.00", "api_refund": False, "line_items": [absurd]}).json()
    assert (body["line_items"][0]["quantity"], body["line_items"][0]["total"]) == (-50, "-500.00")
    assert body["tax_lines"][0]["rate_id"] == 77
    for lines in ([absurd, {"quantity": 1}], "junk"):
        body = shop.post_refund(order_id, {"amount": "1.00", "api_refund": False, "line_items": lines}).json()
        assert (body["amount"], body["line_items"]) == ("1.00", [])


def test_shipping_and_fees_are_refunded_by_their_line_ids(shop: Shop) -> None:
    order_id = shop.site.create_order(CAPTURED_ORDER)
    order = shop.site.order(order_id)
    ids = [order["shipping_lines"][0]["id"], order["fee_lines"][0]["id"]]
    lines = [
        {"id": line_id, "refund_total": "2.00", "refund_tax": [{"id": 1, "refund_total": "0.38"}]} for line_id in ids
    ]
    body = shop.post_refund(order_id, {"amount": "4.76", "api_refund": False, "line_items": lines}).json()
    assert [body[kind][0]["total"] for kind in ("shipping_lines", "fee_lines")] == ["-2.00", "-2.00"]
    assert (body["tax_lines"][0]["tax_total"], body["tax_lines"][0]["shipping_tax_total"]) == ("-0.38", "-0.38")


def test_the_same_post_twice_makes_two_refunds_and_the_last_turns_the_status(shop: Shop) -> None:
    order_id = shop.site.create_order(ONE_MUG)
    answers = [shop.api().post(f"orders/{order_id}/refunds", {"amount": "11.90", **CAREFUL}).json() for _ in range(2)]
    assert [answer["refunded_payment"] for answer in answers] == [True, True]
    assert [answer["meta_data"][0]["value"] for answer in answers] == ["partial", "full"]
    assert shop.site.order(order_id)["status"] == "refunded"
    assert shop.site.paid_out(order_id) == Decimal("23.80")
    assert shop.post_refund(order_id, {"amount": "0.00", "api_refund": False}).status_code == 201


def test_flags_left_out_are_true_and_noted_as_the_client_s_error(shop: Shop) -> None:
    order_id = shop.site.create_order(ONE_MUG)
    assert shop.post_refund(order_id, {"amount": "1.00"}).json()["refunded_payment"] is True
    assert shop.post_refund(order_id, {"amount": "1.00", **CAREFUL}).status_code == 201
    assert (
        shop.post_refund(order_id, {"amount": "1.00", "api_refund": "false", "api_restock": False}).status_code == 201
    )
    careless, careful, text = shop.site.money_calls
    assert careless.client_errors == (
        "api_refund was left out and so is true",
        "api_restock was left out and so is true",
    )
    assert (careful.client_errors, careful.body["amount"], careful.outcome) == ((), "1.00", "created")
    assert text.client_errors == ("api_refund is not a boolean",)
    assert shop.site.paid_out(order_id) == Decimal("2.00")


@pytest.mark.parametrize(
    ("gateway", "message"),
    [
        ("bacs", "The payment gateway for this order does not support automatic refunds."),
        ("gone", "The payment gateway for this order does not exist."),
        ("refuser", "La carte du client a expiré."),
    ],
)
def test_gateways_that_do_not_pay_leave_no_row_but_use_up_an_id(shop: Shop, gateway: str, message: str) -> None:
    order_id = shop.site.create_order(NewOrder([NewLine("Mug", "10.00")], gateway=gateway))
    answer = shop.post_refund(order_id, {"amount": "1.00", **CAREFUL})
    assert answer.status_code == 500
    assert answer.json() == {"code": "woocommerce_rest_cannot_create_order_refund", "message": message, "data": 500}
    assert (shop.site.refunds(order_id), shop.site.gateway_payouts) == ([], [])
    made = shop.post_refund(order_id, {"amount": "1.00", "api_refund": False}).json()
    assert made["id"] == order_id + 2


def test_a_slow_gateway_pays_although_the_client_gave_up(shop: Shop) -> None:
    shop.site.add_gateway(Gateway("slow", "Slow card", seconds=1.0))
    order_id = shop.site.create_order(NewOrder([NewLine("Mug", "10.00")], gateway="slow"))
    with pytest.raises(requests.ReadTimeout):
        shop.api(timeout=(1, 0.3)).post(f"orders/{order_id}/refunds", {"amount": "1.00", **CAREFUL})
    assert [row.refunded_payment for row in shop.site.refunds(order_id)] == [False]
    assert shop.post_refund(order_id, {"amount": "1.00", **CAREFUL}).status_code == 201
    assert [call.overlapped for call in shop.site.money_calls] == [False, True]
    assert [row.refunded_payment for row in shop.site.refunds(order_id)] == [True, True]
    assert shop.site.paid_out(order_id) == Decimal("2.00")


def test_parallel_full_refunds_both_pass(shop: Shop) -> None:
    order_id, statuses = shop.site.create_order(ONE_MUG), list[int]()
    shop.site.race_refunds(2)

    def refund() -> None:
        statuses.append(shop.post_refund(order_id, {"amount": "23.80", **CAREFUL}).status_code)

    threads = [threading.Thread(target=refund) for _ in range(2)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert statuses == [201, 201]
    assert shop.site.paid_out(order_id) == Decimal("47.60")
    assert sorted(call.overlapped for call in shop.site.money_calls) == [False, True]


def test_older_releases_leave_refunded_payment_out_of_the_answer_only(shop: Shop) -> None:
    order_id = shop.site.create_order(ONE_MUG)
    shop.site.omit_refunded_payment()
    made = shop.post_refund(order_id, {"amount": "1.00", **CAREFUL}).json()
    assert "refunded_payment" not in made
    assert shop.api().get(f"orders/{order_id}/refunds/{made['id']}").json()["refunded_payment"] is True


def test_refunds_are_read_with_their_meta_data_and_only_under_their_order(shop: Shop) -> None:
    order_id, other = shop.site.create_order(ONE_MUG), shop.site.create_order(ONE_MUG)
    meta = [{"key": "_returns_case", "value": "RC-7"}]
    made = shop.post_refund(order_id, {"amount": "1.00", "reason": "Broken [x]", "meta_data": meta, **CAREFUL}).json()
    listed = shop.api().get(f"orders/{order_id}/refunds", params={"per_page": 100})
    assert [row["meta_data"][-1]["value"] for row in listed.json()] == ["RC-7"]
    assert (listed.json()[0]["reason"], listed.headers["X-WP-Total"]) == ("Broken [x]", "1")
    wrong: Any = shop.api().get(f"orders/{other}/refunds/{made['id']}").json()
    assert wrong["code"] == "woocommerce_rest_invalid_order_refund_id"
    unknown: Any = shop.api().get(f"orders/{order_id}/refunds/99999").json()
    assert unknown["code"] == "woocommerce_rest_shop_order_refund_invalid_id"


def test_deleting_a_refund_removes_the_record_and_not_the_payment(shop: Shop) -> None:
    order_id, api = shop.site.create_order(ONE_MUG), shop.api()
    made = shop.post_refund(order_id, {"amount": "23.80", **CAREFUL}).json()
    path = f"orders/{order_id}/refunds/{made['id']}"
    assert api.delete(path, params={"force": "false"}).json()["code"] == "woocommerce_rest_trash_not_supported"
    assert api.delete(path).json()["amount"] == "23.80"
    order = shop.site.order(order_id)
    assert (order["status"], order["refunds"]) == ("refunded", [])
    assert shop.site.paid_out(order_id) == Decimal("23.80")


def test_refunds_by_hand_take_lines_amounts_or_the_rest(shop: Shop) -> None:
    order_id = shop.site.create_order(CAPTURED_ORDER)
    line_id = shop.site.order(order_id)["line_items"][0]["id"]
    shop.site.refund_by_hand(order_id, lines={line_id: 1}, reason="one mug")
    shop.site.refund_by_hand(order_id, amount="10.00", through_gateway=True)
    last = shop.site.refund_by_hand(order_id)
    by_line, by_amount, rest = shop.site.refunds(order_id)
    assert (by_line.amount, by_line.items[0].quantity) == (Decimal("21.41"), -1)
    assert (by_amount.amount, by_amount.refunded_payment) == (Decimal("10.00"), True)
    assert (rest.amount, shop.site.order(order_id)["status"]) == (Decimal("132.01"), "refunded")
    assert shop.site.paid_out(order_id) == Decimal("10.00")
    shop.site.delete_refund(order_id, last)
    assert len(shop.site.refunds(order_id)) == 2
    assert shop.site.money_calls == []
