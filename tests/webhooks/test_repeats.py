"""Repeats of what is deleted, emptied or read at the same moment."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from typing import Any

import pytest
from httpx import AsyncClient
from sqlalchemy import delete, select, update

import app.webhooks.intake
import app.webhooks.line
from app.privacy import bodies
from app.runtime import Runtime
from app.webhooks import bulk, inbox
from app.webhooks.inbox import MOST_TRIES, Arrival
from app.webhooks.models import Delivery
from tests.webhooks.kit import arrival, received, rows, soon, store, until_waiting
from tests.webhooks.test_intake import body_of, deliveries, shopify

BODY = b'{"action":"woocommerce_order_refunded","arg":14}'
ORDERS, REFUNDED = "order.updated", "action.woocommerce_order_refunded"


def woo_arrival(topic: str) -> Arrival:
    return inbox.woocommerce_arrival("beta", {"x-wc-webhook-id": "7", "x-wc-webhook-topic": topic}, BODY)


async def change(runtime: Runtime, **values: Any) -> None:
    async with runtime.work() as work:
        await work.session.execute(update(Delivery).values(**values))


@pytest.mark.parametrize("topic", [REFUNDED, ORDERS])
async def test_a_repeat_of_what_is_deleted_this_moment_is_stored(
    runtime: Runtime, monkeypatch: pytest.MonkeyPatch, topic: str
) -> None:
    """It was found to be there already, and is gone when it is to be counted."""
    first, _ = await received(runtime, woo_arrival(topic))
    count = bulk.count_repeats

    async def after_pruning(line: Any, repeats: Sequence[Any]) -> None:
        async with runtime.work() as work:
            await work.session.execute(delete(Delivery))
        await count(line, repeats)

    monkeypatch.setattr(bulk, "count_repeats", after_pruning)
    second, _ = await received(runtime, woo_arrival(topic))
    (stored,) = await deliveries(runtime)
    assert first != second == stored.id
    assert (stored.status, stored.body, stored.duplicates) == ("pending", BODY, 0)


async def test_what_is_to_be_read_again_is_not_emptied(runtime: Runtime) -> None:
    """Found to be old, and then a repeat came that is news: it is read before its body goes."""
    delivery_id, _ = await received(runtime, woo_arrival(REFUNDED))
    async with runtime.work() as work:
        await bodies.empty(work, [delivery_id])
    (waiting,) = await deliveries(runtime)
    assert (waiting.body, waiting.erased_at, waiting.body_sha256) == (BODY, None, None)
    await change(runtime, status="processed")
    async with runtime.work() as work:
        await bodies.empty(work, [delivery_id])
    (read,) = await deliveries(runtime)
    assert (read.body, read.erased_at is None) == (b"", False)


async def test_a_repeat_of_what_is_being_read_is_acknowledged(
    client: AsyncClient, runtime: Runtime, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Whoever reads it may wait for an order; the sender would give up and count a failure."""
    monkeypatch.setattr(app.webhooks.line, "_LOCK_TIMEOUT_MS", 100)
    assert (await shopify(client, body_of())).status_code == 200
    (stored,) = await deliveries(runtime)
    async with runtime.work() as work:
        assert await inbox.take(work, stored.id) is not None
        async with asyncio.timeout(5):
            assert (await shopify(client, body_of())).status_code == 200
    assert [row.id for row in await deliveries(runtime)] == [stored.id]


async def test_repeats_of_what_is_being_read_do_not_wait_for_one_another(
    runtime: Runtime, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A reader holds several; a sender gives up after five seconds, and PostgreSQL waits for three of them for each."""
    monkeypatch.setattr(app.webhooks.intake, "_COUNT_SECONDS", 0.1)
    url, numbers = runtime.database.url, [str(number) for number in range(3)]
    await store(runtime.intake, *map(arrival, numbers))
    async with runtime.work() as work:
        await work.session.scalars(select(Delivery).with_for_update())
        async with asyncio.timeout(5):
            for number in numbers:
                assert await store(runtime.intake, arrival(number)) == [False]
        assert rows(url) == dict.fromkeys(numbers, 0)
    await soon(lambda: rows(url) == dict.fromkeys(numbers, 1))


async def test_news_about_what_is_being_read_are_not_acknowledged_before_they_are_kept(
    runtime: Runtime, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Of an id-only body the repeat is news: it is turned away in time, or stored when the reader is done."""
    delivery_id, _ = await received(runtime, woo_arrival(REFUNDED))
    async with runtime.work() as work:
        delivery = await inbox.take(work, delivery_id)
        assert delivery is not None
        inbox.done(work, delivery, None)
        repeat = asyncio.create_task(runtime.intake.store(woo_arrival(REFUNDED), runtime.clock.now()))
        await until_waiting(runtime.database.url)
        assert not repeat.done()
    assert await repeat is False
    (again,) = await deliveries(runtime)
    assert (again.status, again.duplicates) == ("pending", 1)


@pytest.mark.parametrize(("topic", "left", "then"), [(REFUNDED, 0, "pending"), (ORDERS, MOST_TRIES, "failed")])
async def test_tries_begin_anew_for_a_repeat_that_is_news(runtime: Runtime, topic: str, left: int, then: str) -> None:
    """What went wrong with the last news says nothing of these: a passing fault may pass."""
    delivery_id, _ = await received(runtime, woo_arrival(topic))
    await change(runtime, attempts=MOST_TRIES, status="processed")
    await received(runtime, woo_arrival(topic))
    (stored,) = await deliveries(runtime)
    assert (stored.attempts, stored.duplicates) == (left, 1)
    async with runtime.work() as work:
        await inbox.failed(work, delivery_id, "the store is away", passing=True)
    (stored,) = await deliveries(runtime)
    assert (stored.status, stored.attempts) == (then, left + 1)


async def test_tries_count_on_for_a_replay(runtime: Runtime) -> None:
    """They are the delivery's history, and a person who replays it looks on."""
    delivery_id, _ = await received(runtime, woo_arrival(REFUNDED))
    await change(runtime, attempts=3, status="failed", deaths=2)
    async with runtime.work() as work:
        assert await inbox.again(work, delivery_id)
    async with runtime.work() as work:
        row = (await work.session.execute(select(Delivery.status, Delivery.attempts, Delivery.deaths))).one()
    assert tuple(row) == ("pending", 3, 0)
