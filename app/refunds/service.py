"""The path of a refund: plan, begin, settle. No adapter is called here; tasks join transaction, call, transaction.

Whoever calls these has locked the order row and then the case row, always in that sequence: the money of one order is
serial, and nobody waits in a circle.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from datetime import timedelta
from typing import Any
from uuid import UUID

from sqlalchemy import func, select

from app import origin, watching
from app.db.base import new_id
from app.db.work import Work
from app.jobs import defer
from app.money import Money
from app.orders import service as orders
from app.orders.models import Order
from app.orders.snapshot import Platform
from app.outbound import service as outbound
from app.refunds.amounts import Decided, Taken
from app.refunds.models import Refund, RefundAttempt
from app.refunds.states import RESERVED, UNDER_WAY, RefundStatus, check_move
from app.remedies import units
from app.stores.asked import PreparedRefund, RefundExtra, RefundIntent, RefundLine, RefundMethod
from app.stores.sending import LEASE

# A job was just enqueued for the refund; the sweeper looks after it only when that job was lost.
SWEEP_LEASE = timedelta(seconds=60)


async def get(work: Work, refund_id: UUID) -> Refund:
    """The refund, read anew; lock its order first."""
    statement = select(Refund).where(Refund.id == refund_id).execution_options(populate_existing=True)
    return (await work.session.execute(statement)).scalar_one()


async def of_order(work: Work, order_pk: UUID) -> list[Refund]:
    """Every refund operation of an order, oldest first."""
    statement = select(Refund).where(Refund.order_pk == order_pk).order_by(Refund.id)
    return list(await work.session.scalars(statement.execution_options(populate_existing=True)))


async def taken(work: Work, order: Order, without: UUID | None = None) -> Taken:
    """What is refunded or reserved on a locked order: ours that are not rejected or void, and everybody else's.

    One of ours counts with what was asked for or with what the store shows of it, whichever is more.
    `without` leaves one of our operations out (a refund or a replacement), to ask whether there is still room for it.
    """
    ours = [refund for refund in await of_order(work, order.id) if refund.status in RESERVED]
    rows = await orders.observed(work, order.id)
    external, shown = orders.external_of(rows, {refund.id for refund in ours}), orders.shown_of_ours(rows)
    amount, lines, extras = external.amount, dict(external.lines), dict(external.extras)
    otherwise = await units.taken_of_order(work, order.id, without=without)
    for refund in ours:
        if refund.id == without:
            continue
        amount += max(refund.amount, shown.get(refund.id, 0))
        counted = otherwise if refund.amount_only else lines
        for line in refund.lines:
            counted[line["line_id"]] = counted.get(line["line_id"], 0) + int(line["quantity"])
        for extra in refund.extras:
            extras[extra["line_id"]] = extras.get(extra["line_id"], 0) + int(extra["total"])
    return Taken(amount, lines, extras, otherwise)


@dataclass(frozen=True, slots=True)
class Plan:
    """What a case wants refunded: the amount and its parts, the gate's ground and its evidence.

    `method` is where the money goes; `amount_only`: the customer keeps the goods.
    """

    case_id: UUID
    decided: Decided
    ground: str
    evidence: Mapping[str, Any]
    reason: str
    method: RefundMethod = RefundMethod.ORIGINAL
    amount_only: bool = False


async def plan(work: Work, order: Order, wish: Plan) -> Refund:
    """Writes the refund before anything is called, and enqueues its sending. The order must be locked."""
    refund = Refund(
        id=new_id(),
        case_id=wish.case_id,
        order_pk=order.id,
        store=order.store,
        status=RefundStatus.PLANNED,
        amount=wish.decided.amount,
        fee=wish.decided.fee,
        currency=order.currency,
        exponent=order.exponent,
        lines=[_plain(line) for line in wish.decided.lines],
        extras=[_plain(extra) for extra in wish.decided.extras],
        ground=wish.ground,
        evidence=dict(wish.evidence),
        reason=wish.reason,
        method=wish.method,
        amount_only=wish.amount_only,
        next_check_at=work.now + SWEEP_LEASE,
        created_at=work.now,
        origin=origin.current(),
    )
    work.session.add(refund)
    await work.session.flush()
    await outbound.refund_changed(work, refund)
    watching.refund_moved(refund, None)
    await defer(work.session, "refunds.advance", refund_id=str(refund.id))
    return refund


def _plain(part: RefundLine | RefundExtra) -> dict[str, Any]:
    return {**asdict(part), "taxes": dict(part.taxes)}


def intent_of(refund: Refund, order: Order, notify: bool) -> RefundIntent:
    """The refund as a store adapter wants it. Of goods that the customer keeps it is told money and no units."""
    lines = [{**line, "quantity": 0} if refund.amount_only else line for line in refund.lines]
    return RefundIntent(
        refund_id=refund.id,
        order_id=order.order_id,
        amount=money(refund),
        lines=tuple(RefundLine(**line) for line in lines),
        extras=tuple(RefundExtra(**extra) for extra in refund.extras),
        reason=refund.reason,
        notify=notify,
        method=RefundMethod(refund.method),
    )


def found_by_code(refund: Refund, platform: Platform) -> bool:
    """Whether it is a coupon of its own code: the store has each code once, and an order's refunds do not show it."""
    return refund.method == RefundMethod.STORE_CREDIT and platform is Platform.WOOCOMMERCE


