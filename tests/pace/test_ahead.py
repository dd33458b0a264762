"""Turns taken before they are needed: the calls in the block wait for nothing, and what they do not use comes back."""

from __future__ import annotations

import pytest

from app.pace import service
from app.pace.base import NoTurn, Pace, Told
from app.pace.bucket import Limits
from app.pace.pacer import Paces
from app.runtime import Runtime
from tests.pace.test_shared import Clockwork

# Nothing worth mentioning comes back while a test runs.
SITE = Limits(rate=0.001, burst=10.0, parallel=1)
SHOP = Limits(rate=0.001, burst=1000.0, learns=True)


async def bucket(runtime: Runtime, name: str) -> tuple[int, int]:
    """Whole tokens, and places taken."""
    async with runtime.work() as work:
        row, tokens = (await service.statuses(work, [name]))[name]
        return round(tokens), len(row.leases)


def pace_of(runtime: Runtime, name: str, limits: Limits) -> Pace:
    return Paces(runtime.database, Clockwork()).of(name, limits)


async def test_calls_use_what_was_taken_for_them_and_the_one_place(runtime: Runtime) -> None:
    mine, others = (pace_of(runtime, "store:beta", SITE) for _ in range(2))
    async with mine.ahead(3):
        assert await bucket(runtime, "store:beta") == (7, 1)
        for _ in range(2):
            await (await mine.take()).end()
        assert await bucket(runtime, "store:beta") == (7, 1)
        with pytest.raises(NoTurn):
            await others.take()
    assert await bucket(runtime, "store:beta") == (8, 0)


async def test_a_call_more_than_was_thought_waits_for_tokens_and_for_no_second_place(runtime: Runtime) -> None:
    mine = pace_of(runtime, "store:beta", SITE)
    async with mine.ahead(1):
        await (await mine.take()).end()
        await (await mine.take()).end()
        assert await bucket(runtime, "store:beta") == (8, 1)
    assert await bucket(runtime, "store:beta") == (8, 0)


async def test_what_an_answer_tells_counts_for_its_own_call(runtime: Runtime) -> None:
    mine = pace_of(runtime, "store:alpha", SHOP)
    async with mine.ahead(100):
        turn = await mine.take(60)
        await turn.end(Told(cost=10))
    assert await bucket(runtime, "store:alpha") == (990, 0)


async def test_nothing_begins_without_turns_and_an_error_gives_them_back(runtime: Runtime) -> None:
    mine = pace_of(runtime, "store:beta", SITE)
    with pytest.raises(ZeroDivisionError):
        async with mine.ahead(9):
            raise ZeroDivisionError
    assert await bucket(runtime, "store:beta") == (10, 0)
    begun = False
    async with mine.ahead(9):
        pass
    await (await mine.take(7)).end()
    with pytest.raises(NoTurn):
        async with mine.ahead(9):
            begun = True
    assert not begun
    assert await bucket(runtime, "store:beta") == (3, 0)


async def test_another_stores_calls_take_their_own_turns(runtime: Runtime) -> None:
    mine, others = pace_of(runtime, "store:beta", SITE), pace_of(runtime, "store:gamma", SITE)
    async with mine.ahead(5):
        await (await others.take()).end()
        assert await bucket(runtime, "store:gamma") == (9, 0)
    assert await bucket(runtime, "store:beta") == (10, 0)
