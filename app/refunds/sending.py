"""Sends one refund: the last look under the locks, the attempt written, the call with no transaction open, the answer.

Called by tasks only, because it joins transaction, call and transaction.
"""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime, timedelta
from uuid import UUID

from app.cases import service as cases
from app.cases.models import Case
from app.cases.refunding import refund_failed, refund_in_review, refund_succeeded
from app.cases.vocabulary import ENDED
from app.crashpoints import Point, reached
from app.db.work import Work
from app.jobs import defer
from app.orders import service as orders
from app.orders.models import Order
from app.orders.snapshot import OrderSnapshot, RefundState
from app.outbound import service as outbound
from app.outcomes import Ok, Rejected
from app.pace.base import NoTurn
from app.refunds import reconcile, service
from app.refunds.amounts import units_left
from app.refunds.models import Refund, RefundAttempt
from app.refunds.states import RefundStatus
from app.runtime import Runtime
from app.stores.asked import PreparedRefund, RefundAnswer
from app.stores.base import RefundNotPossible, Store, StoreRefused, StoreUnavailable, StoreUninstalled
from app.stores.sending import LEASE, call_within_lease

_RETRY = timedelta(seconds=30)
_LONGEST_RETRY = timedelta(minutes=30)
_ORDER_BUSY = timedelta(seconds=5)


def is_due(refund: Refund, attempt: RefundAttempt | None, now: datetime) -> bool:
    """Whether there is something to do: a refund that is being submitted belongs to its caller for the lease."""
    if refund.status == RefundStatus.SUBMITTING:
        return attempt is None or attempt.started_at + LEASE <= now
    return refund.status in (RefundStatus.PLANNED, RefundStatus.UNKNOWN)


async def still_true(work: Work, refund_id: UUID, known: RefundAttempt | None) -> bool:
    """Whether nothing was sent or answered since `known` was the newest attempt: else a reading is older than that."""
    newest = await service.last_attempt(work, refund_id)
    if newest is None or known is None:
        return newest is known
    return (newest.number, newest.finished_at) == (known.number, known.finished_at)


async def locked(work: Work, refund_id: UUID) -> tuple[Order, Case, Refund]:
    """Order, case and refund, locked in the one sequence and read anew."""
    refund = await work.session.get_one(Refund, refund_id)
    order = await orders.lock(work, refund.order_pk)
    case = await cases.lock(work, refund.case_id)
    return order, case, await service.get(work, refund_id)


async def unreadable(runtime: Runtime, refund_id: UUID, error: StoreUnavailable | StoreRefused) -> None:
    """The order could not be read: nothing is sent, nothing is concluded, and it is tried again."""
    async with runtime.work() as work:
        _, case, refund = await locked(work, refund_id)
        attempt = await service.last_attempt(work, refund.id)
        if not is_due(refund, attempt, work.now):
            return
        refund.looks += 1
        wait = min(_RETRY * 2 ** min(refund.looks - 1, 8), _LONGEST_RETRY)
        if isinstance(error, StoreUnavailable):
            wait = max(wait, timedelta(seconds=error.retry_after or 0))
        if isinstance(error, StoreRefused):
            text = f"The order cannot be read, so no refund can go out and none can be looked up: {error.detail}"
            problem = error.code if isinstance(error, StoreUninstalled) else "order_not_readable"
            await cases.add_problem(work, case, problem, text)
        if refund.status == RefundStatus.PLANNED:
            service.postpone(work, refund, error.detail, wait)
        else:
            await service.doubt(work, refund, error.detail, wait)
            if attempt is not None:
                await _out_of_sight(work, case, refund, work.now - attempt.started_at)


