"""Sends replacements: transaction, call, transaction. The row says what is to do; a job is only a reason to look."""

from __future__ import annotations

from uuid import UUID

from procrastinate import JobContext
from sqlalchemy import select

from app.jobs import blueprint, defer
from app.orders import service as orders
from app.orders.models import Order
from app.pace.base import money_first
from app.remedies import service
from app.remedies.looking import look
from app.remedies.models import Replacement
from app.remedies.sending import is_due, locked, send, unreadable
from app.remedies.states import ReplacementStatus
from app.runtime import Runtime, runtime_of
from app.stores.base import Store, StoreRefused, StoreUnavailable
from app.stores.sending import shown_order
from app.webhooks.topics import after_news


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
        sent, order_id = service.prepared_of(replacement, order), order.order_id
    with money_first():
        if planned or sent is None:
            if await _still_wanted(runtime, store, wanted, order_id, len(made)):
                await send(runtime, store, wanted)
        else:
            await look(runtime, store, wanted, sent, len(made))


async def _still_wanted(runtime: Runtime, store: Store, replacement_id: UUID, order_id: str, known: int) -> bool:
    """Reads the order as it is now, as before a refund: what a lost webhook would have told stops what it must stop."""
    asked_at = runtime.clock.now()
    try:
        shown = await shown_order(store, order_id)
    except (StoreUnavailable, StoreRefused) as error:
        await unreadable(runtime, replacement_id, error)
        return False
    async with runtime.work() as work:
        order, _, replacement = await locked(work, replacement_id)
        # Another job may have begun to send it while this one was reading: then this reading is older.
        if (
            replacement.status != ReplacementStatus.PLANNED
            or len(await service.attempts(work, replacement_id)) != known
        ):
            return False
        await orders.keep(work, order.store, shown, read_at=asked_at)
        await after_news(work, order, cancelled=shown.cancelled)
    return True


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
