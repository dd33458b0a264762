"""The reader: takes deliveries as they come in and reads them, suppliers' before stores'. Any number may run."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from uuid import UUID

import structlog
from sqlalchemy import select

from app.crashpoints import Point, reached
from app.db.engine import database_is_away
from app.logging import place_of
from app.runtime import Runtime
from app.webhooks import batch, inbox, marks
from app.webhooks.marks import Marks
from app.webhooks.models import Delivery, SourceKind
from app.webhooks.reading import read

# Who comes without a word (a second try that is due, the deliveries of a dead reader) is found after this many seconds.
POLL_SECONDS = 1.0
# Seconds that stores' deliveries are read one by one until suppliers' are looked for again: these bring money back.
ONE_BY_ONE_SECONDS = 0.25
_MOST_EVENTS = 50
log = structlog.get_logger()


class Reader:
    """Reads in turns."""

    def __init__(self, runtime: Runtime, notes: Marks) -> None:
        self._runtime = runtime
        self._notes = notes

    async def turn(self) -> int:
        """Reads what is due, some of it; answers how many there were."""
        await self._notes.hear()
        await self._notes.count_deaths()
        events = await self._events()
        for delivery_id in events:
            await self._read_alone(delivery_id)
        return len(events) + await self._read_batch()

    async def rest(self) -> None:
        """Until there is something to read, or it is time to look."""
        await self._notes.forget()
        await self._notes.rest(POLL_SECONDS)

    async def _events(self) -> list[UUID]:
        async with self._runtime.work() as work:
            statement = (
                select(Delivery.id)
                .where(inbox.due(work), Delivery.source_kind == SourceKind.SUPPLIER)
                .order_by(Delivery.id)
                .limit(_MOST_EVENTS)
            )
            return list(await work.session.scalars(statement))

    async def _read_alone(self, delivery_id: UUID) -> None:
        await self._notes.write([delivery_id])
        await read(self._runtime, delivery_id)

    async def _read_batch(self) -> int:
        taken: Sequence[UUID] = []
        left: Sequence[UUID] = []
        suspects: Sequence[UUID] = []
        try:
            async with self._runtime.work() as work:
                found = await batch.take(work)
                suspects = [row.id for row in found if row.deaths]
                taken = left = [row.id for row in found if not row.deaths]
                if taken:
                    await self._notes.write(taken)
                    left = await batch.read_together(work, taken)
        except Exception as error:
            if not taken or database_is_away(error):
                raise
            # One of them, most likely: each is read by itself, where only that one fails.
            log.warning("batch_undone", error=type(error).__name__, where=place_of(error), deliveries=len(taken))
            left = taken
        for _ in range(len(taken) - len(left)):
            reached(Point.WEBHOOK_READ)
        one_by_one = await self._read_one_by_one(left)
        for delivery_id in suspects:
            await self._read_alone(delivery_id)
        return len(taken) - len(left) + one_by_one + len(suspects)

    async def _read_one_by_one(self, left: Sequence[UUID]) -> int:
        """Some of them, and how many; the others still wait, for anybody."""
        until = asyncio.get_running_loop().time() + ONE_BY_ONE_SECONDS
        for count, delivery_id in enumerate(left, 1):
            await read(self._runtime, delivery_id)
            if asyncio.get_running_loop().time() > until:
                return count
        return len(left)


async def keep_reading(runtime: Runtime, stopping: asyncio.Event, earlier: list[int]) -> None:
    """Reads until `stopping` is set; the batch under way is finished first. A lost connection is thrown.

    `earlier` is the process's own list of its readers so far.
    """
    async with marks.opened(runtime.database.url, earlier) as notes:
        reader = Reader(runtime, notes)
        while not stopping.is_set():
            if not await reader.turn():
                await reader.rest()
        await notes.forget()


async def read_all(runtime: Runtime) -> int:
    """Reads until nothing is due; answers how many deliveries there were."""
    count = 0
    async with marks.opened(runtime.database.url, []) as notes:
        reader = Reader(runtime, notes)
        while found := await reader.turn():
            count += found
        await notes.forget()
    return count