def money(refund: Refund) -> Money:
    """The refund's amount in the customer's currency."""
    return Money(refund.amount, refund.currency, refund.exponent)


def prepared_of(refund: Refund, order: Order) -> PreparedRefund | None:
    """What was sent before, to be sent again unchanged; None before the first sending."""
    if refund.request is None:
        return None
    return PreparedRefund(refund.id, order.order_id, money(refund), refund.request)


def move(refund: Refund, status: RefundStatus, detail: str | None = None) -> None:
    """Moves the refund. Raises `RefundNotMovable` when the table of statuses forbids it."""
    before = RefundStatus(refund.status)
    check_move(before, status)
    refund.status = status
    if detail is not None:
        refund.detail = detail[:500]
    watching.refund_moved(refund, before)


async def is_busy(work: Work, order_pk: UUID, besides: UUID) -> bool:
    """Whether the call of another operation of the order, a refund or a replacement, may still be at work: two calls
    for one order never run at once.
    """
    return await under_way(work, order_pk, besides) is not None or await units.at_work(work, order_pk, besides)


async def under_way(work: Work, order_pk: UUID, besides: UUID) -> Refund | None:
    """Another refund of the order whose call may still be at work."""
    statement = select(Refund).where(
        Refund.order_pk == order_pk, Refund.id != besides, Refund.status.in_([str(one) for one in UNDER_WAY])
    )
    return next((refund for refund in await work.session.scalars(statement) if may_be_at_work(refund)), None)


def may_be_at_work(refund: Refund) -> bool:
    """Whether its call may still do something. A refund that the store has shown only waits for its bank, for days."""
    if refund.status == RefundStatus.UNKNOWN:
        return refund.store_refund_id is None
    return refund.status == RefundStatus.SUBMITTING


async def begin(work: Work, refund: Refund, prepared: PreparedRefund) -> RefundAttempt:
    """Writes the attempt before the call. Order and case must be locked and the refund still planned.

    The attempt's `request` is then as the database gives it back, and so the same to the letter on every sending.
    """
    move(refund, RefundStatus.SUBMITTING)
    number = await work.session.scalar(
        select(func.coalesce(func.max(RefundAttempt.number), 0) + 1).where(RefundAttempt.refund_id == refund.id)
    )
    attempt = RefundAttempt(refund_id=refund.id, number=int(number or 1), request=prepared.payload, started_at=work.now)
    work.session.add(attempt)
    await work.session.flush()
    await work.session.refresh(attempt, ["request"])
    refund.request = attempt.request
    refund.amount = prepared.amount.minor
    refund.first_sent_at = refund.first_sent_at or work.now
    refund.next_check_at = work.now + LEASE
    refund.looks = 0
    return attempt


async def last_attempt(work: Work, refund_id: UUID) -> RefundAttempt | None:
    """The newest sending of the refund."""
    return next(reversed(await attempts(work, refund_id)), None)


async def attempts(work: Work, refund_id: UUID) -> list[RefundAttempt]:
    """The sendings of the refund, in order."""
    statement = select(RefundAttempt).where(RefundAttempt.refund_id == refund_id).order_by(RefundAttempt.number)
    return list(await work.session.scalars(statement.execution_options(populate_existing=True)))


