"""Moves money: transaction, call, transaction. The row says what is to do; a job is only a reason to look at it."""

from __future__ import annotations

from datetime import datetime, timedelta
from uuid import UUID

from procrastinate import JobContext, RetryStrategy
from sqlalchemy import select

from app.cases import service as cases
from app.cases.models import Case
from app.cases.observe import apply_observed, hold_if_disputed
from app.cases.refunding import forgotten, plan_refund, refund_failed, refund_in_review, refund_succeeded
from app.db.work import Work
from app.jobs import blueprint, defer
from app.orders import service as orders
from app.orders.models import Order
from app.orders.snapshot import OrderSnapshot, RefundState, SeenRefund
from app.outcomes import Ok, Rejected
from app.refunds import reconcile, service
from app.refunds.models import Refund, RefundAttempt
from app.refunds.states import RefundStatus
from app.runtime import Runtime, runtime_of
from app.stores.base import PreparedRefund, RefundAnswer, RefundNotPossible, Store, StoreRefused, StoreUnavailable

_RETRY = timedelta(seconds=30)
_LONGEST_RETRY = timedelta(minutes=30)
_ORDER_BUSY = timedelta(seconds=5)


@blueprint.task(name="refunds.plan", pass_context=True, retry=RetryStrategy(max_attempts=5, exponential_wait=2))
async def plan(context: JobContext, case_id: str) -> None:
    """Plans what the case may have refunded now."""
    async with runtime_of(context).work() as work:
        await plan_refund(work, UUID(case_id))


@blueprint.task(name="refunds.advance", pass_context=True)
async def advance(context: JobContext, refund_id: str) -> None:
    """Brings a refund one step on: sends it when it is planned, looks it up when its outcome is open."""
    runtime = runtime_of(context)
    asked_at = runtime.clock.now()
    async with runtime.work() as work:
        refund = await service.get(work, UUID(refund_id))
        order = await work.session.get_one(Order, refund.order_pk)
        attempt = await service.last_attempt(work, refund.id)
        if not _is_due(refund, attempt, work.now):
            return
        store, order_id, status = runtime.stores.get(refund.store), order.order_id, refund.status
    try:
        shown = await store.read_order(order_id)
    except (StoreUnavailable, StoreRefused) as error:
        await _unreadable(runtime, UUID(refund_id), error)
        return
    async with runtime.work() as work:
        order, case, refund = await _locked(work, UUID(refund_id))
        if shown is not None:
            await orders.keep(work, order.store, shown, read_at=asked_at)
            await hold_if_disputed(work, order)
        seen = _ours(shown, refund.id)
        if refund.status == RefundStatus.PLANNED and seen is None:
            await apply_observed(work, order)
            ready = refund.status == RefundStatus.PLANNED and shown is not None
        else:
            await _look(work, order, case, refund, store, seen)
            return
    if ready and shown is not None and status == RefundStatus.PLANNED:
        await _send(runtime, store, UUID(refund_id), shown)


def _is_due(refund: Refund, attempt: RefundAttempt | None, now: datetime) -> bool:
    if refund.status == RefundStatus.SUBMITTING:
        return attempt is None or attempt.started_at + service.LEASE <= now
    return refund.status in (RefundStatus.PLANNED, RefundStatus.UNKNOWN)


def _ours(shown: OrderSnapshot | None, refund_id: UUID) -> SeenRefund | None:
    refunds = (shown.refunds or ()) if shown else ()
    return next((seen for seen in refunds if seen.operation == str(refund_id)), None)


async def _locked(work: Work, refund_id: UUID) -> tuple[Order, Case, Refund]:
    """Order, case and refund, locked in the one sequence and read anew."""
    refund = await work.session.get_one(Refund, refund_id)
    order = await orders.lock(work, refund.order_pk)
    case = await cases.lock(work, refund.case_id)
    return order, case, await service.get(work, refund_id)


