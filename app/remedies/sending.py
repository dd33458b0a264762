"""Sends one replacement: the last look under the locks, the attempt written, the call with no transaction open.

Called by tasks only, because it joins transaction, call and transaction.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from datetime import datetime, timedelta
from uuid import UUID

from app.cases import service as cases
from app.cases.models import Case
from app.cases.replacing import replacement_failed, replacement_in_review, replacement_made
from app.cases.vocabulary import BY_NEW_ORDER, ENDED
from app.crashpoints import Point, reached
from app.db.work import Work
from app.jobs import defer
from app.orders import service as orders
from app.orders.models import Order
from app.outcomes import Ok, Rejected
from app.pace.base import NoTurn
from app.refunds import service as refunds
from app.refunds.amounts import Taken, decide, units_left
from app.remedies import service
from app.remedies.exchanges import check_exchange
from app.remedies.models import Replacement, ReplacementAttempt
from app.remedies.states import LONGEST_BLIND, ReplacementStatus, next_look
from app.runtime import Runtime
from app.stores.asked import NewOrderAnswer, PreparedNewOrder
from app.stores.base import NewOrderNotPossible, Store, StoreRefused, StoreUnavailable, StoreUninstalled
from app.stores.sending import LEASE, call_within_lease

_RETRY = timedelta(seconds=30)
_LONGEST_RETRY = timedelta(minutes=30)
_ORDER_BUSY = timedelta(seconds=5)


def is_due(replacement: Replacement, last: ReplacementAttempt | None, now: datetime) -> bool:
    """Whether there is something to do: one that is being submitted belongs to its caller for the lease."""
    if replacement.status == ReplacementStatus.SUBMITTING:
        return last is None or last.started_at + LEASE <= now
    return replacement.status in (ReplacementStatus.PLANNED, ReplacementStatus.UNKNOWN)


async def locked(work: Work, replacement_id: UUID) -> tuple[Order, Case, Replacement]:
    """Order, case and replacement, locked in the one sequence and read anew."""
    replacement = await work.session.get_one(Replacement, replacement_id)
    order = await orders.lock(work, replacement.order_pk)
    case = await cases.lock(work, replacement.case_id)
    return order, case, await service.get(work, replacement_id)


async def unreadable(runtime: Runtime, replacement_id: UUID, error: StoreUnavailable | StoreRefused) -> None:
    """The store could not be read: nothing is sent, nothing is concluded, and it is tried again."""
    async with runtime.work() as work:
        _, case, replacement = await locked(work, replacement_id)
        made = await service.attempts(work, replacement.id)
        last = made[-1] if made else None
        if not is_due(replacement, last, work.now):
            return
        replacement.looks += 1
        wait = min(_RETRY * 2 ** min(replacement.looks - 1, 8), _LONGEST_RETRY)
        if isinstance(error, StoreUnavailable):
            wait = max(wait, timedelta(seconds=error.retry_after or 0))
        else:
            text = f"The store cannot be asked, so no replacement can go out and none can be looked up: {error.detail}"
            problem = error.code if isinstance(error, StoreUninstalled) else "order_not_readable"
            await cases.add_problem(work, case, problem, text)
        if replacement.status == ReplacementStatus.PLANNED:
            service.postpone(work, replacement, error.detail, wait)
            return
        service.doubt(work, replacement, error.detail, wait)
        if last is not None and work.now - last.started_at >= LONGEST_BLIND:
            service.hand_over(replacement, f"the store could not be asked for too long: {error.detail}")
            await replacement_in_review(work, case, replacement)


async def send(runtime: Runtime, store: Store, replacement_id: UUID) -> None:
    """Prepares (reading only), writes the attempt, commits, sends once, and settles what came back."""
    async with runtime.work() as work:
        replacement = await service.get(work, replacement_id)
        order = await work.session.get_one(Order, replacement.order_pk)
        case = await work.session.get_one(Case, replacement.case_id)
        intent = service.intent_of(replacement, order, case.rma_number or case.reference)
        snapshot, prepared = orders.snapshot_of(order), service.prepared_of(replacement, order)
    if prepared is None:
        try:
            await check_exchange(store, intent, snapshot)
            prepared = await store.prepare_new_order(intent)
        except NewOrderNotPossible as error:
            await _not_possible(runtime, replacement_id, error.detail)
            return
        except (StoreUnavailable, StoreRefused) as error:
            await unreadable(runtime, replacement_id, error)
            return
        reached(Point.REPLACEMENT_PREPARED)
    try:
        async with store.ahead(prepared):
            attempt = await _begin(runtime, replacement_id, prepared)
            if attempt is None:
                return
            reached(Point.REPLACEMENT_BEGUN)
            # What was written down goes out: the database orders names its own way, and every try must be the same.
            sent, held_up = replace(prepared, payload=attempt.request), runtime.clock.now() - attempt.started_at
            answer = await call_within_lease(lambda: store.send_new_order(sent), held_up)
            reached(Point.REPLACEMENT_CALLED)
    except NoTurn as no:
        await not_our_turn(runtime, replacement_id, no)
        return

    async def settled(work: Work) -> None:
        order, case, replacement = await locked(work, replacement_id)
        await _settle(work, order, case, replacement, attempt.number, answer)

    await runtime.carry_out(settled)
    reached(Point.REPLACEMENT_SETTLED)


async def not_our_turn(runtime: Runtime, replacement_id: UUID, no: NoTurn) -> None:
    """The store's pace is used up: nothing was begun, and it is tried again when there may be a turn."""
    async with runtime.work() as work:
        _, _, replacement = await locked(work, replacement_id)
        made = await service.attempts(work, replacement.id)
        if is_due(replacement, made[-1] if made else None, work.now):
            replacement.detail = f"the store is not asked now: {no}"[:500]
            replacement.next_check_at = work.now + timedelta(seconds=no.wait)


