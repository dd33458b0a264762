"""Faults that were found in remedies, each as a story that went wrong before it was mended."""

from __future__ import annotations

import asyncio
from datetime import timedelta
from decimal import Decimal
from pathlib import Path
from uuid import UUID

import pytest

from app.cases import actions
from app.cases import service as cases
from app.cases.action_bodies import ChangeRemedyBody
from app.cases.choosing import KeepingNotOffered
from app.cases.refunding import lock_both
from app.cases.vocabulary import Event, Remedy
from app.pages.customer.remedies import _others
from app.pages.customer.standing import standings
from app.remedies import service as remedies
from app.requests.drafts import CUSTOMER
from app.requests.models import ReturnRequest
from app.sandbox.faults import Fault, FaultKind
from tests.e2e.stage import SHOP, SITE, Stage
from tests.e2e.test_policy import use_policy
from tests.e2e.test_remedies import (
    BOTH,
    POLICY,
    Case,
    asked,
    bought,
    confirmed,
    every,
    looked_for,
    new_order_faults,
    orders_made,
    refunds_sent,
)
from tests.e2e.test_stories import lamp

__all__ = ["every"]


async def test_a_refund_by_hand_that_no_webhook_told_stops_a_replacement(stage: Stage, every: None) -> None:
    """The order is read right before goods are ordered, as before money is sent."""
    one = await bought(stage, SHOP)
    case = await asked(stage, one, "replacement", quantity=3)
    line = stage.world.shop.order(one.order_id).lines[0]
    stage.world.courier.misbehave(1, lose=1.0)
    stage.world.shop.refund_by_hand(one.order_id, {line.id: 3})
    stage.world.courier.behave()
    case = await confirmed(stage, case)
    (stopped,) = case["replacements"]
    assert (case["state"], stopped["status"], stopped["attempts"]) == ("superseded", "void", [])
    assert orders_made(stage, SHOP, stopped) == 0


@BOTH
@pytest.mark.parametrize("planned_before", [True, False])
async def test_no_goods_go_out_for_a_cancelled_order(stage: Stage, every: None, key: str, planned_before: bool) -> None:
    """Its webhook is lost, before the replacement is planned or while it waits for a store that is too busy."""
    one = await bought(stage, key)
    case = await asked(stage, one, "replacement")
    if planned_before:
        faults, call = new_order_faults(stage, key)
        faults.add(call, Fault(FaultKind.THROTTLE, seconds=600))
        case = await confirmed(stage, case)
        assert [made["status"] for made in case["replacements"]] == ["planned"]
    stage.world.courier.misbehave(1, lose=1.0)
    if key == SHOP:
        stage.world.shop.cancel_order(one.order_id)
    else:
        stage.world.site.set_status(int(one.order_id), "cancelled")
    stage.world.courier.behave()
    if not planned_before:
        await confirmed(stage, case)
    await looked_for(stage)
    case = await stage.case(case["id"])
    (stopped,) = case["replacements"]
    assert (case["state"], stopped["status"], orders_made(stage, key, stopped)) == ("contested", "rejected", 0)
    assert {attempt["outcome"] for attempt in stopped["attempts"]} <= {"not_sent"}
    assert "cancelled in the store" in stopped["detail"]
    assert {"order_cancelled", "remedy_impossible"} <= set(await stage.events(case["id"]))
    # The customer is owed all the same: money may go back.
    case = await stage.act(case, "change-remedy", remedy="refund")
    assert (case["state"], refunds_sent(stage)) == ("resolved", 1)


async def test_no_replacement_is_planned_for_an_order_known_to_be_cancelled(stage: Stage, every: None) -> None:
    one = await bought(stage, SHOP)
    case = await asked(stage, one, "replacement")
    stage.world.shop.cancel_order(one.order_id)
    await stage.settle()
    case = await confirmed(stage, case)
    assert (case["state"], case["replacements"]) == ("contested", [])
    assert "remedy_impossible" in await stage.events(case["id"])


