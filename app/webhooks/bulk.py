"""Writes many deliveries in one statement, which is one transaction and one wait for the disk.

The columns go over as PostgreSQL's own binary arrays, made here: a body is copied once, and nothing is quoted.
"""

from __future__ import annotations

import struct
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from functools import lru_cache

from pydantic_core import to_json

from app.db.base import new_id
from app.webhooks.inbox import CHANNEL, Arrival, is_id_only, kept_headers
from app.webhooks.line import Line
from app.webhooks.packing import pack

# Sent outside the transaction that stores, for PostgreSQL commits transactions with a NOTIFY one by one. That it is not
# waited for on the disk is right: what it tells is already there.
_WAKE = f"SELECT set_config('synchronous_commit', 'off', true), pg_notify('{CHANNEL}', '')"

# The columns that a row knows of itself, in the sequence of its cells, the first four being what a repeat needs.
_CELLS = {
    "id": "uuid", "source_kind": "text", "source": "text", "dedupe_key": "text", "received_at": "timestamptz",
    "headers": "text", "topic": "text", "webhook_id": "text", "event_id": "text", "delivery_id": "text",
    "trace": "text",
}  # fmt: skip
_OF_REPEATS = 4
_TYPES = tuple(_CELLS.values())
_VALUES = ", ".join(
    f"unnest(${place}::{of}[]){'::jsonb' if name == 'headers' else ''}"
    for place, (name, of) in enumerate(_CELLS.items(), start=1)
)
# A conflict neither waits for whoever reads the row nor writes anything: repeats are none of the news' business.
_INSERT = f"""
INSERT INTO deliveries ({", ".join(_CELLS)}, duplicates, body)
SELECT {_VALUES}, unnest(${len(_CELLS) + 1}::int4[]), unnest(${len(_CELLS) + 2}::bytea[])
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
_LENGTH = struct.Struct("!i")
_INT4 = struct.Struct("!ii")
_INT8 = struct.Struct("!iq")
_NULL = _LENGTH.pack(-1)
_UUID = _LENGTH.pack(16)
_EPOCH = datetime(2000, 1, 1, tzinfo=UTC)
_MICROSECOND = timedelta(microseconds=1)


# Not frozen, for that costs a microsecond for each field: these are made for every delivery.
@dataclass(slots=True)
class Row:
    """One delivery in the words of PostgreSQL; what cannot be said in them fails when it is made, and alone.

    `key` is what makes two deliveries the same. `cells` are those of `_CELLS`, each with its length before it; the
    body, which may be large, is not copied.
    """

    id: bytes
    key: tuple[bytes, ...]
    cells: tuple[bytes, ...]
    body: bytes
    is_id_only: bool


@dataclass(slots=True)
class Times:
    """A row, and how often it came besides."""

    row: Row
    repeats: int


def row_of(arrival: Arrival, now: datetime) -> Row:
    """The row of what has arrived now, its cells in the sequence of `_CELLS`."""
    own = new_id().bytes
    cells = (
        _UUID + own,
        _often(arrival.source_kind),
        _often(arrival.source),
        _text(arrival.dedupe_key),
        _INT8.pack(8, (now - _EPOCH) // _MICROSECOND),
        _cell(to_json(kept_headers(arrival.headers))),
        _often(arrival.topic),
        _text(arrival.webhook_id),
        _text(arrival.event_id),
        _text(arrival.delivery_id),
        _text(arrival.trace),
    )
    return Row(own, cells[1:_OF_REPEATS], cells, pack(arrival.body), is_id_only(arrival.topic))


async def insert(line: Line, all_of_them: Sequence[Times]) -> set[bytes]:
    """Stores these rows, no two of which are the same delivery, and answers the ids of those that are stored now.

    The others were there before. All waits for the disk are over.
    """
    # In one sequence everywhere, so that two processes that are sent the same never wait for each other in a ring.
    ordered = sorted(all_of_them, key=lambda one: one.row.key)
    columns = zip(*[one.row.cells for one in ordered], strict=True)
    arrays = [_array(of, column) for of, column in zip(_TYPES, columns, strict=True)]
    arrays.append(_array("int4", [_INT4.pack(4, one.repeats) for one in ordered]))
    arrays.append(_bodies([one.row.body for one in ordered]))
    return set(await line.execute(_INSERT, arrays))


async def count_repeats(line: Line, all_of_them: Sequence[Times]) -> None:
    """Counts deliveries that were there before; those that are news all the same wait to be read again."""
    rows = [one.row for one in all_of_them]
    columns = zip(*[row.cells[:_OF_REPEATS] for row in rows], strict=True)
    arrays = [_array(of, column) for of, column in zip(_TYPES[:_OF_REPEATS], columns, strict=True)]
    arrays.append(_array("int4", [_INT4.pack(4, one.repeats + 1) for one in all_of_them]))
    arrays.append(_array("bool", [_cell(b"\x01" if row.is_id_only else b"\x00") for row in rows]))
    arrays.append(_bodies([row.body if row.is_id_only else None for row in rows]))
    counted = set(await line.execute(_REPEAT, arrays))
    gone = [one for one in all_of_them if one.row.id not in counted]
    if gone:
        # Deleted since it was found to be there; what is there under our own id stays as it is.
        await insert(line, gone)


async def wake_readers(line: Line) -> None:
    """Tells every reader that there is something to read."""
    await line.execute(_WAKE, [])


def _cell(value: bytes) -> bytes:
    return _LENGTH.pack(len(value)) + value


def _text(value: str | None) -> bytes:
    return _NULL if value is None else _cell(value.encode())


@lru_cache(maxsize=1000)
def _often(value: str) -> bytes:
    """The cell of a text that comes again and again."""
    return _text(value)


def _array(of: str, cells: Sequence[bytes]) -> bytes:
    """One dimension, from 1 on, as `array_send` of PostgreSQL writes it; it may hold NULL."""
    return b"".join((_HEAD.pack(1, 1, _OIDS[of], len(cells), 1), *cells))


def _bodies(bodies: Sequence[bytes | None]) -> bytes:
    """An array of them, each copied once."""
    parts = [_HEAD.pack(1, 1, _OIDS["bytea"], len(bodies), 1)]
    for body in bodies:
        parts += (_NULL,) if body is None else (_LENGTH.pack(len(body)), body)
    return b"".join(parts)
