"""An open outcome is settled by what the store shows, never by sending again blindly."""

from __future__ import annotations

from datetime import timedelta

import pytest

from app.orders import service as orders
from app.orders.snapshot import RefundState, SeenRefund
from app.outcomes import Rejected, Unknown
from app.refunds.looking import look
from app.refunds.models import Refund
from app.refunds.sending import locked
from tests.api.kit import LAMP, MUG
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


def shown(refund: Refund, store_refund_id: str, state: RefundState) -> SeenRefund:
    """A refund with the marker, as the store lists it."""
    return SeenRefund(store_refund_id, 5000, state, str(refund.id), lines={LAMP: 2}, extras={})


@pytest.mark.parametrize("state", [RefundState.SUCCEEDED, RefundState.PENDING, RefundState.UNCLEAR])
async def test_shown_twice_is_for_a_person(scene: Scene, state: RefundState) -> None:
    refund = await _in_doubt(scene)
    scene.show_all(shown(refund, "9001", RefundState.SUCCEEDED), shown(refund, "9002", state))
    refund = await scene.advance(refund.id)
    assert refund.status == "needs_review"
    assert refund.detail == "the store shows more than one refund with this marker"
    assert refund.store_refund_id == "9001"


@pytest.mark.parametrize("spoilt", [RefundState.FAILED, RefundState.NO_MONEY])
async def test_one_that_moved_no_money_beside_one_that_did(scene: Scene, spoilt: RefundState) -> None:
    refund = await _in_doubt(scene)
    scene.show_all(shown(refund, "9001", spoilt), shown(refund, "9002", RefundState.SUCCEEDED))
    refund = await scene.advance(refund.id)
    assert (refund.status, refund.store_refund_id) == ("succeeded", "9002")


@pytest.mark.parametrize("spoilt", [RefundState.FAILED, RefundState.NO_MONEY])
async def test_one_that_moved_no_money_alone_is_for_a_person(scene: Scene, spoilt: RefundState) -> None:
    refund = await _in_doubt(scene)
    scene.show(refund.id, spoilt)
    refund = await scene.advance(refund.id)
    assert (refund.status, refund.store_refund_id) == ("needs_review", "9001")


async def test_a_gateway_that_may_be_at_work_is_waited_for(woo: Scene) -> None:
    """Until then the store's row may still be deleted, so it is not taken for ours."""
    refund = await _in_doubt(woo)
    woo.show(refund.id, RefundState.UNCLEAR)
    refund = await woo.advance(refund.id)
    assert (refund.status, refund.store_refund_id) == ("unknown", None)
    assert refund.detail == "the store shows the refund; its gateway may still be at work"
    woo.clock.move(seconds=120)
    refund = await woo.advance(refund.id)
    assert (refund.status, refund.store_refund_id) == ("needs_review", "9001")


async def test_a_pending_one_is_known_by_its_number_at_once(scene: Scene) -> None:
    refund = await _in_doubt(scene)
    scene.show(refund.id, RefundState.PENDING)
    assert (await scene.advance(refund.id)).store_refund_id == "9001"


async def test_other_lines_are_for_a_person(scene: Scene) -> None:
    refund = await _in_doubt(scene)
    scene.show(refund.id, lines={LAMP: 1, MUG: 1})
    refund = await scene.advance(refund.id)
    assert (refund.status, refund.detail) == (
        "needs_review",
        "the store shows the refund with other lines than were asked for",
    )


async def _sent_twice(scene: Scene, first: Unknown | Rejected, second: Rejected) -> Refund:
    """Sent with the first answer, then once more with the second."""
    refund_id = await scene.plan()
    scene.store.answers = [first, second]
    refund = await scene.advance(refund_id)
    while len(scene.store.sent) < 2:
        refund = await scene.advance(refund_id)
    return refund


async def test_a_refusal_after_a_doubtful_try_waits_for_that_try(scene: Scene) -> None:
    refund = await _sent_twice(scene, Unknown("timeout", "nothing"), Rejected("user_errors", "too much"))
    refund = await scene.advance(refund.id)
    assert (refund.status, refund.detail) == (
        "unknown",
        "the store refused it, but an earlier try may still be at work",
    )
    scene.clock.move(seconds=119)
    assert (await scene.advance(refund.id)).status == "unknown"
    scene.clock.move(seconds=1)
    assert (await scene.advance(refund.id)).status == "rejected"
    assert len(scene.store.sent) == 2


async def test_a_refusal_that_is_not_about_the_key_says_nothing_of_a_doubtful_try(scene: Scene) -> None:
    refund = await _sent_twice(scene, Unknown("timeout", "nothing"), Rejected("shop_locked", "unpaid bill"))
    scene.clock.move(minutes=10)
    refund = await scene.advance(refund.id)
    assert (refund.status, refund.detail) == (
        "planned",
        "no such refund in the store; the same key and request go out again",
    )


@pytest.mark.parametrize("first", [Rejected("throttled", "slower", True, 1)])
async def test_a_refusal_after_a_try_that_was_never_sent_counts_at_once(scene: Scene, first: Rejected) -> None:
    refund = await _sent_twice(scene, first, Rejected("shop_locked", "unpaid bill"))
    assert (await scene.advance(refund.id)).status == "rejected"


async def _failed_at_booking(woo: Scene, api_refund: bool = False) -> Refund:
    """WooCommerce could not create the refund."""
    woo.store.payload = {"api_refund": api_refund}
    return await _in_doubt(woo, Rejected("cannot_create", "no reason given"))


async def test_a_booking_without_a_gateway_is_tried_once_more(woo: Scene) -> None:
    refund = await _failed_at_booking(woo)
    refund = await woo.advance(refund.id)
    assert (refund.status, refund.detail) == (
        "planned",
        "the store failed at booking it, and no gateway was asked: once more",
    )
    woo.store.answers = [Rejected("cannot_create", "no reason given")]
    await woo.advance(refund.id)
    assert (await woo.advance(refund.id)).status == "rejected"
    assert len(woo.store.sent) == 2


async def test_a_booking_whose_first_try_was_never_sent_is_tried_once_more_all_the_same(woo: Scene) -> None:
    woo.store.payload = {"api_refund": False}
    refund = await _sent_twice(woo, Rejected("busy", "later", True, 1), Rejected("cannot_create", "no reason given"))
    assert (await woo.advance(refund.id)).status == "planned"


async def test_a_booking_that_asked_a_gateway_is_not_tried_again(woo: Scene) -> None:
    refund = await _failed_at_booking(woo, api_refund=True)
    assert (await woo.advance(refund.id)).status == "rejected"


async def test_another_refusal_of_a_booking_is_not_tried_again(woo: Scene) -> None:
    woo.store.payload = {"api_refund": False}
    refund = await _in_doubt(woo, Rejected("bad_amount", "too much"))
    assert (await woo.advance(refund.id)).status == "rejected"


@pytest.mark.parametrize(("seen_before", "ends"), [(True, "planned"), (False, "rejected")])
async def test_a_booking_is_not_tried_again_when_somebody_refunded_since(
    woo: Scene, seen_before: bool, ends: str
) -> None:
    other = SeenRefund("77", 100, RefundState.SUCCEEDED, lines={}, extras={})
    if seen_before:
        woo.show_all(other)
        async with woo.runtime.work() as work:
            assert woo.store.shown is not None
            await orders.keep(work, "alpha", woo.store.shown, read_at=work.now)
        woo.clock.move(seconds=1)
    refund = await _failed_at_booking(woo)
    woo.show_all(other)
    assert (await woo.advance(refund.id)).status == ends
