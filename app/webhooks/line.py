"""A connection to PostgreSQL that mends itself, for statements that are each a transaction of their own."""

from __future__ import annotations

import asyncio
import socket
import time
from collections.abc import Sequence
from typing import Any

import psycopg
from psycopg import AsyncConnection
from psycopg.pq import ConnStatus, DiagnosticField, ExecStatus
from psycopg.pq.abc import PGconn, PGresult

from app.db.engine import libpq_url

# Senders give up after 5 s (Shopify's documentation) and take any later answer for none. Milliseconds, then seconds.
_LOCK_TIMEOUT_MS = 3000
_STATEMENT_TIMEOUT_MS = 4000
# A server that is frozen or cut off keeps no time-out of its own.
_ANSWER_SECONDS = 5.0
_CONNECT_SECONDS = 3
# What the kernel may hold of a statement that is on its way, in bytes; it takes less where `net.core.wmem_max` is less.
_SEND_BUFFER = 1024 * 1024
# A statement whose connection was lost so soon is tried once more on a new one; later the sender has gone.
_RETRY_SECONDS = 2.0
# Faults of what was sent: data, a constraint, a limit of the program. SQLSTATE classes.
_ROW_FAULTS = {"22", "23", "54"}
# The transaction was given up for another's sake.
_UNDONE = {"40"}
# The server takes no writing any more, is being stopped, or ends this connection: SQLSTATEs, or how they begin.
_AWAY = ("25006", "57P", "08")
_BINARY = 1


class RowRefused(Exception):
    """PostgreSQL will not have one of the rows, whenever it is asked."""


class Failed(Exception):
    """The statement was not carried out, or nobody can say whether it was."""


class _Fault(Exception):
    """What PostgreSQL says against a statement: the SQLSTATE, never the text, which may quote what a customer wrote."""

    def __init__(self, state: str) -> None:
        super().__init__(state)
        self.state = state


class Line:
    """One connection in autocommit mode, opened when it is needed and anew when it is lost.

    It speaks to libpq itself (`psycopg.pq`): a statement is sent where it is asked for, and its answer is taken in by
    one call of the event loop. By psycopg's cursors that takes several, each behind all requests that are ready; and by
    a thread, two changes of thread, which cost more than the statement.
    """

    def __init__(self, url: str) -> None:
        self._conninfo = libpq_url(url)
        self._connection: AsyncConnection[Any] | None = None
        self._prepared: dict[str, bytes] = {}
        self._turn = asyncio.Lock()
        self._closed = False

    async def execute(self, statement: str, parameters: Sequence[bytes]) -> list[bytes]:
        """Carries out one statement and answers the first column; it must do no harm when it is carried out twice.

        Parameters (`$1` and so on, each with a cast) and answer are in PostgreSQL's binary form. Raises `RowRefused`,
        or `Failed` after a second try where one is of use.
        """
        async with self._turn:
            began = time.monotonic()
            while True:
                try:
                    return await self._execute(statement, parameters)
                except asyncio.CancelledError:
                    # The answer that is on its way would be taken for the next statement's.
                    await self._drop()
                    raise
                except (_Fault, psycopg.Error, OSError, TimeoutError) as error:
                    if not await self._is_passing(error) or time.monotonic() - began > _RETRY_SECONDS:
                        raise _named(error) from error
                    began -= _RETRY_SECONDS

    async def aclose(self) -> None:
        """Gives the connection back; harmless to repeat."""
        async with self._turn:
            self._closed = True
            await self._drop()

    async def _execute(self, statement: str, parameters: Sequence[bytes]) -> list[bytes]:
        pgconn = (await self._connected()).pgconn
        name = self._prepared.get(statement)
        if name is None:
            name = b"line_%d" % len(self._prepared)
            pgconn.send_prepare(name, statement.encode())
            await _Answer(pgconn).arrives()
            self._prepared[statement] = name
        pgconn.send_query_prepared(name, parameters, [_BINARY] * len(parameters), result_format=_BINARY)
        result = await _Answer(pgconn).arrives()
        return [result.get_value(row, 0) or b"" for row in range(result.ntuples)]

    async def _connected(self) -> AsyncConnection[Any]:
        if self._closed:
            raise Failed("closed")
        if self._connection is None:
            self._prepared = {}
            self._connection = await AsyncConnection.connect(
                self._conninfo,
                autocommit=True,
                application_name="makegood intake",
                connect_timeout=_CONNECT_SECONDS,
                options=f"-c lock_timeout={_LOCK_TIMEOUT_MS} -c statement_timeout={_STATEMENT_TIMEOUT_MS} "
                "-c timezone=UTC",
            )
            _widen(self._connection.pgconn)
        return self._connection

    async def _is_passing(self, error: Exception) -> bool:
        """Whether another try is of use; a connection that is not is let go."""
        if self._connection is None:
            return False
        state = error.state if isinstance(error, _Fault) else ""
        if state[:2] in _UNDONE:
            return True
        if not state or state.startswith(_AWAY) or self._connection.pgconn.status != ConnStatus.OK:
            await self._drop()
            return True
        return False

    async def _drop(self) -> None:
        connection, self._connection = self._connection, None
        if connection is not None:
            await connection.close()


