"""Sets and cancels the timers of a case, and finds those that are due."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta
from uuid import UUID

from sqlalchemy import select, update
from sqlalchemy.dialects.postgresql import distinct_on

from app.cases.vocabulary import Event, State
from app.db.work import Work
from app.settings import Settings, SupplierSettings
from app.timers.models import LEGAL_KINDS, Timer, TimerKind

# A warning that could not be given in this time after its moment, because the date was not known yet, is not given.
_WARNED_WITHIN = {TimerKind.LEGAL_3_DAYS: timedelta(days=2), TimerKind.LEGAL_1_DAY: timedelta(days=1)}
# Of these a person need not be told as of a thing that happens next.
_WARNINGS = LEGAL_KINDS - {TimerKind.LEGAL}
# How long a parcel on its way back may be silent before somebody asks: the slowest usual way from Europe to China.
TRANSIT_DAYS = 45

EVENT_OF: dict[TimerKind, Event] = {
    TimerKind.EVIDENCE: Event.EVIDENCE_TIMED_OUT,
    TimerKind.RMA: Event.SUPPLIER_SILENT,
    TimerKind.SHIP: Event.SHIPMENT_TIMED_OUT,
    TimerKind.TRANSIT: Event.PARCEL_STALLED,
    TimerKind.INSPECTION: Event.VERDICT_TIMED_OUT,
    TimerKind.LEGAL: Event.LEGAL_DATE_REACHED,
    TimerKind.CLOSE: Event.CLOSE_DUE,
}


def timer_of(state: State, settings: Settings, supplier: SupplierSettings | None) -> tuple[TimerKind, timedelta] | None:
    """The timer that runs while a case is in `state`; None where it waits for a person, for a refund, or for nobody."""
    response = timedelta(days=supplier.response_days if supplier else 3)
    inspection = timedelta(days=supplier.inspection_days if supplier else 7)
    return {
        State.EVIDENCE_NEEDED: (TimerKind.EVIDENCE, timedelta(days=settings.evidence_days)),
        State.AUTHORIZING: (TimerKind.RMA, response),
        State.AWAITING_SHIPMENT: (TimerKind.SHIP, timedelta(days=settings.ship_days)),
        State.IN_TRANSIT: (TimerKind.TRANSIT, timedelta(days=TRANSIT_DAYS)),
        State.INSPECTING: (TimerKind.INSPECTION, inspection),
        State.CLAIMING: (TimerKind.INSPECTION, inspection),
        State.RESOLVED: (TimerKind.CLOSE, timedelta(days=settings.close_days)),
    }.get(state)


async def restart(work: Work, case_id: UUID, state: State, supplier: SupplierSettings | None) -> None:
    """Cancels the timers of the state before, and sets that of `state`. The legal date runs on whatever happens."""
    await work.session.execute(
        update(Timer)
        .where(
            Timer.case_id == case_id,
            Timer.fired_at.is_(None),
            Timer.cancelled_at.is_(None),
            Timer.kind.not_in([str(kind) for kind in LEGAL_KINDS]),
        )
        .values(cancelled_at=work.now)
    )
    wanted = timer_of(state, work.settings, supplier)
    if wanted is not None:
        kind, wait = wanted
        work.session.add(Timer(case_id=case_id, kind=kind, due_at=work.now + wait))


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


async def due(work: Work, limit: int = 100) -> Sequence[UUID]:
    """Timers whose date has come and that have not fired, most overdue first."""
    statement = (
        select(Timer.id)
        .where(Timer.fired_at.is_(None), Timer.cancelled_at.is_(None), Timer.due_at <= work.now)
        .order_by(Timer.due_at)
        .limit(limit)
        .with_for_update(skip_locked=True)
    )
    return (await work.session.scalars(statement)).all()


async def next_due(work: Work, case_ids: list[UUID]) -> dict[UUID, tuple[str, datetime]]:
    """The nearest running timer of each case: its kind and its date."""
    statement = (
        select(Timer.case_id, Timer.kind, Timer.due_at)
        .where(
            Timer.case_id.in_(case_ids),
            Timer.fired_at.is_(None),
            Timer.cancelled_at.is_(None),
            Timer.kind.not_in([str(kind) for kind in _WARNINGS]),
        )
        .ext(distinct_on(Timer.case_id))
        .order_by(Timer.case_id, Timer.due_at)
    )
    return {case_id: (kind, due) for case_id, kind, due in await work.session.execute(statement)}
