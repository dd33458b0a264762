"""Orders as the sandbox's WooCommerce shows them: the shape of the captures, the arithmetic, listing and changing."""

from __future__ import annotations

import json
from collections.abc import Iterator
from datetime import timedelta
from typing import Any

import pytest

from app.clock import MovableClock
from app.sandbox.woocommerce.model import Customer, NewCoupon, NewLine, NewOrder
from app.sandbox.woocommerce.php import php_json
from tests.sandbox.woo_kit import CAPTURED_ORDER, ONE_MUG, Shop, capture, open_shop

_OWN_TO_A_SITE = {"date_created", "date_modified", "date_paid", "order_key", "transaction_id", "payment_url", "href"}


@pytest.fixture
def shop() -> Iterator[Shop]:
    with open_shop(zone="Europe/Berlin") as opened:
        yield opened


def shape(value: Any) -> Any:
    """Keys in their order, and types, of a JSON value."""
    if isinstance(value, dict):
        return [(key, shape(item)) for key, item in value.items()]
    if isinstance(value, list):
        return [shape(item) for item in value]
    return type(value).__name__


def contents(value: Any) -> Any:
    """The value without ids, times and addresses, which differ from site to site."""
    if isinstance(value, dict):
        kept = {key: item for key, item in value.items() if not key.endswith("_gmt") and key not in _OWN_TO_A_SITE}
        return {key: contents(item) for key, item in kept.items() if key not in {"id", "number"}}
    if isinstance(value, list):
        return [contents(item) for item in value]
    return value


def test_php_json_writes_the_captured_bodies_to_the_byte() -> None:
    for name in ("webhook-order.created.json", "webhook-order.updated-after-partial-refund.json"):
        body = capture(name)["body"]
        assert php_json(json.loads(body)) == body.encode("ascii")


def test_an_order_has_the_keys_types_and_amounts_of_the_captured_one(shop: Shop) -> None:
    captured = json.loads(capture("webhook-order.created.json")["body"])
    order = shop.site.order(shop.site.create_order(CAPTURED_ORDER))
    assert shape(order) == shape(captured)
    assert contents(order) == contents(captured)


def test_dates_are_told_in_the_site_s_zone_and_in_utc(shop: Shop) -> None:
    order = shop.site.order(shop.site.create_order(ONE_MUG))
    assert order["date_created"] != order["date_created_gmt"]
    assert order["date_created"].endswith(order["date_created_gmt"][13:])


def test_prices_with_tax_are_split_so_that_net_and_tax_add_up() -> None:
    with open_shop(prices_include_tax=True) as shop:
        order = shop.site.order(shop.site.create_order(NewOrder([NewLine("Lamp", "19.99", 2)])))
    line = order["line_items"][0]
    assert (line["total"], line["total_tax"], order["total"]) == ("33.60", "6.38", "39.98")
    assert order["prices_include_tax"] is True


def test_amounts_have_the_store_s_decimals_whatever_the_currency() -> None:
    with open_shop(decimals=3) as shop:
        order = shop.site.order(shop.site.create_order(NewOrder([NewLine("Tea", "59.5")], currency="JPY")))
    assert (order["currency"], order["total"], order["total_tax"]) == ("JPY", "70.805", "11.305")


def test_dp_changes_the_writing_only(shop: Shop) -> None:
    order_id = shop.site.create_order(NewOrder([NewLine("Mug", "10.00", 3)], coupon=NewCoupon("ten", 10)))
    line = shop.api().get(f"orders/{order_id}", params={"dp": 6}).json()["line_items"][0]
    assert (line["total"], line["price"]) == ("27.000000", 9)


def test_an_order_is_found_by_id_number_and_search_but_not_by_anything_else(shop: Shop) -> None:
    wanted = shop.site.create_order(NewOrder([NewLine("Mug", "1.00")], number="A-1106"))
    shop.site.create_order(NewOrder([NewLine("Book", "1.00")], customer=Customer(email="ben@example.test")))
    api = shop.api()
    assert api.get(f"orders/{wanted}").json()["number"] == "A-1106"
    for search in ("A-1106", str(wanted), "zoe@example", "mug"):
        assert [order["id"] for order in api.get("orders", params={"search": search}).json()] == [wanted]
    assert api.get("orders", params={"search": "no such thing"}).json() == []
    assert api.get("orders/99999999").status_code == 404
    assert api.get("orders/99999999").json()["code"] == "woocommerce_rest_shop_order_invalid_id"


