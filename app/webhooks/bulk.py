"""Writes many deliveries in one statement, which is one transaction and one wait for the disk.

The columns go over as PostgreSQL's own binary arrays, made here: a body is copied once, and nothing is quoted.
"""

from __future__ import annotations

import struct
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

from pydantic_core import to_json

from app.db.base import new_id
from app.webhooks.inbox import CHANNEL, Arrival, is_id_only, kept_headers
from app.webhooks.line import Line

# Sent outside the transaction that stores, for PostgreSQL commits transactions with a NOTIFY one by one. That it is not
# waited for on the disk is right: what it tells is already there.
_WAKE = f"SELECT set_config('synchronous_commit', 'off', true), pg_notify('{CHANNEL}', '')"

_KEY = ("source_kind", "source", "dedupe_key")
_TEXTS = (*_KEY, "topic", "webhook_id", "event_id", "delivery_id", "trace")
# A conflict neither waits for whoever reads the row nor writes anything: repeats are none of the news' business.
_INSERT = f"""
INSERT INTO deliveries (id, received_at, duplicates, body, headers, {", ".join(_TEXTS)})
SELECT unnest($1::uuid[]), unnest($2::timestamptz[]), unnest($3::int4[]), unnest($4::bytea[]),
  unnest($5::text[])::jsonb, {", ".join(f"unnest(${place}::text[])" for place in range(6, 6 + len(_TEXTS)))}
ON CONFLICT (source_kind, source, dedupe_key) DO NOTHING
RETURNING id
"""
# A row of our own id was stored by an attempt of ours whose answer was lost; that is no repeat. A repeat of a topic
# whose body is only an id is news: it is read again, and its body is there again should it have been erased.
_REPEAT = """
UPDATE deliveries AS known SET
  duplicates = known.duplicates + came.times,
  status = CASE WHEN came.is_news THEN 'pending' ELSE known.status END,
  next_try_at = CASE WHEN came.is_news THEN NULL ELSE known.next_try_at END,
  processed_at = CASE WHEN came.is_news THEN NULL ELSE known.processed_at END,
  deaths = CASE WHEN came.is_news THEN 0 ELSE known.deaths END,
  attempts = CASE WHEN came.is_news THEN 0 ELSE known.attempts END,
  body = CASE WHEN came.is_news AND known.erased_at IS NOT NULL THEN came.body ELSE known.body END,
  body_sha256 = CASE WHEN came.is_news THEN NULL ELSE known.body_sha256 END,
  erased_at = CASE WHEN came.is_news THEN NULL ELSE known.erased_at END
FROM (
  SELECT unnest($1::uuid[]) AS id, unnest($2::text[]) AS source_kind, unnest($3::text[]) AS source,
    unnest($4::text[]) AS dedupe_key, unnest($5::int4[]) AS times, unnest($6::bool[]) AS is_news,
    unnest($7::bytea[]) AS body
) AS came
WHERE known.source_kind = came.source_kind AND known.source = came.source AND known.dedupe_key = came.dedupe_key
  AND known.id <> came.id
RETURNING came.id
"""
_OIDS = {"bool": 16, "bytea": 17, "int4": 23, "text": 25, "timestamptz": 1184, "uuid": 2950}
_HEAD = struct.Struct("!iiIii")
_INT4 = struct.Struct("!i")
_INT8 = struct.Struct("!q")
_NULL = _INT4.pack(-1)
_EPOCH = datetime(2000, 1, 1, tzinfo=UTC)
_MICROSECOND = timedelta(microseconds=1)


# Not frozen, for that costs a microsecond for each field: these are made for every delivery.
@dataclass(slots=True)
class Row:
    """One delivery in the words of PostgreSQL; what cannot be said in them fails when it is made, and alone."""

    id: bytes
    received_at: bytes
    body: bytes
    headers: bytes
    texts: tuple[bytes | None, ...]
    is_id_only: bool

    @property
    def key(self) -> tuple[bytes | None, ...]:
        """What makes two deliveries the same."""
        return self.texts[: len(_KEY)]


@dataclass(slots=True)
class Times:
    """A row, and how often it came besides."""

    row: Row
    repeats: int


def row_of(arrival: Arrival, now: datetime) -> Row:
    """The row of what has arrived now."""
    told = (
        arrival.source_kind, arrival.source, arrival.dedupe_key, arrival.topic, arrival.webhook_id, arrival.event_id,
        arrival.delivery_id, arrival.trace,
    )  # fmt: skip
    return Row(
        id=new_id().bytes,
        received_at=_INT8.pack((now - _EPOCH) // _MICROSECOND),
        body=arrival.body,
        headers=to_json(kept_headers(arrival.headers)),
        texts=tuple(None if text is None else text.encode() for text in told),
        is_id_only=is_id_only(arrival.topic),
    )


async def insert(line: Line, all_of_them: Sequence[Times]) -> set[bytes]:
    """Stores these rows, no two of which are the same delivery, and answers the ids of those that are stored now.

    The others were there before. All waits for the disk are over.
    """
    # In one sequence everywhere, so that two processes that are sent the same never wait for each other in a ring.
    ordered = sorted(all_of_them, key=lambda one: one.row.key)
    rows = [one.row for one in ordered]
    arrays = [
        _array("uuid", [row.id for row in rows]),
        _array("timestamptz", [row.received_at for row in rows]),
        _array("int4", [_INT4.pack(one.repeats) for one in ordered]),
        _array("bytea", [row.body for row in rows]),
        _array("text", [row.headers for row in rows]),
        *_text_arrays(rows, len(_TEXTS)),
    ]
    return set(await line.execute(_INSERT, arrays))


async def count_repeats(line: Line, all_of_them: Sequence[Times]) -> None:
    """Counts deliveries that were there before; those that are news all the same wait to be read again."""
    rows = [one.row for one in all_of_them]
    kinds, sources, keys = _text_arrays(rows, len(_KEY))
    times = [_INT4.pack(one.repeats + 1) for one in all_of_them]
    arrays = [
        _array("uuid", [row.id for row in rows]), kinds, sources, keys,
        _array("int4", times),
        _array("bool", [b"\x01" if row.is_id_only else b"\x00" for row in rows]),
        _array("bytea", [row.body if row.is_id_only else None for row in rows]),
    ]  # fmt: skip
    counted = set(await line.execute(_REPEAT, arrays))
    gone = [one for one in all_of_them if one.row.id not in counted]
    if gone:
        # Deleted since it was found to be there; what is there under our own id stays as it is.
        await insert(line, gone)


async def wake_readers(line: Line) -> None:
    """Tells every reader that there is something to read."""
    await line.execute(_WAKE, [])


def _text_arrays(rows: Sequence[Row], count: int) -> Iterable[bytes]:
    return (_array("text", [row.texts[place] for row in rows]) for place in range(count))


def _array(of: str, items: Sequence[bytes | None]) -> bytes:
    """One dimension, from 1 on, as `array_send` of PostgreSQL writes it."""
    parts = [_HEAD.pack(1, any(item is None for item in items), _OIDS[of], len(items), 1)]
    for item in items:
        if item is None:
            parts.append(_NULL)
        else:
            parts += (_INT4.pack(len(item)), item)
    return b"".join(parts)
