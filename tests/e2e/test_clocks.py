"""Every clock's path with a clock that is moved: who is reminded, how often, and what happens when nobody acts."""

from __future__ import annotations

import asyncio
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import select

from app.ledger.models import Account
from app.runtime import build_runtime
from app.timers.models import Timer, TimerKind
from app.worker import run_until_idle
from tests.e2e.stage import SHOP, Stage
from tests.e2e.test_stories import lamp, shopify_order

ONE = [{"sku": "LAMP-01", "quantity": 1, "reason": "changed_mind"}]


async def asked(stage: Stage, reason: str = "changed_mind", **more: Any) -> dict[str, Any]:
    """A case of a lamp that has just been delivered."""
    order_id, _ = await shopify_order(stage, [lamp(**more)])
    (case,) = await stage.ask(SHOP, order_id, [{"sku": "LAMP-01", "quantity": 1, "reason": reason}])
    return case


async def notes(stage: Stage, case: dict[str, Any]) -> list[str]:
    rows = await stage.get(f"/cases/{case['id']}/events", limit=200)
    return [row["data"]["text"] for row in rows["items"] if row["type"] == "note_added"]


async def tasks(stage: Stage, case: dict[str, Any]) -> list[str]:
    """The subjects of what the operator was asked to do, oldest first."""
    found = await stage.get("/messages", case=case["id"])
    return [one["subject"] for one in reversed(found["items"]) if one["kind"] == "operator_task"]


async def customer_mails(stage: Stage, case: dict[str, Any]) -> list[str]:
    return [kind for kind in await stage.mails(case["id"]) if kind not in ("operator_task", "legal_alarm")]


async def timers(stage: Stage, case: dict[str, Any], kind: TimerKind) -> dict[str, Timer]:
    async with stage.runtime.work() as work:
        found = await work.session.scalars(select(Timer).where(Timer.case_id == case["id"], Timer.kind == kind))
        return {one.step: one for one in found if one.cancelled_at is None}


def supplier(stage: Stage, key: str, **changes: Any) -> None:
    """Other terms for a supplier."""
    known = stage.runtime.settings.suppliers
    known[key] = known[key].model_copy(update=changes)


async def test_the_customer_is_reminded_twice_before_a_return_expires(stage: Stage) -> None:
    case = await asked(stage)
    assert (case["state"], case["due"]["kind"]) == ("awaiting_shipment", "ship")
    await stage.later(days=8)
    assert await customer_mails(stage, case) == ["receipt", "rma_issued", "ship_reminder"]
    await stage.later(days=18)
    assert (await stage.case(case["id"]))["state"] == "expired"
    found = (await stage.get("/messages", case=case["id"]))["items"]
    last, first = [one for one in found if one["kind"] == "ship_reminder"]
    assert "Dernier rappel" in last["subject"]
    assert "Dernier rappel" not in first["subject"]
    assert (await stage.events(case["id"]))[-1] == "shipment_timed_out"


async def test_who_slept_for_60_days_reminds_once_and_leaves_time(stage: Stage) -> None:
    case = await asked(stage)
    await stage.asleep(days=60)
    assert (await stage.case(case["id"]))["state"] == "awaiting_shipment"
    assert await customer_mails(stage, case) == ["receipt", "rma_issued", "ship_reminder"]
    steps = await timers(stage, case, TimerKind.SHIP)
    assert {step: one.skipped for step, one in steps.items()} == {
        "reminder_1": True, "reminder_2": False, "end": False,
    }  # fmt: skip
    assert steps["end"].planned_at is not None
    # The last reminder and the end were planned two days apart.
    assert steps["end"].due_at - stage.clock.now() >= timedelta(days=2)
    assert sum("left out" in text for text in await notes(stage, case)) == 1
    assert any("its end is moved" in text for text in await notes(stage, case))
    await stage.later(days=1)
    assert (await stage.case(case["id"]))["state"] == "awaiting_shipment"
    await stage.later(days=6)
    assert (await stage.case(case["id"]))["state"] == "expired"
    assert (await customer_mails(stage, case)).count("ship_reminder") == 1


