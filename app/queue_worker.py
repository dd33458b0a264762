"""procrastinate's worker, without three things that it does quietly: going on half dead, missing a notification, and
not ending.

Seen in procrastinate 3.10; a test holds each.
"""

from __future__ import annotations

import asyncio
from collections.abc import Collection
from typing import Any

from procrastinate.jobs import Notification
from procrastinate.worker import Worker

# Seconds until a task that was cancelled and has not ended is cancelled again.
_AGAIN = 0.5


async def end(tasks: Collection[asyncio.Task[Any]]) -> None:
    """Cancels tasks until they have ended; their errors are nobody's any more.

    Once is not always enough: `asyncio.wait_for` of Python 3.11, which the drivers of PostgreSQL lean on, forgets a
    cancellation that comes in the moment when what it waits for is there.
    """
    while going := [task for task in tasks if not task.done()]:
        for task in going:
            task.cancel()
        await asyncio.wait(going, timeout=_AGAIN)
    await asyncio.gather(*tasks, return_exceptions=True)


class SteadyWorker(Worker):
    """Stops when its heartbeat or its listener ends, so that it can be begun again, and fetches for every word it got.

    By itself it goes on without them when the database was away for a moment: without a heartbeat others take its jobs
    over while it does them, and without a listener each job waits for the next poll.
    """

    _told = False

    def _start_side_tasks(self) -> list[asyncio.Task[Any]]:
        parts: list[asyncio.Task[Any]] = super()._start_side_tasks()
        for part in parts:
            part.add_done_callback(self._stop_with)
        return parts

    def _stop_with(self, part: asyncio.Task[Any]) -> None:
        if not part.cancelled() and part.exception() is not None:
            self.stop()  # type: ignore[no-untyped-call]

    async def _shutdown(self, side_tasks: list[asyncio.Task[Any]]) -> None:
        await end(side_tasks)
        await super()._shutdown(side_tasks)

    async def _handle_notification(self, *, channel: str, notification: Notification) -> None:
        self._told = True
        await super()._handle_notification(channel=channel, notification=notification)

    async def _fetch_and_process_jobs(self) -> None:
        """What is told of while a fetch is under way is forgotten after it: so there is one more."""
        self._told = True
        while self._told and not self._stop_event.is_set():
            self._told = False
            await super()._fetch_and_process_jobs()  # type: ignore[no-untyped-call]
