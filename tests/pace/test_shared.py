"""All processes together keep to one pace, counted where the calls arrive."""

from __future__ import annotations

import asyncio
import sys
import threading
import time
from collections.abc import Iterator
from dataclasses import dataclass, field

import pytest
from httpx import AsyncClient
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse
from starlette.routing import Route

from app.outcomes import Ok, Rejected
from app.pace.base import NoTurn, Told, money_first
from app.pace.bucket import Limits
from app.pace.pacer import CJ, Paces
from app.runtime import Runtime, build_runtime
from app.sandbox.server import LoopbackServer
from app.settings import Settings
from app.stores.base import StoreUnavailable
from tests.api.kit import V1
from tests.cli.command import environment
from tests.pace.caller import settings_for

BURST_SECONDS = 5


@dataclass
class Door:
    """Where calls arrive: when, and how many were inside at once. `refuse` turns the next ones away."""

    supplier: list[float] = field(default_factory=list)
    site: list[float] = field(default_factory=list)
    inside: int = 0
    most_inside: int = 0
    refuse: int = 0
    lock: threading.Lock = field(default_factory=threading.Lock)

    async def poll(self, request: Request) -> JSONResponse:
        """As a supplier."""
        self.supplier.append(time.monotonic())
        if self.refuse:
            self.refuse -= 1
            return JSONResponse({}, 429, {"Retry-After": "2"})
        return JSONResponse({"status": "pending"})

    async def read(self, request: Request) -> JSONResponse:
        """As a WooCommerce site without orders, which takes a moment."""
        with self.lock:
            self.site.append(time.monotonic())
            self.inside += 1
            self.most_inside = max(self.most_inside, self.inside)
        await asyncio.sleep(0.02)
        with self.lock:
            self.inside -= 1
        return JSONResponse({"code": "woocommerce_rest_shop_order_invalid_id"}, 404)


@pytest.fixture
def door() -> Door:
    return Door()


@pytest.fixture
def base(door: Door) -> Iterator[str]:
    routes = [Route("/returns/{id}", door.poll), Route("/wp-json/wc/v3/{path:path}", door.read)]
    with LoopbackServer(Starlette(routes=routes)) as url:
        yield url


def most_in(arrivals: list[float], seconds: float) -> int:
    """The most that came within so many seconds."""
    return max(sum(start <= one < start + seconds for one in arrivals) for start in arrivals)


async def test_three_processes_call_as_one(database_url: str, base: str, door: Door) -> None:
    """At 20 a second after a rest of 100: more than that never arrives, however many ask."""
    command = [sys.executable, "-m", "tests.pace.caller", database_url, base, "60"]
    begun = time.monotonic()
    running = [await asyncio.create_subprocess_exec(*command, env=environment()) for _ in range(3)]
    assert [await one.wait() for one in running] == [0, 0, 0]
    allowed = 20 * BURST_SECONDS
    assert len(door.supplier) > 100, "they were held up for nothing"
    for seconds in (0.25, 1.0, 2.0):
        assert most_in(door.supplier, seconds) <= allowed + 20 * seconds + 1
    assert len(door.supplier) <= allowed + 20 * (time.monotonic() - begun) + 1
    assert door.site
    # Of two places one is kept for money.
    assert door.most_inside == 1


async def test_money_has_a_place_of_its_own(runtime: Runtime) -> None:
    """Two calls may be under way: readings take one of the places, whoever makes them, and money either."""
    limits = Limits(rate=1000.0, burst=1000.0, parallel=2)
    mine, others = (Paces(runtime.database, Clockwork()).of("store:beta", limits) for _ in range(2))
    reading = await mine.take()
    with pytest.raises(NoTurn):
        await others.take()
    with money_first():
        refund = await others.take()
        with pytest.raises(NoTurn):
            await mine.take()
    await reading.end()
    with pytest.raises(NoTurn):
        await mine.take()
    await refund.end()
    await mine.take()