async def test_an_end_that_is_slept_through_is_put_off_once(stage: Stage) -> None:
    case = await asked(stage)
    end = (await timers(stage, case, TimerKind.SHIP))["end"].due_at
    await stage.later(seconds=(end - stage.clock.now()).total_seconds() - 3600)
    assert (await customer_mails(stage, case)).count("ship_reminder") == 2
    await stage.asleep(days=5)
    assert (await stage.case(case["id"]))["state"] == "awaiting_shipment"
    await stage.asleep(days=30)
    assert (await stage.case(case["id"]))["state"] == "expired"
    assert (await customer_mails(stage, case)).count("ship_reminder") == 2


async def test_a_clock_that_is_set_back_fires_nothing_twice(stage: Stage) -> None:
    case = await asked(stage)
    await stage.later(days=9)
    stage.clock.move(timedelta(days=-9))
    await stage.settle()
    await stage.later(days=9)
    assert (await customer_mails(stage, case)).count("ship_reminder") == 1
    await stage.later(days=17)
    assert (await customer_mails(stage, case)).count("ship_reminder") == 2
    assert (await stage.events(case["id"])).count("shipment_timed_out") == 1


async def test_two_workers_at_once_make_each_step_once(stage: Stage) -> None:
    cases = [await asked(stage) for _ in range(3)]
    other = build_runtime(stage.runtime.settings, stage.runtime.database.url, pool_size=4)
    other.clock = stage.clock
    try:
        for days in (8, 5, 4):
            stage.clock.move(timedelta(days=days))
            await asyncio.gather(run_until_idle(stage.runtime), run_until_idle(other))
        await stage.later(days=8)
    finally:
        await other.aclose()
    for case in cases:
        assert (await stage.events(case["id"])).count("shipment_timed_out") == 1
        assert (await customer_mails(stage, case)).count("ship_reminder") == 2


async def test_a_restart_forgets_nothing(stage: Stage) -> None:
    case = await asked(stage)
    reborn = build_runtime(stage.runtime.settings, stage.runtime.database.url, pool_size=4)
    reborn.clock = stage.clock
    try:
        stage.clock.move(timedelta(days=8))
        await run_until_idle(reborn)
    finally:
        await reborn.aclose()
    assert (await customer_mails(stage, case)).count("ship_reminder") == 1


async def test_a_silent_supplier_is_polled_again_and_the_customer_is_told(stage: Stage) -> None:
    case = await asked(stage, vendor="Mute")
    assert case["due"]["kind"] == "rma"
    mute = stage.world.suppliers["mute"]
    end = datetime.fromisoformat(case["due"]["at"])
    await stage.later(seconds=(end - stage.clock.now()).total_seconds() - 24 * 3600)
    before = len(mute.calls)
    await stage.later(hours=24)
    assert len(mute.calls) > before
    assert any("asked again" in text for text in await notes(stage, case))
    case = await stage.case(case["id"])
    assert (case["state"], case["due"]["kind"]) == ("contested", "review")
    assert await customer_mails(stage, case) == ["receipt", "supplier_late"]
    assert [subject for subject in await tasks(stage, case) if "no answer" in subject]
    assert case["attention_why"][0].startswith("Decide by ")


async def test_a_supplier_by_hand_is_chased_by_the_operator(stage: Stage) -> None:
    case = await asked(stage, vendor="By Hand")
    assert (case["state"], case["attention"]) == ("authorizing", ["supplier_by_hand"])
    assert case["attention_why"] == [f"Ask By Hand, and record its answer by {case['due']['at'][:10]}."]
    await stage.later(days=6)
    assert (await stage.case(case["id"]))["state"] == "contested"
    asked_again, silent, *_ = await tasks(stage, case)
    assert "ask the supplier again" in asked_again
    assert "no answer from the supplier" in silent


