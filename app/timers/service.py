"""Sets and cancels the timers of a case, and finds those that are due."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime, timedelta
from uuid import UUID

from sqlalchemy import select, update
from sqlalchemy.dialects.postgresql import distinct_on

from app.cases.vocabulary import Event, State
from app.db.work import Work
from app.settings import Settings, SupplierSettings
from app.timers.models import Timer, TimerKind

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
            Timer.kind != TimerKind.LEGAL,
        )
        .values(cancelled_at=work.now)
    )
    wanted = timer_of(state, work.settings, supplier)
    if wanted is not None:
        kind, wait = wanted
        work.session.add(Timer(case_id=case_id, kind=kind, due_at=work.now + wait))


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
        .where(Timer.case_id.in_(case_ids), Timer.fired_at.is_(None), Timer.cancelled_at.is_(None))
        .ext(distinct_on(Timer.case_id))
        .order_by(Timer.case_id, Timer.due_at)
    )
    return {case_id: (kind, due) for case_id, kind, due in await work.session.execute(statement)}
