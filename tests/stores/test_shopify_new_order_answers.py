"""What Shopify's answers to the steps of a new order prove, one by one."""

from __future__ import annotations

from typing import Any
from uuid import UUID

import httpx
import pytest
import respx

from app.outcomes import Ok, Rejected, Unknown
from app.stores.asked import NewOrderProof, PreparedNewOrder
from app.stores.base import StoreUnavailable
from app.stores.shopify_orders import tag_for
from tests.orders.shopify_bodies import bag
from tests.stores.shopify_shop import ORDER_GID, Answer, Naps, Shop, data, errors, make_store, throttled

OPERATION = UUID("0199aa00-0000-7000-8000-000000000002")
TAG = tag_for(OPERATION)
PREPARED = PreparedNewOrder(
    OPERATION,
    "5196695273621",
    {
        "lines": [{"variantId": "gid://shopify/ProductVariant/7", "quantity": 1}],
        "tags": ["makegood", TAG],
        "note": "#1 RMA-7",
    },
)
ADDRESS = {"address1": "1 Example Street", "city": "Lyon", "zip": "69001", "countryCodeV2": "FR", "address2": None}
NOTHING = data("orders", {"nodes": []})
NO_DRAFT = data("draftOrders", {"nodes": []})


def draft(number: int = 70, *, order: int | None = None, total: str = "0.0", **changes: Any) -> dict[str, Any]:
    return {
        "id": f"gid://shopify/DraftOrder/{number}",
        "name": f"#D{number}",
        "ready": True,
        "tags": ["makegood", TAG],
        "totalPriceSet": bag(total, total),
        "order": an_order(order) if order else None,
        **changes,
    }


def an_order(number: int, *tags: str) -> dict[str, Any]:
    return {"id": f"gid://shopify/Order/{number}", "name": f"#{number}", "tags": list(tags)}


def customer(**changes: Any) -> dict[str, Any]:
    found = {
        "id": ORDER_GID,
        "email": "ana@example.com",
        "presentmentCurrencyCode": "USD",
        "customer": {"id": "gid://shopify/Customer/5"},
        "shippingAddress": ADDRESS,
    }
    return {**found, **changes}


def outcome(root: str, value: dict[str, Any] | None, *complaints: str) -> httpx.Response:
    errors = [{"field": None, "message": each} for each in complaints]
    return data(root, {"draftOrder": value, "userErrors": errors})


def shop(router: respx.Router, **answers: Answer) -> Shop:
    """A shop where everything goes well, but for what is said to be otherwise."""
    well: dict[str, Answer] = {
        "OrdersByTag": NOTHING,
        "DraftsByTag": NO_DRAFT,
        "OrderCustomer": data("order", customer()),
        "DraftOrderCreate": outcome("draftOrderCreate", draft()),
        "DraftOrderComplete": outcome("draftOrderComplete", draft(order=900)),
        "Draft": data("draftOrder", draft()),
        "DraftOrderDelete": data("draftOrderDelete", {"deletedId": "gid://shopify/DraftOrder/70", "userErrors": []}),
        **answers,
    }
    made = Shop(router)
    for operation, answer in well.items():
        made.on(operation, answer)
    return made


@respx.mock
async def test_the_request_to_the_letter(respx_mock: respx.MockRouter) -> None:
    asked = shop(respx_mock)

    answer = await make_store().send_new_order(PREPARED)

    assert answer == Ok(NewOrderProof("900", "#900"))
    assert asked.asked("OrdersByTag") == asked.asked("DraftsByTag") == [{"query": f"tag:'{TAG}'"}]
    assert asked.asked("DraftOrderCreate") == [
        {
            "input": {
                "shippingAddress": {
                    "address1": "1 Example Street",
                    "city": "Lyon",
                    "zip": "69001",
                    "countryCode": "FR",
                },
                "email": "ana@example.com",
                "purchasingEntity": {"customerId": "gid://shopify/Customer/5"},
                "presentmentCurrencyCode": "USD",
                "lineItems": PREPARED.payload["lines"],
                "tags": ["makegood", TAG],
                "note": "#1 RMA-7",
                "appliedDiscount": {"title": "makegood", "value": 100.0, "valueType": "PERCENTAGE"},
            }
        }
    ]
    assert len(TAG) <= 40


@pytest.mark.parametrize(
    ("answer", "code"),
    [
        (httpx.Response(200, text="<html>"), "unreadable_answer"),
        (data("draftOrderCreate", None), "draft_missing"),
        (outcome("draftOrderCreate", None), "draft_missing"),
        (outcome("draftOrderCreate", draft(), "careful"), "user_errors_with_draft"),
        (errors("INTERNAL_SERVER_ERROR"), "graphql_error"),
        (errors("ACCESS_DENIED", data={"draftOrderCreate": {"draftOrder": draft()}}), "errors_with_data"),
        (httpx.Response(302), "redirected"),
        (httpx.Response(500), "http_500"),
        (httpx.ReadTimeout("slow"), "timeout"),
        (httpx.RemoteProtocolError("cut"), "connection_lost"),
    ],
)
@respx.mock
async def test_answers_to_the_draft_that_prove_nothing(respx_mock: respx.MockRouter, answer: Answer, code: str) -> None:
    asked = shop(respx_mock, DraftOrderCreate=answer)

    given = await make_store().send_new_order(PREPARED)

    assert isinstance(given, Unknown)
    assert given.code == code
    assert len(asked.asked("DraftOrderCreate")) == 1
    assert asked.asked("DraftOrderComplete") == []


