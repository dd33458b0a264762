"""Looks at every statement that the service sends, before it runs: by EXPLAIN with the same parameters, undone again.

Whatever goes over psycopg is seen: SQLAlchemy's statements, the queue's, those that are sent by hand, and those that
take in webhooks, which go over connections of their own.
"""

from __future__ import annotations

import asyncio
import json
import re
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any, cast

import psycopg
import pytest
from psycopg.pq import TransactionStatus

from app.webhooks.line import Line

_EXPLAINED = re.compile(r"\s*(SELECT|INSERT|UPDATE|DELETE|WITH)\b", re.IGNORECASE)
_OF_QUEUE = re.compile(r"\bprocrastinate_\w+_v\d+\(")
# Tables that may be read whole: those with one row for each store, supplier or policy, those whose rows live an hour or
# a day, and the queue, which holds what waits and, for a while, what failed.
SMALL = frozenset(
    {
        "alembic_version", "guesses", "paces", "policy_versions", "procrastinate_events", "procrastinate_jobs",
        "procrastinate_workers", "readings", "return_drafts", "store_polls", "store_states", "supplier_links",
        "webhook_checks",
    }
)  # fmt: skip
Rows = Mapping[str, tuple[int, int]]
_READ_SO_FAR = (
    "SELECT relname, coalesce(seq_tup_read, 0), coalesce(idx_tup_fetch, 0) FROM pg_stat_xact_user_tables "
    "WHERE schemaname = current_schema()"
)


@dataclass(frozen=True)
class Seen:
    """One statement: its text, the growing tables that it read whole, how many rows it looked at in all, and how many
    pages: entries of an index that are passed by within one look count as no rows.
    """

    text: str
    whole: tuple[str, ...]
    rows: int
    pages: int
    plan: str

    def __str__(self) -> str:
        return f"{self.rows} rows, {self.pages} pages, whole: {self.whole or 'none'}\n{self.text[-700:]}\n{self.plan}"


@dataclass
class Watch:
    """What was seen since it began to look."""

    seen: list[Seen] = field(default_factory=list)

    def require_probes(self, most_rows: int, most_pages: int) -> None:
        """Fails for statements that read a growing table as a whole, or more rows or pages; and when none was seen."""
        assert self.seen, "no statement was seen"
        faults = [one for one in self.seen if one.whole or one.rows > most_rows or one.pages > most_pages]
        if faults:
            pytest.fail("\n\n".join(map(str, faults[:4])), pytrace=False)


@contextmanager
def watching() -> Iterator[Watch]:
    """Explains every statement of this process until the block ends."""
    watch, real, real_on_line = Watch(), psycopg.AsyncCursor.execute, Line.execute
    busy: set[int] = set()
    alone_on_lines = asyncio.Lock()

    async def execute(cursor: Any, query: Any, params: Any = None, **more: Any) -> Any:
        connection, text = cursor.connection, _text(query, cursor)
        if id(connection) not in busy and _EXPLAINED.match(text):
            busy.add(id(connection))
            try:
                watch.seen.append(await _explained(connection, real, text, params))
            finally:
                busy.discard(id(connection))
        return await real(cursor, query, params, **more)

    async def execute_on_line(line: Line, statement: str, parameters: Sequence[bytes]) -> list[bytes]:
        async with alone_on_lines:
            watch.seen.append(await _explained_on_line(line, real_on_line, statement, parameters))
            return await real_on_line(line, statement, parameters)

    psycopg.AsyncCursor.execute = execute  # type: ignore[assignment, method-assign]
    Line.execute = execute_on_line  # type: ignore[assignment, method-assign]
    try:
        yield watch
    finally:
        psycopg.AsyncCursor.execute = real  # type: ignore[method-assign]
        Line.execute = real_on_line  # type: ignore[method-assign]


def _text(query: Any, cursor: Any) -> str:
    if isinstance(query, bytes):
        return query.decode()
    return query if isinstance(query, str) else str(query.as_string(cursor))


async def _explained(connection: Any, real: Any, text: str, params: Any) -> Seen:
    alone = connection.autocommit and connection.info.transaction_status == TransactionStatus.IDLE
    cursor = psycopg.AsyncCursor(connection)
    await real(cursor, "BEGIN" if alone else "SAVEPOINT explained")
    try:
        if _OF_QUEUE.search(text):
            return await _counted(cursor, real, text, params)
        await real(cursor, f"EXPLAIN (ANALYZE, BUFFERS, FORMAT JSON) {text}", params)
        row = await cursor.fetchone()
        assert row is not None
        return _seen(text, cast(dict[str, Any], row[0][0]["Plan"]))
    finally:
        await real(cursor, "ROLLBACK" if alone else "ROLLBACK TO SAVEPOINT explained")
        if not alone:
            await real(cursor, "RELEASE SAVEPOINT explained")
        await cursor.close()


async def _explained_on_line(line: Line, real: Any, text: str, parameters: Sequence[bytes]) -> Seen:
    """The same where every statement is a transaction of its own, and a row is its first column alone."""
    await real(line, "BEGIN", [])
    try:
        (told,) = await real(line, f"EXPLAIN (ANALYZE, BUFFERS, FORMAT JSON) {text}", parameters)
        return _seen(text, cast(dict[str, Any], json.loads(told)[0]["Plan"]))
    finally:
        await real(line, "ROLLBACK", [])


async def _counted(cursor: Any, real: Any, text: str, params: Any) -> Seen:
    """A function hides its plan, but not how much was read."""
    before = await _read_so_far(cursor, real)
    await real(cursor, text, params)
    after = await _read_so_far(cursor, real)
    delta = {
        name: tuple(a - b for a, b in zip(row, before.get(name, (0, 0)), strict=True)) for name, row in after.items()
    }
    whole = tuple(sorted(name for name, (by_scan, _) in delta.items() if by_scan and name not in SMALL))
    return Seen(text, whole, sum(map(sum, delta.values())), 0, f"read (as a whole, by index): {delta}")


async def _read_so_far(cursor: Any, real: Any) -> dict[str, tuple[int, int]]:
    await real(cursor, _READ_SO_FAR)
    return {name: (by_scan, by_index) for name, by_scan, by_index in await cursor.fetchall()}


def _seen(text: str, plan: dict[str, Any]) -> Seen:
    whole, rows, lines = [], 0, []
    for depth, node in _nodes(plan, 0):
        kind, table = node["Node Type"], node.get("Relation Name")
        looked = node.get("Actual Loops", 1) * sum(
            node.get(name, 0) for name in ("Actual Rows", "Rows Removed by Filter", "Rows Removed by Index Recheck")
        )
        where = node.get("Index Name") or table or ""
        why = str(node.get("Index Cond") or node.get("Filter") or "")
        lines.append(f"{'  ' * depth}{kind} {where} {why[:120]} ({looked:.0f})")
        if "Scan" in kind and where:
            rows += int(looked)
        if kind == "Seq Scan" and table not in SMALL and node.get("Actual Loops", 1):
            whole.append(str(table))
    pages = plan.get("Shared Hit Blocks", 0) + plan.get("Shared Read Blocks", 0)
    return Seen(text, tuple(whole), rows, pages, "\n".join(lines))


def _nodes(node: dict[str, Any], depth: int) -> Iterator[tuple[int, dict[str, Any]]]:
    yield depth, node
    for child in node.get("Plans", ()):
        yield from _nodes(child, depth + 1)
