from __future__ import annotations

from typing import Any

import httpx
import pytest
import respx
from structlog.testing import capture_logs

from app.errors import ConfigError
from app.orders.snapshot import Platform
from app.stores.base import Store, StoreRefused, StoreUnavailable
from app.stores.shopify import ShopifyStore
from tests.orders.shopify_bodies import bag, order_node
from tests.stores.shopify_shop import (
    LINE,
    ORDER_GID,
    Naps,
    Shop,
    data,
    errors,
    make_store,
    throttled,
)

pytestmark = pytest.mark.respx(assert_all_called=False)


def as_store(store: ShopifyStore) -> Store:
    """The type checker's proof that the adapter is what is asked for."""
    return store


def test_it_is_a_store() -> None:
    store = as_store(make_store())

    assert (store.key, store.platform) == ("alpha", Platform.SHOPIFY)


@pytest.mark.parametrize("order_id", ["5196695273621", ORDER_GID])
async def test_an_order_is_read_by_number_or_global_id(respx_mock: respx.Router, order_id: str) -> None:
    shop = Shop(respx_mock).on("OrderForReturn", data("order", order_node()))

    order = await make_store().read_order(order_id)

    assert order is not None
    assert (order.order_id, order.captured) == ("5196695273621", 4329)
    assert shop.asked("OrderForReturn") == [{"id": ORDER_GID}]
    assert shop.calls[0]["query"].count("@idempotent") == 0


async def test_there_may_be_no_such_order(respx_mock: respx.Router) -> None:
    shop = Shop(respx_mock).on("OrderForReturn", data("order", None))
    store = make_store()

    assert await store.read_order("5196695273621") is None
    assert await store.read_order("gid://shopify/Refund/1") is None
    assert await store.read_order("1 OR 2") is None
    assert len(shop.calls) == 1


def page(node: dict[str, Any], number: int, cursor: str | None) -> dict[str, Any]:
    return {
        "nodes": [{**node, "id": f"gid://shopify/LineItem/{number}"}],
        "pageInfo": {"hasNextPage": cursor is not None, "endCursor": cursor},
    }


async def test_every_page_of_lines_is_read(respx_mock: respx.Router) -> None:
    node = order_node(refunds=[])
    line = node["lineItems"]["nodes"][0]
    node["lineItems"] = page(line, 1, "c1")
    shop = Shop(respx_mock).on("OrderForReturn", data("order", node))
    shop.on(
        "OrderLines",
        data("order", {"lineItems": page(line, 2, "c2")}),
        data("order", {"lineItems": page(line, 3, None)}),
    )

    order = await make_store().read_order("5196695273621")

    assert order is not None
    assert [each.line_id for each in order.lines] == ["1", "2", "3"]
    assert [each["after"] for each in shop.asked("OrderLines")] == ["c1", "c2"]


async def test_refunds_that_did_not_fit_are_read_one_by_one(respx_mock: respx.Router) -> None:
    node = order_node()
    short = node["refunds"][0]
    node["refunds"] = [{**short, "transactions": {"nodes": [], "pageInfo": {"hasNextPage": True}}}]
    ids = [{"id": "gid://shopify/Refund/1"}, {"id": "gid://shopify/Refund/2"}]
    shop = Shop(respx_mock).on("OrderForReturn", data("order", node))
    shop.on("OrderRefundIds", data("order", {"refunds": ids}))
    shop.on("RefundInFull", *(data("refund", {**short, **each}) for each in ids))

    order = await make_store().read_order("5196695273621")

    assert order is not None
    assert order.refunds is not None
    assert [(each.store_refund_id, each.amount) for each in order.refunds] == [("1", 1896), ("2", 1896)]
    assert shop.asked("RefundInFull") == ids


async def test_a_refund_that_is_listed_and_not_shown_stops_the_reading(respx_mock: respx.Router) -> None:
    node = order_node()
    node["refunds"] = node["refunds"] * 8
    shop = Shop(respx_mock).on("OrderForReturn", data("order", node))
    shop.on("OrderRefundIds", data("order", {"refunds": [{"id": "gid://shopify/Refund/1"}]}))
    shop.on("RefundInFull", data("refund", None))

    with pytest.raises(StoreUnavailable):
        await make_store().read_order("5196695273621")


