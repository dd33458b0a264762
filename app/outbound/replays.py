"""Sends events again: one at once, a stretch of time in steps. The id stays, so a receiver knows what it has had."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from uuid import UUID

from sqlalchemy import and_, or_, select, tuple_
from sqlalchemy.dialects.postgresql import insert

from app.db.work import Work
from app.errors import Invalid, NotFound
from app.jobs import defer
from app.outbound import service
from app.outbound.models import OutboundEvent, OutboundSending, SendingStatus
from app.outbound.vocabulary import EventType, wanted

# A month: more is asked for in several steps, so that a slip of the pen does not send a year again.
LONGEST_STRETCH = timedelta(days=31)
# Events in one transaction of a stretch.
STEP = 200


class UnknownReceiver(NotFound):
    """No receiver is configured under this key."""

    code = "unknown_receiver"
    title = "No such receiver"


class NoReceiver(Invalid):
    """No configured receiver wants the event."""

    code = "no_receiver"
    title = "Nobody to send it to"


class StretchRefused(Invalid):
    """The stretch of time is empty or too long."""

    code = "stretch_refused"
    title = "Not a stretch that can be replayed"


@dataclass(frozen=True, slots=True)
class Stretch:
    """Events from `since` until before `until`, for one receiver or (None) for each that wants them.

    `types` as a receiver's wishes; empty: all. `failed_only`: only what was given up.
    """

    since: datetime
    until: datetime
    receiver: str | None
    types: Sequence[str]
    failed_only: bool


def require_receiver(work: Work, key: str) -> str:
    """The key in lower case. Raises `UnknownReceiver`."""
    if key.lower() not in work.settings.events:
        raise UnknownReceiver(f"No receiver is configured under the key {key[:40]!r}.")
    return key.lower()


def stretch_of(
    work: Work,
    since: datetime,
    until: datetime | None,
    receiver: str | None,
    types: Sequence[str],
    failed_only: bool,
) -> Stretch:
    """A stretch that can be replayed; `until` is at most now. Raises `UnknownReceiver` and `StretchRefused`."""
    end = min(until or work.now, work.now)
    if since >= end:
        raise StretchRefused("`since` must be before `until`, and in the past.")
    if end - since > LONGEST_STRETCH:
        raise StretchRefused(f"A stretch has at most {LONGEST_STRETCH.days} days; ask for more in several steps.")
    return Stretch(since, end, require_receiver(work, receiver) if receiver else None, types, failed_only)


async def again(work: Work, event_id: UUID, receiver: str | None) -> OutboundEvent:
    """Has one event sent again: to a receiver that is named, whatever it wants, or to all that want it.

    Raises `NotFound`, `UnknownReceiver` and `NoReceiver`.
    """
    event = await work.session.get(OutboundEvent, event_id)
    if event is None:
        raise NotFound(f"There is no event {event_id}.")
    keys = [require_receiver(work, receiver)] if receiver else _wanting(work, event)
    if not keys:
        raise NoReceiver(f"No configured receiver wants {event.type} events; name one.")
    await _queue_again(work, [(event, key) for key in keys])
    return event


def _wanting(work: Work, event: OutboundEvent) -> list[str]:
    if event.type == EventType.TEST:
        return [key for key in [str(event.data.get("receiver"))] if key in work.settings.events]
    return service.receivers_of(work, event.type, event.store)


async def begin(work: Work, stretch: Stretch, after: UUID | None = None) -> None:
    """Enqueues (the rest of) a replay."""
    await defer(
        work.session,
        "outbound.replay",
        since=stretch.since.isoformat(),
        until=stretch.until.isoformat(),
        receiver=stretch.receiver,
        types=list(stretch.types),
        failed_only=stretch.failed_only,
        after=str(after) if after else None,
    )


async def step(work: Work, stretch: Stretch, after: UUID | None) -> None:
    """Has the next events of a stretch sent again, oldest first, and leaves the rest to another job.

    `after` is the last event of the step before, told at `stretch.since`.
    """
    statement = (
        select(OutboundEvent)
        .where(OutboundEvent.created_at >= stretch.since, OutboundEvent.created_at < stretch.until)
        .order_by(OutboundEvent.created_at, OutboundEvent.id)
        .limit(STEP)
    )
    if after is not None:
        statement = statement.where(tuple_(OutboundEvent.created_at, OutboundEvent.id) > (stretch.since, after))
    events = list(await work.session.scalars(statement))
    pairs = [(event, key) for event in events for key in _keys(work, stretch, event)]
    if stretch.failed_only:
        pairs = await _given_up(work, pairs)
    await _queue_again(work, pairs)
    if len(events) == STEP:
        await begin(work, replace(stretch, since=events[-1].created_at), events[-1].id)


def _keys(work: Work, stretch: Stretch, event: OutboundEvent) -> list[str]:
    if event.type == EventType.TEST or not wanted(stretch.types, event.type):
        return []
    found = service.receivers_of(work, event.type, event.store)
    return [key for key in found if stretch.receiver in (None, key)]


async def _given_up(work: Work, pairs: list[tuple[OutboundEvent, str]]) -> list[tuple[OutboundEvent, str]]:
    ids = [event.id for event, _ in pairs]
    failed = OutboundSending.status == SendingStatus.FAILED
    rows = await work.session.execute(
        select(OutboundSending.event_id, OutboundSending.receiver).where(OutboundSending.event_id.in_(ids), failed)
    )
    known = {(event_id, key) for event_id, key in rows}
    return [(event, key) for event, key in pairs if (event.id, key) in known]


async def _queue_again(work: Work, pairs: Sequence[tuple[OutboundEvent, str]]) -> None:
    """What waits to be sent already is left as it is, and is due now; everything else begins anew."""
    if not pairs:
        return
    rows = [
        {
            "event_id": event.id,
            "receiver": key,
            "seq": event.seq,
            "case_id": event.case_id,
            "status": SendingStatus.PENDING,
            "queued_at": work.now,
            "next_try_at": work.now,
            "created_at": event.created_at,
        }
        for event, key in pairs
    ]
    statement = insert(OutboundSending).values(rows)
    idle = or_(
        OutboundSending.status != SendingStatus.PENDING,
        and_(OutboundSending.claimed_at.is_(None), OutboundSending.next_try_at > work.now),
    )
    await work.session.execute(
        statement.on_conflict_do_update(
            index_elements=["event_id", "receiver"],
            set_={
                "status": SendingStatus.PENDING,
                "tries": 0,
                "refusals": 0,
                "queued_at": work.now,
                "next_try_at": work.now,
                "claimed_at": None,
                "delivered_at": None,
            },
            where=idle,
        )
    )
