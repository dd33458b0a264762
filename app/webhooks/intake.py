"""Group commit: deliveries that arrive while others are being stored are stored together, next.

Nothing waits for a timer, so one delivery alone is stored at once; and the more arrive, the more share one commit.
"""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Coroutine, Iterable
from dataclasses import dataclass
from datetime import datetime
from typing import Any

import structlog

from app.errors import Unavailable
from app.webhooks import bulk
from app.webhooks.bulk import Row, Times
from app.webhooks.inbox import Arrival
from app.webhooks.line import Failed, Line, RowRefused

# What one statement stores at most. More rows gain nothing, and a sender's few seconds are for the whole of it.
MOST_ROWS = 256
MOST_BATCH_BYTES = 1024 * 1024
# What may wait, or be under way, in one process: some seconds' work. Beyond it a sender is better told to come back.
MOST_WAITING = 4000
MOST_WAITING_BYTES = 64 * 1024 * 1024
# Seconds after which a sender that was turned away may try again.
RETRY_AFTER = 5
# Seconds after which a repeat that is no news is acknowledged, counted or not: others may wait to be counted before it,
# each for whoever reads its delivery, and together for longer than a sender does.
_COUNT_SECONDS = 2.0
# Seconds between two calls to the readers of one process: a reader that is awake looks for itself.
_PAUSE = 0.02
log = structlog.get_logger()


class NotStored(Unavailable):
    """The database did not take the delivery; the sender should try again."""

    code = "not_stored"
    title = "Not stored; try again"

    def __init__(self, detail: str) -> None:
        super().__init__(detail, retry_after=RETRY_AFTER)


@dataclass(slots=True, eq=False)
class _Member:
    """One delivery and the sender who waits for it; `size`: bytes of the body as it came, which that request holds."""

    row: Row
    size: int
    answer: asyncio.Future[bool]


@dataclass(slots=True, eq=False)
class _Same(Times):
    """Everybody who sent the same delivery. The first is the delivery, the others are its repeats."""

    members: list[_Member]


