"""Locks of orders and cases: nobody waits in a circle, and whoever the database rolls back tries again."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from uuid import UUID

from sqlalchemy import text

from app.cases import service as cases
from app.cases.models import Case
from app.db.work import Work
from app.orders import service as orders
from tests.e2e.stage import SHOP, Stage
from tests.e2e.test_stories import lamp, shopify_order

ONE_LAMP = {"sku": "LAMP-01", "quantity": 1, "reason": "changed_mind"}


async def order_of(work: Work, case_id: str) -> UUID:
    return (await work.session.get_one(Case, UUID(case_id))).order_pk


@asynccontextmanager
async def someone_waits_for_a_lock(stage: Stage, started: asyncio.Task[object]) -> AsyncIterator[None]:
    """The block begins when a connection of the test's database waits for a row that another holds."""
    waiting = text(
        "SELECT count(*) FROM pg_stat_activity WHERE datname = current_database() AND wait_event_type = 'Lock'"
    )
    async with asyncio.timeout(10):
        while True:
            async with stage.runtime.work() as work:
                if await work.session.scalar(waiting):
                    break
            assert not started.done(), "it was to wait"
            await asyncio.sleep(0.01)
    yield


async def test_a_suppliers_answer_is_taken_in_while_an_action_holds_the_order(stage: Stage) -> None:
    order_id, _ = await shopify_order(stage, [lamp(2)])
    body = {"store": SHOP, "order": order_id, "remedy": "refund", "lines": [ONE_LAMP]}
    (case,) = (await stage.post("/return-requests", body, 201))["cases"]
    assert case["state"] == "authorizing"
    async with stage.runtime.work() as holding:
        # What an action does first. The supplier's answer changes the case twice in one transaction, and the second
        # change has PostgreSQL check the order's key, which must not wait for this lock.
        await orders.lock(holding, await order_of(holding, case["id"]))
        await stage.settle()
        assert (await stage.case(case["id"]))["state"] == "awaiting_shipment"


async def test_an_action_that_loses_a_dead_lock_is_done_all_the_same(stage: Stage) -> None:
    order_id, _ = await shopify_order(stage, [lamp(2)])
    (case,) = await stage.ask(SHOP, order_id, [ONE_LAMP])
    async with stage.runtime.work() as other:
        # The wrong sequence, on purpose: the case first, and then the order that the action has locked meanwhile.
        await cases.lock(other, UUID(case["id"]))
        action = asyncio.create_task(stage.post(f"/cases/{case['id']}/note", {"text": "I was here"}))
        async with someone_waits_for_a_lock(stage, action):
            await orders.lock(other, await order_of(other, case["id"]))
    told = await action
    assert told["id"] == case["id"]
    events = (await stage.get(f"/cases/{case['id']}/events"))["items"]
    by_hand = [event for event in events if event["actor"] == "operator:ops"]
    assert [event["data"]["text"] for event in by_hand if event["type"] == "note_added"] == ["I was here"]
