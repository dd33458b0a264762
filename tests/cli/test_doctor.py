"""`makegood doctor`: names each fault with its mend, and never a secret. Stores and suppliers are the sandbox's."""

from __future__ import annotations

import asyncio
import json
import socket
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import psycopg
import pytest
from aiosmtpd.controller import Controller
from aiosmtpd.handlers import Sink
from pydantic import SecretStr

from app.db.migrate import head_revision
from app.doctor import check_database, check_settings, level_of
from app.doctor_outside import check_mail, check_stores, check_suppliers, needed_topics
from app.orders.snapshot import Platform
from app.sandbox.world import World
from app.settings import Settings
from app.stores.base import Finding, Subscription
from app.stores.callbacks import callback_url, missing_topics
from app.stores.registry import StoreRegistry
from tests.cli.command import SECRET, run
from tests.cli.conftest import Makegood


@pytest.fixture(scope="module")
def world() -> Iterator[World]:
    with World() as running:
        yield running


@pytest.fixture
def connected(settings: Settings, world: World) -> Settings:
    """The settings of a Makegood that is connected to the sandbox."""
    found = {"stores": world.stores(), "suppliers": world.supplier_settings()}
    return Settings(secret_key=[SecretStr(SECRET)], **found)  # type: ignore[arg-type]


def faults(findings: list[Finding]) -> dict[str, str]:
    assert all(one.mend for one in findings if not one.ok)
    return {one.subject: one.detail for one in findings if not one.ok}


def warnings(findings: list[Finding]) -> list[str]:
    return [one.subject for one in findings if level_of(one) == "warning"]


def test_with_nothing_set_it_names_what_is_missing_and_makes_nothing(tmp_path: Path) -> None:
    done = run(tmp_path, "doctor", MAKEGOOD_DATA_DIR=str(tmp_path / "data"))
    assert done.returncode == 1
    assert "✗ secret key" in done.stdout
    assert "→ Set MAKEGOOD_SECRET_KEY" in done.stdout
    assert "! database" in done.stdout
    assert not (tmp_path / "data").exists()


def test_a_wrong_setting_is_the_only_finding(makegood: Makegood) -> None:
    done = makegood("doctor", "--json", MAKEGOOD_STORES__ALPHA__PLATFORM="shopify")
    report = json.loads(done.out)
    assert (done.code, report["ok"]) == (1, False)
    [finding] = report["findings"]
    assert finding["level"] == "fault"
    assert "MAKEGOOD_STORES__ALPHA: needs DOMAIN, CLIENT_SECRET, CLIENT_ID" in finding["detail"]


def test_all_is_well_with_a_sandbox(makegood: Makegood, world: World, database_url: str) -> None:
    settings = {
        **world.environment(),
        "DATABASE_URL": database_url,
        "MAKEGOOD_SECRET_KEY": SECRET,
        "MAKEGOOD_API_KEYS__OPS": "hush-hush-hush-hush-hush",
    }
    synced = makegood("webhooks", "sync", **settings)
    assert synced.code == 0, synced.err
    done = makegood("doctor", "--json", **settings)
    report = json.loads(done.out)
    assert [one for one in report["findings"] if one["level"] == "fault"] == []
    assert done.code == 0
    secrets = [value for name, value in settings.items() if name.endswith(("SECRET", "TOKEN", "CONSUMER_KEY", "OPS"))]
    assert len(secrets) > 10
    assert not [secret for secret in secrets if secret in done.out + done.err]


def test_short_keys(settings: Settings) -> None:
    weak = settings.model_copy(update={"secret_key": [SecretStr("x" * 31)], "api_keys": {"ops": SecretStr("y" * 19)}})
    assert list(faults(check_settings(weak))) == ["secret key"]
    assert warnings(check_settings(weak)) == ["API keys", "public URL", "terms of acme", "terms of byhand"]
    strong = weak.model_copy(
        update={
            "secret_key": [SecretStr("x" * 32)],
            "api_keys": {"ops": SecretStr("y" * 20)},
            "public_url": "https://returns.example",
            "suppliers": {},
        }
    )
    assert [level_of(one) for one in check_settings(strong)] == ["ok"] * 5


def test_a_policy_with_a_fault_is_named_with_its_line(settings: Settings, tmp_path: Path) -> None:
    wrong = tmp_path / "wrong.toml"
    wrong.write_text('name = "mine"\nversion = "1"\n[window]\ndays = "many"\n', encoding="utf-8")
    settings.stores["alpha"].policy = str(wrong)
    found = faults(check_settings(settings))
    assert f"{wrong}:4: window.days" in found["policy of alpha"]


def of_database(settings: Settings, url: str) -> list[Finding]:
    return check_database(settings.model_copy(update={"database_url": SecretStr(url)}))


def test_a_database_without_a_worker_is_a_warning(settings: Settings, database_url: str) -> None:
    findings = of_database(settings, database_url)
    assert faults(findings) == {}
    assert warnings(findings) == ["worker"]


