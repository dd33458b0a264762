"""Deliveries read together say the same as deliveries read one by one, and a bad one fails alone."""

from __future__ import annotations

import asyncio
import json
import random
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID

import pytest
from sqlalchemy import select, text

from app.db.base import new_id
from app.orders import service as orders
from app.orders.models import ObservedRefund, Order
from app.orders.snapshot import Fulfilment
from app.runtime import Runtime
from app.webhooks.marks import Marks
from app.webhooks.models import Delivery, SourceKind
from app.webhooks.reader import read_all
from app.webhooks.reading import read
from tests.webhooks.test_intake import ORDER

START = datetime(2026, 11, 20, 10, tzinfo=UTC)
REFUND = {"id": 77, "created_at": START.isoformat(), "refund_line_items": [], "transactions": [
    {"id": 1, "kind": "refund", "status": "success", "amount": "1.00", "currency": "EUR"},
]}  # fmt: skip


def shopify_body(number: int, minutes: int = 0, **changes: Any) -> bytes:
    moment = (START + timedelta(minutes=minutes)).isoformat()
    return json.dumps({**ORDER, "id": number, "name": f"#{number}", "updated_at": moment, **changes}).encode()


async def put(runtime: Runtime, *sent: tuple[str, bytes]) -> list[UUID]:
    """These topics and bodies wait to be read, in this sequence."""
    ids = [new_id() for _ in sent]
    async with runtime.work() as work:
        for key, (topic, body) in zip(ids, sent, strict=True):
            work.session.add(
                Delivery(
                    id=key, source_kind=SourceKind.STORE, source="alpha", dedupe_key=str(key), topic=topic, headers={},
                    body=body, received_at=work.now,
                )
            )  # fmt: skip
    return ids


async def told(runtime: Runtime) -> dict[str, Any]:
    """Everything that reading may have changed."""
    async with runtime.work() as work:
        deliveries = await work.session.execute(
            select(Delivery.id, Delivery.status, Delivery.error, Delivery.attempts).order_by(Delivery.id)
        )
        kept = await work.session.execute(
            select(Order.order_id, Order.email, Order.captured, Order.source_updated_at, Order.snapshot).order_by(
                Order.order_id
            )
        )
        refunds = await work.session.execute(
            select(ObservedRefund.store_refund_id, ObservedRefund.amount, ObservedRefund.removed_at)
        )
        # Which of an order's deliveries asked for a job first is not of the outcome.
        asked = text("SELECT DISTINCT task_name, (args - 'origin')::text FROM procrastinate_jobs")
        jobs = await work.session.execute(asked)
        return {
            "deliveries": deliveries.all(), "orders": kept.all(), "refunds": refunds.all(), "jobs": set(jobs.all())
        }  # fmt: skip


def a_day(chance: random.Random) -> list[tuple[str, bytes]]:
    """What a store may send of four orders: old and new, twice and thrice, with and without everything."""
    sent: list[tuple[str, bytes]] = []
    for _ in range(40):
        changes: dict[str, Any] = chance.choice([
            {}, {}, {"email": f"{chance.choice('ab')}@example.com"}, {"cancelled_at": START.isoformat()},
            {"line_items": []}, {"financial_status": "pending"}, {"refunds": None}, {"refunds": [REFUND]},
            {"currency": "nonsense"},
        ])  # fmt: skip
        topic = chance.choice(["orders/create", "orders/updated", "orders/paid", "orders/edited", "products/update"])
        sent.append((topic, shopify_body(chance.randint(1, 4), chance.randint(0, 3), **changes)))
        if chance.random() < 0.3:
            sent.append((chance.choice(["orders/updated", "orders/paid"]), sent[-1][1]))
    return sent


@pytest.mark.parametrize("seed", range(6))
async def test_read_together_or_one_by_one_it_comes_to_the_same(runtime: Runtime, seed: int) -> None:
    ids = await put(runtime, *a_day(random.Random(seed)))
    for delivery_id in ids:
        await read(runtime, delivery_id)
    one_by_one = await told(runtime)
    async with runtime.work() as work:
        for table in ("observed_refunds", "orders", "procrastinate_jobs"):
            await work.session.execute(text(f"DELETE FROM {table}"))
        await work.session.execute(text("UPDATE deliveries SET status = 'pending', error = NULL, attempts = 0"))
    assert await read_all(runtime) == len(ids)
    assert await told(runtime) == one_by_one


