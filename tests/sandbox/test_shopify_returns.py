"""Returns of the sandbox's Shopify shop: their states, and the answers in the wrong one."""

from __future__ import annotations

from typing import Any

import pytest

from app.sandbox.shopify.state import Order, Return
from app.sandbox.shopify.values import gid
from tests.sandbox.shopify_kit import LAMP, World, served

FIELDS = {
    "approve": "returnApproveRequest(input: {id: $id})",
    "decline": 'returnDeclineRequest(input: {id: $id, declineReason: FINAL_SALE, declineNote: "no"})',
    "close": "returnClose(id: $id)",
    "reopen": "returnReopen(id: $id)",
    "cancel": "returnCancel(id: $id)",
}
GET = """
query R($id: ID!) {
  return(id: $id) {
    name status closedAt requestApprovedAt totalQuantity decline { reason note } order { id returnStatus }
    returnLineItems(first: 5) { nodes {
      quantity refundedQuantity returnReasonNote customerNote returnReasonDefinition { handle }
      ... on ReturnLineItem { fulfillmentLineItem { lineItem { id sku } } }
    } }
    reverseFulfillmentOrders(first: 5) { nodes { status } }
  }
}"""


def call(world: World, what: str, item: Return | str) -> tuple[str | None, list[Any]]:
    """The return's state in the answer, and the user errors."""
    query = f"mutation M($id: ID!) {{ {FIELDS[what]} {{ return {{ status }} userErrors {{ code message }} }} }}"
    (payload,) = world.data(query, {"id": item if isinstance(item, str) else gid("Return", item.id)}).values()
    return payload["return"] and payload["return"]["status"], payload["userErrors"]


def requested(world: World) -> tuple[Order, Return]:
    order = world.shop.create_order([LAMP])
    world.shop.fulfil(order.id)
    return order, world.shop.request_return(order.id, {order.lines[0].id: 1}, "DEFECTIVE", "broken", "please")


def test_a_request_as_graphql_shows_it() -> None:
    with served() as world:
        order, item = requested(world)
        shown = world.data(GET, {"id": gid("Return", item.id)})["return"]
        assert (shown["name"], shown["status"], shown["totalQuantity"]) == ("#1001-R1", "REQUESTED", 1)
        assert shown["order"] == {"id": order.gid, "returnStatus": "RETURN_REQUESTED"}
        assert shown["reverseFulfillmentOrders"]["nodes"] == []
        (line,) = shown["returnLineItems"]["nodes"]
        assert line["returnReasonDefinition"] == {"handle": "damaged-or-defective"}
        assert (line["returnReasonNote"], line["customerNote"]) == ("broken", "please")
        assert line["fulfillmentLineItem"]["lineItem"]["sku"] == "LAMP-01"
        call(world, "approve", item)
        assert world.data(GET, {"id": gid("Return", item.id)})["return"]["reverseFulfillmentOrders"]["nodes"] == [
            {"status": "OPEN"}
        ]


@pytest.mark.parametrize(
    ("steps", "states"),
    [
        (["approve", "close", "close", "reopen", "reopen"], ["OPEN", "CLOSED", "CLOSED", "OPEN", "OPEN"]),
        (["approve", "cancel", "cancel"], ["OPEN", "CANCELED", "CANCELED"]),
        (["decline"], ["DECLINED"]),
    ],
)
def test_the_ways_a_return_goes(steps: list[str], states: list[str]) -> None:
    with served() as world:
        _, item = requested(world)
        assert [call(world, step, item) for step in steps] == [(state, []) for state in states]


@pytest.mark.parametrize(
    ("steps", "message"),
    [
        (["approve", "approve"], "Return is not approvable. Only returns with status REQUESTED can be approved."),
        (
            ["approve", "decline"],
            "Return is not declinable. Only non-refunded returns with status REQUESTED can be declined.",
        ),
        (["decline", "decline"], "The return is already declined."),
        (["close"], "Return status is invalid."),
        (["reopen"], "Return status is invalid."),
        (["decline", "close"], "Return status is invalid."),
        (["decline", "cancel"], "Return is not cancelable."),
    ],
)
def test_the_wrong_state(steps: list[str], message: str) -> None:
    with served() as world:
        _, item = requested(world)
        for step in steps[:-1]:
            assert call(world, step, item)[1] == []
        assert call(world, steps[-1], item) == (None, [{"code": "INVALID_STATE", "message": message}])


def test_unknown_returns_and_wrong_ids() -> None:
    with served() as world:
        assert call(world, "close", gid("Return", 7)) == (None, [{"code": "NOT_FOUND", "message": "Return not found."}])
        body = world.run("mutation M($id: ID!) { returnClose(id: $id) { return { id } } }", {"id": gid("Order", 7)})
        assert body["errors"][0]["extensions"]["code"] == "RESOURCE_NOT_FOUND"
        assert world.data(GET, {"id": gid("Return", 7)}) == {"return": None}


def test_only_sent_units_can_be_returned_and_only_once() -> None:
    with served() as world:
        order = world.shop.create_order([LAMP])
        line = order.lines[0].id
        with pytest.raises(ValueError, match="than were sent"):
            world.shop.request_return(order.id, {line: 1})
        world.shop.fulfil(order.id, {line: 1})
        world.shop.fulfil(order.id, {line: 1})
        spread = world.shop.request_return(order.id, {line: 2})
        assert [part.quantity for part in spread.lines] == [1, 1]
        with pytest.raises(ValueError, match="than were sent"):
            world.shop.request_return(order.id, {line: 1})
        world.shop.returns.decline(spread.id, "OTHER", None)
        assert world.shop.request_return(order.id, {line: 1}).name == "#1001-R2"
