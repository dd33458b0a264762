"""A refund from plan to proof: what is written before the call, what is sent, and what each answer does."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest

from app.cases.models import Case
from app.money import Money
from app.orders.models import Order
from app.orders.snapshot import RefundState
from app.outcomes import Rejected, Unknown
from app.pace.base import NoTurn
from app.refunds import service
from app.refunds.models import Refund, RefundAttempt
from app.refunds.sending import is_due, send
from app.refunds.states import RefundStatus
from app.stores.base import RefundNotPossible, StoreRefused, StoreUnavailable
from tests.api.kit import LAMP
from tests.refunds.kit import Scene, made

HOUR = timedelta(hours=1)


async def test_a_plan_is_a_row_and_a_job_before_anything_is_called(scene: Scene) -> None:
    refund = await scene.refund(await scene.plan())
    order = await scene.case()
    assert (refund.status, refund.amount, refund.currency, refund.exponent) == ("planned", 5000, "EUR", 2)
    assert (refund.case_id, refund.order_pk, refund.store) == (scene.case_id, scene.order_pk, "alpha")
    assert refund.lines == [{"line_id": LAMP, "quantity": 2, "total": 5000, "tax": 800, "taxes": {}}]
    assert (refund.extras, refund.ground, refund.evidence) == ([], "supplier", {"ground": "supplier"})
    assert (refund.reason, refund.request, refund.looks) == (order.reference, None, 0)
    assert (refund.created_at, refund.next_check_at) == (scene.now, scene.now + timedelta(seconds=60))
    assert (refund.first_sent_at, refund.settled_at, refund.store_refund_id) == (None, None, None)
    assert await scene.jobs() == [("refunds.advance", {"refund_id": str(refund.id)})]
    assert scene.store.sent == []


async def test_a_proof_ends_the_refund_and_its_case(scene: Scene) -> None:
    refund_id = await scene.plan()
    await scene.jobs()
    shop = Money(5512, "USD", 2)
    scene.store.answers = [made(shop_amount=shop, detail="paid")]
    refund = await scene.advance(refund_id)
    (sent,), (intent,) = scene.store.sent, scene.store.intents
    assert (sent.refund_id, sent.order_id, sent.amount) == (refund_id, "5196695273621", Money(5000, "EUR", 2))
    assert (intent.refund_id, intent.amount, intent.reason, intent.notify) == (
        refund_id, Money(5000, "EUR", 2), "MG-SCENE001", True,
    )  # fmt: skip
    assert (intent.order_id, intent.extras) == ("5196695273621", ())
    assert [(line.line_id, line.quantity, line.total, line.tax) for line in intent.lines] == [(LAMP, 2, 5000, 800)]
    assert (refund.status, refund.store_refund_id, refund.detail) == ("succeeded", "9001", "the store confirmed it")
    assert (refund.shop_amount, refund.shop_currency, refund.looks) == (5512, "USD", 0)
    assert (refund.settled_at, refund.next_check_at, refund.first_sent_at) == (scene.now, None, scene.now)
    (attempt,) = await scene.attempts(refund_id)
    assert (attempt.number, attempt.outcome, attempt.request) == (1, "ok", {"amount": "50.00", "of": "#1106"})
    assert refund.request == attempt.request
    assert (attempt.started_at, attempt.finished_at) == (scene.now, scene.now)
    assert attempt.answer == {"store_refund_id": "9001", "state": "succeeded", "detail": "paid", "amount": "50.00"}
    case = await scene.case()
    assert (case.state, case.lines[0].refunded) == ("resolved", 2)


async def test_without_a_shop_amount_none_is_made_up(scene: Scene) -> None:
    refund = await scene.advance(await scene.plan())
    assert (refund.status, refund.shop_amount, refund.shop_currency) == ("succeeded", None, None)


async def test_nothing_is_begun_before_it_is_our_turn(scene: Scene) -> None:
    """The store's pace is used up: there is no attempt, and the refund waits as long as the pace says."""
    refund_id = await scene.plan()
    scene.store.no_turn = NoTurn("Its pace is used up for 42.0 s", 42.0)
    refund = await scene.advance(refund_id)
    assert (refund.status, await scene.attempts(refund_id), scene.store.sent) == ("planned", [], [])
    assert refund.next_check_at == scene.now + timedelta(seconds=42)
    assert refund.detail == "the store is not asked now: Its pace is used up for 42.0 s"
    scene.store.no_turn = None
    refund = await scene.advance(refund_id)
    assert (refund.status, len(scene.store.sent)) == ("succeeded", 1)


