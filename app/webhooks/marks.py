"""Says in the database what a reader reads, so that a delivery whose reading ends processes is found out.

A reader has a connection of its own, and on it an advisory lock that ends with the process. Before it reads, it writes
down what; who finds a note whose writer is gone counts a death for what was in it. One of a batch is only suspected,
and read alone from then on; one that was alone has really been in at the death.
"""

from __future__ import annotations

import secrets
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager, suppress
from uuid import UUID

import psycopg
from psycopg.rows import TupleRow

from app.db.engine import connect
from app.webhooks.inbox import CHANNEL

_LOCK = "SELECT pg_advisory_lock(%s)"
_MARK = """
INSERT INTO readings (reader, deliveries, server_started) VALUES (%s, %s::uuid[], pg_postmaster_start_time())
ON CONFLICT (reader) DO UPDATE SET deliveries = excluded.deliveries, server_started = excluded.server_started
"""
_FORGET = "DELETE FROM readings WHERE reader = %s"
# A note from before the server itself was started anew says nothing of its writer.
_COUNT = """
WITH ended AS (
    DELETE FROM readings WHERE reader <> %s AND pg_try_advisory_xact_lock(reader) RETURNING deliveries, server_started
)
UPDATE deliveries
SET deaths = CASE WHEN cardinality(ended.deliveries) > 1 THEN greatest(deaths, 1) ELSE deaths + 1 END
FROM ended
WHERE id = ANY (ended.deliveries) AND status = 'pending' AND ended.server_started = pg_postmaster_start_time()
"""


class Marks:
    """One reader's notes, and its ears: being told of new deliveries needs a connection of its own too."""

    def __init__(self, connection: psycopg.AsyncConnection[TupleRow]) -> None:
        self._connection = connection
        self.reader = secrets.randbits(63)

    async def introduce(self, earlier: Sequence[int]) -> None:
        """Says that this reader lives, for as long as the connection does, and that those before it did not die."""
        await self._connection.execute(f"LISTEN {CHANNEL}")
        await self._connection.execute(_LOCK, [self.reader])
        # A note that is lost with the whole server is worth nothing any more.
        await self._connection.execute("SET synchronous_commit = off")
        await self._connection.execute("DELETE FROM readings WHERE reader = ANY (%s)", [list(earlier)])

    async def write(self, deliveries: Sequence[UUID]) -> None:
        """These are read now, and nothing else."""
        await self._connection.execute(_MARK, [self.reader, list(deliveries)])

    async def forget(self) -> None:
        """Nothing is read now."""
        await self._connection.execute(_FORGET, [self.reader])

    async def count_deaths(self) -> None:
        """Counts a death for whatever was being read by a reader that is gone."""
        await self._connection.execute(_COUNT, [self.reader])

    async def rest(self, seconds: float) -> None:
        """Until somebody tells of a delivery, or for so long."""
        # To its end: what was told of meanwhile is kept by the connection, and would be told of one by one.
        async for _ in self._connection.notifies(timeout=seconds, stop_after=1):
            continue

    async def hear(self) -> None:
        """Takes note of everything that was told of by now: whoever reads looks for it anyway."""
        async for _ in self._connection.notifies(timeout=0):
            continue


@asynccontextmanager
async def opened(url: str, earlier: list[int]) -> AsyncIterator[Marks]:
    """The notes of a new reader, until the block ends. `earlier` are the readers of this process so far, to which it is
    added: an interruption of the database is nobody's death."""
    connection = await connect(url, autocommit=True)
    try:
        marks = Marks(connection)
        await marks.introduce(earlier)
        earlier[:] = [marks.reader]
        try:
            yield marks
        except Exception:
            with suppress(psycopg.Error, OSError):
                await marks.forget()
            raise
    finally:
        await connection.close()