@pytest.mark.parametrize(("silent_for", "level"), [(5, "ok"), (300, "warning")])
def test_a_worker_lives_while_it_reports(settings: Settings, database_url: str, silent_for: int, level: str) -> None:
    with psycopg.connect(database_url) as connection:
        at = datetime.now(UTC) - timedelta(seconds=silent_for)
        connection.execute("INSERT INTO procrastinate_workers (last_heartbeat) VALUES (%s)", [at])
    [worker] = [one for one in of_database(settings, database_url) if one.subject == "worker"]
    assert level_of(worker) == level


def test_an_unreachable_database(settings: Settings) -> None:
    found = faults(of_database(settings, "postgresql://user:hush@127.0.0.1:1/shop"))
    assert list(found) == ["database"]
    assert "127.0.0.1" in found["database"]
    assert "hush" not in found["database"]


def test_an_older_schema(settings: Settings, database_url: str) -> None:
    with psycopg.connect(database_url) as connection:
        connection.execute("UPDATE alembic_version SET version_num = '0002'")
    found = faults(of_database(settings, database_url))
    assert found == {
        "schema": f"The database has schema 0002 and this version needs {head_revision()}; run: makegood migrate"
    }


def test_an_empty_database_will_be_made_by_the_next_start(settings: Settings, empty_database: str) -> None:
    findings = of_database(settings, empty_database)
    assert faults(findings) == {}
    assert warnings(findings) == ["schema"]


async def test_missing_webhooks_are_a_fault_until_they_are_made(connected: Settings) -> None:
    elsewhere = connected.model_copy(update={"public_url": "http://127.0.0.1:7"})
    before = faults(await check_stores(elsewhere))
    assert list(before) == ["store alpha: webhooks", "store beta: webhooks"]
    assert "refunds/create" in before["store alpha: webhooks"]
    assert "order.updated" in before["store beta: webhooks"]
    stores = StoreRegistry(elsewhere.stores)
    for store in stores:
        await store.sync_subscriptions(callback_url(elsewhere, store.key))
    await stores.aclose()
    assert faults(await check_stores(elsewhere)) == {}


async def test_wrong_credentials_are_named_for_each_store(connected: Settings) -> None:
    wrong = {key: dict(store.model_dump(exclude_unset=True)) for key, store in connected.stores.items()}
    wrong["alpha"]["client_secret"] = wrong["beta"]["consumer_secret"] = "hush"
    found = faults(await check_stores(Settings(stores=wrong)))
    assert [subject.partition(":")[0] for subject in found] == ["store alpha", "store beta"]
    assert "hush" not in str(found)


def test_a_webhook_that_is_switched_off_or_goes_elsewhere_is_missing() -> None:
    url = "https://returns.example/webhooks/woocommerce/beta"

    def there(**change: Any) -> list[Subscription]:
        topics = ["order.created", "order.updated", "order.deleted", "order.restored"]
        last = {"topic": "action.woocommerce_order_refunded", "url": url, "active": True, **change}
        return [*(Subscription("1", topic, url, True) for topic in topics), Subscription("2", **last)]

    assert missing_topics(needed_topics(Platform.WOOCOMMERCE), there(), url) == []
    missing = ["action.woocommerce_order_refunded"]
    assert missing_topics(needed_topics(Platform.WOOCOMMERCE), there(active=False), url) == missing
    assert missing_topics(needed_topics(Platform.WOOCOMMERCE), there(url="https://old.example"), url) == missing


async def test_any_answer_of_a_supplier_counts_and_silence_is_a_fault(connected: Settings) -> None:
    suppliers = connected.suppliers
    gone = suppliers["acme"].model_copy(update={"base_url": "http://127.0.0.1:1"})
    mail = suppliers["byhand"].model_copy(update={"channel": "email"})
    asked = connected.model_copy(
        update={"suppliers": {"acme": suppliers["acme"], "gone": gone, "mail": mail, "byhand": suppliers["byhand"]}}
    )
    findings = await check_suppliers(asked)
    assert list(faults(findings)) == ["supplier gone"]
    assert warnings(findings) == ["supplier mail"]


async def test_mail(settings: Settings) -> None:
    assert level_of(await check_mail(settings)) == "warning"
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = free.getsockname()[1]
    there = settings.model_copy(
        update={"smtp_url": SecretStr(f"smtp://user:hush@127.0.0.1:{port}"), "mail_from": "returns@example.com"}
    )
    silent = await check_mail(there)
    assert level_of(silent) == "fault"
    assert "hush" not in silent.detail
    server = Controller(Sink(), hostname="127.0.0.1", port=port)
    await asyncio.to_thread(server.start)
    try:
        assert level_of(await check_mail(there)) == "ok"
    finally:
        await asyncio.to_thread(server.stop)
