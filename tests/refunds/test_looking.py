"""An open outcome is settled by what the store shows, never by sending again blindly."""

from __future__ import annotations

from datetime import timedelta

import pytest

from app.orders.snapshot import RefundState
from app.outcomes import Rejected, Unknown
from app.refunds.looking import look
from app.refunds.models import Refund
from app.refunds.sending import locked
from tests.refunds.kit import Scene, made


async def _in_doubt(scene: Scene, answer: Unknown | Rejected | None = None) -> Refund:
    """A refund that was sent once, without proof."""
    refund_id = await scene.plan()
    scene.store.answers = [answer or Unknown("timeout", "nothing heard")]
    refund = await scene.advance(refund_id)
    assert refund.status == "unknown"
    await scene.jobs()
    return refund


async def test_found_by_its_marker(scene: Scene) -> None:
    refund = await _in_doubt(scene)
    scene.show(refund.id, shop_amount=5512)
    refund = await scene.advance(refund.id)
    assert (refund.status, refund.detail, refund.looks) == ("succeeded", "found in the store by its marker", 1)
    assert (refund.store_refund_id, refund.shop_amount) == ("9001", 5512)
    assert (refund.settled_at, refund.next_check_at) == (scene.now, None)
    case = await scene.case()
    assert (case.state, case.lines[0].refunded) == ("resolved", 2)
    assert len(scene.store.sent) == 1


async def test_the_amount_that_the_answer_told_is_kept(scene: Scene) -> None:
    refund = await _in_doubt(scene)
    await scene.change(Refund, refund.id, shop_amount=5500)
    scene.show(refund.id, shop_amount=5512)
    assert (await scene.advance(refund.id)).shop_amount == 5500


async def test_another_amount_is_for_a_person(scene: Scene) -> None:
    refund = await _in_doubt(scene)
    scene.show(refund.id, minor=4999)
    refund = await scene.advance(refund.id)
    assert (refund.status, refund.next_check_at, refund.store_refund_id) == ("needs_review", None, "9001")
    assert refund.detail == "the store shows the refund with another amount than was asked for"
    assert (await scene.case()).problems == ["refund_needs_review"]
    told = (await scene.trail())[-1].data["text"]
    assert told == f"A person must settle the refund {refund.id}: {refund.detail}"


async def test_shopify_gets_the_same_request_again(scene: Scene) -> None:
    refund = await _in_doubt(scene)
    first = scene.now
    scene.clock.move(seconds=10)
    refund = await scene.advance(refund.id)
    assert (refund.status, refund.next_check_at, len(scene.store.sent)) == ("planned", scene.now, 1)
    assert await scene.jobs() == [("refunds.advance", {"refund_id": str(refund.id)})]
    refund = await scene.advance(refund.id)
    assert (refund.status, refund.first_sent_at) == ("succeeded", first)
    assert scene.store.sent[0] == scene.store.sent[1]
    assert [one.number for one in await scene.attempts(refund.id)] == [1, 2]


async def test_shopify_is_not_sent_again_after_the_key_may_be_forgotten(scene: Scene) -> None:
    refund = await _in_doubt(scene)
    scene.clock.move(hours=12)
    refund = await scene.advance(refund.id)
    assert (refund.status, len(scene.store.sent)) == ("needs_review", 1)
    assert refund.detail == "no such refund in the store, and the key may have expired"


async def test_a_key_that_belongs_to_another_request_is_our_fault_and_for_a_person(scene: Scene) -> None:
    refund = await _in_doubt(scene, Unknown("idempotency_mismatch", "other variables"))
    # An earlier try may still be at work.
    assert (await scene.advance(refund.id)).status == "unknown"
    scene.clock.move(minutes=5)
    refund = await scene.advance(refund.id)
    assert (refund.status, len(scene.store.sent)) == ("needs_review", 1)


async def test_woocommerce_is_looked_at_ever_more_rarely_and_never_sent_again(woo: Scene) -> None:
    refund = await _in_doubt(woo)
    waits = []
    for _ in range(4):
        refund = await woo.advance(refund.id)
        assert refund.next_check_at is not None
        waits.append(int((refund.next_check_at - woo.now).total_seconds()))
    assert (waits, refund.status, refund.looks) == ([20, 30, 60, 120], "unknown", 4)
    assert refund.detail == "no such refund in the store yet; that proves nothing there"
    woo.clock.move(minutes=15)
    refund = await woo.advance(refund.id)
    assert (refund.status, len(woo.store.sent)) == ("needs_review", 1)


