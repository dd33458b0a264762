"""What `makegood doctor` finds in the database: each fault is provoked in a real PostgreSQL (a made up one is old)."""

from __future__ import annotations

import socket
import struct
import threading
import time
import uuid
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import psycopg
import pytest
from pydantic import SecretStr

from app.db.migrate import head_revision
from app.doctor import code_of, level_of
from app.doctor_database import check_database
from app.sandbox.shopify.book import LineSpec
from app.sandbox.woocommerce.model import NewLine, NewOrder
from app.settings import Settings
from app.stores.base import Finding
from tests.database import with_database
from tests.e2e.conftest import POLLING, staged

# The server of the tests does not wait for the disk: what is in it is worth nothing.
HURRIED = "durability_off"


def of_database(settings: Settings, url: str) -> list[Finding]:
    found = check_database(settings.model_copy(update={"database_url": SecretStr(url)}))
    assert all(one.mend for one in found if not one.ok)
    return found


def codes(findings: list[Finding], level: str = "fault") -> list[str]:
    return [code_of(one) for one in findings if level_of(one) == level and one.code != HURRIED]


def execute(url: str, statement: str, *values: Any) -> None:
    with psycopg.connect(url, autocommit=True) as connection:
        connection.execute(statement.encode(), values)


def test_a_database_without_a_worker_is_a_warning(settings: Settings, database_url: str) -> None:
    findings = of_database(settings, database_url)
    assert (codes(findings), codes(findings, "warning")) == ([], ["worker_none"])
    right = {one.subject for one in findings if level_of(one) == "ok"}
    assert {"database", "schema", "connections", "clocks"} <= right


def test_work_that_waits_for_a_worker_is_a_fault(settings: Settings, database_url: str) -> None:
    execute(
        database_url,
        "INSERT INTO deliveries (id, source_kind, source, dedupe_key, topic, headers, body, received_at) "
        "VALUES (gen_random_uuid(), 'shopify', 'alpha', 'k', 'orders/create', '{}', '', now() - interval '10 minutes')",
    )
    assert codes(of_database(settings, database_url)) == ["worker_none"]


@pytest.mark.parametrize(("silent_for", "level"), [(5, "ok"), (300, "warning")])
def test_a_worker_lives_while_it_reports(settings: Settings, database_url: str, silent_for: int, level: str) -> None:
    at = datetime.now(UTC) - timedelta(seconds=silent_for)
    execute(database_url, "INSERT INTO procrastinate_workers (last_heartbeat) VALUES (%s)", at)
    [worker] = [one for one in of_database(settings, database_url) if one.subject == "worker"]
    assert level_of(worker) == level


def test_an_unreachable_database(settings: Settings) -> None:
    [found] = of_database(settings, "postgresql://user:hush@127.0.0.1:1/shop")
    assert found.code == "database_unreachable"
    assert "127.0.0.1" in found.detail
    assert "hush" not in found.detail