@BOTH
async def test_money_refunded_by_amount_leaves_a_replacement_to_a_person(stage: Stage, every: None, key: str) -> None:
    """No line is named, so no unit is gone; but the customer has more of the money than the goods leave."""
    one = await bought(stage, key)
    case = await asked(stage, one, "replacement", quantity=3)
    if key == SHOP:
        stage.world.shop.refund_by_hand(one.order_id, amount="50.00")
    else:
        stage.world.site.refund_by_hand(int(one.order_id), amount="50.00")
    await stage.settle()
    case = await confirmed(stage, case)
    (stopped,) = case["replacements"]
    assert (case["state"], stopped["status"], stopped["attempts"]) == ("contested", "rejected", [])
    assert "problem:replacement_rejected" in case["attention"]
    assert (orders_made(stage, key, stopped), refunds_sent(stage)) == (0, 0)


async def _chosen_by_customer(stage: Stage, case: Case, remedy: Remedy) -> set[Remedy]:
    """What the status page offers; then the customer's choice, whether it was offered or not."""
    async with stage.runtime.work() as work:
        order, locked = await lock_both(work, UUID(case["id"]))
        (one,) = await standings(work, await work.session.get_one(ReturnRequest, locked.request_id))
        offered = {offer.remedy for offer in await _others(work, order, one)}
    async with stage.runtime.work() as work:
        order, locked = await lock_both(work, UUID(case["id"]))
        target = actions.Target(work, order, locked, CUSTOMER)
        if remedy not in offered:
            with pytest.raises(KeepingNotOffered):
                await actions.change_remedy(target, ChangeRemedyBody(remedy=remedy, agreed=True))
        else:
            await actions.change_remedy(target, ChangeRemedyBody(remedy=remedy, agreed=True))
    await stage.settle()
    return offered


async def test_who_may_keep_the_goods_is_not_for_the_customer_to_say_where_a_person_decides(
    stage: Stage, every: None, tmp_path: Path
) -> None:
    """The policy leaves so much money to a person; a person approved a return, and nothing was sent back."""
    file = tmp_path / "small.toml"
    file.write_text(POLICY + '\n[approve]\nup_to = {EUR = "10.00"}\n', encoding="utf-8")
    use_policy(stage, SHOP, str(file))
    case = await asked(stage, await bought(stage, SHOP), "refund", quantity=3)
    assert case["state"] == "under_review"
    case = await stage.act(case, "approve", route="return")
    assert Remedy.KEEP_ITEM not in await _chosen_by_customer(stage, case, Remedy.KEEP_ITEM)
    case = await stage.case(case["id"])
    assert (case["state"], case["remedy"], refunds_sent(stage)) == ("awaiting_shipment", "refund", 0)
    case = await stage.act(case, "change-remedy", remedy="keep_item", agreed=True)
    assert (case["state"], refunds_sent(stage)) == ("resolved", 1)


async def test_a_refused_claim_is_not_kept_for_a_part_of_the_price(stage: Stage, every: None) -> None:
    case = await asked(stage, await bought(stage, SHOP), "refund")
    stage.world.suppliers["acme"].reject(case["id"], "worn")
    await stage.settle()
    case = await stage.case(case["id"])
    assert case["state"] == "contested"
    assert Remedy.KEEP_ITEM not in await _chosen_by_customer(stage, case, Remedy.KEEP_ITEM)
    assert ((await stage.case(case["id"]))["state"], refunds_sent(stage)) == ("contested", 0)


async def test_who_may_keep_the_goods_by_the_policy_chooses_it(stage: Stage, every: None) -> None:
    case = await asked(stage, await bought(stage, SHOP), "refund")
    assert Remedy.KEEP_ITEM in await _chosen_by_customer(stage, case, Remedy.KEEP_ITEM)
    assert ((await stage.case(case["id"]))["state"], refunds_sent(stage)) == ("resolved", 1)