async def test_the_settings_say_how_long_a_gateway_takes(woo: Scene) -> None:
    woo.runtime.settings.refund_first_look_seconds = 2000
    refund = await _in_doubt(woo)
    woo.clock.move(minutes=15)
    assert (await woo.advance(refund.id)).status == "unknown"
    woo.runtime.settings.refund_first_look_seconds = 1
    woo.runtime.settings.refund_review_minutes = 16
    assert (await woo.advance(refund.id)).status == "unknown"
    woo.clock.move(minutes=1)
    assert (await woo.advance(refund.id)).status == "needs_review"


async def test_a_refusal_that_reading_back_confirms(woo: Scene) -> None:
    refund = await _in_doubt(woo, Rejected("bad_amount", "too much"))
    refund = await woo.advance(refund.id)
    assert (refund.status, refund.settled_at, refund.next_check_at) == ("rejected", woo.now, None)
    assert refund.detail == (
        "bad_amount: too much (the store refused it, and reading the order back shows no such refund)"
    )
    case = await woo.case()
    assert (case.state, case.problems) == ("contested", ["refund_rejected"])
    assert (await woo.trail())[-1].data["text"] == f"The refund was not made: {refund.detail}"


async def test_a_refusal_that_reading_back_disproves(woo: Scene) -> None:
    refund = await _in_doubt(woo, Rejected("bad_amount", "too much"))
    woo.show(refund.id)
    assert (await woo.advance(refund.id)).status == "succeeded"


async def test_a_pending_payment_is_watched_until_it_is_paid(scene: Scene) -> None:
    scene.store.answers = [made(5000, RefundState.PENDING)]
    refund = await scene.advance(await scene.plan())
    scene.show(refund.id, RefundState.PENDING)
    refund = await scene.advance(refund.id)
    assert (refund.status, refund.detail) == ("unknown", "the store shows the refund; its payment is pending")
    assert refund.next_check_at == scene.now + timedelta(seconds=20)
    scene.clock.move(days=1)
    scene.show(refund.id)
    assert (await scene.advance(refund.id)).status == "succeeded"
    assert len(scene.store.sent) == 1


async def test_a_sender_that_died_leaves_doubt_and_not_a_second_call(woo: Scene) -> None:
    """While the lease runs the refund belongs to its caller; after it the store is asked."""
    refund_id = await woo.plan()

    async def died() -> None:
        raise KeyboardInterrupt

    woo.store.while_sending = died
    with pytest.raises(KeyboardInterrupt):
        await woo.advance(refund_id)
    woo.store.while_sending = None
    readings = woo.store.readings
    woo.clock.move(seconds=149)
    assert (await woo.advance(refund_id)).status == "submitting"
    assert woo.store.readings == readings
    woo.clock.move(seconds=1)
    refund = await woo.advance(refund_id)
    assert (refund.status, refund.looks, len(woo.store.sent)) == ("unknown", 1, 1)
    woo.show(refund_id)
    assert (await woo.advance(refund_id)).status == "succeeded"
    assert len(woo.store.sent) == 1


async def test_a_planned_refund_that_the_store_shows_already_is_not_sent(scene: Scene) -> None:
    """Its record here was lost, by a restored backup for example."""
    refund_id = await scene.plan()
    scene.show(refund_id)
    refund = await scene.advance(refund_id)
    assert (refund.status, scene.store.sent) == ("succeeded", [])


@pytest.mark.parametrize("status", ["needs_review", "succeeded", "rejected", "void"])
async def test_what_is_not_open_is_left_alone(scene: Scene, status: str) -> None:
    refund_id = await scene.plan()
    await scene.change(Refund, refund_id, status=status)
    async with scene.runtime.work() as work:
        order, case, refund = await locked(work, refund_id)
        await look(work, order, case, refund, scene.store, [])
    refund = await scene.refund(refund_id)
    assert (refund.status, refund.looks, refund.detail) == (status, 0, None)