async def test_more_parcels_are_read_when_the_list_may_be_cut(respx_mock: respx.Router) -> None:
    node = order_node()
    parcel = node["fulfillments"][0]
    node["fulfillments"] = [parcel] * 5
    shop = Shop(respx_mock).on("OrderForReturn", data("order", node))
    shop.on("OrderParcels", data("order", {"fulfillments": [parcel] * 7}))

    order = await make_store().read_order("5196695273621")

    assert order is not None
    assert len(order.fulfilments) == 7


@pytest.mark.parametrize("number", ["#1106", "1106", " 1106 "])
async def test_an_order_is_found_by_its_printed_number(respx_mock: respx.Router, number: str) -> None:
    near = [{"id": "gid://shopify/Order/1", "name": "#11060"}, {"id": ORDER_GID, "name": "#1106"}]
    shop = Shop(respx_mock).on("OrderByName", data("orders", {"nodes": near}))
    shop.on("OrderForReturn", data("order", order_node()))

    order = await make_store().find_order(number)

    assert order is not None
    assert order.order_id == "5196695273621"
    assert shop.asked("OrderByName") == [{"query": "name:#1106"}]


async def test_a_name_without_a_hash_is_found_too(respx_mock: respx.Router) -> None:
    shop = Shop(respx_mock).on(
        "OrderByName", data("orders", {"nodes": []}), data("orders", {"nodes": [{"id": ORDER_GID, "name": "EN1106"}]})
    )
    shop.on("OrderForReturn", data("order", order_node(name="EN1106")))

    order = await make_store().find_order("en1106")

    assert order is not None
    assert order.number == "EN1106"
    assert [each["query"] for each in shop.asked("OrderByName")] == ["name:#en1106", "name:en1106"]


async def test_a_number_is_never_taken_for_search_syntax(respx_mock: respx.Router) -> None:
    shop = Shop(respx_mock).on("OrderByName", data("orders", {"nodes": [{"id": ORDER_GID, "name": "#9"}]}))

    assert await make_store().find_order("1106 OR name:*") is None
    assert shop.calls == []
    assert await make_store().find_order("1106") is None


async def test_a_throttled_reading_waits_for_the_points_it_needs(respx_mock: respx.Router) -> None:
    naps = Naps()
    Shop(respx_mock).on(
        "OrderForReturn",
        throttled(700, 100, 100),
        httpx.Response(429, headers={"Retry-After": "2"}),
        data("order", order_node()),
    )

    assert await make_store(sleep=naps).read_order("1") is not None
    assert naps.taken == [6.0, 2.0]


async def test_throttling_without_end_is_given_up(respx_mock: respx.Router) -> None:
    naps = Naps()
    shop = Shop(respx_mock).on("OrderForReturn", throttled())

    with pytest.raises(StoreUnavailable) as caught:
        await make_store(sleep=naps).read_order("1")

    assert (len(shop.calls), naps.taken, caught.value.retry_after) == (4, [6.0, 6.0, 6.0], 6.0)


async def test_a_wait_that_is_too_long_is_left_to_the_caller(respx_mock: respx.Router) -> None:
    naps = Naps()
    shop = Shop(respx_mock).on("OrderForReturn", throttled(1000, 0, 10))

    with pytest.raises(StoreUnavailable) as caught:
        await make_store(sleep=naps).read_order("1")

    assert (len(shop.calls), naps.taken, caught.value.retry_after) == (1, [], 100.0)


@pytest.mark.parametrize(
    "answer",
    [
        httpx.ConnectError("refused"),
        httpx.ReadTimeout("slow"),
        httpx.Response(500),
        httpx.Response(302, headers={"Location": "https://elsewhere.example"}),
        httpx.Response(200, text="<html>"),
        httpx.Response(200, json={"data": {}}),
        data("order", [1]),
        errors("INTERNAL_SERVER_ERROR"),
        errors("INTERNAL_SERVER_ERROR", data={"order": order_node()}),
        errors("ACCESS_DENIED", "INTERNAL_SERVER_ERROR", data={"order": order_node()}, path=["order", "email"]),
        httpx.Response(200, json={"data": {"order": order_node()}, "errors": "boom"}),
        data("order", order_node(createdAt=None, updatedAt=None)),
    ],
)
async def test_trouble_on_the_way_is_unavailable(respx_mock: respx.Router, answer: httpx.Response) -> None:
    Shop(respx_mock).on("OrderForReturn", answer)

    with pytest.raises(StoreUnavailable):
        await make_store().read_order("1")


