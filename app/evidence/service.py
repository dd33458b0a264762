"""Adds what a customer or supplier shows or tells to a case. The same photo, link or answer again changes nothing."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from uuid import UUID

from sqlalchemy import select, update
from sqlalchemy.dialects.postgresql import insert

from app.cases.action_bodies import ActionBody
from app.cases.actions import Target
from app.cases.models import Evidence
from app.cases.vocabulary import Event
from app.db.base import new_id
from app.db.work import Work
from app.errors import Conflict
from app.evidence import reuse
from app.evidence.models import Photo
from app.evidence.pictures import CONTENT_TYPE


class PhotoGone(Conflict):
    """A photo that was kept for a later step is not kept any more."""

    code = "photo_gone"
    title = "The photo is not kept any more"


async def add(target: Target, links: Sequence[str], answers: Sequence[str], photos: Sequence[UUID] = ()) -> int:
    """Stores what is new and tells the case; answers how many were new. Order and case must be locked.

    `photos` are ids from `keeping.keep`; one may be added to several cases. A photo that was shown in another request
    before is pointed out to the operator. Raises `TransitionNotAllowed` when the case has ended, and `PhotoGone`.
    """
    locked = await _lock_photos(target.work, photos)
    new_links = [await _keep(target, "link", _digest(link), url=link) for link in links]
    new_answers = [await _keep(target, "answer", _digest(answer), text=answer) for answer in answers]
    new_photos = [photo for photo in locked if await _keep_photo(target, photo)]
    count = sum([*new_links, *new_answers]) + len(new_photos)
    if count:
        told = {"links": sum(new_links), "photos": len(new_photos), "added": count}
        await target.record(Event.EVIDENCE_ADDED, ActionBody(), **told)
        await reuse.point_out(target.work, target.case, new_photos)
    return count


async def _lock_photos(work: Work, wanted: Sequence[UUID]) -> Sequence[Photo]:
    """The photos in the order given, locked against being swept away. Raises `PhotoGone`."""
    if not wanted:
        return ()
    statement = select(Photo).where(Photo.id.in_(wanted), Photo.erased_at.is_(None)).order_by(Photo.id)
    found = {photo.id: photo for photo in await work.session.scalars(statement.with_for_update(key_share=True))}
    if set(wanted) - set(found):
        raise PhotoGone("A photo waited too long to be handed in and is not kept any more; add it once more.")
    return [found[photo_id] for photo_id in dict.fromkeys(wanted)]


async def _keep_photo(target: Target, photo: Photo) -> bool:
    new = await _keep(target, "photo", photo.sha256, photo_id=photo.id, content_type=CONTENT_TYPE)
    if new:
        await target.work.session.execute(update(Photo).where(Photo.id == photo.id).values(sweep_at=None))
    return new


def _digest(told: str) -> str:
    return hashlib.sha256(told.encode()).hexdigest()


async def _keep(target: Target, kind: str, digest: str, **told: str | UUID) -> bool:
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