async def test_two_readers_at_once_come_to_the_same_too(runtime: Runtime) -> None:
    """Each order is one reader's at a time, and nothing is read twice."""
    await put(runtime, *((topic, shopify_body(number, minutes)) for minutes, topic in enumerate(
        ("orders/create", "orders/paid", "orders/updated")) for number in range(1, 120)))  # fmt: skip
    await asyncio.gather(read_all(runtime), read_all(runtime))
    found = await told(runtime)
    assert [row.attempts for row in found["deliveries"]] == [1] * 357
    assert [row.source_updated_at for row in found["orders"]] == [START + timedelta(minutes=2)] * 119


async def test_what_cannot_be_stored_fails_alone(runtime: Runtime) -> None:
    too_much = shopify_body(3, total_price="999999999999999.1234", line_items=[])
    sent = [("orders/create", body) for body in (shopify_body(1), b"[", too_much, shopify_body(2))]
    await put(runtime, *sent)
    await read_all(runtime)
    found = await told(runtime)
    assert [row.status for row in found["deliveries"]] == ["processed", "failed", "failed", "processed"]
    assert found["deliveries"][2].error == "DataError: it cannot be stored"
    assert [row.order_id for row in found["orders"]] == ["1", "2"]


async def test_a_body_that_came_last_is_not_read_again(runtime: Runtime, monkeypatch: pytest.MonkeyPatch) -> None:
    await put(runtime, ("orders/create", shopify_body(1)))
    await read_all(runtime)

    def broken(_: Any) -> Any:
        raise AssertionError("it was read again")

    monkeypatch.setattr("app.webhooks.topics.normalise_shopify.order_from_webhook", broken)
    await put(runtime, ("orders/paid", shopify_body(1)))
    await read_all(runtime)
    (_, again) = (await told(runtime))["deliveries"]
    assert (again.status, again.error) == ("ignored", "nothing new")


async def test_a_body_is_read_again_when_something_else_changed_the_order(runtime: Runtime) -> None:
    await put(runtime, ("orders/create", shopify_body(1)))
    await read_all(runtime)
    async with runtime.work() as work:
        order = (await work.session.execute(select(Order))).scalar_one()
        known = orders.snapshot_of(order)
        parcel = Fulfilment("5", "in_transit", lines={known.lines[0].line_id: 1})
        assert await orders.keep_fulfilment(work, await orders.lock(work, order.id), parcel)
    async with runtime.work() as work:
        assert (await work.session.execute(select(Order.news_sha256))).scalar_one() is None


async def test_an_order_that_somebody_is_at_work_with_is_waited_for_by_itself(runtime: Runtime) -> None:
    """Its neighbours are not held up, and it is not forgotten."""
    await put(runtime, ("orders/create", shopify_body(1)))
    await read_all(runtime)
    await put(runtime, ("orders/updated", shopify_body(1, 1)), ("orders/create", shopify_body(2)))
    async with runtime.work() as work:
        await orders.lock(work, (await work.session.execute(select(Order.id))).scalar_one())
        reading = asyncio.create_task(read_all(runtime))
        while not await _is_there(runtime, "2"):
            assert not reading.done()
    await reading
    found = await told(runtime)
    assert [row.source_updated_at for row in found["orders"]] == [START + timedelta(minutes=1), START]


async def _is_there(runtime: Runtime, order_id: str) -> bool:
    async with runtime.work() as work:
        return await work.session.scalar(select(Order.id).where(Order.order_id == order_id)) is not None


async def test_a_delivery_that_is_suspected_is_read_alone(runtime: Runtime, monkeypatch: pytest.MonkeyPatch) -> None:
    first, second = await put(runtime, ("orders/create", shopify_body(1)), ("orders/create", shopify_body(2)))
    async with runtime.work() as work:
        await work.session.execute(text("UPDATE deliveries SET deaths = 1 WHERE id = :id"), {"id": first})
    together: list[list[UUID]] = []
    write = Marks.write

    async def noted(notes: Marks, deliveries: list[UUID]) -> None:
        together.append(deliveries)
        await write(notes, deliveries)

    monkeypatch.setattr(Marks, "write", noted)
    await read_all(runtime)
    assert together == [[second], [first]]
    assert [row.status for row in (await told(runtime))["deliveries"]] == ["processed", "processed"]