async def _out_of_sight(work: Work, case: Case, refund: Refund, waited: timedelta) -> None:
    """Money is in doubt and the store cannot be asked: a person hears of it, and settles it in the end."""
    if reconcile.out_of_sight(waited, refund.store_refund_id is not None):
        service.hand_over(refund, f"the store could not be asked for too long: {refund.detail}")
        await refund_in_review(work, case, refund)
    elif waited >= timedelta(minutes=work.settings.refund_review_minutes):
        text = f"The refund {refund.id} is in doubt, and the store cannot be asked about it: {refund.detail}"
        await cases.add_problem(work, case, "refund_out_of_sight", text)


async def send(runtime: Runtime, store: Store, refund_id: UUID, shown: OrderSnapshot) -> None:
    """Prepares (reading only), writes the attempt, commits, sends once, and settles what came back."""
    async with runtime.work() as work:
        refund = await service.get(work, refund_id)
        order = await work.session.get_one(Order, refund.order_pk)
        prepared = service.prepared_of(refund, order)
        intent = service.intent_of(refund, order, runtime.settings.stores[order.store].refund_notify)
    if prepared is None:
        try:
            prepared = await store.prepare_refund(intent, shown)
        except RefundNotPossible as error:
            await _not_possible(runtime, refund_id, error.detail)
            return
        except (StoreUnavailable, StoreRefused) as error:
            await unreadable(runtime, refund_id, error)
            return
        reached(Point.REFUND_PREPARED)
    try:
        async with store.ahead(prepared):
            attempt = await _begin(runtime, refund_id, prepared)
            if attempt is None:
                return
            reached(Point.REFUND_BEGUN)
            # What was written down goes out: the database orders names its own way, and every try must be the same.
            sent = replace(prepared, payload=attempt.request)
            answer = await call_within_lease(lambda: store.send_refund(sent), runtime.clock.now() - attempt.started_at)
            reached(Point.REFUND_CALLED)
    except NoTurn as no:
        await _not_our_turn(runtime, refund_id, no)
        return

    async def settled(work: Work) -> None:
        order, case, refund = await locked(work, refund_id)
        await _settle(work, order, case, refund, attempt.number, sent, answer)

    await runtime.carry_out(settled)
    reached(Point.REFUND_SETTLED)


async def _not_our_turn(runtime: Runtime, refund_id: UUID, no: NoTurn) -> None:
    """The store's pace is used up: nothing was begun, and it is tried again when there may be a turn."""
    async with runtime.work() as work:
        _, _, refund = await locked(work, refund_id)
        if refund.status == RefundStatus.PLANNED:
            service.postpone(work, refund, f"the store is not asked now: {no}", timedelta(seconds=no.wait))


async def _not_possible(runtime: Runtime, refund_id: UUID, detail: str) -> None:
    async with runtime.work() as work:
        order, case, refund = await locked(work, refund_id)
        if refund.status == RefundStatus.PLANNED:
            service.void(work, refund, detail)
            await refund_failed(work, order, case, refund)


async def _begin(runtime: Runtime, refund_id: UUID, prepared: PreparedRefund) -> RefundAttempt | None:
    """The last look before money moves, under the locks; the attempt as written when the call may go out."""
    async with runtime.work() as work:
        order, case, refund = await locked(work, refund_id)
        if refund.status != RefundStatus.PLANNED:
            return None
        if case.state in ENDED:
            await _unwanted(work, case, refund, f"the case is {case.state}")
            return None
        if not service.found_by_code(refund, orders.snapshot_of(order).platform) and await _key_expired(work, refund):
            await _unwanted(work, case, refund, "sent before without proof, and its key may have expired")
            return None
        if await service.is_busy(work, order.id, refund.id):
            service.postpone(work, refund, "another operation of this order is under way", _ORDER_BUSY)
            return None
        if case.holds:
            service.postpone(work, refund, f"on hold: {', '.join(case.holds)}", _LONGEST_RETRY)
            return None
        others = await service.taken(work, order, without=refund.id)
        # Another line's money may hide from the amount that the units are gone.
        units = {line["line_id"]: int(line["quantity"]) for line in refund.lines}
        there = units_left(orders.snapshot_of(order), units, others)
        if prepared.amount.minor > order.captured - others.amount or not there:
            await _unwanted(work, case, refund, "the order's money was refunded by somebody meanwhile")
            return None
        if runtime.settings.stores[order.store].dry_run:
            await _would_have_sent(work, case, refund)
            return None
        return await service.begin(work, refund, prepared)


