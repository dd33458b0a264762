"""Reading a WooCommerce site: orders with their refunds, finding by number, and the ways in which reading fails."""

from __future__ import annotations

import traceback
from collections.abc import Iterator
from typing import Any

import pytest

from app.errors import ConfigError
from app.orders.snapshot import Platform, RefundState, SeenRefund
from app.stores.base import Store, StoreRefused, StoreUnavailable
from app.stores.woocommerce import WooStore
from app.stores.woocommerce_client import normalised_url
from tests.orders.woo_captures import error_case, order, refund, refunded_order
from tests.stores.woo_fake import HTML, Cut, Say, ScriptedSite, Silence, Step, say
from tests.stores.woo_samples import REFUND_ID, booked, intent, snapshot, store

_ORDERS = "/wp-json/wc/v3/orders"
_MISSING = say({"code": "woocommerce_rest_shop_order_invalid_id", "message": "Invalid ID."}, 404)


@pytest.fixture
def site() -> Iterator[ScriptedSite]:
    with ScriptedSite() as running:
        yield running


def test_it_is_a_store(site: ScriptedSite) -> None:
    made: Store = store(site.url)
    assert (made.key, made.platform) == ("alpha", Platform.WOOCOMMERCE)


async def test_an_order_with_its_refunds(site: ScriptedSite, woo: WooStore) -> None:
    site.script(say(refunded_order() | {"payment_method": "stripe"}), say([refund(), booked() | {"id": 17}]))
    found = await woo.read_order("14")
    assert found is not None
    assert found.refunds is not None
    assert [(seen.store_refund_id, seen.amount, seen.state) for seen in found.refunds] == [
        ("16", 2141, RefundState.SUCCEEDED),
        ("17", 2141, RefundState.SUCCEEDED),
    ]
    assert [seen.operation for seen in found.refunds] == [None, str(REFUND_ID)]
    assert found.refunds[0].lines == {"1": 1}
    assert [(asked.method, asked.path) for asked in site.asked] == [
        ("GET", f"{_ORDERS}/14"),
        ("GET", f"{_ORDERS}/14/refunds"),
    ]
    assert site.asked[1].query == {"per_page": "100", "page": "1"}


async def test_an_order_in_the_bin_is_still_an_order(site: ScriptedSite, woo: WooStore) -> None:
    site.script(say(order() | {"status": "trash"}), say([]))
    found = await woo.read_order("14")
    assert found is not None
    assert (found.status, found.refunds) == ("trash", ())


async def test_all_pages_of_refunds_are_read(site: ScriptedSite, woo: WooStore) -> None:
    many = [{"id": number, "amount": "0.01", "reason": ""} for number in range(1, 131)]
    site.script(say(order()), say(many[:100], X_WP_TotalPages="2"), say(many[100:], X_WP_TotalPages="2"))
    found = await woo.read_order("14")
    assert found is not None
    assert found.refunds is not None
    assert len(found.refunds) == 130
    assert [asked.query["page"] for asked in site.asked[1:]] == ["1", "2"]


async def test_a_full_page_is_followed_even_without_the_header(site: ScriptedSite, woo: WooStore) -> None:
    many = [{"id": number, "amount": "0.01"} for number in range(1, 101)]
    site.script(say(order()), say(many), say([]))
    found = await woo.read_order("14")
    assert found is not None
    assert len(found.refunds or ()) == 100


async def test_a_refund_without_amount_is_flagged(site: ScriptedSite, woo: WooStore) -> None:
    site.script(say(order()), say([{"id": 22, "amount": "", "reason": "", "refunded_payment": False}]))
    found = await woo.read_order("14")
    assert found is not None
    assert found.refunds == (SeenRefund("22", 0, RefundState.UNCLEAR, lines={}, extras={}),)


async def test_an_order_that_is_not_there(site: ScriptedSite, woo: WooStore) -> None:
    status, body = error_case("get-unknown-order")
    site.script(Say(status, body))
    assert await woo.read_order("99999999") is None


@pytest.mark.parametrize("order_id", ["", "abc", "14/../15", "-1", "\uff11\uff14", "9" * 40])
async def test_what_is_no_id_is_never_asked_for(site: ScriptedSite, woo: WooStore, order_id: str) -> None:
    assert await woo.read_order(order_id) is None
    assert site.asked == []


async def test_an_order_erased_between_the_two_calls(site: ScriptedSite, woo: WooStore) -> None:
    site.script(say(order()), _MISSING)
    assert await woo.read_order("14") is None


@pytest.mark.parametrize(
    "step",
    [
        Say(500, b"<html>critical error", HTML),
        Say(502, b"", HTML),
        Say(503, b"<html>", HTML),
        say({"code": "internal_server_error"}, 500),
        Say(200, b"<html>maintenance", HTML),
        Say(200, b'{"id": 14'),
        Say(200, b"{}", announced=100),
        say([]),
        Cut(),
    ],
)
async def test_trouble_that_may_pass(site: ScriptedSite, woo: WooStore, step: Step) -> None:
    site.script(step)
    with pytest.raises(StoreUnavailable):
        await woo.read_order("14")


