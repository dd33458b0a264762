"""Things that happen in the same moment, held at gates in the sandbox: two workers, a webhook, a refund by hand."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import timedelta
from decimal import Decimal

import pytest
from sqlalchemy import text

from app.outcomes import Rejected
from app.runtime import Runtime, build_runtime
from app.sandbox.faults import Fault, FaultKind, Gate
from app.stores.asked import PreparedRefund, RefundAnswer
from app.stores.sending import LEASE
from app.worker import run_until_idle
from tests.e2e.outcomes import PASS, UNIT, End, Play, advance_once, begin, half_an_hour
from tests.e2e.stage import SHOP, SITE, Stage

BOTH = pytest.mark.parametrize("store", [SHOP, SITE])


def held_after() -> tuple[Gate, Fault]:
    """A gate at which a call waits that was executed and not answered yet."""
    gate = Gate()
    return gate, Fault(FaultKind.SLOW_AFTER, gate=gate)


@asynccontextmanager
async def another_worker(stage: Stage) -> AsyncIterator[Runtime]:
    """A second worker on the same database."""
    other = build_runtime(stage.runtime.settings, stage.runtime.database.url, pool_size=4)
    other.clock = stage.clock
    try:
        yield other
    finally:
        await other.aclose()


async def planned(stage: Stage, store: str) -> tuple[Play, str]:
    """A refund that is planned and was not sent: its first reading failed. Answers its id."""
    play = await begin(stage, store)
    play.fault_reading(Fault(FaultKind.STATUS_BEFORE, 503))
    await play.confirm()
    refund = await play.refund()
    assert (refund["status"], refund["attempts"]) == ("planned", [])
    return play, refund["id"]


async def test_two_workers_with_the_same_reading_make_one_call(stage: Stage) -> None:
    for store in (SHOP, SITE):
        play, refund_id = await planned(stage, store)
        (first, slow), (second, slower) = held_after(), held_after()
        play.fault_reading(slow, slower)
        async with another_worker(stage) as other:
            both = [asyncio.create_task(advance_once(runtime, refund_id)) for runtime in (stage.runtime, other)]
            await first.reached()
            await second.reached()
            first.open()
            second.open()
            await asyncio.gather(*both)
        await stage.settle()
        assert await play.end() == End("succeeded", ["ok"], 1, 1)
        assert (await stage.mails(play.case_id)).count("refund_sent") == 1


async def test_a_reading_from_before_the_call_proves_no_refusal(stage: Stage) -> None:
    """The store makes the refund and says it did not; a worker that had read the order before must not believe it."""
    for store in (SHOP, SITE):
        play, refund_id = await planned(stage, store)
        gate, slow = held_after()
        play.fault_reading(slow)
        # At WooCommerce only a status that precedes the gateway is taken for a refusal.
        play.fault(Fault(FaultKind.REFUSE_AFTER) if store == SHOP else Fault(FaultKind.STATUS_AFTER, 401))
        async with another_worker(stage) as other:
            late = asyncio.create_task(advance_once(other, refund_id))
            await gate.reached()
            await advance_once(stage.runtime, refund_id)
            assert (await play.refund())["attempts"][0]["outcome"] == "rejected"
            gate.open()
            await late
        assert (await play.refund())["status"] == "unknown"
        await stage.later(seconds=2)
        assert await play.end() == End("succeeded", ["rejected"], 1, 1)


async def test_a_late_answer_to_an_earlier_try_moves_nothing(stage: Stage, monkeypatch: pytest.MonkeyPatch) -> None:
    play, refund_id = await planned(stage, SHOP)
    entered, answered = asyncio.Event(), asyncio.Event()

    async def slow_network(_prepared: PreparedRefund) -> RefundAnswer:
        entered.set()
        await answered.wait()
        return Rejected("throttled", "later", retryable=True)

    async with another_worker(stage) as other:
        monkeypatch.setattr(other.stores.get(SHOP), "send_refund", slow_network)
        earlier = asyncio.create_task(advance_once(other, refund_id))
        await entered.wait()
        stage.clock.move(LEASE)
        gate, slow = held_after()
        play.fault(slow)
        await advance_once(stage.runtime, refund_id)
        later = asyncio.create_task(advance_once(stage.runtime, refund_id))
        await gate.reached()
        answered.set()
        await earlier
        assert (await play.refund())["status"] == "submitting"
        gate.open()
        await later
    assert await play.end() == End("succeeded", ["not_sent", "ok"], 1, 1)


@BOTH
async def test_a_call_without_an_answer_is_given_up_and_looked_up(
    stage: Stage, monkeypatch: pytest.MonkeyPatch, store: str
) -> None:
    play, refund_id = await planned(stage, store)
    monkeypatch.setattr("app.stores.sending.LONGEST_CALL", timedelta(seconds=0.3))
    gate, slow = held_after()
    play.fault(slow)
    await advance_once(stage.runtime, refund_id)
    assert ((await play.refund())["status"], (await play.money())[1]) == ("unknown", UNIT[store])
    await stage.later(seconds=11)
    gate.open()
    await stage.later(seconds=60)
    assert await play.end() == End("succeeded", ["unknown"], 1, 1)


async def test_a_webhook_about_our_refund_before_the_call_returns(stage: Stage) -> None:
    for store in (SHOP, SITE):
        play, refund_id = await planned(stage, store)
        gate, slow = held_after()
        play.fault(slow)
        async with another_worker(stage) as other:
            sending = asyncio.create_task(advance_once(other, refund_id))
            await gate.reached()
            # Webhooks, readings and sweeps all see the refund while its call is under way.
            await stage.settle()
            order = await stage.get(f"/orders/{store}/{play.order_id}")
            assert [one["refund_id"] for one in order["refunds"]] == [refund_id]
            assert ((await play.refund())["status"], (await play.case())["state"]) == ("submitting", "resolving")
            assert await play.money() == ("0.00", UNIT[store], UNIT[store])
            gate.open()
            await sending
        await stage.settle()
        case = await play.case()
        assert (case["state"], case["lines"][0]["refunded"], case["lines"][0]["external"]) == ("resolved", 1, 0)
        assert await play.end() == End("succeeded", ["ok"], 1, 1)
        assert (await stage.mails(play.case_id)).count("refund_sent") == 1


def by_hand(play: Play, units: int) -> None:
    """The merchant refunds units in the admin; at WooCommerce through the gateway."""
    line_id = int(play.line_id)
    if play.store == SHOP:
        play.stage.world.shop.refund_by_hand(int(play.order_id), {line_id: units})
    else:
        play.stage.world.site.refund_by_hand(int(play.order_id), lines={line_id: units}, through_gateway=True)


async def test_a_refund_by_hand_just_before_our_reading(stage: Stage) -> None:
    for store in (SHOP, SITE):
        for units in (1, 2):
            play, refund_id = await planned(stage, store)
            stage.world.courier.hold()
            by_hand(play, units)
            await advance_once(stage.runtime, refund_id)
            stage.world.courier.release()
            await stage.settle()
            # The merchant has paid the case's unit: nothing of ours goes out.
            assert (len(play.sent()), (await play.refund())["status"]) == (0, "void")
            case = await play.case()
            assert (case["state"], case["lines"][0]["external"]) == ("superseded", 1)
            assert play.paid() == units * Decimal(UNIT[store])


async def refunded_by_hand_between(stage: Stage, store: str, units: int) -> Play:
    """The merchant refunds units after our last reading: WooCommerce's list of refunds, Shopify's suggestion."""
    play, refund_id = await planned(stage, store)
    gate, slow = held_after()
    if store == SHOP:
        play.fault_reading(PASS, slow)
    else:
        stage.world.site.faults.add("GET /orders/refunds", slow)
    sending = asyncio.create_task(advance_once(stage.runtime, refund_id))
    await gate.reached()
    stage.world.courier.hold()
    by_hand(play, units)
    gate.open()
    await sending
    stage.world.courier.release()
    await stage.later(seconds=2)
    assert len(play.sent()) == 1
    assert play.paid() == 2 * Decimal(UNIT[store])
    return play


async def test_a_refund_by_hand_between_our_reading_and_our_call(stage: Stage) -> None:
    for store in (SHOP, SITE):
        both = f"{2 * Decimal(UNIT[store])}"
        play = await refunded_by_hand_between(stage, store, 1)
        # Both are legitimate as far as the store can tell: ours is proven, theirs is counted as external.
        assert ((await play.refund())["status"], (await play.case())["state"]) == ("succeeded", "resolved")
        assert await play.money() == (both, "0.00", "0.00")
        play = await refunded_by_hand_between(stage, store, 2)
        if store == SITE:
            # There the refusal of too large an amount cannot be told from one after the gateway has paid.
            await half_an_hour(stage)
            assert ((await play.refund())["status"], (await play.money())[1]) == ("needs_review", UNIT[store])
            await play.settle("not_made")
        assert ((await play.refund())["status"], (await play.case())["state"]) == ("rejected", "superseded")
        assert await play.money() == (both, "0.00", "0.00")


async def test_a_refund_by_hand_while_our_call_is_under_way(stage: Stage) -> None:
    for store in (SHOP, SITE):
        play, refund_id = await planned(stage, store)
        gate, slow = held_after()
        play.fault(slow)
        async with another_worker(stage) as other:
            sending = asyncio.create_task(advance_once(other, refund_id))
            await gate.reached()
            by_hand(play, 1)
            await stage.settle()
            assert (await play.case())["lines"][0]["external"] == 0
            gate.open()
            await sending
        await stage.settle()
        case = await play.case()
        assert (case["state"], case["lines"][0]["refunded"]) == ("resolved", 1)
        assert (await play.money(), play.paid()) == ((f"{play.paid()}", "0.00", "0.00"), 2 * Decimal(UNIT[store]))


@BOTH
async def test_an_action_a_webhook_and_a_supplier_at_once_never_lock_each_other(stage: Stage, store: str) -> None:
    plays = [await begin(stage, store) for _ in range(4)]
    acme = stage.world.suppliers["acme"]
    async with another_worker(stage) as other:
        for turn in range(4):
            for play in plays:
                if store == SITE:
                    stage.world.site.touch(int(play.order_id))
                else:
                    stage.world.shop.deliver(play.order_id)
                if turn == 2:
                    acme.confirm(play.case_id)
            posts = [
                stage.http.post(f"/api/v1/cases/{play.case_id}/{action}", json=body)
                for play in plays
                for action, body in (
                    ("note", {"text": "looked at"}),
                    ("hold", {"kind": "merchant", "reason": "a moment"}),
                    ("lift-hold", {"kind": "merchant"}),
                )
            ]
            answers, *_ = await asyncio.gather(
                asyncio.gather(*posts), run_until_idle(stage.runtime), run_until_idle(other)
            )
            assert {answer.status_code for answer in answers} <= {200, 409}, [answer.text for answer in answers]
    for play in plays:
        await stage.http.post(f"/api/v1/cases/{play.case_id}/lift-hold", json={"kind": "merchant"})
    await stage.later(minutes=31)
    for play in plays:
        assert ((await play.case())["state"], len(play.sent()), play.made()) == ("resolved", 1, 1)
    async with stage.runtime.work() as work:
        failed = await work.session.scalar(text("SELECT count(*) FROM procrastinate_jobs WHERE status = 'failed'"))
        retried = await work.session.scalar(text("SELECT count(*) FROM procrastinate_jobs WHERE attempts > 1"))
        locked = await work.session.scalar(
            text("SELECT deadlocks FROM pg_stat_database WHERE datname = current_database()")
        )
    assert (failed, retried, locked) == (0, 0, 0)
