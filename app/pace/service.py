"""Reads and writes buckets. Time is the database's: the one clock that all processes share."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime

from sqlalchemy import func, select, text
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.ext.asyncio import AsyncSession

from app.db.work import Work
from app.pace.base import Told
from app.pace.bucket import Bucket, Limits
from app.pace.models import PaceRow


async def take(
    session: AsyncSession, name: str, cost: float, limits: Limits, *, first: bool
) -> tuple[bool, float, datetime | None]:
    """Whether a turn was taken, else after how many seconds to ask again, and the end of the turn's place."""
    row, bucket = await _locked(session, name, limits)
    answer = bucket.taken(cost, limits, first=first)
    if isinstance(answer, float):
        return False, answer, None
    _keep(row, answer[0])
    return True, 0.0, answer[1]


async def end(
    session: AsyncSession, name: str, cost: float, lease: datetime | None, told: Told, limits: Limits
) -> None:
    """A call is over."""
    row, bucket = await _locked(session, name, limits)
    _keep(row, bucket.ended(cost, lease, told, limits))
    if told.throttled:
        row.throttled += 1
        row.throttled_at = bucket.at


async def statuses(work: Work, names: Sequence[str]) -> dict[str, tuple[PaceRow, float]]:
    """The buckets that were ever used, each with what it holds now."""
    statement = select(PaceRow, func.clock_timestamp()).where(PaceRow.name.in_(names))
    return {
        row.name: (row, min(row.burst, row.tokens + max(0.0, (now - row.at).total_seconds()) * row.rate))
        for row, now in await work.session.execute(statement)
    }


async def _locked(session: AsyncSession, name: str, limits: Limits) -> tuple[PaceRow, Bucket]:
    # Losing the last moments of a bucket in a crash costs a call that is turned away; waiting for the disk costs time
    # before every call.
    await session.execute(text("SET LOCAL synchronous_commit = off"))
    statement = select(PaceRow, func.clock_timestamp()).where(PaceRow.name == name).with_for_update()
    found = (await session.execute(statement)).one_or_none()
    if found is None:
        new = {"name": name, "tokens": limits.burst, "rate": limits.rate, "burst": limits.burst}
        await session.execute(insert(PaceRow).values(**new, at=func.clock_timestamp()).on_conflict_do_nothing())
        found = (await session.execute(statement)).one()
    row, now = found
    kept = Bucket(row.tokens, row.rate, row.burst, row.at, row.held_until, tuple(row.leases))
    return row, kept.at_moment(now, limits)


def _keep(row: PaceRow, bucket: Bucket) -> None:
    row.tokens, row.rate, row.burst, row.at = bucket.tokens, bucket.rate, bucket.burst, bucket.at
    row.held_until, row.leases = bucket.held_until, list(bucket.leases)
