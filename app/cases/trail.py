"""Reads from a case's own trail how far it has come, as the law and the policy ask for it."""

from __future__ import annotations

from datetime import datetime

from sqlalchemy import select

from app.cases.legal_facts import TOLD_BY, Told, progress_of
from app.cases.models import Case, CaseEventRow
from app.cases.vocabulary import Event, Remedy, Route
from app.db.work import Work
from app.policy.facts import Progress
from app.requests.models import ReturnRequest

_CHOICES = [str(one) for one in (Event.REQUEST_CHANGED, Event.APPROVED, Event.REMEDY_CHANGED)]


async def progress(work: Work, case: Case, now_told: Told | None = None) -> tuple[datetime, Progress]:
    """When the customer declared, and what has happened since.

    `now_told` is the event that is just being written, and that the trail does not have yet.
    """
    request = await work.session.get_one(ReturnRequest, case.request_id)
    rows = await work.session.execute(
        select(CaseEventRow.type, CaseEventRow.at, CaseEventRow.data)
        .where(CaseEventRow.case_id == case.id, CaseEventRow.type.in_([str(event) for event in TOLD_BY]))
        .order_by(CaseEventRow.seq)
    )
    told = [Told(Event(kind), at, data) for kind, at, data in rows]
    told += [now_told] if now_told is not None and now_told.type in TOLD_BY else []
    return progress_of(request.created_at, told, Route(case.route) if case.route else None)


async def chosen_remedy(work: Work, case: Case) -> Remedy:
    """The remedy that the customer asked for or agreed to last; a policy or a person may have given another one."""
    request = await work.session.get_one(ReturnRequest, case.request_id)
    told = await work.session.execute(
        select(CaseEventRow.type, CaseEventRow.data)
        .where(CaseEventRow.case_id == case.id, CaseEventRow.type.in_(_CHOICES))
        .order_by(CaseEventRow.seq)
    )
    chosen = Remedy(request.remedy)
    for kind, data in told:
        if data.get("remedy") and (kind == Event.REQUEST_CHANGED or data.get("agreed") is True):
            chosen = Remedy(data["remedy"])
    return chosen
