"""The workers of the campaign: every job that waits is run with the service's own task, by one worker or by several.

It stands in for procrastinate's worker because thousands of returns are played: jobs are taken in one statement and run
side by side. It is harsher: a job may run on several workers at the same time, and one whose worker died is taken over
later, or lost for ever.
"""

from __future__ import annotations

import asyncio
import contextlib
import json
import time
from collections import Counter
from collections.abc import Awaitable, Callable
from contextvars import Context
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

import psycopg
from procrastinate import JobContext
from procrastinate.jobs import Job
from psycopg.rows import TupleRow

from app.db.engine import libpq_url
from app.errors import Unavailable
from app.runtime import Runtime
from app.webhooks.reader import read_all
from app.webhooks.reading import read
from app.worker import STALLED_SECONDS, make_queue, sweep_once
from tests.faults.death import Died, Doom, doom

_TAKE = (
    "DELETE FROM procrastinate_jobs WHERE status = 'todo' AND (scheduled_at IS NULL OR scheduled_at <= %s) "
    "RETURNING id, task_name, args"
)
_UNREAD = (
    "SELECT id FROM deliveries WHERE status = 'pending' AND (next_try_at IS NULL OR next_try_at <= %s) ORDER BY id"
)
READ = "webhooks.read"
_AT_ONCE = 6


@dataclass(slots=True)
class Errand:
    """A job as it is run. `tries` counts runs that raised an error."""

    task: str
    arguments: dict[str, Any]
    tries: int = 0
    due_at: datetime | None = None


@dataclass(slots=True)
class Care:
    """How a job is to be run: by how many workers at once, where it dies, and whether it is taken over then."""

    workers: int = 1
    dies_at: str | None = None
    died: Callable[[], None] = lambda: None
    taken_over: bool = True


CareFor = Callable[[list[Errand]], Awaitable[dict[int, Care]]]


@dataclass
class Crew:
    """`work` runs what waits. `care_for` is asked how each errand of a round is to be run; `errors` counts failures."""

    runtimes: list[Runtime]
    queue: psycopg.AsyncConnection[TupleRow]
    care_for: CareFor
    errors: Counter[str] = field(default_factory=Counter)
    _later: list[Errand] = field(default_factory=list)

    def __post_init__(self) -> None:
        self._app = make_queue(self.runtimes[0].database.url, 1)

    @property
    def now(self) -> datetime:
        """The moved clock's time."""
        return self.runtimes[0].clock.now()

    async def sweep(self) -> None:
        """Looks once for due work, as every worker does all the time."""
        await sweep_once(self.runtimes[0])

    async def work(self) -> int:
        """Runs every job that waits and is due, and those that they enqueue; answers how many ran."""
        # A room of its own: work may begin inside a job, which must not wait for itself.
        count, room = 0, asyncio.Semaphore(_AT_ONCE)
        while True:
            read_now = await self._read(room)
            errands = await self._take()
            if not errands and not read_now:
                return count
            count += len(errands) + read_now
            cares = await self.care_for(errands)
            await asyncio.gather(*(self._run(one, cares.get(at, Care()), room) for at, one in enumerate(errands)))

    async def _read(self, room: asyncio.Semaphore) -> int:
        """Reads deliveries: those that something happens to one by one, all others as a reader does."""
        rows = await (await self.queue.execute(_UNREAD, [self.now])).fetchall()
        errands = [Errand(READ, {"delivery_id": str(delivery_id)}) for (delivery_id,) in rows]
        cares = await self.care_for(errands)
        for care in cares.values():
            # No job is lost or taken over: the row itself waits, and the next reader finds it.
            care.taken_over = False
        await asyncio.gather(*(self._run(errands[at], care, room) for at, care in cares.items()))
        # In a context of its own: work may begin inside a job that is to die.
        return len(cares) + await asyncio.create_task(read_all(self.runtimes[0]), context=Context())

    async def _take(self) -> list[Errand]:
        rows = await (await self.queue.execute(_TAKE, [self.now])).fetchall()
        due = [one for one in self._later if one.due_at is None or one.due_at <= self.now]
        self._later = [one for one in self._later if one not in due]
        return [*(Errand(str(task).partition(":")[2], dict(given)) for _, task, given in sorted(rows)), *due]

    async def _run(self, errand: Errand, care: Care, room: asyncio.Semaphore) -> None:
        async with room:
            await asyncio.gather(*(self._run_on(runtime, errand, care) for runtime in self.runtimes[: care.workers]))

    async def _run_on(self, runtime: Runtime, errand: Errand, care: Care) -> None:
        fate = Doom(care.dies_at) if care.dies_at else None
        token = doom.set(fate)
        try:
            await self._perform(runtime, errand)
        except Died:
            care.died()
            if care.taken_over:
                errand.due_at = self.now + timedelta(seconds=STALLED_SECONDS)
                self._later.append(errand)
        except Exception as error:  # noqa: BLE001 - what a worker would log, the campaign counts
            self._failed(errand, error)
        finally:
            doom.reset(token)

    async def _perform(self, runtime: Runtime, errand: Errand) -> None:
        if errand.task == READ:
            await read(runtime, UUID(errand.arguments["delivery_id"]))
            return
        name = f"makegood:{errand.task}"
        job = Job(queue="default", lock=None, queueing_lock=None, task_name=name, task_kwargs=errand.arguments)
        context = JobContext(
            app=self._app,
            job=job,
            start_timestamp=time.time(),
            additional_context={"runtime": runtime},
            abort_reason=lambda: None,
        )
        await self._app.tasks[name].func(context, **errand.arguments)

    def _failed(self, errand: Errand, error: Exception) -> None:
        """Jobs with a retry strategy run again later; the others have failed for good, as they would have."""
        errand.tries += 1
        strategy = self._app.tasks[f"makegood:{errand.task}"].retry_strategy
        if not isinstance(error, Unavailable):
            self.errors[f"{errand.task}: {type(error).__name__}: {str(error)[:200]}"] += 1
        if strategy is not None and errand.tries < (getattr(strategy, "max_attempts", None) or 1):
            errand.due_at = self.now + timedelta(seconds=4**errand.tries)
            self._later.append(errand)


async def open_queue(url: str) -> psycopg.AsyncConnection[TupleRow]:
    """The connection over which jobs are taken."""
    return await psycopg.AsyncConnection.connect(libpq_url(url), autocommit=True)


def order_of_body(body: bytes, topic: str) -> str | None:
    """The order that a store's webhook is about; None when it does not say."""
    with contextlib.suppress(ValueError):
        told = json.loads(body)
        for key in ("order_id", "arg", "id"):
            if isinstance(told.get(key), int) and not (key == "id" and topic.startswith(("refunds/", "returns/"))):
                return f"{told[key]}"
    return None
