"""Keeps photos before anybody knows what they are evidence of, and finds them again.

Each photo is a row before it is an object in a bucket, so that nothing in there is ever forgotten: what does not become
evidence within a day is deleted again. No call to the bucket is made inside a transaction.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import timedelta
from uuid import UUID

from sqlalchemy import select
from sqlalchemy.orm import undefer

from app.db.base import new_id
from app.db.work import Work
from app.evidence.likeness import bands
from app.evidence.models import Photo
from app.evidence.pictures import CONTENT_TYPE, Picture
from app.runtime import Runtime

# How long a customer may take from a photo to the last step of the pages.
UNCLAIMED = timedelta(days=1)


async def keep(runtime: Runtime, pictures: Sequence[Picture]) -> list[UUID]:
    """Keeps photos; answers their ids, which `service.add` makes evidence of. Raises `BucketUnavailable`."""
    bucket = runtime.photos
    async with runtime.work() as work:
        rows = [_row(work, picture, in_bucket=bucket is not None) for picture in pictures]
        work.session.add_all(rows)
    kept = [(row.id, row.bucket_key) for row in rows]
    for (_, key), picture in zip(kept, pictures, strict=True):
        if bucket is not None and key is not None:
            await bucket.put(key, picture.content, CONTENT_TYPE)
    return [photo_id for photo_id, _ in kept]


def _row(work: Work, picture: Picture, *, in_bucket: bool) -> Photo:
    photo_id = new_id()
    return Photo(
        id=photo_id,
        content=None if in_bucket else picture.content,
        # Small enough for the database, and a list of them is one reading.
        thumbnail=picture.thumbnail,
        bucket_key=f"photos/{photo_id}.jpg" if in_bucket else None,
        sha256=picture.digest,
        likeness=picture.likeness,
        bands=[] if picture.likeness is None else bands(picture.likeness),
        width=picture.width,
        height=picture.height,
        created_at=work.now,
        sweep_at=work.now + UNCLAIMED,
    )


async def content_of(runtime: Runtime, photo_id: UUID, *, small: bool = False) -> bytes | None:
    """A photo, or its thumbnail where it has one; None when there is none or it was erased.

    Raises `BucketUnavailable`.
    """
    async with runtime.work() as work:
        statement = select(Photo).where(Photo.id == photo_id, Photo.erased_at.is_(None))
        whole = undefer(Photo.thumbnail) if small else undefer(Photo.content)
        photo = await work.session.scalar(statement.options(whole))
        if photo is None:
            return None
        found = photo.thumbnail if small else photo.content
        key = photo.bucket_key
        if found is None and small and key is None:
            found = await work.session.scalar(select(Photo.content).where(Photo.id == photo_id))
    if found is not None or key is None or runtime.photos is None:
        return found
    return await runtime.photos.get(key)
