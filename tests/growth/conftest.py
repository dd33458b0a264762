"""A grown database, made once in a run; each test module works on a copy of its own."""

from __future__ import annotations

import asyncio
import os
import uuid
from collections.abc import AsyncIterator, Iterator

import psycopg
import pytest
from httpx import ASGITransport, AsyncClient

from app.main import create_app
from app.runtime import Runtime, build_runtime
from app.settings import Settings
from tests.api.kit import FakeStore, FakeStores, order_of
from tests.conftest import API_KEY, BASE_SETTINGS
from tests.database import cloned, with_database
from tests.growth.exemplar import plant
from tests.growth.fill import fill

# Smaller tables PostgreSQL rightly reads whole, and then nothing is proven.
CASES, DELIVERIES = 20_000, 100_000
_FAMILY = "makegood_grown_"


@pytest.fixture(scope="session")
def grown_template(postgres_url: str, template: str) -> Iterator[str]:
    """The name of a grown database to clone. Whichever test process comes first makes it, the last one drops it."""
    name = f"{_FAMILY}{os.environ.get('PYTEST_XDIST_TESTRUNUID', uuid.uuid4().hex)[:12]}"
    with psycopg.connect(postgres_url, autocommit=True) as connection:
        connection.execute("SELECT pg_advisory_lock(4712)")
        connection.execute("SELECT pg_advisory_lock_shared(4712, hashtext(%s))", [name])
        known = [str(row[0]) for row in connection.execute("SELECT datname FROM pg_database").fetchall()]
        for other in known:
            if other.startswith(_FAMILY) and other != name:
                _drop(connection, other)
        if name not in known:
            connection.execute(f'CREATE DATABASE "{name}" TEMPLATE "{template}" STRATEGY FILE_COPY')
            _grow(with_database(postgres_url, name))
        connection.execute("SELECT pg_advisory_unlock(4712)")
        yield name
        connection.execute("SELECT pg_advisory_unlock_shared(4712, hashtext(%s))", [name])
        _drop(connection, name)


def _drop(connection: psycopg.Connection[tuple[object, ...]], name: str) -> None:
    """Unless some process of a run still uses it."""
    row = connection.execute("SELECT pg_try_advisory_lock(4712, hashtext(%s))", [name]).fetchone()
    if row == (True,):
        connection.execute(f'DROP DATABASE IF EXISTS "{name}" WITH (FORCE)')
        connection.execute("SELECT pg_advisory_unlock(4712, hashtext(%s))", [name])


def _grow(url: str) -> None:
    async def first() -> None:
        runtime = build_runtime(Settings(**BASE_SETTINGS), url, pool_size=4)
        try:
            await plant(runtime, API_KEY)
        finally:
            await runtime.aclose()

    asyncio.run(first())
    fill(url, CASES, DELIVERIES)


@pytest.fixture(scope="module")
def grown_url(postgres_url: str, grown_template: str) -> Iterator[str]:
    """A copy of the grown database for this module."""
    with cloned(postgres_url, grown_template) as url:
        yield url


@pytest.fixture
async def grown(grown_url: str, settings: Settings) -> AsyncIterator[Runtime]:
    """A runtime on the grown database, with stores in memory."""
    runtime = build_runtime(settings, grown_url, pool_size=4)
    runtime.stores = FakeStores(FakeStore("alpha", order_of()), FakeStore("beta"))
    yield runtime
    await runtime.aclose()


@pytest.fixture
async def reader(grown: Runtime) -> AsyncIterator[AsyncClient]:
    """An HTTP client of the service on the grown database."""
    transport = ASGITransport(app=create_app(grown), raise_app_exceptions=False)
    headers = {"Authorization": "Bearer test-admin-key-0123456789"}
    async with AsyncClient(transport=transport, base_url="http://makegood.test", headers=headers) as http:
        yield http
