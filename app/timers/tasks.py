"""Fires timers that are due."""

from __future__ import annotations

from uuid import UUID

from procrastinate import JobContext

from app.cases import legal_clock
from app.cases import service as cases
from app.cases.vocabulary import Event, State
from app.jobs import blueprint, defer
from app.runtime import Runtime, runtime_of
from app.timers import service as timers
from app.timers.models import LEGAL_KINDS, Timer, TimerKind


@blueprint.task(name="timers.fire", pass_context=True)
async def fire(context: JobContext, timer_id: str) -> None:
    """Tells the case that a timer has run out; a case that has moved on keeps no trace of it."""
    async with runtime_of(context).work() as work:
        timer = await work.session.get_one(Timer, UUID(timer_id))
        case = await cases.lock(work, timer.case_id)
        await work.session.refresh(timer, with_for_update=True)
        if timer.fired_at is not None or timer.cancelled_at is not None or timer.due_at > work.now:
            return
        timer.fired_at = work.now
        if timer.kind in LEGAL_KINDS:
            await legal_clock.fired(work, case, TimerKind(timer.kind))
            return
        event = timers.EVENT_OF[TimerKind(timer.kind)]
        if event is Event.CLOSE_DUE and case.state == State.RESOLVED and case.credit_open:
            text = "The case cannot be closed: the supplier still owes its credit."
            await cases.add_problem(work, case, "credit_overdue", text)
            await timers.restart(work, case.id, State.RESOLVED, work.settings.suppliers.get(case.supplier or ""))
            return
        await cases.record_news(work, case, event, {"timer": timer.kind, "due_at": timer.due_at}, "clock")


async def sweep(runtime: Runtime) -> None:
    """Enqueues every timer that is due. Enqueuing one twice is harmless: it fires once."""
    async with runtime.work() as work:
        for timer_id in await timers.due(work):
            await defer(work.session, "timers.fire", timer_id=str(timer_id))