class _Answer:
    """The answer to one statement that was sent just now."""

    def __init__(self, pgconn: PGconn) -> None:
        self._pgconn = pgconn
        self._loop = asyncio.get_running_loop()
        self._whole: asyncio.Future[PGresult] = self._loop.create_future()
        self._last: PGresult | None = None
        self._socket = pgconn.socket

    async def arrives(self) -> PGresult:
        """Waits for it. Raises `_Fault`, `psycopg.OperationalError` when the connection is lost, and `TimeoutError`."""
        # The deadline is that of the statement under way, not of those that wait behind it.
        deadline = self._loop.call_later(_ANSWER_SECONDS, self._fail, TimeoutError())
        self._loop.add_reader(self._socket, self._read)
        try:
            if self._pgconn.flush():
                self._loop.add_writer(self._socket, self._write)
            result = await self._whole
        finally:
            deadline.cancel()
            self._leave()
        if result.status not in (ExecStatus.COMMAND_OK, ExecStatus.TUPLES_OK):
            raise _Fault((result.error_field(DiagnosticField.SQLSTATE) or b"").decode())
        return result

    def _read(self) -> None:
        try:
            self._pgconn.consume_input()
            while not self._pgconn.is_busy():
                result = self._pgconn.get_result()
                if result is None:
                    self._end()
                    return
                self._last = result
        except psycopg.Error as error:
            self._fail(error)

    def _write(self) -> None:
        try:
            if not self._pgconn.flush():
                self._loop.remove_writer(self._socket)
        except psycopg.Error as error:
            self._fail(error)

    def _leave(self) -> None:
        """Listens no more. At once when all is told: libpq may have closed its socket, whose number is soon given to
        somebody else's."""
        socket, self._socket = self._socket, -1
        if socket >= 0:
            self._loop.remove_reader(socket)
            self._loop.remove_writer(socket)

    def _end(self) -> None:
        self._leave()
        if not self._whole.done():
            if self._last is None:
                self._whole.set_exception(psycopg.OperationalError("no answer"))
            else:
                self._whole.set_result(self._last)

    def _fail(self, error: psycopg.Error | TimeoutError) -> None:
        self._leave()
        if not self._whole.done():
            self._whole.set_exception(error)


def _widen(pgconn: PGconn) -> None:
    """Has a Unix socket take large statements in few pieces; one of TCP grows by itself.

    Each piece waits until everything else that is ready has had its turn, and PostgreSQL begins when it has the last.
    """
    if pgconn.host.startswith(b"/"):
        with socket.fromfd(pgconn.socket, socket.AF_UNIX, socket.SOCK_STREAM) as ours:
            if ours.getsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF) < _SEND_BUFFER:
                ours.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, _SEND_BUFFER)


def _named(error: Exception) -> RowRefused | Failed:
    """Never with its text, which may quote what a customer wrote."""
    state = error.state if isinstance(error, _Fault) else getattr(error, "sqlstate", None) or ""
    kind = RowRefused if state[:2] in _ROW_FAULTS else Failed
    return kind(f"{type(error).__name__.strip('_')} {state}".strip())
