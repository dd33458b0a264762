"""Deliveries for tests: how they come in, together or alone, and what became of them."""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from datetime import UTC, datetime
from typing import Any
from uuid import UUID

import psycopg
from sqlalchemy import select

from app.runtime import Runtime
from app.webhooks import inbox
from app.webhooks.inbox import Arrival
from app.webhooks.intake import Intake
from app.webhooks.models import Delivery

# Seconds that something may take on a busy machine.
PATIENCE = 30


async def received(runtime: Runtime, arrival: Arrival) -> tuple[UUID, bool]:
    """Takes the delivery in; answers its id and whether it is new."""
    await runtime.intake.store(arrival, runtime.clock.now())
    async with runtime.work() as work:
        found = await work.session.execute(
            select(Delivery.id, Delivery.duplicates).where(
                Delivery.source_kind == arrival.source_kind,
                Delivery.source == arrival.source,
                Delivery.dedupe_key == arrival.dedupe_key,
            )
        )
        delivery_id, duplicates = found.one()
    return delivery_id, duplicates == 0


def arrival(number: object, topic: str = "orders/updated", body: bytes = b"{}") -> Arrival:
    return inbox.shopify_arrival("alpha", {"x-shopify-topic": topic, "x-shopify-webhook-id": str(number)}, body)


async def store(intake: Intake, *arrivals: Arrival) -> list[bool | BaseException]:
    """Hands all of them over at once; answers what became of each."""
    now = datetime.now(UTC)
    return [*await asyncio.gather(*(intake.store(one, now) for one in arrivals), return_exceptions=True)]


def outcomes(found: Sequence[bool | BaseException]) -> list[str]:
    return ["stored" if isinstance(one, bool) else type(one).__name__ for one in found]


def rows(database_url: str) -> dict[str, int]:
    """Duplicates by delivery."""
    with psycopg.connect(database_url) as connection:
        return dict(connection.execute("SELECT dedupe_key, duplicates FROM deliveries").fetchall())


async def soon(is_so: Any) -> None:
    deadline = time.monotonic() + PATIENCE
    while not is_so():
        assert time.monotonic() < deadline, "it never came to be"
        await asyncio.sleep(0.01)


@asynccontextmanager
async def blocked(database_url: str) -> AsyncIterator[None]:
    """Nobody can write deliveries until the block ends."""
    async with await psycopg.AsyncConnection.connect(database_url) as connection:
        await connection.execute("LOCK TABLE deliveries IN SHARE MODE")
        yield


async def until_waiting(database_url: str, statements: int = 1) -> None:
    """Until so many statements of ours wait for a lock."""
    asked = "SELECT count(*) FROM pg_stat_activity WHERE datname = current_database() AND wait_event_type = 'Lock'"
    async with await psycopg.AsyncConnection.connect(database_url, autocommit=True) as connection:
        for _ in range(PATIENCE * 100):
            found = await (await connection.execute(asked)).fetchone()
            if found and found[0] >= statements:
                return
            await asyncio.sleep(0.01)
    raise AssertionError("no statement waits")
