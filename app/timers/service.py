"""Starts, stops and moves the timers of a case, and finds those that are due.

Which clocks there are is said in `clocks.py`, on which instants their steps fall in `schedule.py`, and what they do in
`deeds.py`.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime, timedelta
from uuid import UUID

from sqlalchemy import ColumnElement, func, literal_column, select, update
from sqlalchemy.dialects.postgresql import distinct_on

from app.cases.models import Case
from app.cases.vocabulary import ENDED, Reason, Route, State
from app.db.work import Work
from app.orders import service as orders
from app.orders.models import Order
from app.policy import service as policy
from app.policy.law.calendar import local_day
from app.suppliers.claim_window import claim_window
from app.timers.clocks import CLOCK_OF, CLOCKS, Whose, clocks_of
from app.timers.models import END, LEGAL_KINDS, Timer, TimerKind
from app.timers.schedule import Planned, plan, plan_until
from app.timers.terms import Terms, terms_of

_OF_STATES = [str(clock.kind) for clock in CLOCKS if clock.states]
_RUNNING = (Timer.fired_at.is_(None), Timer.cancelled_at.is_(None))
# A timer that was enqueued is left to its job for this long; when the job was lost, it is enqueued again.
LEASE = timedelta(minutes=15)
# Written as the index has it.
_LOOK_AT: ColumnElement[datetime] = literal_column("coalesce(next_try_at, due_at)")
# A warning that could not be given in this time after its moment, because the date was not known yet, is not given.
_WARNED_WITHIN = {TimerKind.LEGAL_3_DAYS: timedelta(days=2), TimerKind.LEGAL_1_DAY: timedelta(days=1)}
# Of these a person need not be told as of a thing that happens next.
_WARNINGS = LEGAL_KINDS - {TimerKind.LEGAL}


async def terms_for(work: Work, case: Case) -> Terms:
    """In how many days each party should act on this case, and whose working days count."""
    order = await work.session.get_one(Order, case.order_pk)
    supplier = work.settings.suppliers.get(case.supplier or "")
    times = (await policy.policy_of(work, case)).policy.times
    return terms_of(work.settings, times, case.store, supplier, orders.snapshot_of(order).country)


async def restart(work: Work, case: Case) -> None:
    """Stops the clocks of the state before and starts those of the case's state. The legal date, the claim window and
    the supplier's credit run on whatever happens."""
    await _cancel(work, case, _OF_STATES)
    if clocks := clocks_of(State(case.state)):
        terms = await terms_for(work, case)
        for clock in clocks:
            _add(work, case, clock.kind, plan(clock, terms, work.now))
    await follow_claim_window(work, case)
    await refresh_due(work, case)


async def start(work: Work, case: Case, kind: TimerKind) -> None:
    """Starts one clock anew."""
    await _cancel(work, case, [kind])
    _add(work, case, kind, plan(CLOCK_OF[kind], await terms_for(work, case), work.now))
    await refresh_due(work, case)


async def follow_credit(work: Work, case: Case, expected_at: datetime | None) -> None:
    """Sets the clock of a supplier's credit; a credit that is not owed (any more) has none."""
    await _cancel(work, case, [TimerKind.CREDIT])
    if case.credit_open:
        due = expected_at or work.now + timedelta(days=work.settings.credit_wait_days)
        clock = CLOCK_OF[TimerKind.CREDIT]
        _add(work, case, clock.kind, plan(clock, await terms_for(work, case), max(due, work.now)))
    await refresh_due(work, case)


async def follow_claim_window(work: Work, case: Case) -> None:
    """Sets the clock of the supplier's claim window when its last day is new; stops it when there is nothing to file.

    The last day is looked up anew at each move of the case and each time the clock strikes, so that news of the
    delivery need not be told here.
    """
    order = await work.session.get_one(Order, case.order_pk)
    supplier = work.settings.suppliers.get(case.supplier or "")
    lines = [(line.line_id, Reason(line.reason)) for line in case.lines]
    window = claim_window(orders.snapshot_of(order), lines, supplier) if case.route != Route.LOCAL else None
    last_day = window.last_day if window else None
    done = case.claim_filed_at is not None or case.state in ENDED or case.state == State.RESOLVED
    if last_day == case.claim_until and not done:
        return
    case.claim_until = last_day
    await _cancel(work, case, [TimerKind.CLAIM])
    if last_day is not None and not done:
        clock, terms = CLOCK_OF[TimerKind.CLAIM], await terms_for(work, case)
        _add(work, case, clock.kind, plan_until(clock, terms, work.now, last_day))


async def claim_filed(work: Work, case: Case) -> bool:
    """The supplier knows of the case. Answers True when it was told after its last day; the first telling counts."""
    if case.claim_filed_at is not None:
        return False
    case.claim_filed_at = work.now
    await _cancel(work, case, [TimerKind.CLAIM])
    await refresh_due(work, case)
    country = (await terms_for(work, case)).countries[Whose.SUPPLIER]
    return case.claim_until is not None and local_day(country, work.now) > case.claim_until


