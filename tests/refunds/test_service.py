"""What is reserved, what blocks, what may be taken back, and what the lists show."""

from __future__ import annotations

from datetime import timedelta
from uuid import UUID

import pytest

from app.orders import service as orders
from app.orders.models import Order
from app.orders.snapshot import RefundState, SeenRefund
from app.refunds import queries, service
from app.refunds.models import Refund, RefundAttempt
from app.refunds.states import RefundNotMovable, RefundStatus
from tests.api.kit import LAMP, MUG
from tests.refunds.kit import Scene


async def _order(scene: Scene) -> Order:
    async with scene.runtime.work() as work:
        return await work.session.get_one(Order, scene.order_pk)


@pytest.mark.parametrize("status", RefundStatus)
async def test_money_is_reserved_until_it_is_proven_that_none_moved(scene: Scene, status: RefundStatus) -> None:
    refund_id = await scene.plan()
    await scene.change(Refund, refund_id, status=status, extras=[{"line_id": "871", "total": 500}])
    free = status in (RefundStatus.REJECTED, RefundStatus.VOID)
    async with scene.runtime.work() as work:
        order = await work.session.get_one(Order, scene.order_pk)
        taken = await service.taken(work, order)
        assert taken.amount == (0 if free else 5000)
        assert (taken.lines, taken.extras) == (({}, {}) if free else ({LAMP: 2}, {"871": 500}))
        assert (await service.taken(work, order, without=refund_id)).amount == 0
        open_units = (
            {LAMP: 2} if status not in (RefundStatus.SUCCEEDED, RefundStatus.REJECTED, RefundStatus.VOID) else {}
        )
        assert await service.reserved_units(work, scene.case_id) == open_units
        in_doubt = status in (RefundStatus.SUBMITTING, RefundStatus.UNKNOWN, RefundStatus.NEEDS_REVIEW)
        assert await service.in_doubt(work, scene.case_id) is in_doubt
        assert await service.in_doubt(work, UUID(int=1)) is False


async def test_what_others_refunded_adds_to_what_is_ours_and_ours_counts_once(scene: Scene) -> None:
    mine = await scene.plan()
    async with scene.runtime.work() as work:
        order = await work.session.get_one(Order, scene.order_pk)
        by_hand = SeenRefund("1", 700, RefundState.SUCCEEDED, lines={LAMP: 1}, extras={"871": 200})
        ours = SeenRefund("2", 5000, RefundState.SUCCEEDED, str(mine), lines={LAMP: 2}, extras={})
        for seen in (by_hand, ours):
            await orders.keep_refund(work, order, seen)
        taken = await service.taken(work, order)
        assert (taken.amount, taken.lines, taken.extras) == (5700, {LAMP: 3}, {"871": 200})
        rest = await service.taken(work, order, without=mine)
        assert (rest.amount, rest.lines, rest.extras) == (700, {LAMP: 1}, {"871": 200})


async def test_units_of_several_refunds_add_up(scene: Scene) -> None:
    refund_id = await scene.plan()
    parts = [{"line_id": LAMP, "quantity": 1}, {"line_id": LAMP, "quantity": 1}, {"line_id": MUG, "quantity": 1}]
    extras = [{"line_id": "871", "total": 200}, {"line_id": "871", "total": 100}]
    await scene.change(Refund, refund_id, lines=parts, extras=extras)
    async with scene.runtime.work() as work:
        assert await service.reserved_units(work, scene.case_id) == {LAMP: 2, MUG: 1}
        taken = await service.taken(work, await _order(scene))
        assert (taken.lines, taken.extras) == ({LAMP: 2, MUG: 1}, {"871": 300})
        assert await service.reserved_units(work, UUID(int=1)) == {}


async def test_only_a_call_of_the_same_order_blocks_and_never_oneself(scene: Scene) -> None:
    refund_id = await scene.plan()
    other = await scene.plan(await scene.another_case(MUG))
    await scene.change(Refund, other, status="submitting")
    async with scene.runtime.work() as work:
        found = await service.under_way(work, scene.order_pk, refund_id)
        assert found is not None
        assert found.id == other
        assert await service.under_way(work, scene.order_pk, other) is None
        assert await service.under_way(work, UUID(int=1), refund_id) is None