async def _unreadable(runtime: Runtime, refund_id: UUID, error: StoreUnavailable | StoreRefused) -> None:
    """The order could not be read: nothing is sent, nothing is concluded, and it is tried again."""
    async with runtime.work() as work:
        _, case, refund = await _locked(work, refund_id)
        refund.looks += 1
        wait = min(_RETRY * 2 ** min(refund.looks - 1, 8), _LONGEST_RETRY)
        if isinstance(error, StoreRefused):
            text = f"The store refuses to be read, so no refund can go out: {error.detail}"
            await cases.add_problem(work, case, "store_refused", text)
        if refund.status == RefundStatus.PLANNED:
            service.postpone(work, refund, error.detail, wait)
        elif refund.status in (RefundStatus.SUBMITTING, RefundStatus.UNKNOWN):
            service.doubt(work, refund, error.detail, wait)


async def _send(runtime: Runtime, store: Store, refund_id: UUID, shown: OrderSnapshot) -> None:
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
            await _unreadable(runtime, refund_id, error)
            return
    if not await _begin(runtime, refund_id, prepared):
        return
    answer = await store.send_refund(prepared)
    async with runtime.work() as work:
        await _settle(work, *(await _locked(work, refund_id)), prepared, answer)


async def _not_possible(runtime: Runtime, refund_id: UUID, detail: str) -> None:
    async with runtime.work() as work:
        order, case, refund = await _locked(work, refund_id)
        if refund.status == RefundStatus.PLANNED:
            service.move(refund, RefundStatus.VOID, detail)
            refund.settled_at, refund.next_check_at = work.now, None
            await refund_failed(work, order, case, refund)


async def _begin(runtime: Runtime, refund_id: UUID, prepared: PreparedRefund) -> bool:
    """The last look before money moves, under the locks; True when the attempt is written and the call may go out."""
    async with runtime.work() as work:
        order, case, refund = await _locked(work, refund_id)
        if refund.status != RefundStatus.PLANNED:
            return False
        if await service.under_way(work, order.id, refund.id) is not None:
            service.postpone(work, refund, "another refund of this order is under way", _ORDER_BUSY)
            return False
        if case.holds:
            service.postpone(work, refund, f"on hold: {', '.join(case.holds)}", _LONGEST_RETRY)
            return False
        others = await service.taken(work, order, without=refund.id)
        if prepared.amount.minor > order.captured - others.amount:
            await _no_room(work, case, refund)
            return False
        if runtime.settings.stores[order.store].dry_run:
            await _would_have_sent(work, case, refund)
            return False
        await service.begin(work, refund, prepared)
        return True


async def _no_room(work: Work, case: Case, refund: Refund) -> None:
    """Somebody refunded meanwhile: what was never sent is planned anew, what was sent before is for a person."""
    if refund.first_sent_at is None:
        service.move(refund, RefundStatus.VOID, "the order's money was refunded meanwhile")
        refund.settled_at, refund.next_check_at = work.now, None
        await defer(work.session, "refunds.plan", case_id=str(case.id))
        return
    service.hand_over(refund, "sent before without proof, and the order's money was refunded by somebody meanwhile")
    await refund_in_review(work, case, refund)


async def _would_have_sent(work: Work, case: Case, refund: Refund) -> None:
    refund.next_check_at = None
    refund.detail = "dry run: not sent"
    text = f"Dry run: {service.money(refund)} would have been refunded (refund {refund.id})."
    await cases.add_problem(work, case, "dry_run", text)


async def _settle(
    work: Work, order: Order, case: Case, refund: Refund, prepared: PreparedRefund, answer: RefundAnswer
) -> None:
    """Stores the answer and moves the refund: proof, a refusal that is read back first, or doubt."""
    attempt = await service.last_attempt(work, refund.id)
    if refund.status != RefundStatus.SUBMITTING or attempt is None:
        return
    if isinstance(answer, Ok):
        proof = answer.value
        told = {"store_refund_id": proof.store_refund_id, "state": proof.state, "detail": proof.detail}
        service.answered(work, attempt, "ok", {**told, "amount": proof.amount.text})
        refund.store_refund_id = proof.store_refund_id
        if proof.shop_amount is not None:
            refund.shop_amount, refund.shop_currency = proof.shop_amount.minor, proof.shop_amount.currency
        if proof.state is RefundState.SUCCEEDED and proof.amount == prepared.amount:
            service.succeed(work, refund, proof.store_refund_id, "the store confirmed it")
            await refund_succeeded(work, order, case, refund)
        elif proof.state is RefundState.PENDING:
            service.doubt(work, refund, "the store made the refund; its payment is pending", reconcile.next_look(2))
        else:
            service.hand_over(refund, proof.detail or f"the store made the refund, and its money is {proof.state}")
            await refund_in_review(work, case, refund)
    elif isinstance(answer, Rejected) and answer.retryable:
        service.answered(work, attempt, "not_sent", {"code": answer.code, "detail": answer.detail})
        service.postpone(work, refund, answer.detail, timedelta(seconds=answer.retry_after or 10))
    else:
        outcome = "rejected" if isinstance(answer, Rejected) else "unknown"
        service.answered(work, attempt, outcome, {"code": answer.code, "detail": answer.detail})
        look_in = timedelta(seconds=1) if outcome == "rejected" else reconcile.next_look(0)
        service.doubt(work, refund, f"{answer.code}: {answer.detail}", look_in)


