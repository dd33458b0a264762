"""Reads the cases that concern a supplier now."""

from __future__ import annotations

from datetime import date

from sqlalchemy import ColumnElement, and_, func, or_, select

from app.cases.models import NOT_ENDED, Case
from app.cases.vocabulary import State
from app.db.work import Work
from app.policy.law.calendar import local_day
from app.timers import service as timers
from app.timers.clocks import Whose
from app.timers.models import END, Timer, TimerKind

# What was decided for the customer and what nobody has decided yet is no affair of the supplier's; a credit is.
_ASKED = frozenset(
    {State.AUTHORIZING, State.AWAITING_SHIPMENT, State.IN_TRANSIT, State.INSPECTING, State.CLAIMING, State.CONTESTED}
)
_PAID_FOR = frozenset({State.RESOLVING, State.RESOLVED})
_ITS_CLOCKS = (TimerKind.RMA, TimerKind.INSPECTION, TimerKind.CREDIT)


def concerns_supplier(case: Case) -> bool:
    """Whether something of the case is open between us and its supplier."""
    return case.state in _ASKED or (case.state in _PAID_FOR and case.credit_open)


async def open_cases(work: Work, supplier: str, limit: int) -> list[Case]:
    """The cases that concern a supplier, oldest first."""
    return list(await work.session.scalars(select(Case).where(_concerns(supplier)).order_by(Case.id).limit(limit)))


async def count_open(work: Work, supplier: str) -> int:
    """How many cases concern a supplier."""
    return await work.session.scalar(select(func.count()).select_from(Case).where(_concerns(supplier))) or 0


async def answer_due(work: Work, case: Case) -> date | None:
    """The last day for what the supplier owes next: an answer, a verdict, a credit; None while it owes nothing."""
    statement = select(func.min(Timer.due_at)).where(
        Timer.case_id == case.id,
        Timer.step == END,
        Timer.kind.in_([str(kind) for kind in _ITS_CLOCKS]),
        Timer.fired_at.is_(None),
        Timer.cancelled_at.is_(None),
    )
    due = await work.session.scalar(statement)
    return local_day((await timers.terms_for(work, case)).countries[Whose.SUPPLIER], due) if due else None


def _concerns(supplier: str) -> ColumnElement[bool]:
    owes = and_(Case.state.in_([str(one) for one in _PAID_FOR]), Case.credit_open)
    return and_(Case.supplier == supplier, NOT_ENDED, or_(Case.state.in_([str(one) for one in _ASKED]), owes))
