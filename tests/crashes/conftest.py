"""The stage with mortal processes."""

from __future__ import annotations

from collections.abc import AsyncIterator

import httpx
import pytest

from app.clock import MovableClock
from app.crashpoints import hooked
from app.http import tls_context
from app.main import create_app
from app.runtime import build_runtime
from app.sandbox.server import LoopbackServer
from app.sandbox.world import SHOP, SITE, WEBHOOK_SECRET, World
from app.settings import Settings
from app.worker import make_queue
from tests.conftest import API_KEY, BASE_SETTINGS
from tests.crashes.stage import ACME, CrashStage


@pytest.fixture
async def stage(database_url: str, settings: Settings) -> AsyncIterator[CrashStage]:
    """World, API and a worker, all connected by real HTTP; API and worker can be killed."""
    clock = MovableClock()
    with World(clock=clock) as world:
        # One supplier: every adapter that a new process builds costs time.
        suppliers = {ACME: world.supplier_settings()[ACME]}
        wanted = Settings(**{**BASE_SETTINGS, "stores": world.stores(), "suppliers": suppliers})
        serving, working = (build_runtime(wanted, database_url, pool_size=4) for _ in range(2))
        serving.clock = working.clock = clock
        queue = make_queue(database_url, 2)
        with LoopbackServer(create_app(serving)) as url:
            wanted.public_url = url
            # Few topics, because every further delivery is more commits to die at, all of the same kind.
            for topic in ("ORDERS_CREATE", "REFUNDS_CREATE", "RETURNS_REQUEST"):
                world.shop.subscribe(topic, f"{url}/webhooks/shopify/{SHOP}")
            for topic in ("order.created", "order.updated"):
                world.site.add_webhook(topic, f"{url}/webhooks/woocommerce/{SITE}", WEBHOOK_SECRET)
            headers = {"Authorization": f"Bearer {API_KEY}"}
            async with (
                httpx.AsyncClient(base_url=url, headers=headers, timeout=20, verify=tls_context()) as http,
                queue.open_async(),
            ):
                stage = CrashStage(world, working, http, clock, queue)
                stage.fate.watch(serving.database, in_worker=False)
                with hooked(stage.fate.reached):
                    yield stage
        await stage.runtime.aclose()
