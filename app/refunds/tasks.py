"""Moves money: transaction, call, transaction. The row says what is to do; a job is only a reason to look at it."""

from __future__ import annotations

from uuid import UUID

from procrastinate import JobContext, RetryStrategy
from sqlalchemy import select

from app import origin
from app.cases.absorbing import absorb_small
from app.cases.observe import apply_observed, hold_if_disputed, order_edited, tell_law
from app.cases.refunding import forgotten, plan_refund
from app.cases.replacing import plan_replacement
from app.crashpoints import Point, reached
from app.jobs import blueprint, defer
from app.orders import service as orders
from app.orders.models import Order
from app.orders.snapshot import OrderSnapshot, SeenRefund
from app.pace.base import money_first
from app.refunds import service
from app.refunds.looking import look
from app.refunds.models import Refund
from app.refunds.sending import is_due, locked, send, still_true, unreadable
from app.refunds.states import RefundStatus
from app.runtime import Runtime, runtime_of
from app.stores.base import StoreRefused, StoreUnavailable
from app.stores.sending import shown_order


@blueprint.task(name="refunds.plan", pass_context=True, retry=RetryStrategy(max_attempts=5, exponential_wait=2))
async def plan(context: JobContext, case_id: str) -> None:
    """Plans the remedy that the case may have now: money, or a new order in the store."""
    async with runtime_of(context).work() as work:
        refund = await plan_refund(work, UUID(case_id))
        replacement = await plan_replacement(work, UUID(case_id))
    if refund is not None:
        reached(Point.REFUND_PLANNED)
    if replacement is not None:
        reached(Point.REPLACEMENT_PLANNED)


@blueprint.task(name="refunds.absorb", pass_context=True, retry=RetryStrategy(max_attempts=5, exponential_wait=2))
async def absorb(context: JobContext, case_id: str) -> None:
    """Plans what the supplier accepted, and has the policy bear the rest where that is small."""
    async with runtime_of(context).work() as work:
        await plan_refund(work, UUID(case_id))
        await plan_replacement(work, UUID(case_id))
        await absorb_small(work, UUID(case_id))


@blueprint.task(name="refunds.advance", pass_context=True)
async def advance(context: JobContext, refund_id: str) -> None:
    """Brings a refund one step on: sends it when it is planned, looks it up when its outcome is open."""
    with money_first():
        await _advance(context, refund_id)


async def _advance(context: JobContext, refund_id: str) -> None:
    runtime = runtime_of(context)
    asked_at = runtime.clock.now()
    async with runtime.work() as work:
        refund = await service.get(work, UUID(refund_id))
        order = await work.session.get_one(Order, refund.order_pk)
        known = await service.last_attempt(work, refund.id)
        if not is_due(refund, known, work.now):
            return
        store, order_id = runtime.stores.get(refund.store), order.order_id
    try:
        shown = await shown_order(store, order_id)
    except (StoreUnavailable, StoreRefused) as error:
        await unreadable(runtime, UUID(refund_id), error)
        return
    reached(Point.REFUND_READ)
    async with runtime.work() as work:
        order, case, refund = await locked(work, UUID(refund_id))
        # Another job may have begun to send it while this one was reading, or sent it: then this reading is older.
        if not is_due(refund, known, work.now) or not await still_true(work, refund.id, known):
            return
        await orders.keep(work, order.store, shown, read_at=asked_at)
        await hold_if_disputed(work, order)
        seen = _ours(shown, refund.id)
        looking = refund.status != RefundStatus.PLANNED or bool(seen)
        if looking:
            await look(work, order, case, refund, store, seen)
        else:
            await apply_observed(work, order)
            await order_edited(work, order)
            await tell_law(work, order)
        ready = not looking and refund.status == RefundStatus.PLANNED
    if looking:
        reached(Point.REFUND_LOOKED)
    if ready:
        await send(runtime, store, UUID(refund_id), shown)


def _ours(shown: OrderSnapshot, refund_id: UUID) -> list[SeenRefund]:
    return [seen for seen in shown.refunds or () if seen.operation == str(refund_id)]


async def sweep(runtime: Runtime) -> None:
    """Enqueues every refund whose `next_check_at` has come: the row, not the job, is the source of due work."""
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
            with origin.resumed(refund.origin):
                await defer(work.session, "refunds.advance", refund_id=str(refund.id))


async def sweep_forgotten(runtime: Runtime) -> None:
    """Enqueues a plan for every case that owes money and has none: its job was lost."""
    async with runtime.work() as work:
        for case_id in await forgotten(work):
            await defer(work.session, "refunds.plan", case_id=str(case_id))
