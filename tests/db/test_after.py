"""What is told of a transaction is told when it is committed, once, and not when it was undone."""

from __future__ import annotations

import pytest
from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncSession
from structlog.contextvars import bound_contextvars, get_contextvars

from app.db.after import after_commit, unless_undone
from app.runtime import Runtime


class Undone(Exception):
    """What a test breaks off with."""


async def test_it_is_told_after_the_commit_with_what_was_known_then(runtime: Runtime) -> None:
    told: list[object] = []
    async with runtime.work() as work:
        with bound_contextvars(case="one"):
            after_commit(work.session, lambda: told.append(get_contextvars().get("case")))
        assert told == []
    assert told == ["one"]
    async with runtime.work() as work:
        await work.session.execute(text("SELECT 1"))
    assert told == ["one"]


async def test_nothing_is_told_of_what_was_rolled_back(runtime: Runtime) -> None:
    told: list[int] = []

    async def broken() -> None:
        async with runtime.work() as work:
            after_commit(work.session, lambda: told.append(1))
            raise Undone

    with pytest.raises(Undone):
        await broken()
    assert told == []


async def test_a_savepoint_takes_only_its_own_back(runtime: Runtime) -> None:
    told: list[int] = []

    async def inside(session: AsyncSession, number: int, error: Exception | None) -> None:
        async with session.begin_nested():
            with unless_undone(session):
                after_commit(session, lambda: told.append(number))
                if error is not None:
                    raise error

    async with runtime.work() as work:
        after_commit(work.session, lambda: told.append(1))
        with pytest.raises(Undone):
            await inside(work.session, 2, Undone())
        await inside(work.session, 3, None)
    assert told == [1, 3]
