"""Deletes photos that nobody claimed, and objects in the bucket whose photo was erased."""

from __future__ import annotations

from datetime import timedelta
from uuid import UUID

import structlog
from sqlalchemy import delete, exists, select, update

from app.cases.models import Evidence
from app.db.work import Work
from app.evidence.bucket import BucketUnavailable
from app.evidence.models import Photo
from app.runtime import Runtime

log = structlog.get_logger()

_AT_ONCE = 50
# Longer than deleting takes; after that another worker tries.
_LEASE = timedelta(minutes=10)


async def sweep(runtime: Runtime) -> None:
    """Deletes what is due, the object before the row: a crash between the two leaves a row that is due again."""
    async with runtime.work() as work:
        due = await _take(work)
    for photo_id, key in due:
        if key is not None and runtime.photos is None:
            log.warning("photo_not_deleted", photo=str(photo_id), why="MAKEGOOD_PHOTOS_S3_URL is not set any more")
            continue
        try:
            if key is not None and runtime.photos is not None:
                await runtime.photos.delete(key)
        except BucketUnavailable as error:
            log.warning("photo_not_deleted", photo=str(photo_id), why=error.detail)
            return
        async with runtime.work() as work:
            await _forget(work, photo_id)


async def _take(work: Work) -> list[tuple[UUID, str | None]]:
    statement = (
        select(Photo)
        .where(Photo.sweep_at <= work.now)
        .order_by(Photo.sweep_at)
        .limit(_AT_ONCE)
        .with_for_update(skip_locked=True)
    )
    found = list(await work.session.scalars(statement))
    for photo in found:
        # From here on it is nobody's to claim.
        photo.erased_at = photo.erased_at or work.now
        photo.sweep_at = work.now + _LEASE
    return [(photo.id, photo.bucket_key) for photo in found]


async def _forget(work: Work, photo_id: UUID) -> None:
    """A photo that was evidence leaves its row; one that never was leaves nothing."""
    shown = exists().where(Evidence.photo_id == photo_id)
    await work.session.execute(delete(Photo).where(Photo.id == photo_id, ~shown))
    await work.session.execute(update(Photo).where(Photo.id == photo_id).values(bucket_key=None, sweep_at=None))
