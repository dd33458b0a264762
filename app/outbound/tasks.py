"""Sends events beside everything else the worker does, so that a slow or dead receiver holds up nothing and nobody."""

from __future__ import annotations

import asyncio
from datetime import datetime, timedelta
from uuid import UUID

import structlog
from procrastinate import JobContext
from sqlalchemy import delete, literal_column, select, update

from app.db.work import Work
from app.jobs import blueprint
from app.outbound import replays
from app.outbound.models import OutboundEvent, OutboundSending, SendingStatus
from app.outbound.plan import LONGEST_LIFE
from app.outbound.sender import Sender
from app.outbound.sending import send_due
from app.runtime import Runtime, runtime_of

# Seconds between two looks for events of one receiver: an index probe each, and soon enough for a machine's ears.
LOOK_EVERY = 1.0
# Rows in one run of the sweep, which comes every few seconds.
BATCH = 500
log = structlog.get_logger()


async def keep_sending(runtime: Runtime) -> None:
    """Sends until cancelled: each receiver has a loop of its own, so that none waits for another."""
    async with asyncio.TaskGroup() as group:
        for receiver in runtime.settings.events:
            group.create_task(_serve(runtime, receiver))


async def _serve(runtime: Runtime, receiver: str) -> None:
    async with Sender() as sender:
        while True:
            sent = 0
            try:
                sent = await send_due(runtime, sender, receiver)
            except Exception as error:  # noqa: BLE001 - whatever it was, the next look must come
                # Never its text: it may hold the receiver's address.
                log.warning("events_not_sent", receiver=receiver, error=type(error).__name__)
            if not sent:
                await asyncio.sleep(LOOK_EVERY)


async def send_until_idle(runtime: Runtime) -> int:
    """Sends what is due now and what becomes due by that: for tests, tools and the demo. Answers how many."""
    total = 0
    for receiver in runtime.settings.events:
        async with Sender() as sender:
            while sent := await send_due(runtime, sender, receiver):
                total += sent
    return total


async def sweep(runtime: Runtime) -> None:
    """Gives up what has waited too long, and deletes events that were kept long enough."""
    async with runtime.work() as work:
        await _give_up(work)
    async with runtime.work() as work:
        await _forget(work)


async def _give_up(work: Work) -> None:
    old = (
        select(OutboundSending.event_id, OutboundSending.receiver)
        .where(
            OutboundSending.status == literal_column("'pending'"),
            OutboundSending.queued_at <= work.now - LONGEST_LIFE,
            OutboundSending.claimed_at.is_(None),
        )
        .order_by(OutboundSending.queued_at)
        .limit(BATCH)
        .with_for_update(skip_locked=True)
    )
    for event_id, receiver in (await work.session.execute(old)).all():
        await work.session.execute(
            update(OutboundSending)
            .where(OutboundSending.event_id == event_id, OutboundSending.receiver == receiver)
            .values(status=SendingStatus.FAILED, next_try_at=None)
        )


async def _forget(work: Work) -> None:
    before = work.now - timedelta(days=work.settings.retention_event_days)
    old = (
        select(OutboundEvent.id)
        .where(OutboundEvent.created_at <= before)
        .order_by(OutboundEvent.created_at)
        .limit(BATCH)
        .with_for_update(skip_locked=True)
    )
    # Named one by one: joined with the choice itself, they would be looked for in the whole table.
    found = list(await work.session.scalars(old))
    if found:
        await work.session.execute(delete(OutboundEvent).where(OutboundEvent.id.in_(found)))


@blueprint.task(name="outbound.replay", pass_context=True)
async def replay(
    context: JobContext,
    since: str,
    until: str,
    receiver: str | None,
    types: list[str],
    failed_only: bool,
    after: str | None = None,
) -> None:
    """Takes one step through a stretch of events, which leaves the next one to another job."""
    stretch = replays.Stretch(
        datetime.fromisoformat(since), datetime.fromisoformat(until), receiver, types, failed_only
    )

    async def stepped(work: Work) -> None:
        await replays.step(work, stretch, UUID(after) if after else None)

    await runtime_of(context).carry_out(stepped)