async def test_a_settled_refund_is_never_sent_again(scene: Scene) -> None:
    refund_id = await scene.plan()
    await scene.advance(refund_id)
    await scene.advance(refund_id)
    assert (len(scene.store.sent), scene.store.readings) == (1, 1)


async def test_while_the_call_is_out_the_row_says_so(scene: Scene) -> None:
    refund_id = await scene.plan()

    async def watch() -> None:
        refund = await scene.refund(refund_id)
        assert (refund.status, refund.next_check_at) == ("submitting", scene.now + timedelta(seconds=150))
        (attempt,) = await scene.attempts(refund_id)
        assert (attempt.finished_at, attempt.outcome, attempt.answer) == (None, None, None)

    scene.store.while_sending = watch
    assert (await scene.advance(refund_id)).status == "succeeded"


async def test_the_store_may_have_a_smaller_maximum(scene: Scene) -> None:
    scene.store.most = 4200
    refund = await scene.advance(await scene.plan())
    assert (refund.status, refund.amount, scene.store.sent[0].amount.minor) == ("succeeded", 4200, 4200)


@pytest.mark.parametrize(
    ("answer", "status", "detail"),
    [
        (made(4999), "needs_review", "the store made the refund, and its money is succeeded"),
        (made(5000, RefundState.FAILED), "needs_review", "the store made the refund, and its money is failed"),
        (made(5000, RefundState.FAILED, detail="card expired"), "needs_review", "card expired"),
        (made(5000, RefundState.UNCLEAR), "needs_review", "the store made the refund, and its money is unclear"),
    ],
)
async def test_a_refund_whose_money_is_not_proven_is_for_a_person(
    scene: Scene, answer: Any, status: str, detail: str
) -> None:
    scene.store.answers = [answer]
    refund = await scene.advance(await scene.plan())
    assert (refund.status, refund.detail, refund.store_refund_id) == (status, detail, "9001")
    assert (refund.next_check_at, refund.settled_at) == (None, None)
    case = await scene.case()
    assert (case.state, case.problems) == ("resolving", ["refund_needs_review"])


async def test_a_pending_payment_is_watched(scene: Scene) -> None:
    scene.store.answers = [made(5000, RefundState.PENDING)]
    refund = await scene.advance(await scene.plan())
    assert (refund.status, refund.detail) == ("unknown", "the store made the refund; its payment is pending")
    assert (refund.next_check_at, refund.store_refund_id) == (scene.now + timedelta(seconds=30), "9001")
    assert (await scene.attempts(refund.id))[0].outcome == "ok"


@pytest.mark.parametrize(("asked", "wait"), [(None, 10), (45.0, 45)])
async def test_what_never_reached_the_store_is_tried_again_when_it_asks(
    scene: Scene, asked: float | None, wait: int
) -> None:
    scene.store.answers = [Rejected("throttled", "too many calls", retryable=True, retry_after=asked)]
    refund_id = await scene.plan()
    refund = await scene.advance(refund_id)
    assert (refund.status, refund.detail, refund.settled_at) == ("planned", "too many calls", None)
    assert refund.next_check_at == scene.now + timedelta(seconds=wait)
    (attempt,) = await scene.attempts(refund_id)
    assert (attempt.outcome, attempt.answer) == ("not_sent", {"code": "throttled", "detail": "too many calls"})
    first = refund.first_sent_at
    scene.clock.move(seconds=wait)
    refund = await scene.advance(refund_id)
    assert (refund.status, refund.first_sent_at) == ("succeeded", first)
    assert [one.number for one in await scene.attempts(refund_id)] == [1, 2]
    assert scene.store.sent[0] == scene.store.sent[1]
    assert len(scene.store.intents) == 1


