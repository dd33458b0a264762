"""How often something may be tried: counted for every process at once, kept as hashes, forgotten in time."""

from __future__ import annotations

import asyncio
from datetime import timedelta

import pytest
from sqlalchemy import select

from app.clock import MovableClock
from app.db.guesses import Guess
from app.pages.rate import TooManyAttempts, allow
from app.runtime import Runtime
from app.worker import sweep_once

ORDER = "alpha:#1106"


async def tried(runtime: Runtime, key: str = ORDER, what: str = "lookup") -> None:
    async with runtime.work() as work:
        await allow(work, what, key, 3, 600)


async def test_so_many_tries_and_then_a_wait(runtime: Runtime) -> None:
    runtime.clock = clock = MovableClock()
    for _ in range(3):
        await tried(runtime)
    for _ in range(2):
        with pytest.raises(TooManyAttempts) as refused:
            await tried(runtime)
        assert 590 <= refused.value.extra["retry_after"] <= 600
    await tried(runtime, "alpha:#1107")
    await tried(runtime, what="other")
    clock.move(timedelta(seconds=601))
    await tried(runtime)


async def test_tries_at_the_same_time_are_all_counted(runtime: Runtime) -> None:
    told = await asyncio.gather(*(tried(runtime) for _ in range(12)), return_exceptions=True)
    assert sum(one is None for one in told) == 3
    assert sum(isinstance(one, TooManyAttempts) for one in told) == 9


async def test_what_was_tried_is_not_kept_and_the_count_is_forgotten(runtime: Runtime) -> None:
    runtime.clock = clock = MovableClock()
    await tried(runtime)
    async with runtime.work() as work:
        [row] = (await work.session.scalars(select(Guess))).all()
    assert ORDER not in f"{row.what} {row.client}"
    assert len(row.client) == 64
    clock.move(timedelta(minutes=61))
    await sweep_once(runtime)
    async with runtime.work() as work:
        assert (await work.session.scalars(select(Guess))).all() == []


async def test_a_window_that_would_be_forgotten_is_refused(runtime: Runtime) -> None:
    async with runtime.work() as work:
        with pytest.raises(ValueError, match="hour"):
            await allow(work, "lookup", ORDER, 3, 3601)
