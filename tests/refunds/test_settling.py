"""A person's word for a proof: what it moves, what it may not deny, and what it may not claim."""

from __future__ import annotations

from uuid import UUID

import pytest
from sqlalchemy import select

from app.orders import service as orders
from app.orders.models import ObservedRefund, Order
from app.orders.snapshot import RefundState, SeenRefund
from app.refunds.models import Refund
from app.refunds.settling import Finding, StoreRefundTaken, StoreShowsRefund, settle
from app.refunds.states import RefundNotMovable, RefundStatus
from tests.api.kit import LAMP, MUG
from tests.refunds.kit import Scene

PAID = Finding(True, "9001", "seen in the gateway", "operator:ops")
NOT_MADE = Finding(False, None, "the gateway shows nothing", "operator:ops")


async def _in_review(scene: Scene) -> UUID:
    refund_id = await scene.plan()
    await scene.change(Refund, refund_id, status="needs_review", next_check_at=None)
    await scene.jobs()
    return refund_id


async def _settle(scene: Scene, refund_id: UUID, found: Finding) -> Refund:
    async with scene.runtime.work() as work:
        await settle(work, refund_id, found)
    return await scene.refund(refund_id)


async def _see(scene: Scene, operation: UUID | None, state: RefundState = RefundState.SUCCEEDED) -> None:
    seen = SeenRefund("9001", 5000, state, str(operation) if operation else None, lines={LAMP: 2}, extras={})
    async with scene.runtime.work() as work:
        await orders.keep_refund(work, await work.session.get_one(Order, scene.order_pk), seen)


async def _observed(scene: Scene) -> ObservedRefund:
    async with scene.runtime.work() as work:
        return (await work.session.scalars(select(ObservedRefund))).one()


@pytest.mark.parametrize("status", RefundStatus)
async def test_only_doubt_can_be_settled(scene: Scene, status: RefundStatus) -> None:
    refund_id = await scene.plan()
    await scene.change(Refund, refund_id, status=status)
    if status in (RefundStatus.NEEDS_REVIEW, RefundStatus.UNKNOWN):
        assert (await _settle(scene, refund_id, PAID)).status == "succeeded"
        return
    with pytest.raises(RefundNotMovable) as refused:
        await _settle(scene, refund_id, PAID)
    assert refused.value.extra == {"allowed_statuses": ["needs_review", "unknown"]}
    assert refused.value.detail == (
        f"The refund is {status}; only one whose outcome is in doubt can be settled by a person."
    )


async def test_as_succeeded_it_is_booked_and_the_store_refund_is_ours(scene: Scene) -> None:
    refund_id = await _in_review(scene)
    await scene.change(Refund, refund_id, extras=[{"line_id": "871", "total": 200, "tax": 0}])
    refund = await _settle(scene, refund_id, PAID)
    assert (refund.status, refund.store_refund_id, refund.settled_at) == ("succeeded", "9001", scene.now)
    assert refund.detail == "settled by a person: seen in the gateway"
    row = await _observed(scene)
    assert (row.order_pk, row.store_refund_id, row.operation_id, row.amount) == (
        scene.order_pk, "9001", refund_id, 5000,
    )  # fmt: skip
    assert (row.state, row.lines, row.extras, row.first_seen_at) == ("succeeded", {LAMP: 2}, {"871": 200}, scene.now)
    case = await scene.case()
    assert (case.state, case.lines[0].refunded, case.lines[0].external) == ("resolved", 2, 0)
    note = next(one for one in await scene.trail() if one.type == "note_added")
    assert note.actor == "operator:ops"
    assert note.data == {
        "text": f"The refund {refund_id} was settled by a person as succeeded: seen in the gateway",
        "refund_id": str(refund_id), "outcome": "succeeded", "store_refund_id": "9001",
        "reason": "seen in the gateway",
    }  # fmt: skip


async def test_as_succeeded_without_a_number_the_known_one_is_kept(scene: Scene) -> None:
    refund_id = await _in_review(scene)
    await scene.change(Refund, refund_id, store_refund_id="77")
    refund = await _settle(scene, refund_id, Finding(True, None, "paid", "operator:ops"))
    assert (refund.store_refund_id, (await _observed(scene)).store_refund_id) == ("77", "77")


async def test_as_succeeded_without_any_number_none_is_made_up(scene: Scene) -> None:
    refund = await _settle(scene, await _in_review(scene), Finding(True, None, "paid", "operator:ops"))
    assert (refund.status, refund.store_refund_id) == ("succeeded", None)
    async with scene.runtime.work() as work:
        assert (await work.session.scalars(select(ObservedRefund))).all() == []