async def _not_possible(runtime: Runtime, replacement_id: UUID, detail: str) -> None:
    async with runtime.work() as work:
        order, case, replacement = await locked(work, replacement_id)
        if replacement.status == ReplacementStatus.PLANNED:
            service.reject(work, replacement, detail)
            await replacement_failed(work, order, case, replacement)


async def _begin(runtime: Runtime, replacement_id: UUID, prepared: PreparedNewOrder) -> ReplacementAttempt | None:
    """The last look before goods are ordered, under the locks; the attempt as written when the call may go out."""
    async with runtime.work() as work:
        order, case, replacement = await locked(work, replacement_id)
        if replacement.status != ReplacementStatus.PLANNED:
            return None
        if case.state in ENDED:
            service.void(work, replacement, f"the case is {case.state}")
            return None
        if case.remedy not in BY_NEW_ORDER:
            service.void(work, replacement, f"no longer wanted: the remedy is {case.remedy}")
            await defer(work.session, "refunds.plan", case_id=str(case.id))
            return None
        if orders.snapshot_of(order).cancelled:
            service.reject(work, replacement, "the order was cancelled in the store, so no goods go out for it")
            await replacement_failed(work, order, case, replacement)
            return None
        if case.holds:
            service.postpone(work, replacement, f"on hold: {', '.join(case.holds)}", _LONGEST_RETRY)
            return None
        if await refunds.is_busy(work, order.id, replacement.id):
            service.postpone(work, replacement, "another operation of this order is under way", _ORDER_BUSY)
            return None
        if any(row.lines is None for row in await orders.observed(work, order.id)):
            service.postpone(work, replacement, "the store has not told yet what a refund was for", _RETRY)
            return None
        others = await refunds.taken(work, order, without=replacement.id)
        wanted = {line["line_id"]: int(line["quantity"]) for line in replacement.lines}
        if not units_left(orders.snapshot_of(order), wanted, others):
            service.void(work, replacement, "the units were refunded or replaced by somebody meanwhile")
            await defer(work.session, "refunds.plan", case_id=str(case.id))
            return None
        if order.captured - others.amount < _value(order, wanted):
            service.reject(work, replacement, "money was refunded meanwhile, and less is left than the goods cost")
            await replacement_failed(work, order, case, replacement)
            return None
        if runtime.settings.stores[order.store].dry_run:
            # It goes out by itself when the dry run ends.
            service.postpone(work, replacement, "dry run: not sent", _LONGEST_RETRY)
            text = f"Dry run: a new order would have been made (replacement {replacement.id})."
            await cases.add_problem(work, case, "dry_run", text)
            return None
        return await service.begin(work, replacement, prepared)


def _value(order: Order, wanted: Mapping[str, int]) -> int:
    """What the units cost the customer, in minor units: a refund by amount alone names none of them."""
    return sum(line.total for line in decide(orders.snapshot_of(order), wanted, Taken(0, {}, {})).lines)


async def _settle(
    work: Work, order: Order, case: Case, replacement: Replacement, number: int, answer: NewOrderAnswer
) -> None:
    """Stores the answer and moves the replacement: proof, a refusal that is read back first, or doubt.

    An answer that comes after the lease is kept with its attempt; whoever looked meanwhile knows at least as much.
    """
    outcome, told = as_stored(answer)
    attempts = await service.attempts(work, replacement.id)
    service.answered(work, attempts[number - 1], outcome, told)
    if replacement.status != ReplacementStatus.SUBMITTING or number != attempts[-1].number:
        return
    if isinstance(answer, Ok):
        proof = answer.value
        service.succeed(work, replacement, proof.store_order_id, proof.name, "the store confirmed it")
        await replacement_made(work, order, case, replacement)
    elif outcome == "not_sent" and isinstance(answer, Rejected):
        service.postpone(work, replacement, answer.detail, timedelta(seconds=answer.retry_after or 10))
    else:
        look_in = timedelta(seconds=1) if outcome == "rejected" else next_look(0)
        service.doubt(work, replacement, answer.detail, look_in)


def as_stored(answer: NewOrderAnswer) -> tuple[str, dict[str, str]]:
    """An answer as its attempt keeps it: `ok`, `not_sent`, `rejected` or `unknown`, and what was said."""
    if isinstance(answer, Ok):
        return "ok", {"store_order_id": answer.value.store_order_id, "name": answer.value.name}
    said = {"code": answer.code, "detail": answer.detail}
    if isinstance(answer, Rejected):
        return ("not_sent" if answer.retryable else "rejected"), said
    return "unknown", said
