"""Sends replacements: transaction, call, transaction. The row says what is to do; a job is only a reason to look."""

from __future__ import annotations

from uuid import UUID

from procrastinate import JobContext
from sqlalchemy import select

from app.jobs import blueprint, defer
from app.orders.models import Order
from app.pace.base import money_first
from app.remedies import service
from app.remedies.looking import look
from app.remedies.models import Replacement
from app.remedies.sending import is_due, send
from app.remedies.states import ReplacementStatus
from app.runtime import Runtime, runtime_of


@blueprint.task(name="remedies.advance", pass_context=True)
async def advance(context: JobContext, replacement_id: str) -> None:
    """Brings a replacement one step on: sends it when it is planned, looks it up when its outcome is open."""
    runtime, wanted = runtime_of(context), UUID(replacement_id)
    async with runtime.work() as work:
        replacement = await service.get(work, wanted)
        order = await work.session.get_one(Order, replacement.order_pk)
        made = await service.attempts(work, wanted)
        if not is_due(replacement, made[-1] if made else None, work.now):
            return
        store, planned = runtime.stores.get(replacement.store), replacement.status == ReplacementStatus.PLANNED
        sent = service.prepared_of(replacement, order)
    with money_first():
        if planned or sent is None:
            await send(runtime, store, wanted)
        else:
            await look(runtime, store, wanted, sent, len(made))


async def sweep(runtime: Runtime) -> None:
    """Enqueues every replacement whose `next_check_at` has come: the row, not the job, is the source of due work."""
    async with runtime.work() as work:
        statement = (
            select(Replacement)
            .where(Replacement.next_check_at <= work.now)
            .order_by(Replacement.next_check_at)
            .limit(100)
            .with_for_update(skip_locked=True)
        )
        for replacement in await work.session.scalars(statement):
            replacement.next_check_at = work.now + service.SWEEP_LEASE
            await defer(work.session, "remedies.advance", replacement_id=str(replacement.id))
