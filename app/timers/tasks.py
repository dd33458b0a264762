"""Fires timers that are due."""

from __future__ import annotations

from uuid import UUID

from procrastinate import JobContext

from app.cases import legal_clock
from app.cases import service as cases
from app.jobs import blueprint, defer_many
from app.runtime import Runtime, runtime_of
from app.timers import service as timers
from app.timers.firing import strike
from app.timers.models import LEGAL_KINDS, Timer, TimerKind

_BATCH = 500
# A flood of timers must not keep webhooks and refunds waiting.
_BEHIND = -1


@blueprint.task(name="timers.fire", pass_context=True)
async def fire(context: JobContext, timer_id: str) -> None:
    """Does what is due of the timer's clock; a timer that has fired, or whose date was moved, does nothing."""
    async with runtime_of(context).work() as work:
        timer = await work.session.get_one(Timer, UUID(timer_id))
        case = await cases.lock(work, timer.case_id)
        await work.session.refresh(timer, with_for_update=True)
        if timer.fired_at is not None or timer.cancelled_at is not None:
            return
        if timer.due_at > work.now:
            timer.next_try_at = None
        elif timer.kind in LEGAL_KINDS:
            timer.fired_at = work.now
            await legal_clock.fired(work, case, TimerKind(timer.kind))
        else:
            await strike(work, case, TimerKind(timer.kind))


async def sweep(runtime: Runtime) -> None:
    """Enqueues every timer that is due, batch by batch. Enqueuing one twice is harmless: it fires once."""
    while True:
        async with runtime.work() as work:
            taken = await timers.take_due(work, _BATCH)
            await defer_many(work.session, "timers.fire", [{"timer_id": str(one)} for one in taken], priority=_BEHIND)
        if len(taken) < _BATCH:
            return