async def _planned_for_three(stage: Stage) -> tuple[str, str, Case]:
    """A replacement of three units that waits, because the store is too busy to take it."""
    order = stage.world.shop.create_order([lamp(3)])
    await stage.settle()
    wanted = [{"sku": "LAMP-01", "quantity": 3, "reason": "lost"}]
    (case,) = await stage.ask(SHOP, str(order.id), wanted, remedy="replacement")
    stage.world.shop.faults.add("draftOrderCreate", Fault(FaultKind.THROTTLE, seconds=600))
    case = await confirmed(stage, case)
    assert [one["status"] for one in case["replacements"]] == ["planned"]
    return str(order.id), str(order.lines[0].id), case


async def test_units_that_an_edit_took_out_are_not_replaced(stage: Stage, every: None) -> None:
    order_id, line_id, case = await _planned_for_three(stage)
    stage.world.shop.edit_order(order_id, {int(line_id): 2})
    await stage.settle()
    await looked_for(stage)
    case = await stage.case(case["id"])
    assert [one["status"] for one in case["replacements"]] == ["void", "made"]
    assert (case["state"], case["replacements"][-1]["lines"][0]["quantity"]) == ("resolved", 1)


async def test_units_that_are_gone_make_a_replacement_impossible_once(stage: Stage, every: None) -> None:
    """They were refunded by hand before the return was asked for, which nobody heard of: no case is told of it."""
    order = stage.world.shop.create_order([lamp(3)])
    await stage.settle()
    stage.world.courier.misbehave(1, lose=1.0)
    stage.world.shop.refund_by_hand(order.id, {order.lines[0].id: 3})
    stage.world.courier.behave()
    stage.clock.move(timedelta(minutes=10))
    wanted = [{"sku": "LAMP-01", "quantity": 3, "reason": "lost"}]
    (case,) = await stage.ask(SHOP, str(order.id), wanted, remedy="replacement")
    async with asyncio.timeout(60):
        case = await confirmed(stage, case)
    (stopped,) = case["replacements"]
    assert (stopped["status"], stopped["attempts"], case["state"]) == ("void", [], "contested")
    assert "problem:nothing_left_to_replace" in case["attention"]


async def test_the_legal_date_pays_the_whole_where_nobody_let_the_goods_be_kept(stage: Stage, every: None) -> None:
    order = stage.world.shop.create_order([lamp(3)])
    await stage.settle()
    await stage.later(days=40)
    wanted = [{"sku": "LAMP-01", "quantity": 3, "reason": "lost"}]
    (case,) = await stage.ask(SHOP, str(order.id), wanted, remedy="keep_item")
    assert (case["state"], case["remedy"]) == ("under_review", "keep_item")
    await stage.later(days=40)
    case = await stage.case(case["id"])
    assert (case["remedy"], case["gate"]["ground"]) == ("refund", "law")
    assert stage.world.shop.refunded_total(order.id) == 3 * Decimal(order.lines[0].price)


@pytest.mark.parametrize("chosen", [True, False])
async def test_the_legal_date_pays_money_for_credit_that_the_customer_did_not_choose(
    stage: Stage, every: None, chosen: bool
) -> None:
    case = await asked(stage, await bought(stage, SHOP), "refund", reason="changed_mind")
    if chosen:
        case = await stage.act(case, "change-remedy", remedy="store_credit", agreed=True)
    else:
        async with stage.runtime.work() as work:
            _, locked = await lock_both(work, UUID(case["id"]))
            told = {"remedy": Remedy.STORE_CREDIT, "was": Remedy.REFUND}
            await cases.record(work, locked, Event.REMEDY_CHANGED, told, "operator:ops")
    case = await stage.act(case, "record-tracking", tracking_number="TR12345")
    await stage.later(days=20)
    case = await stage.case(case["id"])
    assert (case["remedy"], case["gate"]["ground"]) == ("store_credit" if chosen else "refund", "law")
    assert [one["method"] for one in case["refunds"]] == ["store_credit" if chosen else "original"]