class Intake:
    """The deliveries of one process on their way into the database, over connections of its own."""

    def __init__(self, database_url: str) -> None:
        # One: what arrives while a batch is being stored is the next batch. Two made both smaller, and all slower.
        self._line = Line(database_url)
        # Counting a repeat waits for whoever reads the delivery, and news must not wait with it.
        self._line_of_repeats = Line(database_url)
        self._queue: deque[_Member] = deque()
        self._waiting = self._waiting_bytes = 0
        self._came, self._news = asyncio.Event(), asyncio.Event()
        self._closing = False
        self._tasks: set[asyncio.Task[None]] = set()

    async def store(self, arrival: Arrival, now: datetime) -> bool:
        """Returns when the delivery is in the database for good: True when it is new, False when it had come before.

        Raises `NotStored`, soon, when it is not or nobody can tell. Whoever is cancelled here leaves it on its way.
        """
        row = bulk.row_of(arrival, now)
        size = len(arrival.body)
        self._admit(size)
        member = _Member(row, size, asyncio.get_running_loop().create_future())
        self._queue.append(member)
        self._came.set()
        return await member.answer

    async def aclose(self) -> None:
        """Stores and answers what was taken, takes nothing more, and gives the connections back."""
        self._closing = True
        self._came.set()
        self._news.set()
        while self._tasks:
            await asyncio.wait(self._tasks)
        for line in (self._line, self._line_of_repeats):
            await line.aclose()

    def _admit(self, size: int) -> None:
        if self._closing:
            raise NotStored("The service is stopping; send the delivery again.")
        if self._waiting >= MOST_WAITING or self._waiting_bytes + size > MOST_WAITING_BYTES:
            raise NotStored("More arrives than can be stored now; send the delivery again.")
        self._waiting += 1
        self._waiting_bytes += size
        if not self._tasks:
            self._begin(self._storing())
            self._begin(self._waking())

    def _begin(self, work: Coroutine[Any, Any, None]) -> None:
        task = asyncio.get_running_loop().create_task(work)
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    async def _storing(self) -> None:
        while self._queue or not self._closing:
            await self._came.wait()
            await self._store_all(list(_grouped(self._next())))

    def _next(self) -> list[_Member]:
        batch: list[_Member] = []
        size = 0
        while self._queue and len(batch) < MOST_ROWS:
            size += len(self._queue[0].row.body)
            if batch and size > MOST_BATCH_BYTES:
                break
            batch.append(self._queue.popleft())
        if not self._queue and not self._closing:
            self._came.clear()
        return batch

    async def _store_all(self, batch: list[_Same]) -> None:
        """Stores a batch; when PostgreSQL refuses it, each half, until whoever is at fault is alone."""
        if not batch:
            return
        try:
            stored = await bulk.insert(self._line, batch)
        except RowRefused as refusal:
            if len(batch) > 1:
                middle = len(batch) // 2
                await self._store_all(batch[:middle])
                await self._store_all(batch[middle:])
                return
            log.error("webhook_refused_by_database", error=str(refusal))
            self._answer(batch, NotStored("The database refuses this delivery."))
        except Exception as error:  # noqa: BLE001 - whatever it was, the senders are told, and the next batch is tried
            self._fail(batch, error)
        else:
            self._news.set()
            fresh = [same for same in batch if same.row.id in stored]
            self._answer(fresh, None, new=True)
            if len(fresh) < len(batch):
                self._begin(self._count([same for same in batch if same.row.id not in stored]))

    async def _count(self, repeats: list[_Same]) -> None:
        news = [same for same in repeats if same.row.is_id_only]
        others = [same for same in repeats if not same.row.is_id_only]
        enough = asyncio.get_running_loop().call_later(_COUNT_SECONDS, self._acknowledge, others)
        try:
            await bulk.count_repeats(self._line_of_repeats, repeats)
        except Exception as error:  # noqa: BLE001 - as above
            # Whoever reads it may hold it for longer than a sender waits; it is stored, and acknowledged if no news.
            self._fail(news, error)
            self._answer(others, None)
        else:
            self._news.set()
            self._answer(repeats, None)
        finally:
            enough.cancel()

    def _acknowledge(self, repeats: Iterable[_Same]) -> None:
        """Tells their senders; they still take up room until they are counted."""
        for same in repeats:
            for member in same.members:
                if not member.answer.done():
                    member.answer.set_result(False)

    def _fail(self, batch: list[_Same], error: Exception) -> None:
        why = str(error) if isinstance(error, Failed | RowRefused) else type(error).__name__
        log.warning("webhooks_not_stored", count=sum(len(same.members) for same in batch), error=why)
        self._answer(batch, NotStored("The delivery could not be stored; send it again."))

    def _answer(self, batch: Iterable[_Same], refusal: NotStored | None, *, new: bool = False) -> None:
        for same in batch:
            for at, member in enumerate(same.members):
                self._waiting -= 1
                self._waiting_bytes -= member.size
                if member.answer.done():
                    continue
                if refusal is None:
                    member.answer.set_result(new and at == 0)
                else:
                    member.answer.set_exception(refusal)

    async def _waking(self) -> None:
        while not self._closing:
            await self._news.wait()
            self._news.clear()
            try:
                await bulk.wake_readers(self._line_of_repeats)
            except Exception as error:  # noqa: BLE001 - readers look for themselves every few seconds
                log.warning("readers_not_woken", error=type(error).__name__)
            await asyncio.sleep(_PAUSE)


def _grouped(batch: list[_Member]) -> Iterable[_Same]:
    found: dict[object, _Same] = {}
    for member in batch:
        same = found.get(member.row.key)
        if same is None:
            found[member.row.key] = _Same(member.row, 0, [member])
        else:
            same.repeats += 1
            same.members.append(member)
    return found.values()
