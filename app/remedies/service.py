"""The path of a replacement: plan, begin, settle. No adapter is called here; tasks join transaction, call, transaction.

Whoever calls these has locked the order row and then the case row, as for refunds: the units of one order go out once.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import timedelta
from typing import Any
from uuid import UUID

from sqlalchemy import func, select

from app.db.base import new_id
from app.db.work import Work
from app.jobs import defer
from app.orders.models import Order
from app.remedies.models import Replacement, ReplacementAttempt
from app.remedies.states import IN_DOUBT, ReplacementStatus, check_move
from app.stores.asked import NewOrderIntent, NewOrderLine, PreparedNewOrder
from app.stores.sending import LEASE

# A job was just enqueued; the sweeper looks after the row only when that job was lost.
SWEEP_LEASE = timedelta(seconds=60)


@dataclass(frozen=True, slots=True)
class Plan:
    """What a case wants sent again: the lines, the gate's ground and its evidence."""

    case_id: UUID
    lines: Sequence[NewOrderLine]
    ground: str
    evidence: Mapping[str, Any]


async def get(work: Work, replacement_id: UUID) -> Replacement:
    """The replacement, read anew; lock its order first."""
    statement = select(Replacement).where(Replacement.id == replacement_id).execution_options(populate_existing=True)
    return (await work.session.execute(statement)).scalar_one()


async def plan(work: Work, order: Order, wish: Plan) -> Replacement:
    """Writes the replacement before anything is called, and enqueues its sending. The order must be locked."""
    found = Replacement(
        id=new_id(),
        case_id=wish.case_id,
        order_pk=order.id,
        store=order.store,
        status=ReplacementStatus.PLANNED,
        lines=[{"line_id": one.line_id, "quantity": one.quantity, "variant_id": one.variant_id} for one in wish.lines],
        ground=wish.ground,
        evidence=dict(wish.evidence),
        next_check_at=work.now + SWEEP_LEASE,
        created_at=work.now,
    )
    work.session.add(found)
    await work.session.flush()
    await defer(work.session, "remedies.advance", replacement_id=str(found.id))
    return found


def intent_of(replacement: Replacement, order: Order, reference: str) -> NewOrderIntent:
    """The replacement as a store adapter wants it."""
    lines = tuple(NewOrderLine(**line) for line in replacement.lines)
    return NewOrderIntent(replacement.id, order.order_id, order.number, reference, lines)


def prepared_of(replacement: Replacement, order: Order) -> PreparedNewOrder | None:
    """What was sent before, to be looked for or sent again unchanged; None before the first sending."""
    if replacement.request is None:
        return None
    return PreparedNewOrder(replacement.id, order.order_id, replacement.request)


def move(replacement: Replacement, status: ReplacementStatus, detail: str | None = None) -> None:
    """Moves the replacement. Raises `ReplacementNotMovable` when the table of statuses forbids it."""
    check_move(ReplacementStatus(replacement.status), status)
    replacement.status = status
    if detail is not None:
        replacement.detail = detail[:500]


async def begin(work: Work, replacement: Replacement, prepared: PreparedNewOrder) -> ReplacementAttempt:
    """Writes the attempt before the call. Order and case must be locked and the replacement still planned."""
    move(replacement, ReplacementStatus.SUBMITTING)
    number = len(await attempts(work, replacement.id)) + 1
    attempt = ReplacementAttempt(
        replacement_id=replacement.id, number=number, request=prepared.payload, started_at=work.now
    )
    work.session.add(attempt)
    await work.session.flush()
    await work.session.refresh(attempt, ["request"])
    replacement.request = attempt.request
    replacement.next_check_at = work.now + LEASE
    replacement.looks = 0
    return attempt


async def begin_again(work: Work, replacement: Replacement) -> ReplacementAttempt:
    """Writes an attempt that only finishes what was begun. Order and case must be locked, and the outcome open."""
    looks, request = replacement.looks, dict(replacement.request or {})
    attempt = await begin(work, replacement, PreparedNewOrder(replacement.id, "", request))
    attempt.again, replacement.looks = True, looks
    return attempt


async def attempts(work: Work, replacement_id: UUID) -> list[ReplacementAttempt]:
    """The sendings of the replacement, in order."""
    statement = select(ReplacementAttempt).where(ReplacementAttempt.replacement_id == replacement_id)
    statement = statement.order_by(ReplacementAttempt.number).execution_options(populate_existing=True)
    return list(await work.session.scalars(statement))


def answered(work: Work, attempt: ReplacementAttempt, outcome: str, answer: Mapping[str, Any]) -> None:
    """Adds the store's answer to the attempt, once: an attempt is never overwritten."""
    if attempt.finished_at is None:
        attempt.finished_at = work.now
        attempt.outcome = outcome
        attempt.answer = dict(answer)


def succeed(work: Work, replacement: Replacement, store_order_id: str, name: str, detail: str) -> None:
    """The new order is proven."""
    _end(work, replacement, ReplacementStatus.MADE, detail)
    replacement.store_order_id, replacement.order_name = store_order_id, name


def reject(work: Work, replacement: Replacement, detail: str) -> None:
    """It is proven that no order was made; its units are free again."""
    _end(work, replacement, ReplacementStatus.REJECTED, detail)


def void(work: Work, replacement: Replacement, detail: str) -> None:
    """It is not wanted any more and never reached the store; its units are free again."""
    _end(work, replacement, ReplacementStatus.VOID, detail)


def _end(work: Work, replacement: Replacement, status: ReplacementStatus, detail: str) -> None:
    move(replacement, status, detail)
    replacement.settled_at = work.now
    replacement.next_check_at = None


def hand_over(replacement: Replacement, detail: str) -> None:
    """No machine can know: a person settles it, and the units stay reserved."""
    move(replacement, ReplacementStatus.NEEDS_REVIEW, detail)
    replacement.next_check_at = None


def doubt(work: Work, replacement: Replacement, detail: str, look_in: timedelta) -> None:
    """The outcome is open; it is looked up in `look_in`."""
    if replacement.status != ReplacementStatus.UNKNOWN:
        move(replacement, ReplacementStatus.UNKNOWN)
    replacement.detail = detail[:500]
    replacement.next_check_at = work.now + look_in


def postpone(work: Work, replacement: Replacement, detail: str, wait: timedelta) -> None:
    """Nothing was sent and nothing is lost; it is tried again in `wait`."""
    if replacement.status != ReplacementStatus.PLANNED:
        move(replacement, ReplacementStatus.PLANNED)
    replacement.detail = detail[:500]
    replacement.next_check_at = work.now + wait


async def never_sent(work: Work, replacement_id: UUID) -> bool:
    """Whether it is proven for every attempt that nothing reached the store, or there was none."""
    return all(attempt.outcome == "not_sent" for attempt in await attempts(work, replacement_id))


async def in_doubt(work: Work, case_id: UUID) -> bool:
    """Whether a replacement of the case may have been made without proof."""
    statement = select(func.count()).where(
        Replacement.case_id == case_id, Replacement.status.in_([str(one) for one in IN_DOUBT])
    )
    return bool(await work.session.scalar(statement))


async def void_planned(work: Work, case_id: UUID, detail: str) -> int:
    """Takes back the replacements of a case that are planned and never reached the store; answers how many."""
    statement = select(Replacement).where(
        Replacement.case_id == case_id, Replacement.status == ReplacementStatus.PLANNED
    )
    planned = list(await work.session.scalars(statement))
    found = [one for one in planned if await never_sent(work, one.id)]
    for one in found:
        void(work, one, detail)
    return len(found)