async def refresh_due(work: Work, case: Case) -> None:
    """Keeps on the case the end of its nearest clock; the legal date has a column of its own."""
    nearest = select(func.min(Timer.due_at)).where(
        Timer.case_id == case.id, Timer.step == END, Timer.kind.in_([str(clock.kind) for clock in CLOCKS]), *_RUNNING
    )
    case.due_at = await work.session.scalar(nearest)


async def set_legal(work: Work, case_id: UUID, wanted: Mapping[TimerKind, datetime], again: bool = True) -> None:
    """Has the legal timers of a locked case run at the moments `wanted`, and no others.

    What has fired for a moment does not fire for it again, but for the date itself: it was stopped when it came, and
    comes anew where `again` allows it.
    """
    rows = await work.session.scalars(
        select(Timer).where(Timer.case_id == case_id, Timer.kind.in_([str(kind) for kind in LEGAL_KINDS]))
    )
    known = [timer for timer in rows if timer.cancelled_at is None]
    for kind in LEGAL_KINDS:
        at = wanted.get(kind)
        same = [timer for timer in known if timer.kind == kind]
        running = [timer for timer in same if timer.fired_at is None]
        for timer in running:
            overdue = kind is TimerKind.LEGAL and at is not None and max(at, timer.due_at) <= work.now
            if timer.due_at != at and not overdue:
                timer.cancelled_at = work.now
        if at is None or any(timer.cancelled_at is None for timer in running):
            continue
        if all(timer.due_at != at for timer in same):
            if kind not in _WARNED_WITHIN or work.now < at + _WARNED_WITHIN[kind]:
                work.session.add(Timer(case_id=case_id, kind=kind, due_at=at))
        elif kind is TimerKind.LEGAL and again:
            work.session.add(Timer(case_id=case_id, kind=kind, due_at=work.now))


async def overdue_warnings(work: Work, case_id: UUID) -> list[Timer]:
    """Warnings of a locked case whose moment has passed unheard, the earliest first."""
    kinds = [TimerKind.LEGAL_3_DAYS, TimerKind.LEGAL_1_DAY]
    statement = (
        select(Timer)
        .where(
            Timer.case_id == case_id,
            Timer.kind.in_([str(kind) for kind in kinds]),
            Timer.fired_at.is_(None),
            Timer.cancelled_at.is_(None),
            Timer.due_at <= work.now,
        )
        .order_by(Timer.due_at)
        .with_for_update()
    )
    return list(await work.session.scalars(statement))


async def running(work: Work, case_id: UUID, kind: str) -> Sequence[Timer]:
    """The steps of one clock that have not happened, in order, locked."""
    statement = (
        select(Timer)
        .where(Timer.case_id == case_id, Timer.kind == kind, *_RUNNING)
        .order_by(Timer.due_at, Timer.id)
        .with_for_update()
        .execution_options(populate_existing=True)
    )
    return (await work.session.scalars(statement)).all()


async def take_due(work: Work, limit: int) -> Sequence[UUID]:
    """Timers whose date has come, those that waited longest first. Each is left alone for a while, so that the next
    batch holds others and one that cannot be fired stands in nobody's way."""
    chosen = (
        select(Timer.id)
        .where(*_RUNNING, work.now >= _LOOK_AT)
        .order_by(_LOOK_AT)
        .limit(limit)
        .with_for_update(skip_locked=True)
    )
    ids = (await work.session.scalars(chosen)).all()
    if ids:
        await work.session.execute(update(Timer).where(Timer.id.in_(ids)).values(next_try_at=work.now + LEASE))
    return ids


async def next_due(
    work: Work, case_ids: list[UUID], kinds: Sequence[TimerKind] | None = None
) -> dict[UUID, tuple[str, datetime]]:
    """The clock of each case that ends next: its kind and its date. `kinds`: of these clocks only."""
    statement = (
        select(Timer.case_id, Timer.kind, Timer.due_at)
        .where(
            Timer.case_id.in_(case_ids),
            Timer.step == END,
            Timer.kind.not_in([str(kind) for kind in _WARNINGS]),
            Timer.kind.in_([str(kind) for kind in kinds or TimerKind]),
            *_RUNNING,
        )
        .ext(distinct_on(Timer.case_id))
        .order_by(Timer.case_id, Timer.due_at)
    )
    return {case_id: (kind, due) for case_id, kind, due in await work.session.execute(statement)}


def _add(work: Work, case: Case, kind: TimerKind, steps: Iterable[Planned]) -> None:
    work.session.add_all(Timer(case_id=case.id, kind=kind, step=one.step, due_at=one.at) for one in steps)


async def _cancel(work: Work, case: Case, kinds: Sequence[str]) -> None:
    statement = update(Timer).where(Timer.case_id == case.id, Timer.kind.in_(kinds), *_RUNNING)
    await work.session.execute(statement.values(cancelled_at=work.now))