async def test_a_refusal_is_read_back_before_it_is_believed(scene: Scene) -> None:
    scene.store.answers = [Rejected("user_error", "no such line")]
    refund_id = await scene.plan()
    refund = await scene.advance(refund_id)
    assert (refund.status, refund.detail) == ("unknown", "user_error: no such line")
    assert refund.next_check_at == scene.now + timedelta(seconds=1)
    assert (await scene.attempts(refund_id))[0].outcome == "rejected"
    scene.clock.move(seconds=1)
    refund = await scene.advance(refund_id)
    assert refund.status == "rejected"
    assert len(scene.store.sent) == 1


async def test_no_answer_is_looked_up(scene: Scene) -> None:
    scene.store.answers = [Unknown("timeout", "nothing heard")]
    refund_id = await scene.plan()
    refund = await scene.advance(refund_id)
    assert (refund.status, refund.detail) == ("unknown", "timeout: nothing heard")
    assert refund.next_check_at == scene.now + timedelta(seconds=10)
    (attempt,) = await scene.attempts(refund_id)
    assert (attempt.outcome, attempt.answer) == ("unknown", {"code": "timeout", "detail": "nothing heard"})


async def test_a_late_answer_is_kept_and_moves_nothing(scene: Scene) -> None:
    """A person settled it while the call was out."""
    refund_id = await scene.plan()

    async def settled_meanwhile() -> None:
        await scene.change(Refund, refund_id, status="needs_review", detail="looked at")

    scene.store.while_sending = settled_meanwhile
    refund = await scene.advance(refund_id)
    assert (refund.status, refund.detail, refund.store_refund_id) == ("needs_review", "looked at", None)
    assert (await scene.attempts(refund_id))[0].outcome == "ok"


async def test_an_answer_is_written_once(scene: Scene) -> None:
    refund_id = await scene.plan()
    await scene.advance(refund_id)
    scene.clock.move(hours=1)
    async with scene.runtime.work() as work:
        attempt = await service.last_attempt(work, refund_id)
        assert attempt is not None
        before = (attempt.finished_at, attempt.outcome, dict(attempt.answer or {}))
        service.answered(work, attempt, "unknown", {"code": "late"})
        assert (attempt.finished_at, attempt.outcome, attempt.answer) == before


async def test_what_the_store_cannot_make_is_void_and_the_case_contested(scene: Scene) -> None:
    scene.store.preparing_fails = RefundNotPossible("nothing is refundable")
    refund = await scene.advance(await scene.plan())
    assert (refund.status, refund.detail) == ("void", "nothing is refundable")
    assert (refund.settled_at, refund.next_check_at) == (scene.now, None)
    case = await scene.case()
    assert (case.state, case.problems) == ("contested", ["refund_rejected"])
    assert scene.store.sent == []


async def test_what_cannot_be_made_any_more_is_left_to_whoever_moved_it(scene: Scene) -> None:
    refund_id = await scene.plan()

    async def moved() -> None:
        await scene.change(Refund, refund_id, status="needs_review")

    scene.store.while_preparing, scene.store.preparing_fails = moved, RefundNotPossible("nothing is refundable")
    assert (await scene.advance(refund_id)).status == "needs_review"
    assert (await scene.case()).state == "resolving"


@pytest.mark.parametrize("error", [StoreUnavailable("down"), StoreRefused("no scope")])
async def test_a_store_that_cannot_prepare_is_asked_again(scene: Scene, error: Exception) -> None:
    scene.store.preparing_fails = error
    refund = await scene.advance(await scene.plan())
    assert (refund.status, refund.looks) == ("planned", 1)
    assert refund.next_check_at == scene.now + timedelta(seconds=30)
    assert scene.store.sent == []


