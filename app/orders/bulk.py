"""Keeps the snapshots of many orders in a few statements: the plain ones, of which nobody wants anything back.

An order with a case or a refund is not plain: `app.orders.service` keeps it, and its cases are told. Most of what
stores send is about plain ones.
"""

from __future__ import annotations

import json
from collections.abc import Collection, Iterable
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy import text

from app.db.base import new_id
from app.db.work import Work
from app.jobs import defer_many
from app.orders.service import columns_of, decoded, merged
from app.orders.snapshot import OrderSnapshot

OrderKey = tuple[str, str]
"""A store's key and its id of an order."""

_COLUMNS = ("number", "email", "currency", "exponent", "captured", "snapshot", "source_updated_at", "placed_at")
# Who is locked is at work with it, or was made this moment: such an order is left to those who wait.
_LOAD = text(
    "SELECT id, store, order_id, redacted_at, news_sha256, number, email, currency, exponent, captured, snapshot, "
    "source_updated_at, placed_at FROM orders JOIN unnest(CAST(:stores AS text[]), CAST(:ids AS text[])) "
    "AS wanted(wanted_store, wanted_id) ON store = wanted_store AND order_id = wanted_id "
    "FOR NO KEY UPDATE OF orders SKIP LOCKED"
)
# Without a lock: these are known, and in somebody else's hands.
_KNOWN = text(
    "SELECT store, order_id FROM orders JOIN unnest(CAST(:stores AS text[]), CAST(:ids AS text[])) "
    "AS wanted(wanted_store, wanted_id) ON store = wanted_store AND order_id = wanted_id"
)
# Asked after the locks are held: a case that was opened a moment ago held its order's.
_WANTED_BACK = text(
    "SELECT order_pk FROM cases WHERE order_pk = ANY(CAST(:ids AS uuid[])) "
    "UNION SELECT order_pk FROM observed_refunds WHERE order_pk = ANY(CAST(:ids AS uuid[]))"
)
_RECORD = (
    "jsonb_to_recordset(CAST(:rows AS jsonb)) AS news(id uuid, store text, order_id text, number text, email text, "
    "currency text, exponent int, captured bigint, snapshot jsonb, source_updated_at timestamptz, "
    "placed_at timestamptz, digest text)"
)
_INSERT = text(
    f"INSERT INTO orders (id, store, order_id, {', '.join(_COLUMNS)}, news_sha256) "  # noqa: S608
    f"SELECT id, store, order_id, {', '.join(_COLUMNS)}, decode(digest, 'hex') FROM {_RECORD} "
    "ON CONFLICT (store, order_id) DO NOTHING RETURNING id"
)
_UPDATE = text(
    f"UPDATE orders SET {', '.join(f'{name} = news.{name}' for name in _COLUMNS)}, "  # noqa: S608
    f"news_sha256 = decode(digest, 'hex'), updated_at = :now FROM {_RECORD} WHERE orders.id = news.id"
)


@dataclass(slots=True)
class PlainOrder:
    """An order as it will be kept. `pk` is None for one that is not known yet; `reread` says that two different bodies
    claim the same moment, so that only the store can say what is true.
    """

    store: str
    order_id: str
    pk: UUID | None = None
    columns: dict[str, Any] | None = None
    digest: bytes | None = None
    changed: bool = False
    reread: bool = False
    _snapshot: OrderSnapshot | None = None

    def hear(self, news: OrderSnapshot, digest: bytes) -> bool:
        """Takes in what one body says, and answers whether that changes anything; as `orders.service.keep` does it."""
        if self.columns is None:
            self._become(news)
        elif news.updated_at < self.columns["source_updated_at"]:
            return False
        elif not self._differs(news):
            self.digest = digest
            return False
        self.digest, self.changed = digest, True
        return True

    def _differs(self, news: OrderSnapshot) -> bool:
        known = self._snapshot or decoded(self.known["snapshot"])
        same_moment = news.updated_at == self.known["source_updated_at"]
        before = self.known
        self._become(merged(known, news, complete=False))
        if self.columns == before:
            return False
        self.reread = self.reread or same_moment
        return True

    @property
    def known(self) -> dict[str, Any]:
        """What is kept so far."""
        assert self.columns is not None
        return self.columns

    def _become(self, news: OrderSnapshot) -> None:
        self._snapshot, self.columns = news, columns_of(news)


def is_plain(news: OrderSnapshot) -> bool:
    """Whether this body asks for nothing but to be kept."""
    return not news.refunds and not news.withdrawn


async def load(work: Work, keys: Collection[OrderKey]) -> tuple[dict[OrderKey, PlainOrder], set[OrderKey]]:
    """The known orders among these that are plain and free, locked; and those that are known and not plain."""
    stores, ids = [key[0] for key in keys], [key[1] for key in keys]
    rows = (await work.session.execute(_LOAD, {"stores": stores, "ids": ids})).mappings().all()
    wanted_back: set[UUID] = set()
    if rows:
        found = await work.session.scalars(_WANTED_BACK, {"ids": [row["id"] for row in rows]})
        wanted_back = set(found)
    plain, others = {}, set[OrderKey]()
    for row in rows:
        key = (row["store"], row["order_id"])
        if row["id"] in wanted_back or row["redacted_at"] is not None or row["snapshot"].get("withdrawn"):
            others.add(key)
        else:
            columns = {name: row[name] for name in _COLUMNS}
            plain[key] = PlainOrder(*key, row["id"], columns, row["news_sha256"])
    return plain, others | await _held_by_others(work, set(keys) - plain.keys() - others)


async def _held_by_others(work: Work, keys: set[OrderKey]) -> set[OrderKey]:
    """Known orders that are locked: taken for new ones they would be waited for, with locks of others in hand."""
    if not keys:
        return set()
    stores, ids = zip(*keys, strict=True)
    rows = await work.session.execute(_KNOWN, {"stores": list(stores), "ids": list(ids)})
    return {(row.store, row.order_id) for row in rows}


async def keep(work: Work, orders: Iterable[PlainOrder]) -> set[OrderKey]:
    """Writes what changed; answers the orders that somebody else made this moment, of which nothing was kept."""
    changed = [order for order in orders if order.changed]
    known = [order for order in changed if order.pk is not None]
    # In sequence, and new to everybody: who waits for another's new orders waits in no circle.
    fresh = sorted((order for order in changed if order.pk is None), key=lambda one: (one.store, one.order_id))
    if known:
        await work.session.execute(_UPDATE, {"rows": _rows(known), "now": work.now})
    taken = set[OrderKey]()
    if fresh:
        for order in fresh:
            order.pk = new_id()
        made = set(await work.session.scalars(_INSERT, {"rows": _rows(fresh)}))
        taken = {(order.store, order.order_id) for order in fresh if order.pk not in made}
    doubtful = [one for one in changed if one.reread and (one.store, one.order_id) not in taken]
    wishes = [{"store": one.store, "order_id": one.order_id} for one in doubtful]
    await defer_many(work.session, "orders.refresh", wishes)
    return taken


def _rows(orders: Iterable[PlainOrder]) -> str:
    return json.dumps([_row(order) for order in orders], default=_text)


def _row(order: PlainOrder) -> dict[str, Any]:
    digest = order.digest.hex() if order.digest else None
    return {"id": str(order.pk), "store": order.store, "order_id": order.order_id, "digest": digest, **order.known}


def _text(value: object) -> str:
    if isinstance(value, datetime):
        return value.isoformat()
    raise TypeError(type(value).__name__)
