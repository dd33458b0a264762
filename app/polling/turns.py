"""Who works on a store: the row says when it is due, and one lease at a time is good for it."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import TypeVar
from uuid import UUID

from sqlalchemy import or_, select
from sqlalchemy.dialects.postgresql import insert

from app.db.base import new_id
from app.db.work import Work
from app.polling.models import StorePoll, WebhookCheck

T = TypeVar("T", StorePoll, WebhookCheck)

# Longer than the longest single call to a store (WooCommerce: 160 s); renewed between calls.
LEASE = timedelta(seconds=180)
# After a fault that passes, the first wait; it doubles up to the usual interval.
_FIRST_WAIT = timedelta(seconds=15)


class LeaseLost(Exception):
    """Somebody else has taken over, or the work was called off: nothing more may be written."""


async def add_missing(work: Work, model: type[T], stores: Sequence[str], first: dict[str, datetime]) -> None:
    """Makes the rows of stores that have none; `first` are values of theirs."""
    known = set(await work.session.scalars(select(model.store)))
    for store in stores:
        if store not in known:
            values = {"store": store, "next_due": work.now, "created_at": work.now, **first}
            await work.session.execute(insert(model).values(**values).on_conflict_do_nothing())


async def take_due(work: Work, model: type[T], stores: Sequence[str]) -> list[T]:
    """The rows that are due and nobody's, each with a fresh lease. Two workers never get the same one."""
    free = or_(model.leased_until.is_(None), model.leased_until <= work.now)
    statement = (
        select(model)
        .where(model.store.in_(stores), model.next_due <= work.now, free)
        .order_by(model.next_due)
        .limit(20)
        .with_for_update(skip_locked=True)
    )
    found = list(await work.session.scalars(statement))
    for row in found:
        renew(work, row)
    return found


async def begin(work: Work, model: type[T], store: str, lease: UUID) -> T:
    """The row, locked, with a lease of the caller's own: a job that runs twice begins once. Raises `LeaseLost`."""
    row = await held(work, model, store, lease)
    renew(work, row)
    return row


async def held(work: Work, model: type[T], store: str, lease: UUID) -> T:
    """The row, locked and read anew. Raises `LeaseLost` when the lease is not the caller's any more."""
    statement = select(model).where(model.store == store).with_for_update(key_share=True)
    row = await work.session.scalar(statement.execution_options(populate_existing=True))
    if row is None or row.lease != lease:
        raise LeaseLost(f"somebody else works on {store}")
    return row


def renew(work: Work, row: StorePoll | WebhookCheck) -> None:
    """A new lease for the row."""
    row.lease, row.leased_until = new_id(), work.now + LEASE


def give_back(row: StorePoll | WebhookCheck) -> None:
    """The work is done for now."""
    row.lease = row.leased_until = None


def failed(work: Work, row: StorePoll | WebhookCheck, error: str, interval: timedelta, wait: timedelta) -> None:
    """The store did not do what was asked; it is asked again after a while, at least `wait`."""
    give_back(row)
    row.error = error[:500]
    backing_off = min(interval, _FIRST_WAIT * 2 ** min(row.failures, 10))
    row.failures += 1
    row.next_due = work.now + max(wait, backing_off)