async def _key_expired(work: Work, refund: Refund) -> bool:
    """A request that may have reached the store must not go out again after the store has forgotten its key."""
    if refund.first_sent_at is None or work.now - refund.first_sent_at < reconcile.KEY_LIFETIME:
        return False
    return not await service.never_sent(work, refund.id)


async def _unwanted(work: Work, case: Case, refund: Refund, why: str) -> None:
    """It must not go out any more: void when nothing ever reached the store, else for a person to settle."""
    if await service.never_sent(work, refund.id):
        service.void(work, refund, why)
        await outbound.refund_changed(work, refund)
        await defer(work.session, "refunds.plan", case_id=str(case.id))
        return
    service.hand_over(refund, why)
    await refund_in_review(work, case, refund)


async def _would_have_sent(work: Work, case: Case, refund: Refund) -> None:
    # It goes out by itself when the dry run ends.
    service.postpone(work, refund, "dry run: not sent", _LONGEST_RETRY)
    text = f"Dry run: {service.money(refund)} would have been refunded (refund {refund.id})."
    await cases.add_problem(work, case, "dry_run", text)


async def _settle(
    work: Work,
    order: Order,
    case: Case,
    refund: Refund,
    number: int,
    prepared: PreparedRefund,
    answer: RefundAnswer,
) -> None:
    """Stores the answer and moves the refund: proof, a refusal that is read back first, or doubt.

    An answer that comes after the lease is kept with its attempt; whoever looked meanwhile knows at least as much.
    """
    outcome, told = _as_stored(answer)
    attempts = await service.attempts(work, refund.id)
    service.answered(work, attempts[number - 1], outcome, told)
    if refund.status != RefundStatus.SUBMITTING or number != attempts[-1].number:
        return
    if isinstance(answer, Ok):
        proof = answer.value
        refund.store_refund_id, refund.credit_code = proof.store_refund_id, proof.code
        if proof.shop_amount is not None:
            refund.shop_amount, refund.shop_currency = proof.shop_amount.minor, proof.shop_amount.currency
        if proof.state is RefundState.SUCCEEDED and proof.amount == prepared.amount:
            service.succeed(work, refund, proof.store_refund_id, "the store confirmed it")
            await refund_succeeded(work, order, case, refund)
        elif proof.state is RefundState.PENDING:
            await service.doubt(
                work, refund, "the store made the refund; its payment is pending", reconcile.next_look(2)
            )
        else:
            service.hand_over(refund, proof.detail or f"the store made the refund, and its money is {proof.state}")
            await refund_in_review(work, case, refund)
    elif isinstance(answer, Rejected) and answer.retryable:
        service.postpone(work, refund, answer.detail, timedelta(seconds=answer.retry_after or 10))
    else:
        look_in = timedelta(seconds=1) if outcome == "rejected" else reconcile.next_look(number - 1)
        await service.doubt(work, refund, f"{answer.code}: {answer.detail}", look_in)


def _as_stored(answer: RefundAnswer) -> tuple[str, dict[str, str]]:
    """An answer as its attempt keeps it: `ok`, `not_sent`, `rejected` or `unknown`, and what was said."""
    if isinstance(answer, Ok):
        proof = answer.value
        return "ok", {
            "store_refund_id": proof.store_refund_id,
            "state": proof.state,
            "detail": proof.detail,
            "amount": proof.amount.text,
        }
    said = {"code": answer.code, "detail": answer.detail}
    if isinstance(answer, Rejected):
        return ("not_sent" if answer.retryable else "rejected"), said
    return "unknown", said
