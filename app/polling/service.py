"""How far each store has been asked what changed. Nothing is called here."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from uuid import UUID

from sqlalchemy import BindParameter, bindparam, func, or_, select, union, update

from app.cases.models import Case
from app.cases.vocabulary import ENDED
from app.db.work import Work
from app.orders.models import Order
from app.polling import turns
from app.polling.models import StorePoll
from app.refunds.models import Refund
from app.refunds.states import UNSETTLED
from app.stores.base import ChangedPage, StoreRefused, StoreUnavailable

# Deleting or failing a refund need not change its order, so orders are read again for so long after their cases moved.
_AFTERCARE = timedelta(days=30)
# Readings of one round, so that a store with many open cases is not asked for all of them at once.
REREADS_AT_ONCE = 50


# Written into the statement, so that PostgreSQL sees that the partial index of open cases serves it.
_ENDED: BindParameter[list[str]] = bindparam(
    "ended", sorted(str(state) for state in ENDED), expanding=True, literal_execute=True
)


@dataclass(frozen=True, slots=True)
class Walk:
    """One worker's step of a walk: what to ask for, the lease that allows it, and how often it failed just before."""

    store: str
    lease: UUID
    since: datetime
    cursor: str | None
    started_at: datetime
    known_since: datetime
    failures: int


def interval(work: Work) -> timedelta:
    """How long a store is left alone."""
    return timedelta(seconds=work.settings.poll_seconds)


def overlap(work: Work) -> timedelta:
    """How far each walk reaches back before what was seen, for news that the store lists late."""
    return timedelta(seconds=work.settings.poll_overlap_seconds)


async def due(work: Work) -> list[StorePoll]:
    """The stores to ask now, leased; a new store begins some days back, not at the beginning of time."""
    keys = list(work.settings.stores)
    start = work.now - timedelta(days=work.settings.poll_first_days)
    await turns.add_missing(work, StorePoll, keys, {"watermark": start})
    return await turns.take_due(work, StorePoll, keys)


async def begin(work: Work, store: str, lease: UUID) -> Walk:
    """Begins a walk or goes on with the one that was left off. Raises `LeaseLost`."""
    row = await turns.begin(work, StorePoll, store, lease)
    if row.since is None or row.started_at is None or row.cursor is None:
        row.since, row.started_at, row.newest = row.watermark - overlap(work), work.now, None
    return Walk(store, _lease_of(row), row.since, row.cursor, row.started_at, row.created_at, row.failures)


def _lease_of(row: StorePoll) -> UUID:
    if row.lease is None:
        raise turns.LeaseLost(f"nobody works on {row.store}")
    return row.lease


async def go_on(work: Work, walk: Walk) -> None:
    """Keeps the lease for the next order. Raises `LeaseLost`."""
    row = await turns.held(work, StorePoll, walk.store, walk.lease)
    row.leased_until = work.now + turns.LEASE


async def turned(work: Work, walk: Walk, page: ChangedPage, left: str | None) -> bool:
    """A page is kept: the cursor moves on; at the end the watermark does, and the answer is True.

    `left` is why an order of it was left behind; that is shown, and such an order is not waited for again.

    The watermark follows the store's own times, so its clock may be off; a time in our future is not believed.
    """
    row = await turns.held(work, StorePoll, walk.store, walk.lease)
    seen = [one.updated_at for one in page.orders] + ([row.newest] if row.newest else [])
    row.newest = max(seen, default=None)
    row.error, row.failures = left and left[:500], row.failures + 1 if left else 0
    row.cursor = page.next_cursor
    if page.next_cursor is not None:
        turns.give_back(row)
        row.next_due = work.now
        return False
    if row.newest is not None:
        row.watermark = max(row.watermark, min(row.newest, walk.started_at))
    row.complete_as_of = walk.started_at
    row.since = row.started_at = row.newest = None
    row.leased_until = work.now + turns.LEASE
    return True


async def finished(work: Work, walk: Walk) -> None:
    """Everything was asked; the store is left alone for the interval. Raises `LeaseLost`."""
    row = await turns.held(work, StorePoll, walk.store, walk.lease)
    turns.give_back(row)
    row.next_due = work.now + interval(work)


async def failed(work: Work, walk: Walk, error: StoreUnavailable | StoreRefused) -> None:
    """The store did not answer, throttles, or refuses: the walk goes on later from where it stands."""
    row = await turns.held(work, StorePoll, walk.store, walk.lease)
    if isinstance(error, StoreRefused):
        # Perhaps it is the cursor that it does not take; a walk from the start does no harm.
        row.cursor = None
        turns.failed(work, row, error.detail, interval(work), interval(work))
    else:
        turns.failed(work, row, error.detail, interval(work), timedelta(seconds=error.retry_after or 0))


async def read_back(work: Work, store: str, until: datetime) -> None:
    """Everything that changed from `until` on is asked for once more, beginning now; a walk under way ends."""
    await work.session.execute(
        update(StorePoll)
        .where(StorePoll.store == store)
        .values(
            watermark=func.least(StorePoll.watermark, until),
            cursor=None,
            since=None,
            started_at=None,
            newest=None,
            next_due=work.now,
            lease=None,
            leased_until=None,
        )
    )


async def to_reread(work: Work, store: str) -> Sequence[tuple[UUID, str]]:
    """Orders to read whether or not they changed, the longest unread first: key and the store's id.

    A deleted WooCommerce refund, a payment that was pending, a delivery or a dispute need not move an order's time.
    """
    moved = Case.updated_at > work.now - _AFTERCARE
    watched = union(
        select(Case.order_pk).where(Case.store == store, Case.state.not_in(_ENDED)),
        select(Case.order_pk).where(Case.store == store, moved),
        select(Refund.order_pk).where(
            Refund.store == store, Refund.status.in_([str(one) for one in sorted(UNSETTLED)])
        ),
    )
    before = work.now - timedelta(minutes=work.settings.poll_reread_minutes)
    asked = func.greatest(Order.read_at, Order.reread_at)
    statement = (
        select(Order.id, Order.order_id)
        .where(Order.id.in_(watched.subquery().select()), or_(asked.is_(None), asked <= before))
        .order_by(asked.asc().nulls_first())
        .limit(REREADS_AT_ONCE)
    )
    return [(row.id, row.order_id) for row in await work.session.execute(statement)]


async def rereading(work: Work, order_pk: UUID) -> None:
    """Notes that the order is asked for now, so that one which cannot be read does not keep others from their turn."""
    await work.session.execute(update(Order).where(Order.id == order_pk).values(reread_at=work.now))


async def statuses(work: Work) -> dict[str, StorePoll]:
    """The rows of the configured stores, by key."""
    rows = await work.session.scalars(select(StorePoll).where(StorePoll.store.in_(list(work.settings.stores))))
    return {row.store: row for row in rows}