async def test_a_verdict_is_asked_for_twice_before_it_is_contested(stage: Stage) -> None:
    case = await asked(stage, vendor="By Hand")
    case = await stage.act(case, "record-rma", rma_number="BH-1")
    case = await stage.act(case, "record-receipt")
    assert (case["state"], case["due"]["kind"]) == ("inspecting", "inspection")
    await stage.later(days=13)
    case = await stage.case(case["id"])
    assert case["state"] == "contested"
    assert (await stage.events(case["id"]))[-1] == "verdict_timed_out"
    assert sum("ask the supplier again" in subject for subject in await tasks(stage, case)) == 2
    assert (await customer_mails(stage, case))[-1] == "supplier_late"


async def test_a_parcel_that_is_silent_for_long_is_a_persons_business(stage: Stage) -> None:
    # Elsewhere the law would have the money back long before.
    order_id, _ = await shopify_order(stage, [lamp()], country="US")
    (case,) = await stage.ask(SHOP, order_id, ONE)
    await stage.act(case, "record-tracking", tracking_number="TR1")
    await stage.later(days=20)
    # Another parcel is a sign of life: the clock starts anew.
    await stage.act(case, "record-tracking", tracking_number="TR2")
    await stage.later(days=40)
    assert (await stage.case(case["id"]))["state"] == "in_transit"
    await stage.later(days=10)
    case = await stage.case(case["id"])
    assert (case["state"], (await stage.events(case["id"]))[-1]) == ("contested", "parcel_stalled")
    assert any("has not arrived" in subject for subject in await tasks(stage, case))


async def test_an_operator_who_does_not_decide_is_reminded_and_then_it_is_escalated(stage: Stage) -> None:
    order_id, _ = await shopify_order(stage, [lamp()])
    await stage.later(days=31)
    (case,) = await stage.ask(SHOP, order_id, ONE)
    assert case["state"] == "under_review"
    await stage.later(days=5)
    assert sum("waits for your decision" in subject for subject in await tasks(stage, case)) == 2
    assert (await customer_mails(stage, case))[-1] == "still_reviewing"
    assert "problem:review_overdue" not in (await stage.case(case["id"]))["attention"]
    await stage.later(days=5)
    case = await stage.case(case["id"])
    assert case["attention"] == ["under_review", "problem:review_overdue"]
    assert "decide today" in case["attention_why"][1]
    assert (await customer_mails(stage, case)).count("still_reviewing") == 1
    case = await stage.act(case, "approve")
    assert case["attention"] == []


async def test_evidence_is_asked_for_again_by_name_and_then_given_up(stage: Stage) -> None:
    order_id, _ = await shopify_order(stage, [lamp()])
    await stage.later(days=31)
    (case,) = await stage.ask(SHOP, order_id, ONE)
    await stage.act(case, "request-evidence", items=["A photo of the lamp"])
    assert (await customer_mails(stage, case)).count("evidence_wanted") == 1
    await stage.later(days=6)
    found = (await stage.get("/messages", case=case["id"]))["items"]
    mails = [one for one in found if one["kind"] == "evidence_wanted"]
    assert len(mails) == 2
    for mail in mails:
        assert "A photo of the lamp" in (await stage.get(f"/messages/{mail['id']}"))["text"]
    await stage.later(days=7)
    assert "evidence_timed_out" in await stage.events(case["id"])
    assert (await customer_mails(stage, case)).count("evidence_wanted") == 2


async def test_a_credit_is_chased_when_due_and_called_overdue(stage: Stage) -> None:
    case = await asked(stage, vendor="By Hand")
    case = await stage.act(case, "record-rma", rma_number="BH-1")
    line = {"line_id": case["lines"][0]["line_id"], "accepted_quantity": 1}
    expected = stage.clock.now() + timedelta(days=5)
    credit = {"amount": "9.80", "currency": "USD", "reference": "CN-1", "expected_at": f"{expected:%Y-%m-%d}"}
    case = await stage.act(case, "record-verdict", lines=[line], credit=credit)
    assert case["state"] == "resolved"
    await stage.later(days=4)
    assert not await tasks(stage, case)
    await stage.later(days=10)
    due, overdue = await tasks(stage, case)
    assert "is due" in due
    assert "is overdue" in overdue
    case = await stage.case(case["id"])
    assert (case["credit"]["status"], case["attention"]) == ("overdue", ["problem:credit_overdue"])
    await stage.later(days=40)
    assert len(await tasks(stage, case)) == 2


