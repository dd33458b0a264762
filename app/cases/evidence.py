"""Adds what a customer shows or tells to a case. The same link or answer again changes nothing."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence

from sqlalchemy.dialects.postgresql import insert

from app.cases.action_bodies import ActionBody
from app.cases.actions import Target
from app.cases.models import Evidence
from app.cases.photos import CONTENT_TYPE, Photo
from app.cases.vocabulary import Event
from app.db.base import new_id


async def add(target: Target, links: Sequence[str], answers: Sequence[str], photos: Sequence[Photo] = ()) -> int:
    """Stores what is new and tells the case; answers how many were new. Order and case must be locked.

    Raises `TransitionNotAllowed` when the case has ended.
    """
    new_links = [await _keep(target, "link", _digest(link), url=link) for link in links]
    new_answers = [await _keep(target, "answer", _digest(answer), text=answer) for answer in answers]
    new_photos = [
        await _keep(target, "photo", photo.digest, content=photo.content, content_type=CONTENT_TYPE) for photo in photos
    ]
    count = sum([*new_links, *new_answers, *new_photos])
    if count:
        told = {"links": sum(new_links), "photos": sum(new_photos), "added": count}
        await target.record(Event.EVIDENCE_ADDED, ActionBody(), **told)
    return count


def _digest(told: str) -> str:
    return hashlib.sha256(told.encode()).hexdigest()


async def _keep(target: Target, kind: str, digest: str, **told: str | bytes) -> bool:
    statement = (
        insert(Evidence)
        .values(
            id=new_id(),
            case_id=target.case.id,
            kind=kind,
            sha256=digest,
            added_by=target.actor,
            created_at=target.work.now,
            **told,
        )
        .on_conflict_do_nothing()
        .returning(Evidence.id)
    )
    return (await target.work.session.execute(statement)).scalar_one_or_none() is not None
