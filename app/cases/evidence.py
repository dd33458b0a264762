"""Adds what a customer shows or tells to a case. The same link or answer again changes nothing."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass

from sqlalchemy.dialects.postgresql import insert

from app.cases.action_bodies import ActionBody
from app.cases.actions import Target
from app.cases.models import Case, Evidence
from app.cases.photos import CONTENT_TYPE, Photo
from app.cases.vocabulary import Event
from app.db.base import new_id
from app.db.work import Work


@dataclass(frozen=True, slots=True)
class Shown:
    """What a customer shows or tells."""

    links: Sequence[str] = ()
    answers: Sequence[str] = ()
    photos: Sequence[Photo] = ()


async def add(target: Target, links: Sequence[str], answers: Sequence[str], photos: Sequence[Photo] = ()) -> int:
    """Stores what is new and tells the case; answers how many were new. Order and case must be locked.

    Raises `TransitionNotAllowed` when the case has ended.
    """
    told = await keep(target.work, target.case, target.actor, Shown(links, answers, photos))
    if told["added"]:
        await target.record(Event.EVIDENCE_ADDED, ActionBody(), **told)
    return told["added"]


async def keep(work: Work, case: Case, actor: str, shown: Shown) -> dict[str, int]:
    """Stores what is new of it without telling the case: for one that has not begun. Answers how many of each."""
    by = _Keeper(work, case, actor)
    links = [await by.keep("link", _digest(link), url=link) for link in shown.links]
    answers = [await by.keep("answer", _digest(answer), text=answer) for answer in shown.answers]
    photos = [
        await by.keep("photo", photo.digest, content=photo.content, content_type=CONTENT_TYPE) for photo in shown.photos
    ]
    return {"links": sum(links), "photos": sum(photos), "added": sum([*links, *answers, *photos])}


def _digest(told: str) -> str:
    return hashlib.sha256(told.encode()).hexdigest()


@dataclass(frozen=True, slots=True)
class _Keeper:
    work: Work
    case: Case
    actor: str

    async def keep(self, kind: str, digest: str, **told: str | bytes) -> bool:
        statement = (
            insert(Evidence)
            .values(
                id=new_id(),
                case_id=self.case.id,
                kind=kind,
                sha256=digest,
                added_by=self.actor,
                created_at=self.work.now,
                **told,
            )
            .on_conflict_do_nothing()
            .returning(Evidence.id)
        )
        return (await self.work.session.execute(statement)).scalar_one_or_none() is not None
