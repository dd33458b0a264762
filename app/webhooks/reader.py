"""The reader: takes deliveries as they come in and reads them, suppliers' before stores'. Any number may run."""

from __future__ import annotations

import asyncio
from uuid import UUID

from sqlalchemy import select

from app.runtime import Runtime
from app.webhooks import marks
from app.webhooks.marks import Marks
from app.webhooks.models import Delivery, DeliveryStatus
from app.webhooks.reading import read

# Deliveries that are taken at a time.
BATCH = 100
# Who comes without a word (a second try that is due, the deliveries of a dead reader) is found after this many seconds.
POLL_SECONDS = 1.0


class Reader:
    """Reads in turns until it is told to stop."""

    def __init__(self, runtime: Runtime, notes: Marks) -> None:
        self._runtime = runtime
        self._notes = notes

    async def turn(self) -> int:
        """Reads what is due, one batch of it; answers how many there were."""
        await self._notes.count_deaths()
        found = await self._due()
        batch = [delivery_id for delivery_id, deaths in found if not deaths]
        for together in [batch, *([delivery_id] for delivery_id, deaths in found if deaths)]:
            if together:
                await self._notes.write(together)
                for delivery_id in together:
                    await read(self._runtime, delivery_id)
        if found:
            await self._notes.forget()
        return len(found)

    async def _due(self) -> list[tuple[UUID, int]]:
        async with self._runtime.work() as work:
            due = Delivery.next_try_at.is_(None) | (Delivery.next_try_at <= work.now)
            statement = (
                select(Delivery.id, Delivery.deaths)
                .where(Delivery.status == DeliveryStatus.PENDING, due)
                .order_by(Delivery.source_kind.desc(), Delivery.id)
                .limit(BATCH)
            )
            return [(row.id, row.deaths) for row in await work.session.execute(statement)]


async def keep_reading(runtime: Runtime, stopping: asyncio.Event) -> None:
    """Reads until `stopping` is set; the batch under way is finished first. A lost connection is thrown."""
    async with marks.opened(runtime.database.url) as notes:
        reader = Reader(runtime, notes)
        while not stopping.is_set():
            if not await reader.turn():
                await notes.rest(POLL_SECONDS)


async def read_all(runtime: Runtime) -> int:
    """Reads until nothing is due; answers how many deliveries there were."""
    count = 0
    async with marks.opened(runtime.database.url) as notes:
        reader = Reader(runtime, notes)
        while read_now := await reader.turn():
            count += read_now
    return count
