"""Real processes, killed with `kill -9` while returns stream in: every refund is made once and nothing is lost."""

from __future__ import annotations

import asyncio
import random
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Any
from uuid import uuid4

import httpx
import psycopg
import pytest

from app.crashpoints import Point
from app.orders.marker import operation_in
from app.runtime import build_runtime
from app.sandbox.delivery import Attempt
from app.sandbox.world import World
from app.settings import Settings
from app.stores.base import StoreUnavailable
from app.webhooks import inbox
from tests.conftest import API_KEY, BASE_SETTINGS
from tests.crashes.fleet import Fleet, running
from tests.crashes.stage import ACME, PAID, keys, new_order, paid
from tests.crashes.worker import FastClock
from tests.e2e.stage import SHOP, SITE, Stage

RETURNS = 30
# Seconds; some 20 pass when the machine has nothing else to do.
PATIENCE = 150


@dataclass
class Wish:
    """A return that a customer wants, and how far it has come."""

    store: str
    order: str
    key: str = field(default_factory=lambda: str(uuid4()))
    case_id: str | None = None
    confirmed: bool = False


@dataclass
class Show:
    """The load: customers who ask, a supplier who confirms, and senders who send again."""

    stage: Stage
    fleet: Fleet
    wishes: list[Wish] = field(default_factory=list)

    async def ask(self, most: int) -> None:
        """Customers ask for their refunds, again with the same key when nobody answered."""
        for wish in [wish for wish in self.wishes if wish.case_id is None][:most]:
            sku = "LAMP-01" if wish.store == SHOP else "ACME-MUG"
            line = {"sku": sku, "quantity": 1, "reason": "changed_mind"}
            body = {"store": wish.store, "order": wish.order, "remedy": "refund", "lines": [line]}
            try:
                answer = await self.stage.http.post(
                    "/api/v1/return-requests", json=body, headers={"Idempotency-Key": wish.key}
                )
            except httpx.TransportError:
                return
            if answer.status_code == 201:
                wish.case_id = answer.json()["cases"][0]["id"]

    def confirm(self) -> None:
        """The supplier confirms whatever it was asked about."""
        acme = self.stage.world.suppliers[ACME]
        known = acme.returns
        for wish in self.wishes:
            if not wish.confirmed and wish.case_id in known:
                wish.confirmed = True
                acme.confirm(wish.case_id)

    async def go_on(self) -> None:
        """A moment passes."""
        await self.ask(2)
        self.confirm()
        # WooCommerce and suppliers send once; here somebody presses the button that Shopify presses by itself.
        self.stage.world.courier.retry_failed(most=1000)
        self.fleet.replace_dead_workers()
        await asyncio.sleep(0.05)

    def confirmed(self) -> int:
        """How many returns the supplier has confirmed."""
        return sum(wish.confirmed for wish in self.wishes)


@asynccontextmanager
async def show(folder: Path, database_url: str) -> AsyncIterator[Show]:
    """World, API and everything to watch them by; no workers yet."""
    started = datetime.now(UTC)
    clock: Any = FastClock(started)
    with World(clock=clock) as world, running(folder, world, database_url, started) as fleet:
        suppliers = {ACME: world.supplier_settings()[ACME]}
        settings = Settings(**{**BASE_SETTINGS, "stores": world.stores(), "suppliers": suppliers})
        runtime = build_runtime(settings, database_url, pool_size=2)
        headers = {"Authorization": f"Bearer {API_KEY}"}
        async with httpx.AsyncClient(base_url=fleet.url, headers=headers, timeout=20) as http:
            playing = Show(Stage(world, runtime, http, clock), fleet)
            try:
                await subscribe(playing)
                yield playing
            finally:
                await runtime.aclose()


async def subscribe(playing: Show) -> None:
    """Subscribes webhooks, and re-activates those that the site switched off because nobody answered."""
    deadline = time.monotonic() + PATIENCE
    waiting = list(playing.stage.runtime.stores)
    while waiting:
        store = waiting[0]
        try:
            await store.sync_subscriptions(f"{playing.fleet.url}/webhooks/{store.platform}/{store.key}")
        except StoreUnavailable as busy:
            # The workers took every turn of the store's pace: money goes first, and whoever asks else comes again.
            if busy.retry_after is None or time.monotonic() > deadline:
                raise
            await asyncio.sleep(busy.retry_after)
        else:
            waiting.pop(0)


