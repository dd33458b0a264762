"""The jobs of a worker that was killed run again on another one."""

from __future__ import annotations

import asyncio
import time
from pathlib import Path
from typing import Any

import psycopg
import pytest
from procrastinate import App
from sqlalchemy import text
from sqlalchemy.exc import DBAPIError

from app.crashpoints import Point
from app.db import engine
from app.db.engine import Database
from app.jobs import defer
from app.runtime import Runtime
from app.worker import make_queue, take_over
from tests.cli.command import assert_soon
from tests.crashes.stage import new_order
from tests.crashes.test_processes import show
from tests.e2e.stage import SHOP


def number(database: psycopg.Connection[Any], statement: str) -> int:
    row = database.execute(statement).fetchone()
    assert row is not None
    return int(row[0])


async def test_the_job_of_a_killed_worker_runs_on_another(tmp_path: Path, database_url: str) -> None:
    """The order is fetched by a job that no row stands for: if it were not taken over, nobody would do it."""
    async with show(tmp_path, database_url) as playing:
        order = new_order(playing.stage.world, SHOP)
        playing.stage.world.courier.flush()
        doing = (
            "SELECT count(*) FROM procrastinate_jobs WHERE status = 'doing' AND task_name = 'makegood:orders.refresh'"
        )
        with psycopg.connect(database_url, autocommit=True) as database:
            doomed = playing.fleet.start_worker(Point.ORDER_FETCHED)
            async with playing.stage.runtime.work() as work:
                await defer(work.session, "orders.refresh", store=SHOP, order_id=order)
            await asyncio.to_thread(assert_soon, lambda: doomed.poll() is not None)
            assert number(database, doing) == 1
            died_at = time.monotonic()
            playing.fleet.start_worker()
            left = "SELECT count(*) FROM procrastinate_jobs"
            await asyncio.to_thread(assert_soon, lambda: number(database, left) == 0)
            assert number(database, "SELECT count(*) FROM orders WHERE read_at IS NOT NULL") == 1
        # The silence that counts as death is 3 s here; the rest is the start of a process.
        assert time.monotonic() - died_at < 60


async def abandoned(queue: App, runtime: Runtime, count: int) -> None:
    """Jobs that a worker had when it vanished."""
    async with runtime.work() as work:
        for _ in range(count):
            await defer(work.session, "timers.fire", timer_id="0199f5a2-0000-7000-8000-000000000001")
    worker = await queue.job_manager.register_worker()
    for _ in range(count):
        assert await queue.job_manager.fetch_job(None, worker) is not None
    await queue.job_manager.unregister_worker(worker)


async def test_two_workers_that_find_the_same_dead_one_share_its_jobs(runtime: Runtime) -> None:
    queue = make_queue(runtime.database.url, 4)
    async with queue.open_async():
        await abandoned(queue, runtime, 6)
        await asyncio.gather(take_over(queue), take_over(queue))
        assert len(list(await queue.job_manager.list_jobs_async(status="todo"))) == 6


async def test_a_job_that_another_worker_took_first_does_not_keep_the_rest_waiting(
    runtime: Runtime, monkeypatch: pytest.MonkeyPatch
) -> None:
    queue = make_queue(runtime.database.url, 4)
    async with queue.open_async():
        await abandoned(queue, runtime, 3)
        seen = list(await queue.job_manager.get_stalled_jobs())
        await queue.job_manager.retry_job(seen[0])

        async def what_was_seen(**_: object) -> list[Any]:
            return seen

        monkeypatch.setattr(queue.job_manager, "get_stalled_jobs", what_was_seen)
        await take_over(queue)
        assert len(list(await queue.job_manager.list_jobs_async(status="todo"))) == 3


async def test_a_machine_that_vanished_in_a_transaction_gives_its_locks_back(
    database_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(engine, "IDLE_TIMEOUT_MS", 200)
    vanished, other = Database(database_url, 1), Database(database_url, 1)
    lock = text("LOCK TABLE orders IN ACCESS EXCLUSIVE MODE")

    async def vanish() -> None:
        async with vanished.transaction() as session:
            await session.execute(lock)
            # This waits for the lock, which nobody gives back but PostgreSQL itself.
            async with other.transaction() as another:
                await another.execute(lock)
            await session.execute(lock)

    with pytest.raises(DBAPIError):
        await vanish()
    await vanished.dispose()
    await other.dispose()
