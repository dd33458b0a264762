"""The sweep finds everything that is due, in the order of its dates, and reads no more of the table than that."""

from __future__ import annotations

from collections import Counter
from datetime import timedelta

import pytest
from httpx import AsyncClient
from sqlalchemy import event, func, select, text

from app.clock import MovableClock
from app.runtime import Runtime
from app.timers import service, tasks
from app.timers.models import Timer
from tests.timers.kit import add_timers, case_in


async def jobs(runtime: Runtime) -> Counter[tuple[str, int]]:
    """How many jobs each timer has, and their priority."""
    async with runtime.work() as work:
        found = await work.session.execute(
            text("SELECT args->>'timer_id', priority FROM procrastinate_jobs WHERE task_name = 'makegood:timers.fire'")
        )
        return Counter((timer, priority) for timer, priority in found)


async def test_a_flood_is_enqueued_batch_by_batch_until_none_is_left(
    runtime: Runtime, client: AsyncClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    case = await case_in(client, runtime, "under_review")
    async with runtime.work() as work:
        await add_timers(work, case["id"], 2600)
    taken: list[int] = []
    take = service.take_due

    async def counted(*args: object) -> object:
        found = await take(*args)  # type: ignore[arg-type]
        taken.append(len(found))
        return found

    monkeypatch.setattr(service, "take_due", counted)
    await tasks.sweep(runtime)
    assert taken == [500, 500, 300]
    found = await jobs(runtime)
    assert len(found) == 1300
    # One job for each, behind whatever else there is to do.
    assert set(found.values()) == {1}
    assert {priority for _, priority in found} == {-1}
    taken.clear()
    await tasks.sweep(runtime)
    assert taken == [0]


async def test_the_longest_overdue_come_first_and_again_when_their_job_was_lost(
    runtime: Runtime, client: AsyncClient
) -> None:
    case = await case_in(client, runtime, "under_review")
    clock = runtime.clock = MovableClock()
    async with runtime.work() as work:
        await add_timers(work, case["id"], 40)
        due = select(Timer.id).where(Timer.due_at <= work.now, Timer.fired_at.is_(None)).order_by(Timer.due_at)
        oldest = (await work.session.scalars(due.limit(5))).all()
        assert sorted(await service.take_due(work, 5)) == sorted(oldest)
        assert not set(await service.take_due(work, 50)) & set(oldest)
    clock.move(service.LEASE + timedelta(seconds=1))
    async with runtime.work() as work:
        assert set(oldest) <= set(await service.take_due(work, 50))


async def test_a_sweep_of_a_hundred_thousand_reads_the_index(runtime: Runtime, client: AsyncClient) -> None:
    case = await case_in(client, runtime, "under_review")
    plans: list[str] = []
    async with runtime.work() as work:
        await add_timers(work, case["id"], 100_000)
        statements: list[tuple[str, object]] = []
        connection = (await work.session.connection()).sync_connection
        assert connection is not None
        event.listen(
            connection,
            "before_cursor_execute",
            lambda _c, _cursor, statement, parameters, _context, _many: statements.append((statement, parameters)),
        )
        assert len(await service.take_due(work, 500)) == 500
        sql, parameters = next(one for one in statements if one[0].startswith("SELECT timers.id"))
        plan = connection.exec_driver_sql
        rows = await work.session.run_sync(lambda _: plan(f"EXPLAIN {sql}", parameters).all())  # type: ignore[arg-type]
        plans = [row[0] for row in rows]
        left = await work.session.scalar(select(func.count()).select_from(Timer).where(Timer.next_try_at.is_(None)))
    assert any("ix_timers_due" in line for line in plans), plans
    assert not any("Seq Scan" in line or "Sort" in line for line in plans), plans
    assert left is not None
    assert left >= 99_000
