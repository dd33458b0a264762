"""What is due is found by the row, whatever became of its job."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta
from types import SimpleNamespace
from typing import Any, cast

import pytest
from procrastinate import JobContext

from app.cases.models import Case
from app.orders import service as orders
from app.orders.models import Order
from app.orders.snapshot import RefundState, SeenRefund
from app.refunds import tasks
from app.refunds.models import Refund, RefundAttempt
from app.stores.base import StoreUnavailable
from tests.api.kit import LAMP, MUG
from tests.refunds.kit import Scene


async def test_the_plan_job_plans_what_the_case_owes_and_once(scene: Scene) -> None:
    context = cast(JobContext, SimpleNamespace(additional_context={"runtime": scene.runtime}))
    await tasks.plan.func(context, case_id=str(scene.case_id))
    await tasks.plan.func(context, case_id=str(scene.case_id))
    (job,) = await scene.jobs()
    assert job[0] == "refunds.advance"


def test_the_jobs_have_their_names_and_a_plan_is_tried_again() -> None:
    # A worker of this process has put its namespace before them, or not.
    names = [task.name.rpartition(":")[2] for task in (tasks.plan, tasks.advance)]
    assert names == ["refunds.plan", "refunds.advance"]
    assert tasks.plan.pass_context
    assert tasks.advance.pass_context
    retry: Any = tasks.plan.retry_strategy
    assert (retry.max_attempts, retry.exponential_wait) == (5, 2)
    assert tasks.advance.retry_strategy is None


async def test_the_sweeper_enqueues_what_is_due_and_looks_away_for_a_minute(scene: Scene) -> None:
    refund_id = await scene.plan()
    await scene.jobs()
    await tasks.sweep(scene.runtime)
    assert await scene.jobs() == []
    scene.clock.move(seconds=60)
    await tasks.sweep(scene.runtime)
    assert await scene.jobs() == [("refunds.advance", {"refund_id": str(refund_id)})]
    assert (await scene.refund(refund_id)).next_check_at == scene.now + timedelta(seconds=60)
    await tasks.sweep(scene.runtime)
    assert await scene.jobs() == []


async def test_the_sweeper_takes_a_hundred_and_the_longest_waiting_first(scene: Scene) -> None:
    first = await scene.refund(await scene.plan())
    columns = {name: getattr(first, name) for name in (
        "case_id", "order_pk", "store", "status", "amount", "currency", "exponent", "lines", "extras", "ground",
        "evidence", "reason",
    )}  # fmt: skip
    async with scene.runtime.work() as work:
        for index in range(101):
            work.session.add(Refund(**columns, next_check_at=scene.now - timedelta(seconds=101 - index)))
    await scene.jobs()
    await tasks.sweep(scene.runtime)
    assert len(await scene.jobs()) == 100
    await tasks.sweep(scene.runtime)
    ((_, left),) = await scene.jobs()
    async with scene.runtime.work() as work:
        found = await work.session.get_one(Refund, left["refund_id"])
        assert found.next_check_at == scene.now + timedelta(seconds=60)


async def test_the_sweeper_passes_by_what_somebody_else_has_locked(scene: Scene) -> None:
    refund_id = await scene.plan()
    await scene.jobs()
    scene.clock.move(hours=1)
    async with scene.runtime.work() as work:
        await work.session.get_one(Refund, refund_id, with_for_update=True)
        await tasks.sweep(scene.runtime)
    assert await scene.jobs() == []


async def test_a_case_whose_plan_was_lost_is_found(scene: Scene) -> None:
    await tasks.sweep_forgotten(scene.runtime)
    assert await scene.jobs() == []
    scene.clock.move(minutes=1, seconds=1)
    await tasks.sweep_forgotten(scene.runtime)
    assert await scene.jobs() == [("refunds.plan", {"case_id": str(scene.case_id)})]
    await scene.change(Case, scene.case_id, holds=["fraud"])
    await tasks.sweep_forgotten(scene.runtime)
    assert await scene.jobs() == []


async def test_what_the_store_shows_is_kept_before_anything_is_sent(scene: Scene) -> None:
    """Somebody refunded the lamps by hand: the reading tells it, and ours does not go out."""
    refund_id = await scene.plan()
    shown = scene.store.shown
    assert shown is not None
    by_hand = SeenRefund("77", 5000, RefundState.SUCCEEDED, lines={LAMP: 2}, extras={})
    scene.clock.move(minutes=1)
    scene.store.shown = replace(shown, updated_at=scene.now, refunds=(by_hand,))
    refund = await scene.advance(refund_id)
    assert (refund.status, scene.store.sent) == ("void", [])
    case = await scene.case()
    assert (case.state, case.lines[0].external) == ("superseded", 2)
    async with scene.runtime.work() as work:
        assert (await work.session.get_one(Order, scene.order_pk)).read_at == scene.now


async def test_an_order_in_dispute_is_held_by_what_was_read(scene: Scene) -> None:
    refund_id = await scene.plan()
    assert scene.store.shown is not None
    scene.store.shown = replace(scene.store.shown, updated_at=scene.now, disputed=True)
    refund = await scene.advance(refund_id)
    assert (refund.status, scene.store.sent) == ("void", [])
    assert (await scene.case()).holds == ["chargeback"]


@pytest.mark.parametrize("status", ["needs_review", "rejected"])
async def test_what_a_person_settled_while_the_order_was_read_stays(scene: Scene, status: str) -> None:
    refund_id = await scene.plan()
    reading = scene.store.read_order

    async def slow(order_id: str) -> Any:
        await scene.change(Refund, refund_id, status=status)
        return await reading(order_id)

    scene.store.read_order = slow  # type: ignore[method-assign]
    scene.show(refund_id)
    refund = await scene.advance(refund_id)
    assert (refund.status, refund.looks) == (status, 0)
    async with scene.runtime.work() as work:
        assert await orders.observed(work, scene.order_pk) == []


async def test_an_unreadable_order_does_not_disturb_what_was_settled_meanwhile(scene: Scene) -> None:
    refund_id = await scene.plan()

    async def slow(order_id: str) -> Any:
        await scene.change(Refund, refund_id, status="needs_review", looks=1)
        raise StoreUnavailable("down")

    scene.store.read_order = slow  # type: ignore[method-assign]
    refund = await scene.advance(refund_id)
    assert (refund.status, refund.looks, refund.detail) == ("needs_review", 1, None)


@pytest.mark.parametrize("fails", [True, False])
async def test_what_another_job_began_to_send_while_the_order_was_read_is_its_own(scene: Scene, fails: bool) -> None:
    refund_id = await scene.plan()
    reading = scene.store.read_order

    async def slow(order_id: str) -> Any:
        await scene.change(Refund, refund_id, status="submitting")
        async with scene.runtime.work() as work:
            work.session.add(RefundAttempt(refund_id=refund_id, number=1, request={}, started_at=work.now))
        if fails:
            raise StoreUnavailable("down")
        return await reading(order_id)

    scene.store.read_order = slow  # type: ignore[method-assign]
    refund = await scene.advance(refund_id)
    assert (refund.status, refund.looks, refund.detail, scene.store.sent) == ("submitting", 0, None, [])


async def test_the_marker_of_another_refund_is_not_ours(scene: Scene) -> None:
    other = await scene.another_case(MUG)
    mine, theirs = await scene.plan(), await scene.plan(other)
    assert scene.store.shown is not None
    seen = SeenRefund("88", 1000, RefundState.SUCCEEDED, str(theirs), lines={MUG: 1}, extras={})
    scene.store.shown = replace(scene.store.shown, refunds=(seen,))
    refund = await scene.advance(mine)
    assert (refund.status, refund.store_refund_id, len(scene.store.sent)) == ("succeeded", "9001", 1)
    assert (await scene.refund(theirs)).status == "planned"