@pytest.mark.parametrize("status", [401, 402, 403, 404, 423])
async def test_what_somebody_has_to_mend_is_refused(respx_mock: respx.Router, status: int) -> None:
    Shop(respx_mock).on("OrderForReturn", httpx.Response(status, text="<html>"))

    with pytest.raises(StoreRefused, match=str(status)):
        await make_store().read_order("1")


async def test_a_missing_scope_is_named(respx_mock: respx.Router) -> None:
    denied = {
        "message": "Access denied for order field.",
        "path": ["order"],
        "extensions": {"code": "ACCESS_DENIED", "requiredAccess": "`read_orders` access scope."},
    }
    Shop(respx_mock).on("OrderForReturn", httpx.Response(200, json={"data": {"order": None}, "errors": [denied]}))

    with pytest.raises(StoreRefused, match="read_orders"):
        await make_store().read_order("1")


async def test_an_order_whose_personal_data_is_withheld_is_still_read(respx_mock: respx.Router) -> None:
    node = order_node(email=None)
    Shop(respx_mock).on("OrderForReturn", errors("ACCESS_DENIED", data={"order": node}, path=["order", "email"]))

    order = await make_store().read_order("1")

    assert order is not None
    assert order.email is None


async def test_money_that_is_withheld_is_not_guessed(respx_mock: respx.Router) -> None:
    node = order_node()
    Shop(respx_mock).on("OrderForReturn", errors("ACCESS_DENIED", data={"order": node}, path=["order", "refunds", 0]))

    with pytest.raises(StoreRefused):
        await make_store().read_order("1")


async def test_another_api_version_than_asked_for_is_warned_of_once(respx_mock: respx.Router) -> None:
    answer = httpx.Response(200, json={"data": {"order": None}}, headers={"X-Shopify-API-Version": "2027-01"})
    Shop(respx_mock).on("OrderForReturn", answer)
    store = make_store()

    with capture_logs() as logs:
        await store.read_order("1")
        await store.read_order("2")

    warnings = [each for each in logs if each["log_level"] == "warning"]
    assert [(each["asked"], each["used"]) for each in warnings] == [("2026-10", "2027-01")]
    assert "shpat_static" not in str(logs)


@pytest.mark.parametrize(
    "changes",
    [
        {"domain": "evil.example.com"},
        {"domain": "Alpha.myshopify.com"},
        {"domain": "alpha.myshopify.com.evil.example"},
        {"domain": "alpha.myshopify.com\n"},
        {"domain": ""},
        {"api_url": "http://proxy.example.com"},
        {"api_url": "ftp://127.0.0.1"},
        {"domain": "evil.example.com", "api_url": "https://proxy.example.com"},
        {"api_version": "latest"},
        {"access_token": None},
        {"access_token": None, "client_id": "app", "client_secret": ""},
    ],
)
def test_a_token_is_never_sent_where_it_does_not_belong(changes: dict[str, Any]) -> None:
    with pytest.raises(ConfigError) as caught:
        make_store(**changes)

    assert "evil" not in str(caught.value)


@pytest.mark.parametrize(
    ("api_url", "graphql"),
    [
        ("http://127.0.0.1:9/", "http://127.0.0.1:9/admin/api/2026-10/graphql.json"),
        ("http://localhost:9/alpha", "http://localhost:9/alpha/admin/api/2026-10/graphql.json"),
        ("http://[::1]:9", "http://[::1]:9/admin/api/2026-10/graphql.json"),
    ],
)
async def test_on_loopback_any_domain_will_do(respx_mock: respx.Router, api_url: str, graphql: str) -> None:
    Shop(respx_mock, graphql).on("OrderForReturn", data("order", order_node()))

    order = await make_store(domain="sandbox", api_url=api_url).read_order("1")

    assert order is not None
    assert order.line(LINE) is not None


async def test_an_amount_of_many_digits_reads_as_what_it_is(respx_mock: respx.Router) -> None:
    Shop(respx_mock).on("OrderForReturn", data("order", order_node(totalPriceSet=bag("39.940", "43.2900"))))

    order = await make_store().read_order("1")

    assert order is not None
    assert (order.total, order.exponent) == (4329, 2)