def test_lists_are_paged_with_totals_and_refuse_more_than_a_hundred(shop: Shop) -> None:
    ids = [shop.site.create_order(ONE_MUG) for _ in range(5)]
    params = {"per_page": 2, "page": 2, "orderby": "date", "order": "asc"}
    answer = shop.api().get("orders", params=params)
    assert [order["id"] for order in answer.json()] == ids[2:4]
    assert (answer.headers["X-WP-Total"], answer.headers["X-WP-TotalPages"]) == ("5", "3")
    assert 'rel="next"' in answer.headers["Link"]
    refused = shop.api().get("orders", params={"per_page": 101})
    assert (refused.status_code, refused.json()["code"]) == (400, "rest_invalid_param")


def test_polling_by_change_finds_only_what_changed_later() -> None:
    clock = MovableClock()
    with open_shop(clock=clock) as shop:
        first, second = (shop.site.create_order(ONE_MUG) for _ in range(2))
        seen = shop.site.order(second)["date_modified_gmt"]
        clock.move(timedelta(minutes=1))
        shop.site.complete(first)
        params = {"modified_after": seen, "dates_are_gmt": "true", "orderby": "modified", "order": "asc"}
        found = shop.api().get("orders", params={**params, "per_page": 100, "status": "any"}).json()
    assert [(order["id"], order["status"]) for order in found] == [(first, "completed")]
    assert found[0]["date_completed_gmt"] is not None


def test_the_bin_hides_orders_from_lists_only(shop: Shop) -> None:
    order_id = shop.site.create_order(ONE_MUG)
    shop.site.trash(order_id)
    assert shop.api().get("orders", params={"status": "any"}).json() == []
    assert shop.api().get(f"orders/{order_id}").json()["status"] == "trash"
    shop.site.restore(order_id)
    assert shop.api().get("orders").json()[0]["status"] == "processing"
    assert shop.api().get("orders", params={"status": "lost"}).status_code == 400


def test_setting_the_status_to_refunded_books_the_rest_and_pays_nobody(shop: Shop) -> None:
    order_id = shop.site.create_order(ONE_MUG)
    shop.site.refund_by_hand(order_id, amount="3.80")
    answer = shop.api().put(f"orders/{order_id}", {"status": "refunded"})
    assert answer.json()["status"] == "refunded"
    assert answer.json()["total"] == "23.80"
    rest = shop.site.refunds(order_id)[-1]
    assert (str(rest.amount), rest.reason, rest.items) == ("20.00", "Order fully refunded.", [])
    assert shop.site.gateway_payouts == []
    assert len(shop.site.notes(order_id)) == 1
    assert shop.api().put(f"orders/{order_id}", {"status": "lost"}).json()["code"] == "rest_invalid_param"


def test_notes_and_meta_data_are_kept_and_a_note_is_not_idempotent(shop: Shop) -> None:
    order_id, api = shop.site.create_order(ONE_MUG), shop.api()
    for _ in range(2):
        assert api.post(f"orders/{order_id}/notes", {"note": "Return MG-1", "customer_note": False}).status_code == 201
    assert [note["note"] for note in api.get(f"orders/{order_id}/notes").json()] == ["Return MG-1"] * 2
    for value in ("RC-7", "RC-8"):
        order = api.put(f"orders/{order_id}", {"meta_data": [{"key": "_case", "value": value}]}).json()
    assert [entry["value"] for entry in order["meta_data"]] == ["RC-8"]


def test_gateways_settings_and_the_system_can_be_read(shop: Shop) -> None:
    api = shop.api()
    assert "refunds" in api.get("payment_gateways/stripe").json()["method_supports"]
    assert "refunds" not in api.get("payment_gateways/bacs").json()["method_supports"]
    assert api.get("payment_gateways/nothing").status_code == 404
    assert api.get("settings/general/woocommerce_price_num_decimals").json()["value"] == "2"
    assert api.get("settings/tax/woocommerce_prices_include_tax").json()["value"] == "no"
    assert api.get("settings/general/nothing").status_code == 404
    assert api.get("system_status").json()["environment"]["version"] == "11.0.1"
    assert api.get("nothing/here").json()["code"] == "rest_no_route"
