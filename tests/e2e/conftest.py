"""The stage for end-to-end stories."""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, contextmanager
from datetime import UTC, datetime
from typing import Any
from unittest.mock import patch

import httpx
import pytest

from app.clock import MovableClock
from app.http import tls_context
from app.main import create_app
from app.pace import pacer
from app.runtime import build_runtime
from app.sandbox.server import LoopbackServer
from app.sandbox.world import SHOP, SITE, WEBHOOK_SECRET, World
from app.settings import Settings
from app.stores import shopify_webhooks, woocommerce_webhooks
from tests.conftest import API_KEY, BASE_SETTINGS
from tests.e2e.stage import Stage

# A Tuesday far from holidays and from a change of the clock, in every country of the tests: working days and last days
# come out the same whenever the tests run.
START = datetime(2030, 2, 5, 9, tzinfo=UTC)
POLLING: dict[str, Any] = {"poll_seconds": 300, "webhook_check_minutes": 15, "poll_reread_minutes": 10}


@contextmanager
def unpaced() -> Iterator[None]:
    """Stores and suppliers are asked at any pace: buckets fill by the database's clock, which no test can move.

    The tests of paces are in tests/pace.
    """
    with (
        patch.object(pacer, "limits_of_store", return_value=None),
        patch.object(pacer, "limits_of_supplier", return_value=None),
    ):
        yield


def subscribe(world: World, url: str) -> None:
    """Has the stores send everything that the service reads, without the dozens of calls that this takes it."""
    for topic in shopify_webhooks.TOPICS:
        world.shop.subscribe(shopify_webhooks.topic_to_enum(topic), f"{url}/webhooks/shopify/{SHOP}")
    for topic in woocommerce_webhooks.TOPICS:
        world.site.add_webhook(topic, f"{url}/webhooks/woocommerce/{SITE}", WEBHOOK_SECRET)


@asynccontextmanager
async def staged(database_url: str, **changes: Any) -> AsyncIterator[Stage]:
    """World, service and worker, connected by real HTTP; the stores have every webhook that `makegood webhooks sync`
    makes there.

    `policy` among the changes is the file of both stores' policy; `told` are settings of the world's event receiver.
    """
    clock = MovableClock()
    clock.move(START - clock.now())
    with unpaced(), World(clock=clock) as world:
        policy = changes.pop("policy", None)
        named = {"policy": str(policy)} if policy else {}
        stores = {key: {**store, **named} for key, store in world.stores().items()}
        told = changes.pop("told", None)
        if told is not None:
            changes["events"] = {key: {**one, **told} for key, one in world.event_settings().items()}
        values = {**BASE_SETTINGS, "stores": stores, "suppliers": world.supplier_settings(), **changes}
        wanted = Settings(**values)
        serving = build_runtime(wanted, database_url, pool_size=4)
        serving.clock = clock
        working = build_runtime(wanted, database_url, pool_size=4)
        working.clock = clock
        with LoopbackServer(create_app(serving)) as url:
            subscribe(world, url)
            working.settings.public_url = serving.settings.public_url = url
            headers = {"Authorization": f"Bearer {API_KEY}"}
            async with httpx.AsyncClient(base_url=url, headers=headers, timeout=20, verify=tls_context()) as http:
                yield Stage(world, working, http, clock)
            # Each server takes a fifth of a second to stop.
            world.leave()
        await working.aclose()


@pytest.fixture
async def stage(database_url: str, settings: Settings) -> AsyncIterator[Stage]:
    """Everything connected; no store is polled."""
    async with staged(database_url) as made:
        yield made


@pytest.fixture
async def polling(database_url: str, settings: Settings) -> AsyncIterator[Stage]:
    """The same with stores polled every five minutes and webhooks looked at every fifteen, as by default."""
    async with staged(database_url, **POLLING) as made:
        yield made
