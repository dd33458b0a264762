"""A connection to PostgreSQL that mends itself, for statements that are each a transaction of their own."""

from __future__ import annotations

import asyncio
import contextlib
import os
import socket
import time
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import psycopg
from psycopg import Connection, Cursor

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
    """One connection in autocommit mode, opened when it is needed and anew when it is lost.

    It is spoken to in a thread of its own: what a statement takes in turns of the event loop, each behind all requests
    that are ready, would be longer than what it takes in the database.
    """

    def __init__(self, url: str, ready: Callable[[Connection[Any]], None]) -> None:
        """`ready` prepares each new connection."""
        self._conninfo = libpq_url(url)
        self._ready = ready
        self._connection: Connection[Any] | None = None
        self._thread = ThreadPoolExecutor(1, "intake")
        self._turn = asyncio.Lock()
        self._closed = False

    async def execute(self, statement: str, parameters: Sequence[Any]) -> Cursor[Any]:
        """Carries out one statement; it must do no harm when it is carried out twice.

        Raises `RowRefused`, or `Failed` after a second try where one is of use.
        """
        loop = asyncio.get_running_loop()
        # The deadline is that of the statement under way, not of those that wait behind it.
        async with self._turn:
            deadline = loop.call_later(_ANSWER_SECONDS, self._hang_up)
            try:
                return await loop.run_in_executor(self._thread, self._execute, statement, parameters)
            finally:
                deadline.cancel()

    async def aclose(self) -> None:
        """Gives the connection back; harmless to repeat."""
        if self._closed:
            return
        self._closed = True
        await asyncio.get_running_loop().run_in_executor(self._thread, self._drop)
        self._thread.shutdown()

    def _execute(self, statement: str, parameters: Sequence[Any]) -> Cursor[Any]:
        began = time.monotonic()
        while True:
            try:
                return self._connected().execute(statement, parameters, prepare=True)
            except (psycopg.Error, OSError) as error:
                if not self._is_passing(error) or time.monotonic() - began > _RETRY_SECONDS:
                    raise _named(error) from error
                began -= _RETRY_SECONDS

    def _connected(self) -> Connection[Any]:
        if self._connection is None or self._connection.closed:
            self._connection = psycopg.connect(
                self._conninfo,
                autocommit=True,
                application_name="makegood intake",
                connect_timeout=_CONNECT_SECONDS,
                options=f"-c lock_timeout={_LOCK_TIMEOUT_MS} -c statement_timeout={_STATEMENT_TIMEOUT_MS} "
                "-c timezone=UTC",
            )
            self._ready(self._connection)
        return self._connection

    def _is_passing(self, error: psycopg.Error | OSError) -> bool:
        """Whether another try is of use; a connection that is not is let go."""
        state = getattr(error, "sqlstate", None) or ""
        if self._connection is None:
            return False
        if self._connection.closed or state == _READ_ONLY:
            self._drop()
            return True
        return state[:2] in _UNDONE

    def _drop(self) -> None:
        connection, self._connection = self._connection, None
        if connection is not None:
            with contextlib.suppress(psycopg.Error, OSError):
                connection.close()

    def _hang_up(self) -> None:
        """Ends the conversation, so that the thread learns that no answer will come."""
        connection = self._connection
        if connection is not None:
            with (
                contextlib.suppress(psycopg.Error, OSError),
                socket.socket(fileno=os.dup(connection.fileno())) as server,
            ):
                server.shutdown(socket.SHUT_RDWR)


def _named(error: psycopg.Error | OSError) -> RowRefused | Failed:
    """Never with its text, which may quote what a customer wrote."""
    state = getattr(error, "sqlstate", None) or ""
    kind = RowRefused if state[:2] in _ROW_FAULTS else Failed
    return kind(f"{type(error).__name__} {state}".strip())