def test_no_database_yet(settings: Settings, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    nowhere = settings.model_copy(update={"data_dir": tmp_path / "data"})
    [found] = check_database(nowhere)
    assert (level_of(found), found.code) == ("warning", "database_not_made")
    assert not (tmp_path / "data").exists()
    monkeypatch.setattr("importlib.util.find_spec", lambda _name: None)
    [found] = check_database(nowhere)
    assert (level_of(found), found.code) == ("fault", "database_none")


def test_a_url_that_is_none(settings: Settings) -> None:
    [found] = of_database(settings, "postgresql://user:hush%zz@host/shop")
    assert found.code == "database_url_wrong"
    assert "hush" not in found.detail


class OldServer:
    """Speaks just enough of PostgreSQL's protocol to let a client in and name its version."""

    def __init__(self, version: str) -> None:
        self._version = version
        self._socket = socket.create_server(("127.0.0.1", 0))
        self.url = (
            f"postgresql://user@127.0.0.1:{self._socket.getsockname()[1]}/shop?sslmode=disable&gssencmode=disable"
        )
        self._thread = threading.Thread(target=self._serve, daemon=True)

    def _serve(self) -> None:
        try:
            with self._socket.accept()[0] as client:
                client.recv(struct.unpack("!i", client.recv(4))[0])
                told = f"server_version\0{self._version}\0".encode() + b""
                encoding = b"client_encoding\0UTF8\0"
                client.sendall(b"R" + struct.pack("!ii", 8, 0))
                for status in (told, encoding):
                    client.sendall(b"S" + struct.pack("!i", 4 + len(status)) + status)
                client.sendall(b"Z" + struct.pack("!i", 5) + b"I")
                client.recv(1024)
        except OSError:
            return

    def __enter__(self) -> str:
        self._thread.start()
        return self.url

    def __exit__(self, *_: object) -> None:
        self._socket.close()
        self._thread.join(timeout=5)


def test_a_postgresql_of_the_past(settings: Settings) -> None:
    with OldServer("13.18") as url:
        [found] = of_database(settings, url)
    assert found.code == "postgresql_too_old"
    assert "is PostgreSQL 13; Makegood needs 14" in found.detail


def test_an_older_schema(settings: Settings, database_url: str) -> None:
    execute(database_url, "UPDATE alembic_version SET version_num = '0002'")
    [found] = [one for one in of_database(settings, database_url) if one.subject == "schema"]
    assert found.code == "schema_behind"
    assert found.detail == (
        f"The database has schema 0002 and this version needs {head_revision()}; run: makegood migrate"
    )


def test_a_newer_schema(settings: Settings, database_url: str) -> None:
    execute(database_url, "UPDATE alembic_version SET version_num = '9999'")
    assert "schema_newer" in codes(of_database(settings, database_url), "warning")
    execute(database_url, "COMMENT ON TABLE alembic_version IS '9998'")
    assert codes(of_database(settings, database_url)) == ["schema_ahead"]


def test_tables_without_a_version(settings: Settings, database_url: str) -> None:
    execute(database_url, "DROP TABLE alembic_version")
    assert codes(of_database(settings, database_url)) == ["schema_foreign"]


def test_an_empty_database_will_be_made_by_the_next_start(settings: Settings, empty_database: str) -> None:
    findings = of_database(settings, empty_database)
    assert (codes(findings), codes(findings, "warning")) == ([], ["schema_not_made"])


def test_a_database_that_may_not_be_looked_into(settings: Settings, database_url: str) -> None:
    name = f"stranger_{uuid.uuid4().hex[:8]}"
    execute(database_url, f"CREATE ROLE {name} LOGIN")
    try:
        with psycopg.connect(database_url) as connection:
            places = connection.info.get_parameters() | {"user": name}
        url = psycopg.conninfo.make_conninfo("", **{**places, "options": ""})
        assert codes(of_database(settings, url)) == ["database_forbidden"]
    finally:
        execute(database_url, f"DROP ROLE {name}")


def name_of(url: str) -> str:
    return url.partition("?")[0].rpartition("/")[2]


@pytest.mark.parametrize(
    ("change", "level", "code"),
    [
        ("SET timezone = 'Europe/Rome'", "warning", "database_not_utc"),
        ("SET default_transaction_read_only = on", "fault", "database_read_only"),
        ("CONNECTION LIMIT 12", "fault", "connections_few"),
    ],
)
def test_what_the_database_is_set_to(settings: Settings, database_url: str, change: str, level: str, code: str) -> None:
    execute(database_url, f'ALTER DATABASE "{name_of(database_url)}" {change}')
    assert code in codes(of_database(settings, database_url), level)


def test_a_database_that_loses_letters(settings: Settings, postgres_url: str) -> None:
    name = f"test_{uuid.uuid4().hex[:16]}"
    execute(postgres_url, f"CREATE DATABASE \"{name}\" ENCODING 'LATIN1' LOCALE 'C' TEMPLATE template0")
    try:
        assert codes(of_database(settings, with_database(postgres_url, name))) == ["database_not_utf8"]
    finally:
        execute(postgres_url, f'DROP DATABASE "{name}"')


@pytest.mark.parametrize("setting", ["fsync", "full_page_writes", "synchronous_commit"])
def test_a_database_that_does_not_wait_for_the_disk(settings: Settings, database_url: str, setting: str) -> None:
    [found] = [one for one in of_database(settings, database_url) if one.subject == "durability"]
    assert (found.code, found.ok) == (HURRIED, False)
    assert setting in found.detail


def test_a_clock_that_is_off(settings: Settings, database_url: str, monkeypatch: pytest.MonkeyPatch) -> None:
    class Late(datetime):
        @classmethod
        def now(cls, tz: Any = None) -> Late:
            return cls.fromtimestamp(time.time() - 30, tz)

    monkeypatch.setattr("app.doctor_database.datetime", Late)
    assert codes(of_database(settings, database_url)) == ["clock_off"]


def test_an_app_that_was_removed(settings: Settings, database_url: str) -> None:
    execute(database_url, "INSERT INTO store_states (store, uninstalled_at) VALUES ('alpha', now())")
    assert codes(of_database(settings, database_url)) == ["app_removed"]


LAMP = LineSpec(sku="LAMP-01", title="Lamp", price="19.99", quantity=1, vendor="Lumen")


async def test_lines_that_match_no_supplier(settings: Settings, database_url: str) -> None:
    async with staged(database_url) as stage:
        stage.world.shop.create_order([LAMP])
        await stage.settle()
        found = codes(of_database(stage.runtime.settings, database_url), "warning")
        assert {"lines_without_supplier", "supplier_matches_nothing"} <= set(found)
        stage.runtime.settings.suppliers["acme"].vendors = ["LUMEN"]
        said = of_database(stage.runtime.settings, database_url)
    assert "lines_without_supplier" not in codes(said, "warning")
    assert "lines of acme" not in {one.subject for one in said if one.code == "supplier_matches_nothing"}


async def test_webhooks_that_are_signed_with_another_secret(settings: Settings, database_url: str) -> None:
    async with staged(database_url, **POLLING) as stage:
        # The adapter has told the site one secret, and the intake has another, as after a wrong paste.
        stage.runtime.settings.stores["beta"].webhook_secret = SecretStr("pasted-from-somewhere-else")
        await stage.later(minutes=10)
        # A site tells whole seconds: an order from the second of the first look at its webhooks is not seen as later.
        await stage.later(minutes=1)
        stage.world.site.create_order(NewOrder([NewLine("Mug", "20.00", 1, "ACME-MUG")]))
        await stage.settle()
        await stage.later(hours=1)
        settings = stage.runtime.settings.model_copy(update={"database_url": SecretStr(database_url)})
        found = check_database(settings, stage.clock.now() + timedelta(days=2))
    assert [one.subject for one in found if one.code == "webhooks_silent"] == ["store beta: deliveries"]
