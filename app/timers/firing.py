"""What happens when a clock strikes, in time or late.

Steps happen in order, each once. A worker that slept finds several due at once:

- of reminders that are due together only the last is made; the others are left out, with a note;
- where the end takes something from the customer, the supplier or the carrier, no end comes together with a reminder:
  a step that comes six hours late or more moves those after it, so that the time between them stays what was planned;
- an end alone that comes so late is put off once, to the end of the next working day, so that what waits in queues and
  mailboxes is heard first;
- the merchant's own clocks, claim windows and credits are not moved: what is due happens, the last step of it.

A clock that is set back fires nothing twice: a step that has happened is never due again.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import timedelta

from app.cases import service as cases
from app.cases.models import Case
from app.db.work import Work
from app.policy.law.calendar import business_days, end_of, local_day, next_business_day
from app.timers import service as timers
from app.timers.clocks import CLOCK_OF, Clock
from app.timers.deeds import carry_out
from app.timers.models import END, Timer, TimerKind

# Less than this is the ordinary lateness of a machine that was restarted or busy.
LATE = timedelta(hours=6)


async def strike(work: Work, case: Case, kind: TimerKind) -> None:
    """Does what is due of one clock of a locked case."""
    clock = CLOCK_OF[kind]
    steps = await timers.running(work, case.id, kind)
    due = [step for step in steps if step.due_at <= work.now]
    if not due:
        return
    chosen = due[-1]
    if clock.outside and chosen.step == END:
        if len(due) > 1:
            chosen = due[-2]
        elif _is_late(work, chosen) and chosen.planned_at is None:
            await _catch_up(work, case, clock, chosen)
            return
    await _leave_out(work, case, steps[: steps.index(chosen)])
    following = steps[steps.index(chosen) + 1 :]
    if clock.outside and (_is_late(work, chosen) or chosen is not due[-1]):
        await _move(work, case, clock, following, work.now - chosen.due_at)
    chosen.fired_at = work.now
    await work.session.flush()
    await carry_out(work, case, clock, chosen, following)
    await timers.refresh_due(work, case)


def _is_late(work: Work, step: Timer) -> bool:
    return work.now - step.due_at >= LATE


async def _leave_out(work: Work, case: Case, steps: Sequence[Timer]) -> None:
    for step in steps:
        step.fired_at, step.skipped = work.now, True
        text = f"A reminder was left out: it was due on {step.due_at:%Y-%m-%d}, and a later step is due as well."
        await cases.note(work, case, text, "clock", {"timer": step.kind, "step": step.step, "due_at": step.due_at})


async def _move(work: Work, case: Case, clock: Clock, steps: Sequence[Timer], by: timedelta) -> None:
    """Moves steps on; an end stays the end of a working day."""
    country = (await timers.terms_for(work, case)).countries[clock.whose]
    for step in steps:
        step.planned_at = step.planned_at or step.due_at
        step.due_at += by
        if step.step == END:
            step.due_at = end_of(country, next_business_day(country, local_day(country, step.due_at)))
            await _say_moved(work, case, step)


async def _catch_up(work: Work, case: Case, clock: Clock, end: Timer) -> None:
    country = (await timers.terms_for(work, case)).countries[clock.whose]
    end.planned_at, end.due_at, end.next_try_at = end.due_at, business_days(country, work.now, 1), None
    await _say_moved(work, case, end)
    await timers.refresh_due(work, case)


async def _say_moved(work: Work, case: Case, end: Timer) -> None:
    text = f"The clock {end.kind} was found late; its end is moved to {end.due_at:%Y-%m-%d %H:%M} UTC."
    await cases.note(work, case, text, "clock", {"timer": end.kind, "planned_at": end.planned_at})
