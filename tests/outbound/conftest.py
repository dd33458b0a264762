"""A stage on which the merchant's own system is told of everything, and an office for the sending alone."""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterator
from typing import Any

import pytest
from httpx import ASGITransport, AsyncClient
from starlette.applications import Starlette
from starlette.routing import Mount

from app.clock import MovableClock
from app.main import create_app
from app.runtime import build_runtime
from app.sandbox.receiver import EventReceiver
from app.sandbox.server import LoopbackServer
from app.settings import Settings
from tests.conftest import API_KEY, BASE_SETTINGS
from tests.e2e.conftest import staged
from tests.e2e.stage import Stage
from tests.outbound.kit import SECRET, Office


@pytest.fixture
async def stage(database_url: str, settings: Settings) -> AsyncIterator[Stage]:
    """World, service and worker; the sandbox's receiver `crm` wants every event."""
    async with staged(database_url, told={}) as made:
        yield made


@pytest.fixture
def receivers() -> Iterator[tuple[str, EventReceiver, EventReceiver]]:
    """Two receivers on loopback."""
    crm, erp = EventReceiver(SECRET), EventReceiver(SECRET)
    app = Starlette(routes=[Mount("/crm", routes=crm.routes()), Mount("/erp", routes=erp.routes())])
    with LoopbackServer(app) as url:
        yield url, crm, erp


def with_events(url: str, **changes: Any) -> Settings:
    """The settings of all tests with both receivers; `changes` are more of the crm's."""
    events = {
        "crm": {"url": f"{url}/crm/?token=the-token-of-the-crm", "secret": SECRET, **changes},
        "erp": {"url": f"{url}/erp/", "secret": SECRET},
    }
    return Settings(**{**BASE_SETTINGS, "events": events})


@pytest.fixture
async def office(
    database_url: str, settings: Settings, receivers: tuple[str, EventReceiver, EventReceiver]
) -> AsyncIterator[Office]:
    """A runtime that tells both receivers, with a clock that can be moved."""
    url, crm, erp = receivers
    runtime = build_runtime(with_events(url), database_url, pool_size=4)
    runtime.clock = clock = MovableClock()
    yield Office(runtime, clock, crm, erp)
    await runtime.aclose()


@pytest.fixture
async def http(office: Office) -> AsyncIterator[AsyncClient]:
    """An operator's HTTP client of the service."""
    transport = ASGITransport(app=create_app(office.runtime), raise_app_exceptions=False)
    headers = {"Authorization": f"Bearer {API_KEY}"}
    async with AsyncClient(transport=transport, base_url="http://makegood.test", headers=headers) as client:
        yield client