@pytest.mark.parametrize(
    ("answer", "code", "retryable"),
    [
        (httpx.ConnectError("refused"), "not_sent", True),
        (throttled(), "throttled", True),
        (httpx.Response(429, headers={"Retry-After": "3"}), "throttled", True),
        (httpx.Response(403), "http_403", False),
        (errors("ACCESS_DENIED"), "access_denied", False),
        (outcome("draftOrderCreate", None, "no"), "user_errors", False),
    ],
)
@respx.mock
async def test_answers_to_the_draft_that_prove_that_none_was_made(
    respx_mock: respx.MockRouter, answer: Answer, code: str, retryable: bool
) -> None:
    shop(respx_mock, DraftOrderCreate=answer)

    given = await make_store().send_new_order(PREPARED)

    assert isinstance(given, Rejected)
    assert (given.code, given.retryable) == (code, retryable)


@pytest.mark.parametrize(
    "answer",
    [httpx.Response(500), httpx.ReadTimeout("slow"), httpx.ConnectError("refused"), errors("ACCESS_DENIED")],
)
@respx.mock
async def test_once_there_is_a_draft_a_failed_call_proves_nothing(respx_mock: respx.MockRouter, answer: Answer) -> None:
    shop(respx_mock, DraftOrderComplete=answer)

    given = await make_store().send_new_order(PREPARED)

    assert isinstance(given, Unknown)
    assert given.code == "draft_waits"


@respx.mock
async def test_a_store_that_keeps_throttling_the_completion_leaves_it_open(respx_mock: respx.MockRouter) -> None:
    naps = Naps()
    shop(respx_mock, DraftOrderComplete=throttled())

    given = await make_store(sleep=naps).send_new_order(PREPARED)

    assert isinstance(given, Unknown)
    assert naps.taken == [6.0, 6.0, 6.0]


@pytest.mark.parametrize("shown", [None, draft(ready=False)])
@respx.mock
async def test_a_refusal_for_a_draft_that_is_not_ready_or_not_shown_proves_nothing(
    respx_mock: respx.MockRouter, shown: dict[str, Any] | None
) -> None:
    asked = shop(
        respx_mock,
        DraftOrderComplete=outcome("draftOrderComplete", None, "not now"),
        Draft=data("draftOrder", shown),
    )

    given = await make_store().send_new_order(PREPARED)

    assert isinstance(given, Unknown)
    assert asked.asked("DraftOrderDelete") == []


@respx.mock
async def test_a_refusal_for_a_draft_that_became_an_order_is_success(respx_mock: respx.MockRouter) -> None:
    shop(
        respx_mock,
        DraftOrderComplete=outcome("draftOrderComplete", None, "already completed"),
        Draft=data("draftOrder", draft(order=901)),
    )

    assert await make_store().send_new_order(PREPARED) == Ok(NewOrderProof("901", "#901"))


@respx.mock
async def test_what_the_search_finds_beside_the_tag_is_not_taken_for_it(respx_mock: respx.MockRouter) -> None:
    others = [an_order(800, "mg-other"), an_order(801)]
    foreign = draft(60, order=802, tags=["makegood"])
    asked = shop(
        respx_mock,
        OrdersByTag=data("orders", {"nodes": others}),
        DraftsByTag=data("draftOrders", {"nodes": [foreign]}),
    )

    assert await make_store().find_new_order(PREPARED) is None
    assert await make_store().send_new_order(PREPARED) == Ok(NewOrderProof("900", "#900"))
    assert len(asked.asked("DraftOrderCreate")) == 1


@respx.mock
async def test_of_several_the_oldest_order_counts_and_a_finished_draft_before_an_open_one(
    respx_mock: respx.MockRouter,
) -> None:
    asked = shop(respx_mock, OrdersByTag=data("orders", {"nodes": [an_order(820, TAG), an_order(810, TAG)]}))

    assert await make_store().find_new_order(PREPARED) == NewOrderProof("810", "#810")
    asked.on("OrdersByTag", NOTHING)
    asked.on("DraftsByTag", data("draftOrders", {"nodes": [draft(61), draft(62, order=830)]}))
    assert await make_store().send_new_order(PREPARED) == Ok(NewOrderProof("830", "#830"))
    assert asked.asked("DraftOrderCreate") == asked.asked("DraftOrderComplete") == []


@respx.mock
async def test_an_account_that_is_withheld_leaves_the_address_alone(respx_mock: respx.MockRouter) -> None:
    withheld = errors("ACCESS_DENIED", data={"order": customer(customer=None)}, path=["order", "customer"])
    asked = shop(respx_mock, OrderCustomer=withheld)

    assert isinstance(await make_store().send_new_order(PREPARED), Ok)
    (sent,) = asked.asked("DraftOrderCreate")
    assert "purchasingEntity" not in sent["input"]
    assert sent["input"]["email"] == "ana@example.com"


@pytest.mark.parametrize("order", [None, customer(shippingAddress=None), customer(shippingAddress={"city": "Lyon"})])
@respx.mock
async def test_goods_that_would_go_nowhere_are_not_ordered(
    respx_mock: respx.MockRouter, order: dict[str, Any] | None
) -> None:
    asked = shop(respx_mock, OrderCustomer=data("order", order))

    given = await make_store().send_new_order(PREPARED)

    assert isinstance(given, Rejected)
    assert given.code == "new_order_not_possible"
    assert asked.asked("DraftOrderCreate") == []


@respx.mock
async def test_looking_needs_an_answer(respx_mock: respx.MockRouter) -> None:
    shop(respx_mock, DraftsByTag=httpx.Response(502))

    with pytest.raises(StoreUnavailable):
        await make_store().find_new_order(PREPARED)
