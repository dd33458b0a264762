"""Settles an open outcome: finishes what was begun in the store, or only looks where nothing may go out now.

Called by tasks only, because it joins transaction, call and transaction.
"""

from __future__ import annotations

from datetime import datetime, timedelta
from uuid import UUID

from app.cases.models import Case
from app.cases.replacing import replacement_failed, replacement_in_review, replacement_made
from app.cases.vocabulary import ENDED
from app.crashpoints import Point, reached
from app.db.work import Work
from app.orders import service as orders
from app.orders.models import Order
from app.outcomes import Ok, Rejected, Unknown
from app.pace.base import NoTurn
from app.refunds import service as refunds
from app.remedies import service
from app.remedies.models import Replacement
from app.remedies.sending import as_stored, is_due, locked, not_our_turn, unreadable
from app.remedies.states import ReplacementStatus, Unseen, Verdict, judge, next_look
from app.runtime import Runtime
from app.stores.asked import NewOrderAnswer, PreparedNewOrder
from app.stores.base import Store, StoreRefused, StoreUnavailable
from app.stores.sending import call_within_lease


async def look(runtime: Runtime, store: Store, replacement_id: UUID, sent: PreparedNewOrder, known: int) -> None:
    """Settles what `known` sendings came to, if nobody has sent or settled it since."""
    try:
        async with store.ahead(sent):
            begun = await _begin(runtime, replacement_id, known)
            if begun is None:
                return
            number, begun_at = begun
            if number > known:
                answer = await _finished(store, sent, runtime.clock.now() - begun_at)
            else:
                answer = await _found(store, sent)
    except NoTurn as no:
        await not_our_turn(runtime, replacement_id, no)
        return
    except (StoreUnavailable, StoreRefused) as error:
        await unreadable(runtime, replacement_id, error)
        return
    async with runtime.work() as work:
        order, case, replacement = await locked(work, replacement_id)
        made = await service.attempts(work, replacement.id)
        if len(made) != number or replacement.status not in (ReplacementStatus.SUBMITTING, ReplacementStatus.UNKNOWN):
            return
        if number > known:
            service.answered(work, made[-1], *as_stored(answer))
        await _settle(work, order, case, replacement, answer)
    reached(Point.REPLACEMENT_LOOKED)


async def _finished(store: Store, sent: PreparedNewOrder, held_up: timedelta) -> NewOrderAnswer:
    return await call_within_lease(lambda: store.send_new_order(sent, again=True), held_up)


async def _found(store: Store, sent: PreparedNewOrder) -> NewOrderAnswer:
    found = await store.find_new_order(sent)
    return Ok(found) if found is not None else Unknown("not_found", "no such order in the store")


async def _begin(runtime: Runtime, replacement_id: UUID, known: int) -> tuple[int, datetime] | None:
    """The attempt that finishes what was begun, written down, and when; `known` where the store is only read.

    None when there is nothing to do any more.
    """
    async with runtime.work() as work:
        order, case, replacement = await locked(work, replacement_id)
        made = await service.attempts(work, replacement.id)
        if len(made) != known or not is_due(replacement, made[-1], work.now):
            return None
        if replacement.status == ReplacementStatus.SUBMITTING:
            service.doubt(work, replacement, "the process that sent it ended before the answer came", timedelta(0))
        if replacement.status != ReplacementStatus.UNKNOWN:
            return None
        if case.holds or case.state in ENDED or runtime.settings.stores[order.store].dry_run:
            return known, work.now
        if orders.snapshot_of(order).cancelled:
            return known, work.now
        if await refunds.is_busy(work, order.id, replacement.id):
            return known, work.now
        attempt = await service.begin_again(work, replacement)
        return attempt.number, attempt.started_at


async def _settle(work: Work, order: Order, case: Case, replacement: Replacement, answer: NewOrderAnswer) -> None:
    if replacement.status == ReplacementStatus.SUBMITTING:
        service.doubt(work, replacement, replacement.detail or "", next_look(replacement.looks))
    if isinstance(answer, Ok):
        proof = answer.value
        service.succeed(work, replacement, proof.store_order_id, proof.name, "found in the store by its marker")
        await replacement_made(work, order, case, replacement)
        return
    if isinstance(answer, Rejected):
        if answer.retryable:
            wait = timedelta(seconds=answer.retry_after or 10)
            service.doubt(work, replacement, answer.detail, max(wait, next_look(replacement.looks)))
            return
        service.reject(work, replacement, answer.detail)
        await replacement_failed(work, order, case, replacement)
        return
    await _unseen(work, order, case, replacement)


async def _unseen(work: Work, order: Order, case: Case, replacement: Replacement) -> None:
    """The store does not show the order: a refusal is proven by that, anything else is not."""
    replacement.looks += 1
    made = [one for one in await service.attempts(work, replacement.id) if not one.again]
    unseen = Unseen(
        refused=all(one.outcome in ("rejected", "not_sent") for one in made),
        waited=work.now - made[-1].started_at,
        looks=replacement.looks,
    )
    verdict = judge(unseen, timedelta(minutes=work.settings.refund_review_minutes))
    if verdict is Verdict.REJECTED:
        service.reject(work, replacement, replacement.detail or "the store refused it")
        await replacement_failed(work, order, case, replacement)
    elif verdict is Verdict.NEEDS_REVIEW:
        service.hand_over(replacement, "no such order in the store, which is no proof that none was made: look there")
        await replacement_in_review(work, case, replacement)
    else:
        service.doubt(work, replacement, "no such order in the store yet; that proves nothing", next_look(unseen.looks))
