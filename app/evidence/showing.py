"""Which photos of a case somebody is shown, as signed links."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from uuid import UUID

from sqlalchemy import select

from app.cases.models import Evidence
from app.db.work import Work
from app.evidence.links import SUPPLIER_DAYS, photo_url, thumbnail_url
from app.evidence.models import Photo

_SUPPLIERS = "supplier:%"
_MOST = 50


@dataclass(frozen=True, slots=True)
class ShownPhoto:
    """A photo on a page: links to it and to its thumbnail, its size in pixels if known, and who added it."""

    url: str
    thumbnail_url: str
    width: int | None
    height: int | None
    added_by: str


async def shown_on_page(work: Work, case_id: UUID) -> list[ShownPhoto]:
    """The photos of a case that are still kept, oldest first."""
    statement = (
        select(Photo.id, Photo.width, Photo.height, Evidence.added_by)
        .join(Evidence, Evidence.photo_id == Photo.id)
        .where(Evidence.case_id == case_id, Photo.erased_at.is_(None))
        .order_by(Evidence.id)
        .limit(_MOST)
    )
    return [
        ShownPhoto(
            photo_url(work.settings, row.id, work.now),
            thumbnail_url(work.settings, row.id, work.now),
            row.width,
            row.height,
            row.added_by,
        )
        for row in await work.session.execute(statement)
    ]


async def shown_to_supplier(work: Work, case_id: UUID) -> Sequence[str]:
    """Links to what the customer showed, oldest first.

    Each counts from when its photo was added: a call that is made again says the same to the letter.
    """
    statement = (
        select(Evidence.photo_id, Evidence.created_at)
        .join(Photo, Photo.id == Evidence.photo_id)
        .where(Evidence.case_id == case_id, Evidence.added_by.not_like(_SUPPLIERS), Photo.erased_at.is_(None))
        .order_by(Evidence.id)
        .limit(_MOST)
    )
    rows = await work.session.execute(statement)
    return [photo_url(work.settings, row.photo_id, row.created_at, days=SUPPLIER_DAYS) for row in rows]
