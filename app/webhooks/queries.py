"""Finds deliveries."""

from __future__ import annotations

from uuid import UUID

from sqlalchemy import CTE, Select, literal, select, true, tuple_
from sqlalchemy.orm import defer

from app.db.work import Work
from app.webhooks.models import Delivery, SourceKind


async def search(
    work: Work,
    *,
    status: str | None,
    store: str | None,
    supplier: str | None,
    topic: str | None,
    after: UUID | None,
    limit: int,
) -> list[Delivery]:
    """Deliveries without their bodies, newest first, that come after the item `after`; a None does not matter."""
    statement = select(Delivery.id).order_by(Delivery.id.desc()).limit(limit)
    if status is not None:
        statement = statement.where(Delivery.status == status)
    if topic is not None:
        statement = statement.where(Delivery.topic == topic)
    for kind, key in ((SourceKind.STORE, store), (SourceKind.SUPPLIER, supplier)):
        if key is not None:
            statement = statement.where(Delivery.source_kind == kind, Delivery.source == key)
    if after is not None:
        statement = statement.where(Delivery.id < after)
    if topic is not None and store is None and supplier is None:
        statement = _of_every_sender(statement, _senders(topic))
    shown = select(Delivery).where(Delivery.id.in_(statement)).order_by(Delivery.id.desc()).limit(limit)
    return list(await work.session.scalars(shown.options(defer(Delivery.body))))


def _senders(topic: str) -> CTE:
    """Who ever sent that topic, found by one look into the index for each of them."""
    # The topic is compared within the row alone, where the index begins with it: told apart it would be where the look
    # begins, and every delivery of the topic up to the next sender would be passed by.
    place = (Delivery.topic, Delivery.source_kind, Delivery.source)
    about = literal(topic)
    next_one = select(*place).order_by(*place).limit(1)
    first = next_one.where(tuple_(*place) > tuple_(about, "", "")).subquery()
    found = select(first.c.source_kind, first.c.source).where(first.c.topic == about).cte("senders", recursive=True)
    after = tuple_(*place) > tuple_(about, found.c.source_kind, found.c.source)
    following = next_one.where(after).correlate(found).lateral()
    further = select(following.c.source_kind, following.c.source).select_from(found.join(following, true()))
    return found.union_all(further.where(following.c.topic == about))


def _of_every_sender(newest: Select[UUID], senders: CTE) -> Select[UUID]:
    """The newest of each sender: of a topic that is rare with one of them, or as a whole, no others are read."""
    theirs = newest.where(Delivery.source_kind == senders.c.source_kind, Delivery.source == senders.c.source)
    each = theirs.correlate(senders).lateral()
    return select(each.c.id).select_from(senders.join(each, true()))