async def test_a_planned_replacement_does_not_go_out_after_the_legal_date(stage: Stage, every: None) -> None:
    """The date comes while the store is too busy to take the new order, and the plan's job comes late."""
    one = await bought(stage, SHOP)
    case = await asked(stage, one, "replacement", reason="changed_mind")
    case = await stage.act(case, "record-tracking", tracking_number="TR12345")
    stage.world.shop.faults.add("draftOrderCreate", Fault(FaultKind.THROTTLE, seconds=600))
    case = await confirmed(stage, case)
    (planned,) = case["replacements"]
    assert planned["status"] == "planned"
    async with stage.runtime.work() as work:
        _, locked = await lock_both(work, UUID(case["id"]))
        told = {"lines": {line.line_id: line.approved for line in locked.lines}}
        await cases.record(work, locked, Event.LEGAL_DATE_REACHED, told, "clock")
        assert (await remedies.get(work, UUID(planned["id"]))).status == "void"
    await looked_for(stage)
    case = await stage.case(case["id"])
    assert (case["state"], refunds_sent(stage), orders_made(stage, SHOP, planned)) == ("resolved", 1, 0)


async def test_a_replacement_that_nobody_wants_any_more_is_not_sent(stage: Stage, every: None) -> None:
    """Whatever left it planned: right before sending, the case says what it wants."""
    case = await asked(stage, await bought(stage, SHOP), "replacement")
    stage.world.shop.faults.add("draftOrderCreate", Fault(FaultKind.THROTTLE, seconds=600))
    case = await confirmed(stage, case)
    (planned,) = case["replacements"]
    async with stage.runtime.work() as work:
        _, locked = await lock_both(work, UUID(case["id"]))
        locked.remedy = Remedy.REFUND
    await looked_for(stage)
    case = await stage.get(f"/cases/{case['id']}")
    assert (case["state"], case["replacements"][0]["status"], refunds_sent(stage)) == ("resolved", "void", 1)
    assert orders_made(stage, SHOP, planned) == 0


async def test_a_coupon_that_differs_is_for_a_person_at_once(stage: Stage, every: None) -> None:
    case = await asked(stage, await bought(stage, SITE, taxed=False), "store_credit")
    stage.world.site.faults.add("POST /coupons", Fault(FaultKind.MISBOOKED))
    await confirmed(stage, case)
    await looked_for(stage)
    case = await stage.case(case["id"])
    (credit,) = case["refunds"]
    assert (credit["status"], len(credit["attempts"])) == ("needs_review", 1)
    assert "problem:refund_needs_review" in case["attention"]


async def test_store_credit_that_would_be_worth_more_is_for_a_person(stage: Stage, every: None) -> None:
    """A coupon takes its amount off prices without tax."""
    case = await confirmed(stage, await asked(stage, await bought(stage, SITE), "store_credit"))
    assert (case["state"], [one["status"] for one in case["refunds"]]) == ("contested", ["void"])
    assert stage.world.site.calls["POST /coupons"] == 0


_NOT_MADE = {"outcome": "not_made", "reason": "I saw none."}


async def test_an_order_that_differs_cannot_be_denied(stage: Stage, every: None) -> None:
    """It costs something, so that it is no proof; it is there all the same, and may be sent."""
    case = await asked(stage, await bought(stage, SITE), "replacement")
    stage.world.site.faults.add("POST /orders", Fault(FaultKind.MISBOOKED))
    case = await confirmed(stage, case)
    await looked_for(stage)
    (lost,) = (await stage.case(case["id"]))["replacements"]
    assert (lost["status"], orders_made(stage, SITE, lost)) == ("needs_review", 1)
    refused = await stage.post(f"/replacements/{lost['id']}/settle", _NOT_MADE, 409)
    assert (refused["code"], "instead of nothing" in refused["detail"]) == ("store_shows_order", True)