async def test_one_who_is_turned_away_holds_up_all(
    database_url: str, base: str, door: Door, settings: Settings
) -> None:
    """A 429 to one process: the others do not ask before the time that it named."""
    ours = [build_runtime(settings_for(base), database_url, pool_size=2) for _ in range(3)]
    try:
        door.refuse = 1
        told = await ours[0].suppliers.get("acme").poll("r-1")
        assert isinstance(told, Rejected)
        assert (told.code, told.retry_after) == ("supplier_throttles", 2.0)
        answers = await asyncio.gather(*(one.suppliers.get("acme").poll("r-2") for one in ours))
        assert all(isinstance(one, Ok) for one in answers)
        assert min(door.supplier[1:]) - door.supplier[0] >= 1.9
    finally:
        for one in ours:
            await one.aclose()


class Clockwork:
    """Waits that take no time, and are noted."""

    def __init__(self) -> None:
        self.slept: list[float] = []

    async def __call__(self, seconds: float) -> None:
        self.slept.append(seconds)


async def test_shopify_points_are_shared_and_learnt(runtime: Runtime) -> None:
    """One process is throttled; another finds the bucket as low as the answer said, and money is let in before."""
    shop = Limits(rate=1.0, burst=1000.0, learns=True)
    mine, others = (Paces(runtime.database, Clockwork()).of("store:alpha", shop) for _ in range(2))
    turn = await mine.take(50)
    await turn.end(Told(cost=0, available=30, burst=1000, rate=1, throttled=True))
    with pytest.raises(NoTurn) as no:
        await others.take(50)
    # 20 points are missing, and 200 that readings leave for money.
    assert 210 < no.value.wait <= 220
    with money_first():
        await others.take(30)
        with pytest.raises(NoTurn) as no:
            await others.take(50)
    assert 45 < no.value.wait <= 50


async def test_cj_is_called_once_in_a_second_whoever_calls(runtime: Runtime, database_url: str) -> None:
    other = build_runtime(runtime.settings, database_url, pool_size=2)
    try:
        clocks = Clockwork(), Clockwork()
        paces = [
            Paces(one.database, clock).of("supplier:cj", CJ)
            for one, clock in zip((runtime, other), clocks, strict=True)
        ]
        await paces[0].take()
        # The clock of the waits stands still while the database's goes on: nobody comes in early all the same.
        with pytest.raises(NoTurn):
            await paces[1].take()
        assert sum(clocks[1].slept) > 8
        assert max(clocks[1].slept) <= 1.1 * 1.1
    finally:
        await other.aclose()


async def test_without_a_database_nothing_is_sent(settings: Settings, base: str, door: Door) -> None:
    """A reading waits for later; of a refund it is proven that it was not sent."""
    runtime = build_runtime(settings_for(base), "postgresql://nobody@127.0.0.1:9/none", pool_size=1)
    try:
        with pytest.raises(NoTurn):
            await Paces(runtime.database).of("store:alpha", CJ).take()
        with pytest.raises(StoreUnavailable):
            await runtime.stores.get("beta").read_order("1")
        answer = await runtime.suppliers.get("acme").poll("r-1")
        assert isinstance(answer, Rejected)
        assert answer.retryable
        assert (door.site, door.supplier) == ([], [])
    finally:
        await runtime.aclose()


async def test_the_pace_is_shown(runtime: Runtime, client: AsyncClient) -> None:
    before = {one["key"]: one["health"]["pace"] for one in (await client.get(f"{V1}/stores")).json()["items"]}
    assert before == {"alpha": None, "beta": None}
    turn = await Paces(runtime.database).of_store("alpha", runtime.settings.stores["alpha"]).take(100)
    await turn.end(Told(cost=100, available=500, burst=2000, rate=0.001, throttled=True))
    shown = {one["key"]: one["health"]["pace"] for one in (await client.get(f"{V1}/stores")).json()["items"]}
    assert shown["beta"] is None
    pace = shown["alpha"]
    assert (pace["available"], pace["most"], pace["throttled"], pace["calls_under_way"]) == (500, 2000, 1, 0)
    assert pace["throttled_at"] is not None
