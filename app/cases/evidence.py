"""Adds what a customer shows or tells to a case. The same link or answer again changes nothing."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence

from sqlalchemy.dialects.postgresql import insert

from app.cases.action_bodies import ActionBody
from app.cases.actions import Target
from app.cases.models import Evidence
from app.cases.vocabulary import Event
from app.db.base import new_id


async def add(target: Target, links: Sequence[str], answers: Sequence[str]) -> int:
    """Stores what is new and tells the case; answers how many were new. Order and case must be locked.

    Raises `TransitionNotAllowed` when the case has ended.
    """
    added = [await _keep(target, "link", link) for link in links]
    added += [await _keep(target, "answer", answer) for answer in answers]
    count = sum(added)
    if count:
        await target.record(Event.EVIDENCE_ADDED, ActionBody(), links=sum(added[: len(links)]), added=count)
    return count


async def _keep(target: Target, kind: str, told: str) -> bool:
    statement = (
        insert(Evidence)
        .values(
            id=new_id(),
            case_id=target.case.id,
            kind=kind,
            text=told if kind == "answer" else None,
            url=told if kind == "link" else None,
            sha256=hashlib.sha256(told.encode()).hexdigest(),
            added_by=target.actor,
            created_at=target.work.now,
        )
        .on_conflict_do_nothing()
        .returning(Evidence.id)
    )
    return (await target.work.session.execute(statement)).scalar_one_or_none() is not None