async def test_a_draft_that_waits_cannot_be_denied(stage: Stage, every: None) -> None:
    """Anybody may complete it in the store's admin."""
    case = await asked(stage, await bought(stage, SHOP), "replacement")
    stage.world.shop.faults.add("draftOrderComplete", *[Fault(FaultKind.DROP_BEFORE)] * 3)
    case = await confirmed(stage, case)
    case = await stage.act(case, "hold", kind="fraud", reason="look at it")
    await looked_for(stage)
    (lost,) = (await stage.case(case["id"]))["replacements"]
    assert lost["status"] == "needs_review"
    refused = await stage.post(f"/replacements/{lost['id']}/settle", _NOT_MADE, 409)
    assert (refused["code"], "is not completed" in refused["detail"]) == ("store_shows_order", True)


async def test_a_coupon_that_is_there_cannot_be_denied(stage: Stage, every: None) -> None:
    case = await asked(stage, await bought(stage, SITE, taxed=False), "store_credit")
    stage.world.site.faults.add("POST /coupons", Fault(FaultKind.MISBOOKED))
    case = await confirmed(stage, case)
    await looked_for(stage)
    (credit,) = (await stage.case(case["id"]))["refunds"]
    refused = await stage.post(f"/refunds/{credit['id']}/settle", _NOT_MADE, 409)
    assert (refused["code"], "instead of 20.00" in refused["detail"]) == ("store_shows_refund", True)


async def test_a_refund_waits_while_a_replacement_of_its_order_may_be_at_work(stage: Stage, every: None) -> None:
    one = await bought(stage, SHOP)
    sent_again, paid = await asked(stage, one, "replacement"), await asked(stage, one, "refund")
    stage.world.shop.faults.add("draftOrderCreate", Fault(FaultKind.DROP_BEFORE))
    sent_again = await confirmed(stage, sent_again)
    assert sent_again["replacements"][0]["status"] == "unknown"
    paid = await confirmed(stage, paid)
    assert (paid["refunds"][0]["status"], refunds_sent(stage)) == ("planned", 0)
    await looked_for(stage)
    paid = await stage.case(paid["id"])
    assert (paid["state"], refunds_sent(stage)) == ("resolved", 1)


async def test_a_replacement_waits_while_a_refund_of_its_order_may_be_at_work(stage: Stage, every: None) -> None:
    one = await bought(stage, SHOP)
    paid, sent_again = await asked(stage, one, "refund"), await asked(stage, one, "replacement")
    stage.world.shop.faults.add("refundCreate", Fault(FaultKind.DROP_BEFORE))
    paid = await confirmed(stage, paid)
    assert paid["refunds"][0]["status"] == "unknown"
    sent_again = await confirmed(stage, sent_again)
    (waits,) = sent_again["replacements"]
    assert (waits["status"], waits["attempts"], orders_made(stage, SHOP, waits)) == ("planned", [], 0)
    await looked_for(stage)
    assert [(await stage.case(case["id"]))["state"] for case in (paid, sent_again)] == ["resolved", "resolved"]
    assert orders_made(stage, SHOP, waits) == 1


@pytest.mark.parametrize(("outcome", "state"), [("made", "resolved"), ("not_made", "superseded")])
async def test_a_refund_by_hand_is_told_when_it_is_known_what_was_replaced(
    stage: Stage, every: None, outcome: str, state: str
) -> None:
    one = await bought(stage, SHOP)
    case = await asked(stage, one, "replacement")
    stage.world.shop.faults.add("draftOrderCreate", Fault(FaultKind.DROP_BEFORE))
    case = await confirmed(stage, case)
    await looked_for(stage)
    stage.world.shop.refund_by_hand(one.order_id, {stage.world.shop.order(one.order_id).lines[0].id: 1})
    await stage.settle()
    case = await stage.case(case["id"])
    (lost,) = case["replacements"]
    assert (case["state"], lost["status"]) == ("resolving", "needs_review")
    found = {"outcome": outcome, "reason": "I looked.", **({"order_name": "#9"} if outcome == "made" else {})}
    await stage.post(f"/replacements/{lost['id']}/settle", found)
    await stage.settle()
    assert (await stage.case(case["id"]))["state"] == state
