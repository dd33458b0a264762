"""What every test may use: a real PostgreSQL with a fresh database for each test, settings, runtime and client."""

from __future__ import annotations

import os
import uuid
from collections.abc import AsyncIterator, Iterator
from pathlib import Path
from typing import Any

import hypothesis
import psycopg
import pytest
from httpx import ASGITransport, AsyncClient
from pydantic import SecretStr

from app.db.migrate import head_revision, upgrade
from app.runtime import Runtime, build_runtime
from app.settings import Settings
from tests.database import a_server, cloned, with_database
from tests.engines import shared_dialect
from tests.fuzzing import THOROUGH
from tests.leaks import WATCH

API_KEY = "test-operator-key-0123456789"
TEMPLATE = "makegood_template"


def pytest_configure(config: pytest.Config) -> None:
    """HYPOTHESIS_PROFILE=thorough fuzzes for long; without it a run stays short. No test fails because the machine is
    busy."""
    hypothesis.settings.register_profile("thorough", max_examples=2000, deadline=None)
    hypothesis.settings.register_profile("short", deadline=None)
    hypothesis.settings.load_profile("thorough" if THOROUGH else "short")


@pytest.fixture(scope="session", autouse=True)
def known_secrets() -> Iterator[None]:
    """Every secret that the service reads becomes one that must not be in its logs."""
    with pytest.MonkeyPatch.context() as patch:
        read = SecretStr.get_secret_value

        def noted(secret: SecretStr) -> str:
            value = read(secret)
            WATCH.knows(value)
            return value

        patch.setattr(SecretStr, "get_secret_value", noted)
        yield


@pytest.fixture(autouse=True)
def nothing_leaks(known_secrets: None) -> Iterator[None]:
    """No test may have the service log a secret or personal data."""
    WATCH.attach()
    yield
    WATCH.detach()
    found = WATCH.leaks()
    assert not found, "the log holds what it must not:\n" + "\n".join(found[:20])


@pytest.fixture(scope="session")
def postgres_url() -> Iterator[str]:
    """A server for the whole run, shared by all test processes."""
    with a_server() as url, shared_dialect(url):
        yield url


@pytest.fixture(scope="session")
def template(postgres_url: str) -> str:
    """A migrated database to clone; made by whichever test process comes first."""
    name = f"{TEMPLATE}_{head_revision()}_{os.environ.get('PYTEST_XDIST_TESTRUNUID', uuid.uuid4().hex)[:12]}"
    with psycopg.connect(postgres_url, autocommit=True) as connection:
        connection.execute("SELECT pg_advisory_lock(4711)")
        exists = connection.execute("SELECT 1 FROM pg_database WHERE datname = %s", [name]).fetchone()
        if not exists:
            connection.execute(f'CREATE DATABASE "{name}"')
            upgrade(with_database(postgres_url, name))
    return name


@pytest.fixture
def database_url(postgres_url: str, template: str) -> Iterator[str]:
    """A fresh database, migrated, of this test's own."""
    with cloned(postgres_url, template) as url:
        yield url


BASE_SETTINGS: dict[str, Any] = {
    "secret_key": ["a-secret-for-tests-0123456789"],
    "api_keys": {"ops": API_KEY, "viewer": "test-viewer-key-0123456789", "root": "test-admin-key-0123456789"},
    # Stores are asked for changes only where a test is about that; else each call to a store is the test's own.
    "poll_seconds": 0,
    "webhook_check_minutes": 0,
    "api_key_scopes": {"viewer": "read", "root": "admin"},
    "stores": {
        "alpha": {
            "platform": "shopify",
            "name": "Alpha Lamps",
            "domain": "alpha.myshopify.com",
            "client_id": "alpha-client",
            "client_secret": "alpha-secret",
            "api_url": "http://127.0.0.1:9",
            "default_supplier": "acme",
        },
        "beta": {
            "platform": "woocommerce",
            "name": "Beta Mugs",
            "url": "http://127.0.0.1:9",
            "consumer_key": "ck_test",
            "consumer_secret": "cs_test",
            "webhook_secret": "plain-secret-1",
            "default_supplier": "byhand",
        },
    },
    "suppliers": {
        "acme": {
            "channel": "http",
            "vendors": ["Acme"],
            "base_url": "http://127.0.0.1:9",
            "api_token": "acme-token",
            "webhook_secret": "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw",
        },
        "byhand": {"channel": "manual", "vendors": ["By Hand"], "sku_prefixes": ["BH-"]},
    },
}


@pytest.fixture
def settings(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Settings:
    """Settings of two stores and two suppliers, whatever the environment says."""
    for name in list(os.environ):
        if name.startswith("MAKEGOOD_"):
            monkeypatch.delenv(name)
    monkeypatch.chdir(tmp_path)
    return Settings(**BASE_SETTINGS)


@pytest.fixture
async def runtime(database_url: str, settings: Settings) -> AsyncIterator[Runtime]:
    """A runtime on the test's own database."""
    built = build_runtime(settings, database_url, pool_size=4)
    yield built
    await built.aclose()


@pytest.fixture
async def client(runtime: Runtime) -> AsyncIterator[AsyncClient]:
    """An HTTP client of the service with an operator's token."""
    from app.main import create_app

    transport = ASGITransport(app=create_app(runtime), raise_app_exceptions=False)
    headers = {"Authorization": f"Bearer {API_KEY}"}
    async with AsyncClient(transport=transport, base_url="http://makegood.test", headers=headers) as http:
        yield http
