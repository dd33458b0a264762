"""A connection to PostgreSQL that mends itself, for statements that are each a transaction of their own."""

from __future__ import annotations

import asyncio
import contextlib
import os
import socket
from collections.abc import Callable, Sequence
from typing import Any

import psycopg
from psycopg import AsyncConnection, AsyncCursor

from app.db.engine import libpq_url

# Senders give up after 5 s (Shopify's documentation) and take any later answer for none. Milliseconds, then seconds.
_LOCK_TIMEOUT_MS = 3000
_STATEMENT_TIMEOUT_MS = 4000
# A server that is frozen or cut off keeps no time-out of its own.
_ANSWER_SECONDS = 5.0
_CONNECT_SECONDS = 3
# A statement whose connection was lost so soon is tried once more on a new one; later the sender has gone.
_RETRY_SECONDS = 2.0
# Faults of what was sent: data, a constraint, a limit of the program. SQLSTATE classes.
_ROW_FAULTS = {"22", "23", "54"}
# The transaction was given up for another's sake, or the server takes no writing any more: PostgreSQL has undone it.
_UNDONE = {"40"}
_READ_ONLY = "25006"


class RowRefused(Exception):
    """PostgreSQL will not have one of the rows, whenever it is asked."""


class Failed(Exception):
    """The statement was not carried out, or nobody can say whether it was."""


class Line:
    """One connection in autocommit mode, opened when it is needed and anew when it is lost."""

    def __init__(self, url: str, ready: Callable[[AsyncConnection[tuple[Any, ...]]], None]) -> None:
        """`ready` prepares each new connection."""
        self._conninfo = libpq_url(url)
        self._ready = ready
        self._connection: AsyncConnection[tuple[Any, ...]] | None = None
        self._lock = asyncio.Lock()

    async def execute(self, statement: str, parameters: Sequence[Any]) -> AsyncCursor[tuple[Any, ...]]:
        """Carries out one statement; it must do no harm when it is carried out twice.

        Raises `RowRefused`, or `Failed` after a second try where one is of use.
        """
        async with self._lock:
            began = asyncio.get_running_loop().time()
            try:
                return await self._attempt(statement, parameters)
            except (psycopg.Error, OSError) as error:
                if not await self._is_passing(error) or asyncio.get_running_loop().time() - began > _RETRY_SECONDS:
                    raise _named(error) from error
            try:
                return await self._attempt(statement, parameters)
            except (psycopg.Error, OSError) as error:
                await self._is_passing(error)
                raise _named(error) from error

    async def aclose(self) -> None:
        """Gives the connection back."""
        async with self._lock:
            await self._drop()

    async def _attempt(self, statement: str, parameters: Sequence[Any]) -> AsyncCursor[tuple[Any, ...]]:
        connection = self._connection
        if connection is None or connection.closed:
            connection = self._connection = await self._connect()
        deadline = asyncio.get_running_loop().call_later(_ANSWER_SECONDS, _hang_up, connection.fileno())
        try:
            return await connection.execute(statement, parameters, prepare=True)
        finally:
            deadline.cancel()

    async def _is_passing(self, error: psycopg.Error | OSError) -> bool:
        """Whether another try is of use; a connection that is not is let go."""
        state = getattr(error, "sqlstate", None) or ""
        if self._connection is None:
            return False
        if self._connection.closed or state == _READ_ONLY:
            await self._drop()
            return True
        return state[:2] in _UNDONE

    async def _connect(self) -> AsyncConnection[tuple[Any, ...]]:
        connection = await AsyncConnection.connect(
            self._conninfo,
            autocommit=True,
            application_name="makegood intake",
            connect_timeout=_CONNECT_SECONDS,
            options=f"-c lock_timeout={_LOCK_TIMEOUT_MS} -c statement_timeout={_STATEMENT_TIMEOUT_MS} -c timezone=UTC",
        )
        self._ready(connection)
        return connection

    async def _drop(self) -> None:
        connection, self._connection = self._connection, None
        if connection is not None:
            with contextlib.suppress(psycopg.Error, OSError):
                await connection.close()


def _named(error: psycopg.Error | OSError) -> RowRefused | Failed:
    """Never with its text, which may quote what a customer wrote."""
    state = getattr(error, "sqlstate", None) or ""
    kind = RowRefused if state[:2] in _ROW_FAULTS else Failed
    return kind(f"{type(error).__name__} {state}".strip())


def _hang_up(descriptor: int) -> None:
    """Ends the conversation, so that whoever waits for an answer learns that none will come."""
    with contextlib.suppress(OSError), socket.socket(fileno=os.dup(descriptor)) as server:
        server.shutdown(socket.SHUT_RDWR)
