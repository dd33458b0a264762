from __future__ import annotations

from typing import Any

import httpx
import pytest
import respx

from app.stores.base import StoreRefused, StoreReturn, StoreReturnLine, StoreUnavailable
from tests.stores.shopify_shop import LINE, Shop, data, make_store

pytestmark = pytest.mark.respx(assert_all_called=False)

GID = "gid://shopify/Return/7"


def line(number: int, **changes: Any) -> dict[str, Any]:
    return {
        "id": f"gid://shopify/ReturnLineItem/{number}",
        "quantity": number,
        "customerNote": None,
        "returnReasonNote": "",
        "returnReasonDefinition": {"handle": "damaged-or-defective"},
        "fulfillmentLineItem": {"lineItem": {"id": f"gid://shopify/LineItem/{LINE}"}},
        **changes,
    }


def the_return(status: str, *lines: dict[str, Any], cursor: str | None = None) -> httpx.Response:
    return data(
        "return",
        {
            "id": GID,
            "name": "#1106-R2",
            "status": status,
            "order": {"id": "gid://shopify/Order/5"},
            "returnLineItems": {
                "nodes": list(lines),
                "pageInfo": {"hasNextPage": cursor is not None, "endCursor": cursor},
            },
        },
    )


def done(root: str) -> httpx.Response:
    return data(root, {"return": {"id": GID}, "userErrors": []})


def refused(root: str, code: str) -> httpx.Response:
    return data(root, {"return": None, "userErrors": [{"code": code, "field": None, "message": "Not so."}]})


async def test_a_return_is_read_over_all_pages(respx_mock: respx.Router) -> None:
    shop = Shop(respx_mock).on(
        "ReturnGet",
        the_return("REQUESTED", line(1, customerNote="does not light"), cursor="c1"),
        the_return("REQUESTED", line(2, returnReasonDefinition=None), line(3, fulfillmentLineItem=None)),
    )

    assert await make_store().read_return("7") == StoreReturn(
        return_id="7",
        order_id="5",
        status="requested",
        name="#1106-R2",
        lines=(
            StoreReturnLine(LINE, 1, "damaged-or-defective", "does not light"),
            StoreReturnLine(LINE, 2, "unknown", None),
        ),
    )
    assert [each["after"] for each in shop.asked("ReturnGet")] == [None, "c1"]


async def test_there_may_be_no_such_return(respx_mock: respx.Router) -> None:
    shop = Shop(respx_mock).on("ReturnGet", data("return", None))

    assert await make_store().read_return("7") is None
    assert await make_store().read_return("gid://shopify/Order/7") is None
    assert len(shop.calls) == 1


async def test_the_three_changes_are_sent_as_shopify_wants_them(respx_mock: respx.Router) -> None:
    shop = Shop(respx_mock).on("ReturnApproveRequest", done("returnApproveRequest"))
    shop.on("ReturnDeclineRequest", done("returnDeclineRequest")).on("ReturnClose", done("returnClose"))
    store = make_store()

    await store.approve_return("7")
    await store.decline_return(GID, "x" * 600)
    await store.close_return("7")

    assert shop.asked("ReturnApproveRequest") == [{"input": {"id": GID, "notifyCustomer": False}}]
    (declined,) = shop.asked("ReturnDeclineRequest")
    assert declined["input"]["declineReason"] == "OTHER"
    assert declined["input"]["declineNote"] == "x" * 500
    assert shop.asked("ReturnClose") == [{"id": GID}]


@pytest.mark.parametrize(("status", "counts"), [("OPEN", True), ("CLOSED", True), ("DECLINED", False)])
async def test_approving_twice_counts_as_done(respx_mock: respx.Router, status: str, counts: bool) -> None:
    Shop(respx_mock).on("ReturnApproveRequest", refused("returnApproveRequest", "INVALID_STATE")).on(
        "ReturnGet", the_return(status)
    )

    if counts:
        await make_store().approve_return("7")
        return
    with pytest.raises(StoreRefused, match="Not so"):
        await make_store().approve_return("7")


@pytest.mark.parametrize(("status", "counts"), [("DECLINED", True), ("OPEN", False)])
async def test_declining_twice_counts_as_done(respx_mock: respx.Router, status: str, counts: bool) -> None:
    Shop(respx_mock).on("ReturnDeclineRequest", refused("returnDeclineRequest", "INVALID_STATE")).on(
        "ReturnGet", the_return(status)
    )

    if counts:
        await make_store().decline_return("7", "too late")
        return
    with pytest.raises(StoreRefused):
        await make_store().decline_return("7", "too late")


async def test_closing_what_was_declined_is_refused(respx_mock: respx.Router) -> None:
    Shop(respx_mock).on("ReturnClose", refused("returnClose", "INVALID_STATE")).on("ReturnGet", the_return("DECLINED"))

    with pytest.raises(StoreRefused):
        await make_store().close_return("7")


async def test_any_other_refusal_is_believed_at_once(respx_mock: respx.Router) -> None:
    shop = Shop(respx_mock).on("ReturnApproveRequest", refused("returnApproveRequest", "NOT_FOUND"))

    with pytest.raises(StoreRefused, match="Not so"):
        await make_store().approve_return("7")
    assert len(shop.calls) == 1


async def test_silence_and_nonsense_are_errors(respx_mock: respx.Router) -> None:
    Shop(respx_mock).on("ReturnClose", data("returnClose", None), httpx.ReadTimeout("slow"))
    store = make_store()

    with pytest.raises(StoreRefused):
        await store.close_return("7")
    with pytest.raises(StoreUnavailable):
        await store.close_return("7")
    with pytest.raises(StoreRefused):
        await store.close_return("seven")
