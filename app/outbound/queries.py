"""Finds events, their sendings and tries, and how receivers fare. Every list walks an index, newest first."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy import ColumnElement, ScalarSelect, Select, exists, func, literal_column, select, tuple_

from app.db.work import Work
from app.outbound.models import OutboundAttempt, OutboundEvent, OutboundReceiver, OutboundSending, SendingStatus

# What waits for one receiver is counted so far: a health page must not read a backlog of a million rows.
MOST_COUNTED = 1000


@dataclass(frozen=True, slots=True)
class Wanted:
    """Which events; a None does not matter."""

    type: str | None = None
    case_id: UUID | None = None
    since: datetime | None = None
    receiver: str | None = None
    status: str | None = None


@dataclass(frozen=True, slots=True)
class Backlog:
    """What waits for a receiver."""

    count: int
    oldest: datetime | None


async def search(work: Work, wanted: Wanted, after: UUID | None, limit: int) -> list[OutboundEvent]:
    """Events, newest first, that come after the event `after`."""
    found = OutboundEvent
    where: list[ColumnElement[bool]] = []
    if wanted.type is not None:
        where.append(found.type == wanted.type)
    if wanted.case_id is not None:
        where.append(found.case_id == wanted.case_id)
    if wanted.since is not None:
        where.append(found.created_at >= wanted.since)
    if wanted.status in (SendingStatus.PENDING, SendingStatus.FAILED):
        where.append(found.id.in_(_open_ones(wanted, after, limit)))
    elif wanted.receiver is not None or wanted.status is not None:
        where.append(_has_sending(wanted))
    if after is not None:
        where.append(tuple_(found.created_at, found.id) < _place(after))
    statement = select(found).where(*where).order_by(found.created_at.desc(), found.id.desc()).limit(limit)
    return list(await work.session.scalars(statement))


def _place(after: UUID) -> ScalarSelect[Any]:
    return select(OutboundEvent.created_at, OutboundEvent.id).where(OutboundEvent.id == after).scalar_subquery()


def _open_ones(wanted: Wanted, after: UUID | None, limit: int) -> Select[Any]:
    """The ids of events that are pending or failed. They are few, or one page of them is cut out by their own index."""
    sending = OutboundSending
    # Written out, so that the partial index is used.
    where: list[ColumnElement[bool]] = [sending.status == literal_column(f"'{SendingStatus(str(wanted.status))}'")]
    if wanted.receiver is not None:
        where.append(sending.receiver == wanted.receiver)
    if wanted.type is not None or wanted.case_id is not None:
        return select(sending.event_id).where(*where)
    if wanted.since is not None:
        where.append(sending.created_at >= wanted.since)
    if after is not None:
        where.append(tuple_(sending.created_at, sending.event_id) < _place(after))
    page = (
        select(sending.created_at, sending.event_id)
        .where(*where)
        .distinct()
        .order_by(sending.created_at.desc(), sending.event_id.desc())
        .limit(limit)
        .subquery()
    )
    return select(page.c.event_id)


def _has_sending(wanted: Wanted) -> ColumnElement[bool]:
    """Nearly every event is one that was delivered, so the newest events are tried one by one."""
    where: list[ColumnElement[bool]] = [OutboundSending.event_id == OutboundEvent.id]
    if wanted.receiver is not None:
        where.append(OutboundSending.receiver == wanted.receiver)
    if wanted.status is not None:
        where.append(OutboundSending.status == wanted.status)
    return exists().where(*where)


async def sendings(work: Work, ids: Sequence[UUID]) -> dict[UUID, list[OutboundSending]]:
    """Where each of these events stands."""
    found: dict[UUID, list[OutboundSending]] = {event_id: [] for event_id in ids}
    statement = select(OutboundSending).where(OutboundSending.event_id.in_(ids)).order_by(OutboundSending.receiver)
    for row in await work.session.scalars(statement.execution_options(populate_existing=True)):
        found[row.event_id].append(row)
    return found


async def attempts(work: Work, event_id: UUID) -> list[OutboundAttempt]:
    """Every try of an event, oldest first."""
    statement = (
        select(OutboundAttempt)
        .where(OutboundAttempt.event_id == event_id)
        .order_by(OutboundAttempt.started_at, OutboundAttempt.receiver, OutboundAttempt.number)
    )
    return list(await work.session.scalars(statement))


async def health(work: Work) -> dict[str, OutboundReceiver]:
    """How receivers fare that were sent anything, by key."""
    return {row.key: row for row in await work.session.scalars(select(OutboundReceiver))}


async def backlog(work: Work, receiver: str) -> Backlog:
    """What waits for a receiver, counted up to `MOST_COUNTED`, in the sequence in which it will be tried."""
    waiting = (
        select(OutboundSending.queued_at)
        .where(OutboundSending.receiver == receiver, OutboundSending.status == literal_column("'pending'"))
        .order_by(OutboundSending.next_try_at)
        .limit(MOST_COUNTED)
        .subquery()
    )
    count, oldest = (await work.session.execute(select(func.count(), func.min(waiting.c.queued_at)))).one()
    return Backlog(count, oldest)
