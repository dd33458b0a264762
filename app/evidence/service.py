"""Adds what a customer or supplier shows or tells to a case. The same photo, link or answer again changes nothing."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass
from uuid import UUID

from sqlalchemy import select, update
from sqlalchemy.dialects.postgresql import insert

from app.cases.action_bodies import ActionBody
from app.cases.actions import Target
from app.cases.models import Case, Evidence
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


@dataclass(frozen=True, slots=True)
class Shown:
    """What somebody shows or tells. `photos` are ids from `keeping.keep`; one may be shown in several cases."""

    links: Sequence[str] = ()
    answers: Sequence[str] = ()
    photos: Sequence[UUID] = ()


@dataclass(frozen=True, slots=True)
class Kept:
    """What of it was new to a case: how many links, which photos, and how many of all kinds."""

    links: int
    photos: Sequence[Photo]
    added: int

    @property
    def told(self) -> dict[str, int]:
        """As it stands in the audit trail."""
        return {"links": self.links, "photos": len(self.photos), "added": self.added}


async def add(target: Target, links: Sequence[str], answers: Sequence[str], photos: Sequence[UUID] = ()) -> int:
    """Stores what is new and tells the case; answers how many were new. Order and case must be locked.

    A photo that was shown in another request before is pointed out to the operator. Raises `TransitionNotAllowed` when
    the case has ended, and `PhotoGone`.
    """
    kept = await keep(target.work, target.case, target.actor, Shown(links, answers, photos))
    if kept.added:
        await target.record(Event.EVIDENCE_ADDED, ActionBody(), **kept.told)
        await reuse.point_out(target.work, target.case, kept.photos)
    return kept.added


async def keep(work: Work, case: Case, actor: str, shown: Shown) -> Kept:
    """Stores what is new without telling the case: for one that has not begun. Raises `PhotoGone`."""
    by = _Keeper(work, case, actor)
    locked = await _lock_photos(work, shown.photos)
    links = [await by.keep("link", _digest(link), url=link) for link in shown.links]
    answers = [await by.keep("answer", _digest(answer), text=answer) for answer in shown.answers]
    photos = [photo for photo in locked if await by.keep_photo(photo)]
    return Kept(sum(links), photos, sum(links) + sum(answers) + len(photos))


async def _lock_photos(work: Work, wanted: Sequence[UUID]) -> Sequence[Photo]:
    """The photos in the order given, locked against being swept away. Raises `PhotoGone`."""
    if not wanted:
        return ()
    statement = select(Photo).where(Photo.id.in_(wanted), Photo.erased_at.is_(None)).order_by(Photo.id)
    found = {photo.id: photo for photo in await work.session.scalars(statement.with_for_update(key_share=True))}
    if set(wanted) - set(found):
        raise PhotoGone("A photo waited too long to be handed in and is not kept any more; add it once more.")
    return [found[photo_id] for photo_id in dict.fromkeys(wanted)]


def _digest(told: str) -> str:
    return hashlib.sha256(told.encode()).hexdigest()


@dataclass(frozen=True, slots=True)
class _Keeper:
    work: Work
    case: Case
    actor: str

    async def keep_photo(self, photo: Photo) -> bool:
        new = await self.keep("photo", photo.sha256, photo_id=photo.id, content_type=CONTENT_TYPE)
        if new:
            await self.work.session.execute(update(Photo).where(Photo.id == photo.id).values(sweep_at=None))
        return new

    async def keep(self, kind: str, digest: str, **told: str | UUID) -> bool:
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