def answered(work: Work, attempt: RefundAttempt, outcome: str, answer: Mapping[str, Any]) -> None:
    """Adds the store's answer to the attempt, once: an attempt is never overwritten."""
    if attempt.finished_at is None:
        attempt.finished_at = work.now
        attempt.outcome = outcome
        attempt.answer = dict(answer)


def succeed(work: Work, refund: Refund, store_refund_id: str, detail: str) -> None:
    """The money is proven."""
    move(refund, RefundStatus.SUCCEEDED, detail)
    refund.store_refund_id = store_refund_id
    refund.settled_at = work.now
    refund.next_check_at = None


def reject(work: Work, refund: Refund, detail: str) -> None:
    """It is proven that no money moved; what was reserved is free again."""
    move(refund, RefundStatus.REJECTED, detail)
    refund.settled_at = work.now
    refund.next_check_at = None


def void(work: Work, refund: Refund, detail: str) -> None:
    """It is not wanted any more and never reached the store; what was reserved is free again."""
    move(refund, RefundStatus.VOID, detail)
    refund.settled_at = work.now
    refund.next_check_at = None


def hand_over(refund: Refund, detail: str) -> None:
    """No machine can know: a person settles it, and the money stays reserved."""
    move(refund, RefundStatus.NEEDS_REVIEW, detail)
    refund.next_check_at = None


async def doubt(work: Work, refund: Refund, detail: str, look_in: timedelta) -> None:
    """The outcome is open; it is looked up in `look_in`."""
    if refund.status != RefundStatus.UNKNOWN:
        move(refund, RefundStatus.UNKNOWN, detail)
        await outbound.refund_changed(work, refund)
    refund.detail = detail[:500]
    refund.next_check_at = work.now + look_in


def postpone(work: Work, refund: Refund, detail: str, wait: timedelta) -> None:
    """Nothing was sent and nothing is lost; it is tried again in `wait`."""
    if refund.status != RefundStatus.PLANNED:
        move(refund, RefundStatus.PLANNED)
    refund.detail = detail[:500]
    refund.next_check_at = work.now + wait


async def never_sent(work: Work, refund_id: UUID) -> bool:
    """Whether it is proven for every attempt that nothing reached the store, or there was none."""
    return all(attempt.outcome == "not_sent" for attempt in await attempts(work, refund_id))


async def in_doubt(work: Work, case_id: UUID) -> bool:
    """Whether a refund of the case may have moved money without proof."""
    open_ones = [str(one) for one in UNDER_WAY | {RefundStatus.NEEDS_REVIEW}]
    statement = select(Refund.id).where(Refund.case_id == case_id, Refund.status.in_(open_ones))
    return await work.session.scalar(statement.limit(1)) is not None


async def void_planned(work: Work, case_id: UUID, detail: str) -> int:
    """Takes back the refunds of a case that are planned and never reached the store; answers how many."""
    statement = select(Refund).where(Refund.case_id == case_id, Refund.status == RefundStatus.PLANNED)
    planned = list(await work.session.scalars(statement))
    found = [refund for refund in planned if await never_sent(work, refund.id)]
    for refund in found:
        void(work, refund, detail)
        await outbound.refund_changed(work, refund)
    return len(found)


async def reserved_units(work: Work, case_id: UUID) -> dict[str, int]:
    """Units of the case's lines in refunds and replacements that are neither proven nor given up."""
    found = await _units(work, case_id, RESERVED - {RefundStatus.SUCCEEDED})
    for line_id, count in (await units.reserved_of_case(work, case_id)).items():
        found[line_id] = found.get(line_id, 0) + count
    return found


async def units_of_case(work: Work, case_id: UUID) -> dict[str, int]:
    """Units of the case's lines in refunds that are proven, or neither proven nor given up."""
    return await _units(work, case_id, RESERVED)


async def _units(work: Work, case_id: UUID, statuses: frozenset[RefundStatus]) -> dict[str, int]:
    statement = select(Refund).where(
        Refund.case_id == case_id,
        Refund.status.in_([str(one) for one in statuses]),
    )
    found: dict[str, int] = {}
    for refund in await work.session.scalars(statement):
        for line in refund.lines:
            found[line["line_id"]] = found.get(line["line_id"], 0) + int(line["quantity"])
    return found