@pytest.mark.parametrize(
    ("outcomes", "never"), [([], True), (["not_sent"], True), (["not_sent", "unknown"], False), ([None], False)]
)
async def test_only_what_provably_never_arrived_is_taken_back(
    scene: Scene, outcomes: list[str | None], never: bool
) -> None:
    refund_id = await scene.plan()
    async with scene.runtime.work() as work:
        for number, outcome in enumerate(outcomes, 1):
            work.session.add(
                RefundAttempt(refund_id=refund_id, number=number, request={}, started_at=work.now, outcome=outcome)
            )
    async with scene.runtime.work() as work:
        assert await service.never_sent(work, refund_id) is never
        last = await service.last_attempt(work, refund_id)
        assert (last.number if last else 0) == len(outcomes)
        assert await service.void_planned(work, scene.case_id, "no longer wanted") == int(never)
    refund = await scene.refund(refund_id)
    if never:
        assert (refund.status, refund.detail) == ("void", "no longer wanted")
        assert (refund.settled_at, refund.next_check_at) == (scene.now, None)
    else:
        assert (refund.status, refund.detail) == ("planned", None)


async def test_only_planned_refunds_of_the_case_are_taken_back(scene: Scene) -> None:
    mine, other = await scene.plan(), await scene.plan(await scene.another_case(MUG))
    async with scene.runtime.work() as work:
        assert await service.void_planned(work, scene.case_id, "no longer wanted") == 1
    assert [(await scene.refund(one)).status for one in (mine, other)] == ["void", "planned"]
    async with scene.runtime.work() as work:
        assert await service.void_planned(work, scene.case_id, "no longer wanted") == 0


async def test_a_move_that_the_table_forbids_changes_nothing(scene: Scene) -> None:
    refund_id = await scene.plan()
    await scene.change(Refund, refund_id, status="void", next_check_at=scene.now)
    async with scene.runtime.work() as work:
        refund = await service.get(work, refund_id)
        with pytest.raises(RefundNotMovable):
            service.succeed(work, refund, "9001", "x")
        with pytest.raises(RefundNotMovable):
            service.reject(work, refund, "x")
        with pytest.raises(RefundNotMovable):
            service.hand_over(refund, "x")
        with pytest.raises(RefundNotMovable):
            service.postpone(work, refund, "x", timedelta(0))
        with pytest.raises(RefundNotMovable):
            await service.doubt(work, refund, "x", timedelta(0))
        assert (refund.status, refund.detail, refund.store_refund_id) == ("void", None, None)


async def test_a_long_detail_is_cut(scene: Scene) -> None:
    refund_id = await scene.plan()
    async with scene.runtime.work() as work:
        refund = await service.get(work, refund_id)
        service.postpone(work, refund, "x" * 501, timedelta(0))
        assert refund.detail == "x" * 500
        await service.doubt(work, refund, "y" * 501, timedelta(0))
        assert refund.detail == "y" * 500
        service.hand_over(refund, "z" * 501)
        assert refund.detail == "z" * 500


async def test_lists_are_newest_first_and_pages_go_on_after_an_item(scene: Scene) -> None:
    old, new = await scene.plan(), await scene.plan(await scene.another_case(MUG))
    async with scene.runtime.work() as work:
        listed = [one.refund.id for one in await queries.search(work, None, None, None, 9)]
        assert listed == [new, old]
        assert [one.refund.id for one in await queries.search(work, None, None, None, 1)] == [new]
        assert [one.refund.id for one in await queries.search(work, None, None, new, 9)] == [old]
        assert await queries.search(work, None, None, old, 9) == []
        assert [one.refund.id for one in await queries.search(work, None, scene.case_id, None, 9)] == [old]
        assert await queries.search(work, "succeeded", None, None, 9) == []
        orders = {one.order.id: one.order for one in await queries.search(work, None, None, None, 9)}
        of_cases = await queries.of_cases(work, [scene.case_id, UUID(int=1)], orders)
        assert {key: [one.refund.id for one in found] for key, found in of_cases.items()} == {
            scene.case_id: [old], UUID(int=1): [],
        }  # fmt: skip
        assert await queries.find(work, UUID(int=1)) is None


async def test_a_refund_is_shown_with_its_own_attempts_in_order(scene: Scene) -> None:
    old, new = await scene.plan(), await scene.plan(await scene.another_case(MUG))
    async with scene.runtime.work() as work:
        for refund_id, number in ((new, 1), (old, 2), (old, 1)):
            work.session.add(RefundAttempt(refund_id=refund_id, number=number, request={}, started_at=work.now))
    async with scene.runtime.work() as work:
        found = await queries.find(work, old)
        assert found is not None
        assert [(one.refund_id, one.number) for one in found.attempts] == [(old, 1), (old, 2)]
        assert (found.refund.id, found.order.id) == (old, scene.order_pk)
        assert [one.number for one in await service.attempts(work, old)] == [1, 2]
        assert [one.number for one in await service.attempts(work, new)] == [1]
        assert [refund.id for refund in await service.of_order(work, scene.order_pk)] == [old, new]
