"""Orders: the snapshot, what is refunded, reserved and still refundable."""

from __future__ import annotations

import pytest
from httpx import AsyncClient

from app.orders import service as orders
from app.orders.snapshot import RefundState, SeenRefund
from app.refunds.states import RefundStatus
from app.runtime import Runtime
from tests.api.kit import LAMP, MUG, V1, VIEWER, case_in, keep, order_of, refund_in


@pytest.mark.parametrize("name", ["5196695273621", "1106", "%231106", "#1106"])
async def test_an_order_by_id_or_number(client: AsyncClient, runtime: Runtime, name: str) -> None:
    """Money as objects, units by line."""
    await keep(runtime, order_of())
    answer = await client.get(f"{V1}/orders/ALPHA/{name.replace('#', '%23')}", headers=VIEWER)
    order = answer.json()
    assert (answer.status_code, order["store"], order["id"], order["number"]) == (
        200,
        "alpha",
        "5196695273621",
        "#1106",
    )
    assert order["captured"] == order["refundable"] == {"amount": "65.00", "currency": "EUR"}
    assert [(line["line_id"], line["quantity"], line["refundable_quantity"]) for line in order["lines"]] == [
        (LAMP, 2, 2),
        (MUG, 1, 1),
    ]
    assert order["lines"][0]["total"] == {"amount": "50.00", "currency": "EUR"}
    assert (order["extras"][0]["kind"], order["extras"][0]["total"]["amount"]) == ("shipping", "5.00")
    assert order["placed_at"].endswith("Z")


async def test_a_number_may_hold_a_slash(client: AsyncClient, runtime: Runtime) -> None:
    """Some stores number their orders by year."""
    await keep(runtime, order_of("78", "2026/0012"))
    assert (await client.get(f"{V1}/orders/alpha/2026/0012")).json()["id"] == "78"


async def test_money_of_others_and_of_ours(client: AsyncClient, runtime: Runtime) -> None:
    """What others refunded is refunded, what we plan is reserved, and the rest is refundable."""
    case = await case_in(client, runtime, "resolving", quantity=1)
    async with runtime.work() as work:
        order = await orders.find(work, "alpha", "1106")
        assert order is not None
        seen = SeenRefund("5", 1000, RefundState.SUCCEEDED, lines={MUG: 1}, extras={})
        await orders.keep_refund(work, await orders.lock(work, order.id), seen)
    await refund_in(runtime, case, RefundStatus.PLANNED)
    told = (await client.get(f"{V1}/orders/alpha/1106")).json()
    assert [told[name]["amount"] for name in ("captured", "refunded", "reserved", "refundable")] == [
        "65.00", "10.00", "25.00", "30.00",
    ]  # fmt: skip
    assert [line["refundable_quantity"] for line in told["lines"]] == [1, 0]
    assert [(one["store_refund_id"], one["refund_id"], one["amount"]["amount"]) for one in told["refunds"]] == [
        ("5", None, "10.00")
    ]


async def test_unknown_orders_and_stores(client: AsyncClient) -> None:
    """404, each with its own code."""
    for path, code in (("alpha/1", "order_not_found"), ("nowhere/1", "unknown_store")):
        answer = await client.get(f"{V1}/orders/{path}")
        assert (answer.status_code, answer.json()["code"]) == (404, code)