async def test_a_claim_window_that_closes_asks_the_customer_while_evidence_is_missing(stage: Stage) -> None:
    supplier(stage, "byhand", claim_windows={"defective": 40}, country="IL")
    order_id, _ = await shopify_order(stage, [lamp(vendor="By Hand")])
    await stage.later(days=33)
    (case,) = await stage.ask(SHOP, order_id, [{**ONE[0], "reason": "defective"}])
    case = await stage.act(case, "request-evidence", items=["A photo of the lamp"])
    claim = case["claim"]
    assert (claim["counted_from"], claim["filed_at"], claim["late"]) == ("delivered", None, False)
    assert claim["days_left"] in (6, 7)
    assert claim["missing_evidence"] == ["A photo of the lamp"]
    assert case["attention"] == []
    await stage.later(days=4, hours=12)
    case = await stage.case(case["id"])
    assert case["attention"] == [f"claim_window:{claim['last_day']}"]
    assert "evidence of the customer is missing" in case["attention_why"][0]
    # Asked for when it was wanted, and again because the window closes; its own clock reminds as well.
    assert (await customer_mails(stage, case)).count("evidence_wanted") in (2, 3)
    assert not any("time to claim" in subject for subject in await tasks(stage, case))
    (shown,) = (await stage.get("/cases", needs_attention=True))["items"]
    assert shown["id"] == case["id"]


async def test_a_claim_filed_late_is_the_merchants_cost(stage: Stage) -> None:
    supplier(stage, "byhand", claim_windows={"damaged_in_transit": 3}, country="CN")
    case = await asked(stage, "damaged_in_transit", vendor="By Hand")
    assert case["state"] == "claiming"
    assert "claim_window:" in "".join(case["attention"])
    await stage.later(days=5)
    first, *rest = await tasks(stage, case)
    assert "running out" in first
    assert any("too late to claim" in subject for subject in rest)
    case = await stage.case(case["id"])
    assert case["claim"]["late"] is True
    assert "merchant's cost" in case["claim"]["note"]
    assert not any(word.startswith("claim_window") for word in case["attention"])
    case = await stage.act(case, "record-rma", rma_number="CLAIM-9")
    assert case["claim"]["filed_at"] is not None
    assert any("after the supplier's last day" in text for text in await notes(stage, case))
    # The law pays before the supplier has said anything; nothing of it is expected back.
    await stage.later(days=12)
    case = await stage.case(case["id"])
    assert (case["state"], case["gate"]["ground"]) == ("resolved", "law")
    (refund,) = case["refunds"]
    minor = round(float(refund["amount"]["amount"]) * 100)
    assert await stage.booked(case) == {Account.LOSS_ACCEPTED: minor, Account.REFUNDS_PAID: -minor}


async def test_a_claim_that_was_filed_by_machine_needs_no_alarm(stage: Stage) -> None:
    supplier(stage, "acme", claim_window_days=5)
    case = await asked(stage)
    assert case["claim"]["filed_at"] is not None
    await stage.later(days=6)
    case = await stage.case(case["id"])
    assert (case["attention"], case["claim"]["late"]) == ([], False)
    assert await tasks(stage, case) == []


async def test_a_job_that_is_lost_is_enqueued_again(stage: Stage) -> None:
    case = await asked(stage)
    stage.clock.move(timedelta(days=9))
    async with stage.runtime.work() as work:
        timer = (await timers(stage, case, TimerKind.SHIP))["reminder_1"]
        row = await work.session.get_one(Timer, timer.id)
        # Enqueued, and the job is gone.
        row.next_try_at = work.now + timedelta(minutes=15)
    await stage.settle()
    assert (await customer_mails(stage, case)).count("ship_reminder") == 0
    await stage.asleep(minutes=16)
    assert (await customer_mails(stage, case)).count("ship_reminder") == 1
