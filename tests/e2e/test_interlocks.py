"""Chargebacks, cancellations and edits of the order, whenever they come: money waits, goes out once, or not at all."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

import pytest

from app.orders.tasks import read_in
from app.outcomes import Unknown
from app.sandbox.faults import Fault, FaultKind
from app.stores.asked import PreparedRefund, RefundAnswer
from tests.e2e.stage import SHOP, Stage
from tests.e2e.test_crashes import ONE_LAMP
from tests.e2e.test_stories import keys_sent, lamp, shopify_order

THREE_LAMPS = [{"sku": "LAMP-01", "quantity": 3, "reason": "lost"}]


async def refunds(stage: Stage, case: dict[str, Any]) -> list[str]:
    return [one["status"] for one in (await stage.case(case["id"]))["refunds"]]


async def test_a_chargeback_won_lets_the_money_go_out_once(stage: Stage) -> None:
    order_id, _ = await shopify_order(stage, [lamp()])
    (case,) = await stage.ask(SHOP, order_id, ONE_LAMP)
    stage.world.shop.open_dispute(int(order_id))
    stage.world.suppliers["acme"].confirm(case["id"])
    await stage.settle()
    await stage.later(days=2)
    assert keys_sent(stage) == []
    stage.world.shop.close_dispute(int(order_id), "WON")
    await stage.settle()
    await stage.later(days=1)
    case = await stage.case(case["id"])
    assert (case["state"], case["holds"]) == ("resolved", [])
    assert len(keys_sent(stage)) == 1
    assert stage.world.shop.refunded_total(order_id) == Decimal("19.99")


async def test_a_chargeback_lost_voids_what_was_planned(stage: Stage) -> None:
    order_id, _ = await shopify_order(stage, [lamp()])
    (case,) = await stage.ask(SHOP, order_id, ONE_LAMP)
    stage.world.shop.faults.add("refundCreate", Fault(FaultKind.THROTTLE, seconds=600))
    stage.world.suppliers["acme"].confirm(case["id"])
    await stage.settle()
    assert await refunds(stage, case) == ["planned"]
    stage.world.shop.open_dispute(int(order_id))
    await stage.settle()
    assert await refunds(stage, case) == ["void"]
    stage.world.shop.close_dispute(int(order_id), "LOST")
    await stage.settle()
    await stage.later(hours=1)
    assert (await stage.case(case["id"]))["state"] == "superseded"
    assert stage.world.shop.refunded_total(order_id) == 0
    assert (await stage.get(f"/orders/{SHOP}/{order_id}"))["reserved"]["amount"] == "0.00"


@pytest.mark.parametrize("ends", ["WON", "LOST"])
async def test_a_chargeback_while_a_refund_is_in_flight(
    stage: Stage, monkeypatch: pytest.MonkeyPatch, ends: str
) -> None:
    """The call went out before the bank spoke: it is counted as what it is, and never sent a second time."""
    order_id, _ = await shopify_order(stage, [lamp()])
    (case,) = await stage.ask(SHOP, order_id, ONE_LAMP)
    store = stage.runtime.stores.get(SHOP)
    send = store.send_refund

    async def disputed_meanwhile(prepared: PreparedRefund) -> RefundAnswer:
        await send(prepared)
        stage.world.shop.open_dispute(int(order_id))
        stage.world.courier.flush()
        return Unknown("timeout", "no answer")

    monkeypatch.setattr(store, "send_refund", disputed_meanwhile)
    stage.world.suppliers["acme"].confirm(case["id"])
    await stage.settle()
    await stage.later(minutes=5)
    case = await stage.case(case["id"])
    assert (case["state"], case["holds"]) == ("resolved", ["chargeback"])
    assert await refunds(stage, case) == ["succeeded"]
    stage.world.shop.close_dispute(int(order_id), ends)
    await stage.settle()
    await stage.later(days=1)
    assert len(keys_sent(stage)) == 1
    assert (await stage.case(case["id"]))["state"] == ("resolved" if ends == "WON" else "superseded")


@pytest.mark.parametrize("read_meanwhile", [True, False])
async def test_a_dispute_that_is_over_is_not_opened_by_older_news(stage: Stage, read_meanwhile: bool) -> None:
    """The webhook of its beginning comes after the one of its end, whether or not a reading showed it open."""
    order = stage.world.shop.create_order([lamp(2)])
    order_id = str(order.id)
    stage.world.shop.fulfil(order.id, {order.lines[0].id: 1})
    await stage.settle()
    (case,) = await stage.ask(SHOP, order_id, ONE_LAMP)
    stage.world.courier.misbehave(1, lose=1.0)
    stage.world.shop.open_dispute(int(order_id))
    stage.world.courier.behave()
    (late,) = stage.world.courier.lost
    if read_meanwhile:
        await read_in(stage.runtime, SHOP, order_id)
        assert (await stage.case(case["id"]))["holds"] == ["chargeback"]
    stage.world.shop.close_dispute(int(order_id), "WON")
    await stage.settle()
    assert (await stage.case(case["id"]))["holds"] == []
    before = await stage.events(case["id"])
    stage.world.courier.post(late.url, late.headers, late.body)
    # News of the order itself does not know of the dispute's end.
    stage.world.shop.fulfil(order.id, {order.lines[0].id: 1})
    await stage.settle()
    assert ((await stage.case(case["id"]))["holds"], await stage.events(case["id"])) == ([], before)
    told = (await stage.get("/deliveries", topic="disputes/create"))["items"]
    assert [(one["status"], one["error"]) for one in told] == [("ignored", "old news: the dispute is over")]
    # Another dispute is another matter.
    stage.world.shop.open_dispute(int(order_id))
    await stage.settle()
    assert (await stage.case(case["id"]))["holds"] == ["chargeback"]


async def test_an_order_edited_down_shrinks_the_case(stage: Stage) -> None:
    order = stage.world.shop.create_order([lamp(3)])
    line_id = order.lines[0].id
    stage.world.shop.fulfil(order.id, {line_id: 1})
    await stage.settle()
    (case,) = await stage.ask(SHOP, str(order.id), THREE_LAMPS)
    if case["state"] == "under_review":
        case = await stage.act(case, "approve", route="claim")
    assert case["lines"][0]["approved"] == 3
    stage.world.shop.edit_order(order.id, {line_id: 1})
    await stage.settle()
    case = await stage.case(case["id"])
    assert (case["state"], case["lines"][0]["approved"], case["lines"][0]["requested"]) == ("claiming", 2, 3)
    assert (await stage.get("/deliveries", topic="orders/edited"))["items"][0]["status"] == "processed"
    stage.world.suppliers["acme"].confirm(case["id"], {str(line_id): 2})
    await stage.settle()
    assert (await stage.case(case["id"]))["state"] == "resolved"
    assert stage.world.shop.refunded_total(order.id) == Decimal("39.98")
    assert len(keys_sent(stage)) == 1


async def test_an_edit_while_the_refund_is_planned_plans_it_anew(stage: Stage) -> None:
    order = stage.world.shop.create_order([lamp(3)])
    line_id = order.lines[0].id
    await stage.settle()
    (case,) = await stage.ask(SHOP, str(order.id), THREE_LAMPS)
    if case["state"] == "under_review":
        case = await stage.act(case, "approve", route="claim")
    stage.world.shop.faults.add("refundCreate", Fault(FaultKind.THROTTLE, seconds=600))
    stage.world.suppliers["acme"].confirm(case["id"], {str(line_id): 3})
    await stage.settle()
    assert await refunds(stage, case) == ["planned"]
    # Its webhooks are lost: the reading before the money moves tells of it.
    stage.world.courier.drop_next(2)
    stage.world.shop.edit_order(order.id, {line_id: 2})
    await stage.settle()
    await stage.later(minutes=15)
    await stage.later(minutes=1)
    case = await stage.case(case["id"])
    assert (case["state"], sorted(await refunds(stage, case))) == ("resolved", ["succeeded", "void"])
    assert stage.world.shop.refunded_total(order.id) == Decimal("19.99")


async def test_every_unit_taken_out_supersedes_the_case(stage: Stage) -> None:
    order = stage.world.shop.create_order([lamp(3), lamp(1, sku="B", title="B")])
    line_id = order.lines[0].id
    await stage.settle()
    (case,) = await stage.ask(SHOP, str(order.id), THREE_LAMPS)
    if case["state"] == "under_review":
        case = await stage.act(case, "approve", route="claim")
    stage.world.shop.edit_order(order.id, {line_id: 3})
    await stage.settle()
    case = await stage.case(case["id"])
    assert (case["state"], case["lines"][0]["approved"]) == ("superseded", 0)
    assert keys_sent(stage) == []


async def test_an_order_cancelled_with_its_refund_supersedes(stage: Stage) -> None:
    order_id, lines = await shopify_order(stage, [lamp(2)])
    (case,) = await stage.ask(SHOP, order_id, ONE_LAMP)
    stage.world.shop.refund_by_hand(int(order_id), {int(lines["LAMP-01"]): 2})
    stage.world.shop.cancel_order(int(order_id))
    await stage.settle()
    assert (await stage.case(case["id"]))["state"] == "superseded"
    stage.world.suppliers["acme"].confirm(case["id"])
    await stage.settle()
    assert keys_sent(stage) == []


async def test_an_order_cancelled_without_a_refund_goes_on_and_is_paid_once(stage: Stage) -> None:
    order_id, _ = await shopify_order(stage, [lamp()])
    (case,) = await stage.ask(SHOP, order_id, ONE_LAMP)
    stage.world.shop.cancel_order(int(order_id))
    await stage.settle()
    case = await stage.case(case["id"])
    assert (case["state"], case["attention"]) == ("awaiting_shipment", ["problem:order_cancelled"])
    stage.world.suppliers["acme"].confirm(case["id"])
    await stage.settle()
    assert (await stage.case(case["id"]))["state"] == "resolved"
    assert len(keys_sent(stage)) == 1
    assert stage.world.shop.refunded_total(order_id) == Decimal("19.99")