async def test_what_was_seen_without_our_marker_becomes_ours(scene: Scene) -> None:
    refund_id = await _in_review(scene)
    await _see(scene, None)
    await _settle(scene, refund_id, PAID)
    row = await _observed(scene)
    assert (row.operation_id, row.applied_at) == (refund_id, None)
    assert (await scene.case()).lines[0].external == 0


async def test_what_was_seen_with_our_marker_is_ours_already(scene: Scene) -> None:
    refund_id = await _in_review(scene)
    await _see(scene, refund_id)
    assert (await _settle(scene, refund_id, PAID)).status == "succeeded"


async def test_the_proof_of_another_refund_is_no_proof_of_this_one(scene: Scene) -> None:
    refund_id, other = await _in_review(scene), await scene.plan(await scene.another_case(MUG))
    await _see(scene, other)
    with pytest.raises(StoreRefundTaken) as refused:
        await _settle(scene, refund_id, PAID)
    assert refused.value.detail == f"The store's refund 9001 is the refund {other} already."
    assert (await scene.refund(refund_id)).status == "needs_review"


async def test_what_was_counted_as_somebody_elses_is_no_proof(scene: Scene) -> None:
    refund_id = await _in_review(scene)
    await _see(scene, None)
    row = await _observed(scene)
    await scene.change(ObservedRefund, row.id, applied={"a case": {LAMP: 2}}, applied_at=scene.now)
    with pytest.raises(StoreRefundTaken, match="counted as somebody else's already"):
        await _settle(scene, refund_id, PAID)


async def test_the_same_number_on_another_order_is_another_refund(scene: Scene) -> None:
    refund_id = await _in_review(scene)
    async with scene.runtime.work() as work:
        order = await work.session.get_one(Order, scene.order_pk)
        twin, _ = await orders.keep(work, "beta", orders.snapshot_of(order))
        await orders.keep_refund(work, twin, SeenRefund("9001", 1, RefundState.SUCCEEDED, str(UUID(int=7))))
    assert (await _settle(scene, refund_id, PAID)).status == "succeeded"


async def test_another_number_on_the_same_order_is_another_refund(scene: Scene) -> None:
    refund_id = await _in_review(scene)
    await _see(scene, UUID(int=7))
    refund = await _settle(scene, refund_id, Finding(True, "9002", "seen in the gateway", "operator:ops"))
    assert (refund.status, refund.store_refund_id) == ("succeeded", "9002")


async def test_as_not_made_its_money_is_free_and_the_case_contested(scene: Scene) -> None:
    refund_id = await _in_review(scene)
    refund = await _settle(scene, refund_id, NOT_MADE)
    assert (refund.status, refund.settled_at) == ("rejected", scene.now)
    assert refund.detail == "settled by a person: the gateway shows nothing"
    case = await scene.case()
    assert (case.state, case.problems) == ("contested", ["refund_rejected"])
    note = next(one for one in await scene.trail() if one.type == "note_added")
    assert (note.data["outcome"], note.actor) == ("not_made", "operator:ops")
    assert note.data["text"].endswith("was settled by a person as not_made: the gateway shows nothing")


@pytest.mark.parametrize("state", RefundState)
async def test_what_the_store_shows_cannot_be_denied(scene: Scene, state: RefundState) -> None:
    """Unless the store itself says that no money moved."""
    refund_id = await _in_review(scene)
    await _see(scene, refund_id, state)
    if state in (RefundState.FAILED, RefundState.NO_MONEY):
        assert (await _settle(scene, refund_id, NOT_MADE)).status == "rejected"
        return
    with pytest.raises(StoreShowsRefund, match=r"^The store shows this refund as 9001\. Settle it as succeeded"):
        await _settle(scene, refund_id, NOT_MADE)
    assert (await scene.refund(refund_id)).status == "needs_review"


async def test_what_the_store_shows_of_somebody_else_denies_nothing(scene: Scene) -> None:
    refund_id = await _in_review(scene)
    await _see(scene, None)
    assert (await _settle(scene, refund_id, NOT_MADE)).status == "rejected"


def test_the_problems_have_their_published_codes() -> None:
    assert (StoreShowsRefund.code, StoreRefundTaken.code) == ("store_shows_refund", "store_refund_taken")
    assert StoreShowsRefund.title
    assert StoreRefundTaken.title
