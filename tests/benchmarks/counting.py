"""Counts what a unit of work costs: SQL statements as the driver sends them, and calls as the stores get them."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import Any

import psycopg
from starlette.routing import Mount
from starlette.types import ASGIApp, Receive, Scope, Send

from app.sandbox.world import World
from app.webhooks.line import Line

_TOKEN = "/admin/oauth/access_token"


@contextmanager
def statements() -> Iterator[Counter[str]]:
    """How many statements of each kind (its first word, with the table it writes) this process sends in the block."""
    counted: Counter[str] = Counter()
    execute, commit, on_line = psycopg.AsyncCursor.execute, psycopg.AsyncConnection.commit, Line.execute

    async def noted(cursor: Any, query: Any, *given: Any, **how: Any) -> Any:
        counted[_kind(query)] += 1
        return await execute(cursor, query, *given, **how)

    async def committed(connection: Any) -> None:
        counted["COMMIT"] += 1
        await commit(connection)

    async def noted_on_line(line: Line, statement: str, parameters: Sequence[bytes]) -> list[bytes]:
        counted[_kind(statement)] += 1
        return await on_line(line, statement, parameters)

    psycopg.AsyncCursor.execute = noted  # type: ignore[method-assign, assignment]
    Line.execute = noted_on_line  # type: ignore[method-assign, assignment]
    psycopg.AsyncConnection.commit = committed  # type: ignore[method-assign, assignment]
    try:
        yield counted
    finally:
        psycopg.AsyncCursor.execute = execute  # type: ignore[method-assign]
        Line.execute = on_line  # type: ignore[method-assign]
        psycopg.AsyncConnection.commit = commit  # type: ignore[method-assign]


def _kind(query: Any) -> str:
    said = " ".join((query.decode() if isinstance(query, bytes) else str(query)).split())
    found = re.match(r"(INSERT INTO|UPDATE|DELETE FROM) (\w+)|\w+", said)
    return found[0] if found else said[:20]


def asked(counted: Counter[str]) -> int:
    """Statements without the ends of transactions."""
    return counted.total() - counted["COMMIT"]


@contextmanager
def calls(world: World, store: str) -> Iterator[list[str]]:
    """The calls that reach a store of this world, each as `POST /path`. A token that is fetched now and then is none of
    a refund's."""
    found: list[str] = []
    mount = next(each for each in world.routes if isinstance(each, Mount) and each.path.endswith(f"/{store}"))
    inner = mount.app

    async def counting(scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] == "http" and not scope["path"].endswith(_TOKEN):
            found.append(f"{scope['method']} {scope['path']}")
        await inner(scope, receive, send)

    watched: ASGIApp = counting
    mount.app = watched
    try:
        yield found
    finally:
        mount.app = inner
