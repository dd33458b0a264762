"""A reader's notes: an interruption is nobody's death, and what readers are told does not pile up."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable
from typing import Any
from uuid import UUID

import psycopg
import pytest
from sqlalchemy.exc import TimeoutError as PoolTimeout

import app.worker
from app.runtime import Runtime
from app.webhooks import inbox, marks
from app.webhooks.marks import Marks
from app.webhooks.models import Delivery
from app.webhooks.reader import Reader, keep_reading, read_all
from app.webhooks.reading import MOST_DEATHS
from tests.webhooks.test_batch import put, shopify_body

CUT = (
    "SELECT pg_terminate_backend(pid) FROM pg_locks WHERE locktype = 'advisory' AND pid <> pg_backend_pid() "
    "AND database = (SELECT oid FROM pg_database WHERE datname = current_database())"
)
# Seconds that a rest takes when nobody tells anything.
SHORT = 0.05


def execute(database_url: str, statement: str) -> None:
    with psycopg.connect(database_url, autocommit=True) as connection:
        connection.execute(statement.encode())


async def deaths(runtime: Runtime, delivery_id: UUID) -> int:
    async with runtime.work() as work:
        return (await work.session.get_one(Delivery, delivery_id)).deaths


async def cut_off_while_reading(url: str, delivery_id: UUID, earlier: list[int]) -> None:
    """A reader whose connection is lost while it reads, so that its note stays."""

    async def reading() -> None:
        async with marks.opened(url, earlier) as notes:
            await notes.write([delivery_id])
            await asyncio.to_thread(execute, url, CUT)
            await notes.forget()

    with pytest.raises(psycopg.OperationalError):
        await reading()


async def count_deaths(url: str, earlier: list[int]) -> None:
    async with marks.opened(url, earlier) as notes:
        await notes.count_deaths()


async def test_a_lost_connection_is_no_death_to_the_same_process(runtime: Runtime, database_url: str) -> None:
    (delivery_id,) = await put(runtime, ("orders/create", shopify_body(1)))
    mine: list[int] = []
    for _ in range(2):
        await cut_off_while_reading(database_url, delivery_id, mine)
        await count_deaths(database_url, mine)
        assert await deaths(runtime, delivery_id) == 0
    # To any other process a note without its reader is that of a dead one.
    await cut_off_while_reading(database_url, delivery_id, mine)
    await count_deaths(database_url, [])
    assert await deaths(runtime, delivery_id) == 1


async def test_a_reader_that_is_thrown_out_takes_its_note_along(
    runtime: Runtime, monkeypatch: pytest.MonkeyPatch
) -> None:
    """No connection to be had to read with, again and again, in processes that each end of it."""
    (delivery_id,) = await put(runtime, ("products/update", b"{}"))

    async def away(*_: Any) -> None:
        raise PoolTimeout

    with monkeypatch.context() as patch:
        patch.setattr(inbox, "take", away)
        for _ in range(MOST_DEATHS):
            with pytest.raises(PoolTimeout):
                await keep_reading(runtime, asyncio.Event(), [])
    assert await read_all(runtime) == 1
    async with runtime.work() as work:
        delivery = await work.session.get_one(Delivery, delivery_id)
    assert (delivery.status, delivery.deaths) == ("ignored", 0)


async def test_a_worker_knows_its_readers_of_before_the_interruption(
    runtime: Runtime, database_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    (delivery_id,) = await put(runtime, ("products/update", b"{}"))
    monkeypatch.setattr(app.worker, "INTERRUPTION_SECONDS", 0)
    take, is_read = inbox.take, asyncio.Event()
    interruptions: list[UUID] = []

    async def interrupted(work: Any, one: UUID) -> Delivery | None:
        if len(interruptions) < MOST_DEATHS:
            interruptions.append(one)
            await asyncio.to_thread(execute, database_url, CUT)
            raise PoolTimeout
        is_read.set()
        return await take(work, one)

    monkeypatch.setattr(inbox, "take", interrupted)
    worker = asyncio.create_task(app.worker.keep_working(runtime, 1, install_signal_handlers=False))
    async with asyncio.timeout(30):
        await is_read.wait()
    worker.cancel()
    await asyncio.gather(worker, return_exceptions=True)
    assert interruptions == [delivery_id] * MOST_DEATHS
    assert await deaths(runtime, delivery_id) == 0


async def rests_to_the_end(notes: Marks) -> bool:
    began = time.monotonic()
    await notes.rest(SHORT)
    return time.monotonic() - began >= SHORT / 2


async def told(runtime: Runtime, notes: Marks) -> None:
    """Many transactions tell the readers of something, and all of it is here."""
    async with await psycopg.AsyncConnection.connect(runtime.database.url, autocommit=True) as others:
        for _ in range(50):
            await others.execute(f"NOTIFY {inbox.CHANNEL}")
    await notes.forget()


async def turned(runtime: Runtime, notes: Marks) -> None:
    assert await Reader(runtime, notes).turn() == 0


async def rested(_: Runtime, notes: Marks) -> None:
    await notes.rest(30)


@pytest.mark.parametrize("heard", [turned, rested])
async def test_what_was_told_of_many_times_is_heard_once(
    runtime: Runtime, database_url: str, heard: Callable[[Runtime, Marks], Any]
) -> None:
    """One turn, or one rest, takes note of all: else each of them would be a turn for nothing, or be kept for ever."""
    async with marks.opened(database_url, []) as notes:
        await told(runtime, notes)
        assert not await rests_to_the_end(notes)
        await told(runtime, notes)
        await heard(runtime, notes)
        assert await rests_to_the_end(notes)