def open_ends(database: psycopg.Connection[Any]) -> dict[str, int]:
    """What still has to happen, by kind."""
    row = database.execute(
        """SELECT (SELECT count(*) FROM cases WHERE state <> 'resolved'
                   AND NOT EXISTS (SELECT FROM refunds WHERE case_id = cases.id AND status = 'needs_review')),
                  (SELECT count(*) FROM deliveries WHERE status IN ('pending', 'failed')),
                  (SELECT count(*) FROM procrastinate_jobs WHERE status IN ('todo', 'doing'))"""
    ).fetchone()
    assert row is not None
    return dict(zip(("cases", "deliveries", "jobs"), row, strict=True))


async def until_done(playing: Show, database_url: str) -> None:
    """Until every return has its end and nothing waits to be done."""
    deadline = time.monotonic() + PATIENCE
    with psycopg.connect(database_url, autocommit=True) as database:
        while playing.confirmed() < len(playing.wishes) or any(open_ends(database).values()):
            assert time.monotonic() < deadline, f"{playing.confirmed()} {open_ends(database)}\n{playing.fleet.log()}"
            await playing.go_on()


def dedupe_key(attempt: Attempt) -> tuple[str, str]:
    """How the inbox tells this delivery from others: the last part of the address, and the key."""
    kind, source = attempt.url.rsplit("/", 2)[1:]
    headers = httpx.Headers(dict(attempt.headers))
    if kind == "suppliers":
        arrival = inbox.supplier_arrival(source, headers, attempt.body, "")
    else:
        reader = inbox.shopify_arrival if kind == "shopify" else inbox.woocommerce_arrival
        arrival = reader(source, headers, attempt.body)
    return source, arrival.dedupe_key


async def check(playing: Show, database_url: str) -> list[str]:
    """By the stores' own books: one refund for each case, or none and a person asked; every promise was kept."""
    stage, ends = playing.stage, []
    stage.world.courier.flush()
    with psycopg.connect(database_url) as database:
        stored = set(database.execute("SELECT source, dedupe_key FROM deliveries").fetchall())
    promised = {dedupe_key(attempt) for attempt in stage.world.courier.attempts if attempt.status == 200}
    assert promised - stored == set()
    for wish in playing.wishes:
        case = await stage.case(wish.case_id or "")
        (refund,) = case["refunds"]
        happened = await stage.events(case["id"])
        assert len(happened) == len(set(happened)), happened
        got = paid(stage.world, wish.store, wish.order)
        sent = set(keys(stage.world, wish.store, wish.order))
        if refund["status"] == "needs_review":
            assert wish.store == SITE
            assert not got
            assert not sent
        else:
            assert (refund["status"], got, sent) == ("succeeded", PAID[wish.store], {refund["id"]})
        ends.append(refund["status"])
    markers = [operation_in(refund.note) for wish in playing.wishes if wish.store == SHOP
               for refund in stage.world.shop.refunds(wish.order)]  # fmt: skip
    assert len(markers) == len(set(markers)) == sum(wish.store == SHOP for wish in playing.wishes)
    site_calls = [operation_in(call.body["reason"]) for call in stage.world.site.money_calls]
    assert len(site_calls) == len(set(site_calls))
    return ends


@pytest.mark.parametrize("seed", [7])
async def test_processes_killed_under_load_pay_once_and_lose_nothing(
    tmp_path: Path, database_url: str, seed: int
) -> None:
    chance = random.Random(seed)
    async with show(tmp_path, database_url) as playing:
        fleet = playing.fleet
        # Two end themselves at the worst moments there are, one lives until it is killed.
        for die_at in (None, Point.REFUND_CALLED, Point.SUPPLIER_CALLED):
            fleet.start_worker(die_at)
        playing.wishes += [
            Wish(store, new_order(playing.stage.world, store)) for store in (SHOP, SITE) * (RETURNS // 2)
        ]
        chance.shuffle(playing.wishes)
        for part in (0.2, 0.5, 0.8):
            deadline = time.monotonic() + PATIENCE
            while playing.confirmed() < part * RETURNS:
                assert time.monotonic() < deadline, fleet.log()
                await playing.go_on()
            if part == 0.5:
                fleet.kill_api()
                for _ in range(5):
                    await playing.go_on()
                fleet.start_api()
                await subscribe(playing)
            else:
                fleet.kill_worker(chance.randrange(len(fleet.workers)))
                fleet.start_worker()
        await until_done(playing, database_url)
        assert fleet.killed >= 4
        assert len(await check(playing, database_url)) == RETURNS