async def test_an_order_that_cannot_be_read_is_asked_for_ever_more_rarely(scene: Scene) -> None:
    scene.store.reading_fails = StoreUnavailable("down")
    refund_id = await scene.plan()
    waits = []
    for _ in range(11):
        refund = await scene.advance(refund_id)
        assert refund.next_check_at is not None
        waits.append(int((refund.next_check_at - scene.now).total_seconds()))
    assert waits == [30, 60, 120, 240, 480, 960, 1800, 1800, 1800, 1800, 1800]
    assert (refund.status, refund.detail, refund.looks) == ("planned", "down", 11)
    assert (await scene.case()).problems == []
    scene.store.reading_fails = None
    refund = await scene.advance(refund_id)
    assert (refund.status, refund.looks) == ("succeeded", 0)


async def test_a_store_that_refuses_to_show_the_order_is_a_problem_for_a_person(scene: Scene) -> None:
    scene.store.reading_fails = StoreRefused("no scope")
    refund = await scene.advance(await scene.plan())
    assert (refund.status, refund.detail) == ("planned", "no scope")
    assert (await scene.case()).problems == ["order_not_readable"]
    told = (await scene.trail())[-1].data["text"]
    assert told == "The order cannot be read, so no refund can go out and none can be looked up: no scope"


async def test_an_unreadable_order_leaves_doubt_as_doubt(scene: Scene) -> None:
    refund_id = await scene.plan()
    await scene.change(Refund, refund_id, status="unknown", looks=2)
    scene.store.reading_fails = StoreUnavailable("down")
    refund = await scene.advance(refund_id)
    assert (refund.status, refund.detail, refund.looks) == ("unknown", "down", 3)
    assert refund.next_check_at == scene.now + timedelta(seconds=120)


async def test_an_order_that_is_gone_is_a_problem_for_a_person(scene: Scene) -> None:
    scene.store.shown = None
    refund = await scene.advance(await scene.plan())
    assert refund.status == "planned"
    assert refund.detail == (
        "the store shows no order 5196695273621; it may be deleted, or too old for the app's scopes"
    )
    assert (await scene.case()).problems == ["order_not_readable"]
    assert scene.store.sent == []


# The last look before money moves: each of these must hold the call back.


async def test_another_refund_of_the_order_goes_first(scene: Scene) -> None:
    refund_id = await scene.plan()
    other = await scene.plan(await scene.another_case("12695210000534"))
    for status in ("submitting", "unknown"):
        await scene.change(Refund, other, status=status)
        refund = await scene.advance(refund_id)
        assert (refund.status, refund.detail) == ("planned", "another operation of this order is under way")
        assert refund.next_check_at == scene.now + timedelta(seconds=5)
    assert scene.store.sent == []
    await scene.change(Refund, other, status="needs_review")
    assert (await scene.advance(refund_id)).status == "succeeded"


async def test_a_hold_stops_money_and_keeps_the_plan(scene: Scene) -> None:
    refund_id = await scene.plan()
    await scene.change(Case, scene.case_id, holds=["fraud", "merchant"])
    refund = await scene.advance(refund_id)
    assert (refund.status, refund.detail) == ("planned", "on hold: fraud, merchant")
    assert refund.next_check_at == scene.now + timedelta(minutes=30)
    assert (scene.store.sent, await scene.attempts(refund_id)) == ([], [])


@pytest.mark.parametrize("state", ["closed", "rejected", "cancelled", "expired", "superseded"])
async def test_an_ended_case_pays_nothing(scene: Scene, state: str) -> None:
    refund_id = await scene.plan()
    await scene.jobs()
    await scene.change(Case, scene.case_id, state=state)
    refund = await scene.advance(refund_id)
    assert (refund.status, refund.detail) == ("void", f"the case is {state}")
    assert scene.store.sent == []
    assert ("refunds.plan", {"case_id": str(scene.case_id)}) in await scene.jobs()


async def test_money_that_somebody_refunded_meanwhile_does_not_go_out_twice(scene: Scene) -> None:
    refund_id = await scene.plan()

    async def refunded_meanwhile() -> None:
        await scene.change(Order, scene.order_pk, captured=4999)

    scene.store.while_preparing = refunded_meanwhile
    refund = await scene.advance(refund_id)
    assert (refund.status, refund.detail) == ("void", "the order's money was refunded by somebody meanwhile")
    assert scene.store.sent == []