async def test_a_slow_site_is_unavailable(site: ScriptedSite) -> None:
    hasty = store(site.url, read_timeout=0.2)
    site.script(Silence())
    with pytest.raises(StoreUnavailable):
        await hasty.read_order("14")
    await hasty.aclose()


async def test_a_throttled_site_says_when_to_come_back(site: ScriptedSite, woo: WooStore) -> None:
    site.script(say({"code": "too_many_requests"}, 429, Retry_After="7"))
    with pytest.raises(StoreUnavailable) as caught:
        await woo.read_order("14")
    assert caught.value.retry_after == 7


@pytest.mark.parametrize(
    ("step", "words"),
    [
        (say({"code": "woocommerce_rest_cannot_view"}, 401), "consumer key or secret"),
        (Say(401, b"<html>", HTML), "consumer key or secret"),
        (Say(403, b"<html>Blocked", HTML), "firewall"),
        (Say(301, b"", HTML, {"Location": "https://www.shop.example/x"}), "redirects to https://www.shop.example;"),
        (Say(308, b"", HTML, {"Location": "/shop/"}), "redirects to another path"),
        (Say(404, b"<html>", HTML), "no WooCommerce REST API"),
        (say({"code": "rest_no_route"}, 404), "no WooCommerce REST API"),
        (say({"code": "rest_invalid_param"}, 400), "rest_invalid_param"),
        (say({"id": 14, "status": "processing"}), "cannot be understood"),
    ],
)
async def test_what_a_person_must_mend(site: ScriptedSite, woo: WooStore, step: Step, words: str) -> None:
    site.script(step, say([]))
    with pytest.raises(StoreRefused, match=words):
        await woo.read_order("14")


async def test_no_error_tells_a_secret(woo: WooStore, site: ScriptedSite) -> None:
    site.script(Cut())
    with pytest.raises(StoreUnavailable) as caught:
        await woo.read_order("14")
    told = "".join(traceback.format_exception(caught.value))
    assert "cs_secret" not in told
    assert "oauth_signature" not in told


@pytest.mark.parametrize("number", ["14", "#14", " # 14 "])
async def test_the_number_is_usually_the_id(site: ScriptedSite, woo: WooStore, number: str) -> None:
    site.script(say(order()), say([]))
    found = await woo.find_order(number)
    assert found is not None
    assert found.order_id == "14"


async def test_a_number_that_is_another_orders_id(site: ScriptedSite, woo: WooStore) -> None:
    others = order() | {"id": 1106, "number": "990"}
    listed = [order() | {"id": 5, "number": "11060"}, order() | {"id": 77, "number": "1106"}]
    site.script(say(others), say([]), say(listed), say(listed[1]), say([]))
    found = await woo.find_order("1106")
    assert found is not None
    assert (found.order_id, found.number) == ("77", "1106")
    assert site.asked[2].query["search"] == "1106"


async def test_a_number_with_letters_is_searched_for(site: ScriptedSite, woo: WooStore) -> None:
    listed = order() | {"id": 8, "number": "SH-8"}
    site.script(say([listed]), say(listed), say([]))
    found = await woo.find_order("SH-8")
    assert found is not None
    assert found.order_id == "8"


async def test_a_number_that_is_nobodys(site: ScriptedSite, woo: WooStore) -> None:
    site.script(_MISSING, say([order()]))
    assert await woo.find_order("4711") is None
    assert await woo.find_order(" # ") is None


async def test_preparing_makes_no_call(site: ScriptedSite, woo: WooStore) -> None:
    ready = await woo.prepare_refund(intent(), snapshot())
    assert ready.payload["amount"] == "21.41"
    assert site.asked == []


async def test_there_are_no_returns(site: ScriptedSite, woo: WooStore) -> None:
    assert await woo.read_return("1") is None
    for refused in (woo.approve_return("1"), woo.decline_return("1", "no"), woo.close_return("1")):
        with pytest.raises(StoreRefused, match="no returns of its own"):
            await refused
    assert site.asked == []


@pytest.mark.parametrize(
    ("url", "normal"),
    [
        ("https://shop.example", "https://shop.example"),
        ("HTTPS://Shop.Example/", "https://shop.example"),
        (" https://shop.example:8443/de/ ", "https://shop.example:8443/de"),
        ("http://127.0.0.1:8000/alpha", "http://127.0.0.1:8000/alpha"),
        ("http://[::1]:8000", "http://[::1]:8000"),
        ("http://localhost", "http://localhost"),
    ],
)
def test_urls_are_normalised(url: str, normal: str) -> None:
    assert normalised_url(url) == normal


@pytest.mark.parametrize(
    "url",
    [
        "",
        "shop.example",
        "http://shop.example",
        "http://10.0.0.1",
        "ftp://127.0.0.1",
        "https://",
        "https://user:pw@shop.example",
        "https://shop.example?consumer_key=x",
        "https://shop.example:99999",
        "https://[::1",
    ],
)
def test_urls_that_are_refused(url: str) -> None:
    with pytest.raises(ConfigError):
        normalised_url(url)


async def test_a_closed_store_takes_no_calls(site: ScriptedSite) -> None:
    made: Any = store(site.url)
    await made.aclose()
    with pytest.raises(RuntimeError):
        await made.read_order("14")
