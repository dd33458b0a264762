"""Reads a batch of stores' deliveries together: those that only say how a plain order is now. The rest is left over."""

from __future__ import annotations

import asyncio
import hashlib
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any
from uuid import UUID

from sqlalchemy import LargeBinary, func, select, text, type_coerce
from sqlalchemy.engine import Row

from app import watching
from app.db.work import Work
from app.orders import bulk
from app.orders.bulk import OrderKey, PlainOrder
from app.orders.reading import UnreadablePayload, identifier, parse_object
from app.orders.snapshot import OrderSnapshot
from app.stores import installation
from app.webhooks import inbox, packing
from app.webhooks.clones import refuse_clone
from app.webhooks.models import Delivery, SourceKind
from app.webhooks.topics import order_named_in, reader_of_orders

# Deliveries that are taken at a time, and bytes of their bodies: what a machine with little memory can hold.
MOST = 200
MOST_BYTES = 8 * 1024 * 1024
# Bodies that are read before somebody else's work goes on.
_AT_A_STRETCH = 8
_DONE = text(
    "UPDATE deliveries SET status = CASE WHEN why IS NULL THEN 'processed' ELSE 'ignored' END, error = why, "
    "attempts = attempts + 1, processed_at = :now "
    "FROM unnest(CAST(:ids AS uuid[]), CAST(:whys AS text[])) AS read(read_id, why) WHERE id = read_id"
)
NOTHING_NEW = "nothing new"


@dataclass(slots=True)
class Heard:
    """One body of an order: where it comes from, its digest, and what is in it."""

    delivery_id: UUID
    topic: str
    digest: bytes
    payload: Mapping[str, Any]
    reader: Callable[[Mapping[str, Any]], OrderSnapshot]


@dataclass(slots=True)
class Sorted:
    """A batch by order, each in the sequence in which it came. What must be read one by one is in `left`."""

    by_order: dict[OrderKey, list[Heard]] = field(default_factory=dict)
    left: list[UUID] = field(default_factory=list)
    not_plain: set[OrderKey] = field(default_factory=set)


async def take(work: Work) -> list[Row[Any]]:
    """Due deliveries of stores, oldest first, locked; those that others read are passed over. `deaths` is theirs."""
    kept = type_coerce(Delivery.body, LargeBinary)
    head = func.substring(kept, 1, packing.HEAD, type_=LargeBinary)
    statement = (
        select(Delivery.id, Delivery.deaths, func.octet_length(kept).label("size"), head.label("head"))
        .where(inbox.due(work), Delivery.source_kind == SourceKind.STORE)
        .order_by(Delivery.id)
        .limit(MOST)
        .with_for_update(skip_locked=True)
    )
    taken: list[Row[Any]] = []
    size = 0
    for row in await work.session.execute(statement):
        size += packing.length(row.head, row.size)
        if taken and size > MOST_BYTES:
            break
        taken.append(row)
    return taken


async def read_together(work: Work, taken: Sequence[UUID]) -> list[UUID]:
    """Reads what can be read together of locked deliveries; answers the others, in sequence.

    Whatever is odd about one leaves it to be read by itself, where it fails alone.
    """
    batch = await _sorted(work, taken)
    known, not_plain = await bulk.load(work, batch.by_order.keys() - batch.not_plain)
    batch.not_plain |= not_plain
    outcomes: dict[UUID, str | None] = {}
    kept: list[PlainOrder] = []
    for at, (key, bodies) in enumerate(batch.by_order.items()):
        if at % _AT_A_STRETCH == 0:
            await asyncio.sleep(0)
        order = known.get(key) or PlainOrder(*key)
        told = None if key in batch.not_plain else _hear(order, bodies)
        if told is None:
            batch.not_plain.add(key)
        else:
            outcomes |= told
            kept.append(order)
    batch.not_plain |= await bulk.keep(work, kept)
    for key in batch.not_plain & batch.by_order.keys():
        batch.left += [heard.delivery_id for heard in batch.by_order[key]]
    for delivery_id in batch.left:
        outcomes.pop(delivery_id, None)
    if outcomes:
        values = {"ids": list(outcomes), "whys": list(outcomes.values()), "now": work.now}
        await work.session.execute(_DONE, values)
        _tell(work, batch, outcomes)
    return sorted(batch.left)


def _tell(work: Work, batch: Sorted, outcomes: Mapping[UUID, str | None]) -> None:
    told = Counter(
        (source, heard.topic, "ignored" if outcomes[heard.delivery_id] else "processed")
        for (source, _), bodies in batch.by_order.items()
        for heard in bodies
        if heard.delivery_id in outcomes
    )
    watching.deliveries_read(work.session, SourceKind.STORE, told)


def _hear(order: PlainOrder, bodies: Sequence[Heard]) -> dict[UUID, str | None] | None:
    """What each body changes, by its delivery; None when one asks for more than to be kept."""
    outcomes: dict[UUID, str | None] = {}
    for heard in bodies:
        if heard.digest == order.digest:
            outcomes[heard.delivery_id] = NOTHING_NEW
            continue
        try:
            news = heard.reader(heard.payload)
            if not bulk.is_plain(news):
                return None
            outcomes[heard.delivery_id] = None if order.hear(news, heard.digest) else NOTHING_NEW
        except Exception:  # noqa: BLE001 - whatever it is, it is found again and told when the delivery is read by itself
            return None
    return outcomes


async def _sorted(work: Work, taken: Sequence[UUID]) -> Sorted:
    batch = Sorted()
    gone = await installation.uninstalled(work)
    columns = (Delivery.id, Delivery.source, Delivery.topic, Delivery.headers, Delivery.body)
    rows = await work.session.execute(select(*columns).where(Delivery.id.in_(taken)).order_by(Delivery.id))
    for at, row in enumerate(rows):
        if at % _AT_A_STRETCH == 0:
            await asyncio.sleep(0)
        store = work.settings.stores.get(row.source)
        try:
            if store is None or row.source in gone:
                raise UnreadablePayload("it is not for a store that is there")
            refuse_clone(store, row.headers)
            payload = parse_object(row.body)
        except UnreadablePayload:
            batch.left.append(row.id)
            continue
        order_id, reader = identifier(payload, "id"), reader_of_orders(store.platform, row.topic)
        if reader is None or order_id is None:
            batch.left.append(row.id)
            batch.not_plain.add((row.source, order_named_in(payload) or ""))
            continue
        heard = Heard(row.id, row.topic, hashlib.sha256(row.body).digest(), payload, reader)
        batch.by_order.setdefault((row.source, order_id), []).append(heard)
    return batch