async def test_exactly_what_is_left_may_go_out(scene: Scene) -> None:
    refund_id = await scene.plan()

    async def just_enough() -> None:
        await scene.change(Order, scene.order_pk, captured=5000)

    scene.store.while_preparing = just_enough
    assert (await scene.advance(refund_id)).status == "succeeded"


async def test_a_refund_that_is_no_longer_planned_does_not_go_out(scene: Scene) -> None:
    refund_id = await scene.plan()

    async def taken_back() -> None:
        await scene.change(Refund, refund_id, status="void")

    scene.store.while_preparing = taken_back
    assert (await scene.advance(refund_id)).status == "void"
    assert scene.store.sent == []


async def test_a_dry_run_sends_nothing_and_says_what_it_would(scene: Scene) -> None:
    scene.runtime.settings.stores["alpha"].dry_run = True
    refund_id = await scene.plan()
    refund = await scene.advance(refund_id)
    assert (refund.status, refund.detail) == ("planned", "dry run: not sent")
    assert refund.next_check_at == scene.now + timedelta(minutes=30)
    assert (scene.store.sent, (await scene.case()).problems) == ([], ["dry_run"])
    told = (await scene.trail())[-1].data["text"]
    assert told == f"Dry run: 50.00 EUR would have been refunded (refund {refund_id})."


async def _sent_without_proof(scene: Scene, outcome: str, before: timedelta) -> Refund:
    refund_id = await scene.plan()
    then = scene.now - before
    await scene.change(Refund, refund_id, first_sent_at=then, request={"amount": "50.00"})
    async with scene.runtime.work() as work:
        work.session.add(
            RefundAttempt(refund_id=refund_id, number=1, request={}, started_at=then, finished_at=then, outcome=outcome)
        )
    await scene.jobs()
    await send(scene.runtime, scene.store, refund_id, scene.store.known[0])
    return await scene.refund(refund_id)


async def test_a_request_is_not_sent_again_after_its_key_may_be_forgotten(scene: Scene) -> None:
    refund = await _sent_without_proof(scene, "unknown", 12 * HOUR)
    assert (refund.status, refund.detail) == (
        "needs_review", "sent before without proof, and its key may have expired",
    )  # fmt: skip
    assert (scene.store.sent, (await scene.case()).problems) == ([], ["refund_needs_review"])
    assert await scene.jobs() == []


async def test_a_request_is_sent_again_to_the_letter_while_its_key_lives(scene: Scene) -> None:
    refund = await _sent_without_proof(scene, "unknown", 12 * HOUR - timedelta(seconds=1))
    assert (refund.status, len(await scene.attempts(refund.id))) == ("succeeded", 2)
    (sent,) = scene.store.sent
    assert (sent.refund_id, sent.order_id, sent.payload) == (refund.id, "5196695273621", {"amount": "50.00"})
    assert sent.amount == Money(5000, "EUR", 2)
    assert scene.store.intents == []


async def test_a_request_that_never_arrived_needs_no_key(scene: Scene) -> None:
    assert (await _sent_without_proof(scene, "not_sent", 13 * HOUR)).status == "succeeded"


@pytest.mark.parametrize("status", RefundStatus)
async def test_only_what_is_open_is_due_and_a_call_that_is_out_belongs_to_its_caller(
    scene: Scene, status: RefundStatus
) -> None:
    refund = Refund(status=status)
    just, gone = (RefundAttempt(started_at=scene.now - timedelta(seconds=ago)) for ago in (149, 150))
    submitting = status is RefundStatus.SUBMITTING
    open_one = status in (RefundStatus.PLANNED, RefundStatus.UNKNOWN)
    assert is_due(refund, None, scene.now) is (submitting or open_one)
    assert is_due(refund, gone, scene.now) is (submitting or open_one)
    assert is_due(refund, just, scene.now) is open_one
