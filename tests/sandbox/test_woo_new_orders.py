"""The sandbox's WooCommerce site takes orders by REST: one for each call, announced as its own, at no or any price."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest
from starlette.applications import Starlette
from starlette.routing import Mount
from woocommerce import API

from app.sandbox.delivery import Courier
from app.sandbox.server import LoopbackServer
from app.sandbox.woocommerce.model import NewLine, NewOrder
from app.sandbox.woocommerce.site import WooSite

KEY = "_makegood_operation"


@pytest.fixture
def site() -> Iterator[WooSite]:
    with Courier() as courier:
        made = WooSite("alpha", "ck_test", "cs_secret", courier=courier)
        made.create_order(NewOrder([NewLine("Mug", "17.99", 3, sku="MUG", product_id=93)]))
        yield made


@pytest.fixture
def api(site: WooSite) -> Iterator[API]:
    with LoopbackServer(Starlette(routes=[Mount("/alpha", routes=site.routes())])) as url:
        yield API(f"{url}/alpha", "ck_test", "cs_secret", version="wc/v3", timeout=5)


def wanted(product: int = 93, **line: Any) -> dict[str, Any]:
    return {
        "status": "processing",
        "customer_id": 12,
        "line_items": [{"product_id": product, "quantity": 1, **line}],
        "meta_data": [{"key": KEY, "value": "r-1"}],
    }


def test_the_same_body_twice_makes_two_orders(site: WooSite, api: API) -> None:
    made = [api.post("orders", wanted(total="0", subtotal="0")) for _ in range(2)]

    assert [answer.status_code for answer in made] == [201, 201]
    assert [order["total"] for order in site.orders_noted(KEY, "r-1")] == ["0.00", "0.00"]


def test_a_line_without_a_total_costs_its_price(api: API) -> None:
    assert api.post("orders", wanted()).json()["total"] == "17.99"


@pytest.mark.parametrize(
    ("body", "code"),
    [
        (wanted(product=1), "order_item_product_invalid_product_id"),
        (wanted(variation_id=5), "order_item_product_invalid_variation_id"),
        ({**wanted(), "status": "shipped"}, "rest_invalid_param"),
    ],
)
def test_what_is_refused_makes_nothing(site: WooSite, api: API, body: dict[str, Any], code: str) -> None:
    answer = api.post("orders", body)

    assert (answer.status_code, answer.json()["code"]) == (400, code)
    assert site.orders_noted(KEY, "r-1") == []


def test_lists_go_by_customer_and_time_and_may_lag(site: WooSite, api: API) -> None:
    site.hold_lists()
    made = api.post("orders", wanted()).json()

    def listed(**params: str) -> list[int]:
        return [order["id"] for order in api.get("orders", params=params).json()]

    assert listed(customer="12") == []
    assert api.get(f"orders/{made['id']}").status_code == 200
    site.release_lists()
    assert listed(customer="12") == [made["id"]]
    assert listed(customer="13") == []
    assert listed(customer="12", after="2999-01-01T00:00:00", dates_are_gmt="true") == []


def test_products_and_variations_are_shown_as_they_are_sold(site: WooSite, api: API) -> None:
    simple = api.get("products/93").json()
    site.products.add_variation(93, 95, "Blue", "19.50")
    site.products.sell_out(95)

    variable, (blue,) = api.get("products/93").json(), api.get("products/93/variations").json()

    assert (simple["type"], simple["price"], simple["stock_status"]) == ("simple", "17.99", "instock")
    assert (variable["type"], variable["variations"]) == ("variable", [95])
    assert (blue["price"], blue["stock_status"], blue["attributes"][0]["option"]) == ("19.50", "outofstock", "Blue")
    assert api.get("products/1").json()["code"] == "woocommerce_rest_product_invalid_id"