async def _look(work: Work, order: Order, case: Case, refund: Refund, store: Store, seen: SeenRefund | None) -> None:
    """Settles an open outcome by what the store shows."""
    attempt = await service.last_attempt(work, refund.id)
    if refund.status == RefundStatus.SUBMITTING:
        service.doubt(work, refund, "the process that sent it ended before the answer came", timedelta(0))
    if refund.status not in (RefundStatus.UNKNOWN, RefundStatus.PLANNED):
        return
    refund.looks += 1
    sent_at = attempt.started_at if attempt else work.now
    operation = reconcile.Operation(
        platform=store.platform,
        amount=refund.amount,
        first_sent_at=refund.first_sent_at or work.now,
        last_sent_at=sent_at,
        refused=attempt is not None and attempt.outcome == "rejected",
        may_send_again=_may_send_again(attempt),
    )
    settings = work.settings
    settlement = reconcile.decide(
        operation,
        seen,
        work.now,
        timedelta(seconds=settings.refund_first_look_seconds),
        timedelta(minutes=settings.refund_review_minutes),
    )
    if seen is not None:
        refund.store_refund_id = seen.store_refund_id
        refund.shop_amount = seen.shop_amount if refund.shop_amount is None else refund.shop_amount
    await _carry_out(work, order, case, refund, settlement)


def _may_send_again(attempt: RefundAttempt | None) -> bool:
    """Not after the store said that the key belongs to another request: that is our own fault, for a person."""
    code = (attempt.answer or {}).get("code", "") if attempt else ""
    return "mismatch" not in str(code)


async def _carry_out(work: Work, order: Order, case: Case, refund: Refund, settlement: reconcile.Settlement) -> None:
    verdict = settlement.verdict
    if verdict is reconcile.Verdict.SUCCEEDED:
        service.succeed(work, refund, refund.store_refund_id or "", settlement.detail)
        await refund_succeeded(work, order, case, refund)
    elif verdict is reconcile.Verdict.REJECTED:
        service.reject(work, refund, f"{refund.detail or ''} ({settlement.detail})".strip())
        await refund_failed(work, order, case, refund)
    elif verdict is reconcile.Verdict.NEEDS_REVIEW:
        service.hand_over(refund, settlement.detail)
        await refund_in_review(work, case, refund)
    elif verdict is reconcile.Verdict.SEND_AGAIN:
        service.postpone(work, refund, settlement.detail, timedelta(0))
        await defer(work.session, "refunds.advance", refund_id=str(refund.id))
    else:
        service.doubt(work, refund, settlement.detail, reconcile.next_look(refund.looks))


async def sweep(runtime: Runtime) -> None:
    """Enqueues every refund whose `next_check_at` has come: the row, not the job, is the source of due work.

    Cases that owe money without a plan get one here, each in a transaction of its own.
    """
    async with runtime.work() as work:
        without_plan = await forgotten(work)
    for case_id in without_plan:
        async with runtime.work() as work:
            await plan_refund(work, case_id)
    async with runtime.work() as work:
        statement = (
            select(Refund)
            .where(Refund.next_check_at <= work.now)
            .order_by(Refund.next_check_at)
            .limit(100)
            .with_for_update(skip_locked=True)
        )
        for refund in await work.session.scalars(statement):
            refund.next_check_at = work.now + service.SWEEP_LEASE
            await defer(work.session, "refunds.advance", refund_id=str(refund.id))
