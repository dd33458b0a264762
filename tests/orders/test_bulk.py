"""Two batches of many orders at once: none waits for the other while it holds what the other waits for."""

from __future__ import annotations

import asyncio
from datetime import timedelta

from app.orders import bulk
from app.runtime import Runtime
from app.webhooks.batch import read_together
from app.webhooks.reader import read_all
from tests.webhooks.kit import until_waiting
from tests.webhooks.test_batch import START, put, shopify_body, told

KNOWN, NEW = ("alpha", "9"), ("alpha", "5")


async def test_an_order_in_somebody_elses_hands_is_no_new_one(runtime: Runtime) -> None:
    await put(runtime, ("orders/create", shopify_body(9)))
    await read_all(runtime)
    async with runtime.work() as one, runtime.work() as other:
        free, held = await bulk.load(one, {KNOWN, NEW})
        assert (set(free), held) == ({KNOWN}, set())
        free, held = await bulk.load(other, {KNOWN, NEW})
        assert (free, held) == ({}, {KNOWN})


async def test_two_batches_wait_in_no_circle(runtime: Runtime) -> None:
    """Both are about an order that is known and one that is new. A batch writes what is known first."""
    await put(runtime, ("orders/create", shopify_body(9)))
    await read_all(runtime)
    known, new = await put(runtime, ("orders/updated", shopify_body(9, 1)), ("orders/paid", shopify_body(5, 1)))
    both = await put(runtime, ("orders/create", shopify_body(5)), ("orders/updated", shopify_body(9, 2)))
    async with runtime.work() as one:
        assert await read_together(one, [known]) == []
        async with runtime.work() as other:
            # With a new order in hand it leaves the known one to later, and does not wait for it.
            async with asyncio.timeout(5):
                assert await read_together(other, both) == [both[1]]
            rest = asyncio.create_task(read_together(one, [new]))
            await until_waiting(runtime.database.url)
        assert await rest == [new]
    await read_all(runtime)
    found = await told(runtime)
    assert {row.status for row in found["deliveries"]} <= {"processed", "ignored"}
    moments = {row.order_id: row.source_updated_at - START for row in found["orders"]}
    assert moments == {"5": timedelta(minutes=1), "9": timedelta(minutes=2)}
