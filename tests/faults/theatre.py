"""A database, a sandbox world, the service behind real HTTP and a crew of workers, for one batch of plays."""

from __future__ import annotations

import uuid
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import AsyncExitStack, asynccontextmanager, contextmanager
from dataclasses import dataclass

import httpx
import psycopg
from pydantic import SecretStr

from app.clock import MovableClock
from app.demo.stage import DemoSettings
from app.http import tls_context
from app.main import create_app
from app.runtime import Runtime, build_runtime
from app.sandbox.server import LoopbackServer
from app.sandbox.woocommerce.gateway import Gateway
from app.sandbox.world import SHOP, SITE, World
from app.settings import Settings
from app.stores.base import Store
from app.stores.shopify import ShopifyStore
from app.stores.woocommerce import WooStore
from tests.database import with_database
from tests.e2e.conftest import unpaced
from tests.faults.crew import CareFor, Crew, open_queue
from tests.faults.death import MortalDatabase
from tests.faults.doors import Doors, Moment
from tests.faults.troubles import TOO_SLOW

OPERATOR = "campaign-operator-key-0123456789"
_HASTE = TOO_SLOW / 3
_POOL = 8
WORKERS = 3


@dataclass
class Theatre:
    """Everything that a batch is played with. `http` is the operator's client of the API."""

    world: World
    clock: MovableClock
    crew: Crew
    http: httpx.AsyncClient
    runtime: Runtime
    url: str

    async def subscribe(self) -> None:
        """Webhooks are subscribed as `makegood webhooks sync` does it."""
        for store in self.runtime.stores:
            await store.sync_subscriptions(f"{self.url}/webhooks/{store.platform}/{store.key}")


@contextmanager
def fresh_database(server_url: str, template: str) -> Iterator[str]:
    """A copy of the migrated database, gone afterwards. It is never asked to survive a power cut."""
    name = f"faults_{uuid.uuid4().hex[:16]}"
    with psycopg.connect(server_url, autocommit=True) as connection:
        connection.execute(f'CREATE DATABASE "{name}" TEMPLATE "{template}" STRATEGY FILE_COPY')
        connection.execute(f'ALTER DATABASE "{name}" SET synchronous_commit = off')
    try:
        yield with_database(server_url, name)
    finally:
        with psycopg.connect(server_url, autocommit=True) as connection:
            connection.execute(f'DROP DATABASE "{name}" WITH (FORCE)')


@asynccontextmanager
async def open_theatre(
    database_url: str, is_hasty: Callable[[str, str], bool], moment: Moment, care_for: CareFor
) -> AsyncIterator[Theatre]:
    """Everything up until the block ends. The three functions tell what goes wrong, and are asked all the time."""
    clock = MovableClock()
    async with AsyncExitStack() as stack:
        stack.enter_context(unpaced())
        world = stack.enter_context(World(clock=clock))
        world.site.add_gateway(Gateway("tardy", "Tardy card", seconds=TOO_SLOW))
        settings = _settings(world)
        serving = _runtime(settings, database_url, clock)
        url = stack.enter_context(LoopbackServer(create_app(serving)))
        settings.public_url = url
        runtimes = []
        for _ in range(WORKERS):
            runtime = _runtime(settings, database_url, clock)
            # The stores' gate goes on using the first one.
            stack.push_async_callback(runtime.database.dispose)
            runtime.database = MortalDatabase(database_url, _POOL)
            runtime.stores = Doors(runtime.stores, _hasty(settings), is_hasty, moment)
            stack.push_async_callback(runtime.aclose)
            runtimes.append(runtime)
        queue = await stack.enter_async_context(await open_queue(database_url))
        crew = Crew(runtimes, queue, care_for)
        headers = {"Authorization": f"Bearer {OPERATOR}"}
        http = await stack.enter_async_context(
            httpx.AsyncClient(
                base_url=f"{url}/api/v1", headers=headers, timeout=60, trust_env=False, verify=tls_context()
            )
        )
        yield Theatre(world, clock, crew, http, runtimes[0], url)


def _settings(world: World) -> Settings:
    return DemoSettings(
        secret_key=[SecretStr("a-secret-for-the-campaign-0123456789")],
        api_keys={"campaign": SecretStr(OPERATOR)},
        stores=world.stores(),
        suppliers=world.supplier_settings(),
    )


def _runtime(settings: Settings, database_url: str, clock: MovableClock) -> Runtime:
    runtime = build_runtime(settings, database_url, _POOL)
    runtime.clock = clock
    return runtime


def _hasty(settings: Settings) -> list[Store]:
    """Adapters that give up almost at once: for them the sandbox is too slow when it is told to be."""
    shop, site = settings.stores[SHOP], settings.stores[SITE]
    assert shop.client_secret is not None
    assert site.consumer_secret is not None
    return [
        ShopifyStore(
            SHOP,
            domain=shop.domain or "",
            client_id=shop.client_id,
            client_secret=shop.client_secret.get_secret_value(),
            api_url=shop.api_url,
            read_timeout=_HASTE,
        ),
        WooStore(
            SITE,
            url=site.url or "",
            consumer_key=site.consumer_key or "",
            consumer_secret=site.consumer_secret.get_secret_value(),
            read_timeout=_HASTE,
        ),
    ]
