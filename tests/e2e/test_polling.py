"""Stores are asked what changed: politely, by one worker at a time, and going on where the last one stopped."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, contextmanager
from datetime import datetime, timedelta
from typing import Any

import pytest

from app.orders import service as orders
from app.polling import turns
from app.polling.models import StorePoll
from app.runtime import Runtime, build_runtime
from app.sandbox.faults import Fault, FaultKind
from app.sandbox.woocommerce.model import NewLine, NewOrder
from app.stores.base import ChangedPage, StoreUnavailable
from app.worker import run_until_idle
from tests.e2e.stage import SHOP, SITE, Stage
from tests.e2e.test_stories import lamp, shopify_order, woo_order

ONE_LAMP = [{"sku": "LAMP-01", "quantity": 1, "reason": "changed_mind"}]
ONE_MUG = [{"sku": "ACME-MUG", "quantity": 1, "reason": "changed_mind"}]


class Asked:
    """Counts what one store is asked for: the pages by cursor, and the ids of the orders that are read."""

    def __init__(self, runtime: Runtime, key: str, monkeypatch: pytest.MonkeyPatch) -> None:
        self.pages: list[str | None] = []
        self.since: list[datetime] = []
        self.orders: list[str] = []
        store = runtime.stores.get(key)
        changed_orders, read_order = store.changed_orders, store.read_order

        async def counted_page(since: datetime, cursor: str | None) -> ChangedPage:
            self.pages.append(cursor)
            self.since.append(since)
            return await changed_orders(since, cursor)

        async def counted_order(order_id: str) -> Any:
            self.orders.append(order_id)
            return await read_order(order_id)

        monkeypatch.setattr(store, "changed_orders", counted_page)
        monkeypatch.setattr(store, "read_order", counted_order)

    def forget(self) -> None:
        """Counts anew."""
        self.pages.clear()
        self.since.clear()
        self.orders.clear()


@contextmanager
def deaf(stage: Stage) -> Iterator[None]:
    """No webhook arrives while the block lasts."""
    stage.world.courier.misbehave(1, lose=1.0)
    yield
    stage.world.courier.behave()


async def row_of(stage: Stage, key: str) -> StorePoll:
    async with stage.runtime.work() as work:
        return await work.session.get_one(StorePoll, key)


def sold_mugs(stage: Stage, count: int) -> list[str]:
    """Orders of a WooCommerce site that nobody announced, a second apart."""
    order_ids = []
    with deaf(stage):
        for _ in range(count):
            stage.clock.move(timedelta(seconds=1))
            order_ids.append(str(stage.world.site.create_order(NewOrder([NewLine("Mug", "20.00", 1, "ACME-MUG")]))))
    return order_ids


async def known(stage: Stage, key: str, order_ids: list[str]) -> int:
    async with stage.runtime.work() as work:
        return sum([await orders.find(work, key, order_id) is not None for order_id in order_ids])


async def test_a_quiet_store_is_asked_little(polling: Stage, monkeypatch: pytest.MonkeyPatch) -> None:
    await shopify_order(polling, [lamp()])
    await woo_order(polling, NewOrder([NewLine("Mug", "20.00", 1, "ACME-MUG")]))
    shop, site = (Asked(polling.runtime, key, monkeypatch) for key in (SHOP, SITE))
    for _ in range(3):
        await polling.later(minutes=6)
    # The orders have no case: they are listed, three times, and never read.
    assert (len(shop.pages), shop.orders) == (3, [])
    assert (len(site.pages), site.orders) == (6, [])
    assert site.pages[0] is None
    assert str(site.pages[1]).startswith("trash|")


async def test_an_order_with_a_case_is_read_in_its_turn_only(polling: Stage, monkeypatch: pytest.MonkeyPatch) -> None:
    order_id, _ = await shopify_order(polling, [lamp()])
    await polling.ask(SHOP, order_id, ONE_LAMP)
    await polling.later(minutes=11)
    shop = Asked(polling.runtime, SHOP, monkeypatch)
    for _ in range(4):
        await polling.later(minutes=6)
    # Every ten minutes, looked for every six: two times in twenty-four.
    assert (len(shop.pages), shop.orders) == (4, [order_id, order_id])


async def test_a_refund_that_no_webhook_told_of_is_found(polling: Stage, monkeypatch: pytest.MonkeyPatch) -> None:
    order_id, lines = await shopify_order(polling, [lamp(1)])
    (case,) = await polling.ask(SHOP, order_id, ONE_LAMP)
    await polling.later(minutes=6)
    with deaf(polling):
        polling.world.shop.refund_by_hand(int(order_id), {int(lines["LAMP-01"]): 1})
    await polling.settle()
    assert (await polling.case(case["id"]))["state"] == "awaiting_shipment"
    await polling.later(minutes=5, seconds=1)
    assert (await polling.case(case["id"]))["state"] == "superseded"


async def test_a_request_that_no_webhook_told_of_is_taken_in_once(polling: Stage) -> None:
    order_id, lines = await shopify_order(polling, [lamp(2)])
    with deaf(polling):
        asked = polling.world.shop.request_return(int(order_id), {int(lines["LAMP-01"]): 1}, "DEFECTIVE", "no light")
    for _ in range(4):
        await polling.later(minutes=6)
    # What was lost comes in the end, after it was found by asking.
    for late in polling.world.courier.lost:
        polling.world.courier.post(late.url, late.headers, late.body)
    await polling.settle()
    (case,) = (await polling.get("/cases", order=order_id))["items"]
    assert (case["state"], case["reasons"]) == ("awaiting_shipment", ["defective"])
    assert str(asked.status).upper() == "OPEN"
    assert len(polling.world.suppliers["acme"].returns) == 1


async def test_a_return_declined_in_the_store_is_followed_and_a_reopened_case_is_not_decided_again(
    polling: Stage,
) -> None:
    order_id, lines = await shopify_order(polling, [lamp(2)])
    await polling.later(days=40)
    asked = polling.world.shop.request_return(int(order_id), {int(lines["LAMP-01"]): 1})
    await polling.settle()
    (case,) = (await polling.get("/cases", order=order_id))["items"]
    assert case["state"] == "under_review"
    with deaf(polling), polling.world.shop.lock:
        polling.world.shop.returns.decline(asked.id, "OTHER", "worn for weeks")
    await polling.later(minutes=6)
    assert (await polling.case(case["id"]))["state"] == "rejected"
    case = await polling.act(case, "reopen", reason="the customer called")
    for _ in range(3):
        await polling.later(minutes=6)
    assert (await polling.case(case["id"]))["state"] == "under_review"


async def test_a_deleted_woocommerce_refund_is_found_by_reading(
    polling: Stage, monkeypatch: pytest.MonkeyPatch
) -> None:
    order_id, lines = await woo_order(polling, NewOrder([NewLine("Mug", "20.00", 1, "ACME-MUG")]))
    (case,) = await polling.ask(SITE, order_id, ONE_MUG)
    made = polling.world.site.refund_by_hand(int(order_id), lines={int(lines["ACME-MUG"]): 1})
    await polling.settle()
    assert (await polling.case(case["id"]))["state"] == "superseded"
    await polling.later(minutes=1)
    before = polling.world.site.order(int(order_id))["date_modified_gmt"]
    polling.world.site.delete_refund(int(order_id), made)
    assert polling.world.site.order(int(order_id))["date_modified_gmt"] == before
    site = Asked(polling.runtime, SITE, monkeypatch)
    for _ in range(3):
        await polling.later(minutes=6)
    case = await polling.case(case["id"])
    assert (case["state"], "problem:external_refund_removed" in case["attention"]) == ("contested", True)
    assert site.orders.count(order_id) <= 2


async def test_pages_are_asked_for_one_by_one(polling: Stage, monkeypatch: pytest.MonkeyPatch) -> None:
    await polling.settle()
    order_ids = sold_mugs(polling, 60)
    site = Asked(polling.runtime, SITE, monkeypatch)
    await polling.later(minutes=6)
    assert await known(polling, SITE, order_ids) == 60
    assert len(site.pages) == len(set(site.pages)) == 3
    row = await row_of(polling, SITE)
    assert (row.cursor, row.lease, row.error) == (None, None, None)
    health = (await polling.get("/stores"))["items"][1]["health"]["poll"]
    assert (health["catching_up"], health["error"]) == (False, None)
    assert 0 <= health["lag_seconds"] < 60
    await polling.later(minutes=6)
    # The watermark has come as far as the newest order, and the overlap reaches behind it.
    newest = datetime.fromisoformat(polling.world.site.order(int(order_ids[-1]))["date_modified_gmt"] + "+00:00")
    assert site.since[-1] == newest - timedelta(seconds=300)


async def test_whoever_dies_in_the_middle_of_a_page_is_followed_by_another(
    polling: Stage, monkeypatch: pytest.MonkeyPatch
) -> None:
    await polling.settle()
    order_ids = sold_mugs(polling, 60)
    site = Asked(polling.runtime, SITE, monkeypatch)
    kept, died = 0, False

    async def dying(*arguments: Any) -> None:
        nonlocal kept, died
        kept += 1
        if kept == 55 and not died:
            died = True
            raise asyncio.CancelledError
        await go_on(*arguments)

    from app.polling import service

    go_on = service.go_on
    monkeypatch.setattr(service, "go_on", dying)
    await polling.later(minutes=6)
    row = await row_of(polling, SITE)
    assert died
    assert row.cursor is not None
    assert await known(polling, SITE, order_ids) < 60
    stopped_at, asked = row.cursor, list(site.pages)
    await polling.later(seconds=turns.LEASE.total_seconds() + 1)
    # The second page is asked for once more, the first is not.
    assert site.pages[len(asked)] == stopped_at == asked[-1]
    assert site.pages.count(None) == 1
    assert await known(polling, SITE, order_ids) == 60


async def test_a_store_that_throttles_is_left_alone_and_asked_from_the_same_place(
    polling: Stage, monkeypatch: pytest.MonkeyPatch
) -> None:
    await polling.settle()
    with deaf(polling):
        made = [polling.world.shop.create_order([lamp()]) for _ in range(30)]
        for order in made:
            polling.world.shop.refund_by_hand(order.id, amount="1.00")
    shop = Asked(polling.runtime, SHOP, monkeypatch)
    throttle = Fault(FaultKind.THROTTLE, seconds=40)
    polling.world.shop.faults.add("orders", Fault(FaultKind.SLOW_BEFORE), throttle)
    await polling.later(minutes=6)
    row = await row_of(polling, SHOP)
    assert (len(shop.pages), len(shop.orders), row.error) == (2, 25, "Shopify throttles this app")
    assert row.cursor == shop.pages[1] is not None
    assert row.next_due >= polling.clock.now() + timedelta(seconds=30)
    await polling.later(seconds=20)
    assert len(shop.pages) == 2
    await polling.later(seconds=21)
    assert shop.pages == [None, row.cursor, row.cursor]
    assert len(shop.orders) == len(set(shop.orders)) == 30
    assert await known(polling, SHOP, [str(order.id) for order in made]) == 30


async def test_one_order_that_cannot_be_read_does_not_stop_the_rest(
    polling: Stage, monkeypatch: pytest.MonkeyPatch
) -> None:
    await polling.settle()
    with deaf(polling):
        made = [polling.world.shop.create_order([lamp()]) for _ in range(3)]
        for order in made:
            polling.world.shop.refund_by_hand(order.id, amount="1.00")
    store, poisoned = polling.runtime.stores.get(SHOP), str(made[0].id)
    read_order = store.read_order

    async def broken(order_id: str) -> Any:
        if order_id == poisoned:
            raise StoreUnavailable("the store breaks at this order")
        return await read_order(order_id)

    monkeypatch.setattr(store, "read_order", broken)
    await polling.later(minutes=6)
    assert (await row_of(polling, SHOP)).error == "the store breaks at this order"
    for _ in range(7):
        await polling.later(minutes=6)
    row = await row_of(polling, SHOP)
    # It is still told, and the walks end all the same.
    assert (row.error, row.cursor) == ("the store breaks at this order", None)
    assert polling.clock.now() - (row.complete_as_of or row.created_at) < timedelta(minutes=6)
    assert await known(polling, SHOP, [str(order.id) for order in made]) == 2
    monkeypatch.setattr(store, "read_order", read_order)
    await polling.later(minutes=6)
    assert (await row_of(polling, SHOP)).error is None
    assert await known(polling, SHOP, [poisoned]) == 1


@asynccontextmanager
async def second_worker(stage: Stage) -> AsyncIterator[Runtime]:
    other = build_runtime(stage.runtime.settings, stage.runtime.database.url, pool_size=4)
    other.clock = stage.clock
    yield other
    await other.aclose()


async def test_two_workers_ask_for_each_page_once(polling: Stage, monkeypatch: pytest.MonkeyPatch) -> None:
    await polling.settle()
    order_ids = sold_mugs(polling, 120)
    async with second_worker(polling) as other:
        asked = [Asked(runtime, SITE, monkeypatch) for runtime in (polling.runtime, other)]
        polling.clock.move(timedelta(minutes=6))
        await asyncio.gather(*(run_until_idle(runtime) for runtime in (polling.runtime, other)))
        await polling.settle()
    pages = [page for one in asked for page in one.pages]
    assert len(pages) == len(set(pages)) == 4
    assert await known(polling, SITE, order_ids) == 120


async def test_a_job_that_runs_twice_asks_once(polling: Stage, monkeypatch: pytest.MonkeyPatch) -> None:
    await polling.settle()
    from app.jobs import defer
    from app.polling import service

    site = Asked(polling.runtime, SITE, monkeypatch)
    polling.clock.move(timedelta(minutes=6))
    async with polling.runtime.work() as work:
        for row in await service.due(work):
            if row.store == SITE:
                for _ in range(2):
                    await defer(work.session, "polling.poll", store=SITE, lease=str(row.lease))
            else:
                turns.give_back(row)
    await polling.settle()
    assert (len(site.pages), len(set(site.pages))) == (2, 2)
