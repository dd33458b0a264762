"""`makegood backup` and `restore`: what was there is there again, and money that went out meanwhile goes out once."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import httpx
import psycopg
import pytest

from app.db.backup import BackupFailed, dump, load
from app.main import create_app
from app.runtime import build_runtime
from app.sandbox.server import LoopbackServer
from app.sandbox.woocommerce.model import NewLine, NewOrder
from app.settings import Settings
from tests.cli.command import SECRET, Running, base_url
from tests.cli.conftest import Makegood
from tests.conftest import API_KEY
from tests.e2e.conftest import POLLING, staged
from tests.e2e.stage import SHOP, SITE, Stage
from tests.e2e.test_stories import lamp, shopify_order, woo_order

LAMP = [{"sku": "LAMP-01", "quantity": 1, "reason": "changed_mind"}]
MUG = [{"sku": "ACME-MUG", "quantity": 1, "reason": "changed_mind"}]
# What a restore must bring back to the letter.
TABLES = ("orders", "cases", "case_events", "refunds", "refund_attempts", "ledger_entries", "deliveries", "timers")


def rows(url: str, table: str) -> list[Any]:
    with psycopg.connect(url) as connection:
        return connection.execute(f"SELECT to_jsonb(t) - 'body' FROM {table} t ORDER BY 1::text".encode()).fetchall()


async def confirmed(stage: Stage, case: dict[str, Any]) -> dict[str, Any]:
    """The goods come back and the supplier takes them."""
    stage.world.suppliers["acme"].receive(case["id"])
    await stage.settle()
    stage.world.suppliers["acme"].confirm(case["id"])
    await stage.settle()
    return await stage.case(case["id"])


async def test_a_fresh_data_folder_gets_everything_back(
    settings: Settings, database_url: str, makegood: Makegood, tmp_path: Path, data_dir: Path
) -> None:
    async with staged(database_url) as stage:
        order_id, _ = await shopify_order(stage, [lamp()])
        (case,) = await stage.ask(SHOP, order_id, LAMP)
        assert (await confirmed(stage, case))["state"] == "resolved"
        listed = await stage.get("/cases")
    file = tmp_path / "makegood.backup"
    done = makegood("backup", str(file), DATABASE_URL=database_url)
    assert (done.code, done.err) == (0, "")
    assert file.stat().st_mode & 0o077 == 0
    fresh = {"MAKEGOOD_DATA_DIR": str(data_dir), "MAKEGOOD_SECRET_KEY": SECRET, "MAKEGOOD_API_KEYS__OPS": API_KEY}
    assert makegood("restore", str(file), **fresh).code == 0
    with Running(tmp_path, "serve", "--port", "0", "--no-worker", **fresh) as service:
        url = base_url(service)
        async with httpx.AsyncClient(base_url=url, headers={"Authorization": f"Bearer {API_KEY}"}) as http:
            assert (await http.get("/readyz")).status_code == 200
            told = (await http.get("/api/v1/cases")).json()
        assert [(one["reference"], one["state"], one["refunds"]) for one in told["items"]] == [
            (one["reference"], one["state"], one["refunds"]) for one in listed["items"]
        ]
        restored = f"postgresql://postgres@/postgres?host={data_dir / 'postgres'}"
        for table in TABLES:
            before = rows(database_url, table)
            assert rows(restored, table) == before
            assert before or table == "timers"
        assert service.stop() == 0
    again = makegood("restore", str(file), **fresh)
    assert (again.code, again.out) == (1, "")
    assert "not empty" in again.err


@asynccontextmanager
async def restored(stage: Stage, file: Path, url: str) -> AsyncIterator[Stage]:
    """The same world, and a Makegood that knows of it what the backup knew."""
    load(url, file)
    runtime = build_runtime(stage.runtime.settings, url, pool_size=4)
    serving = build_runtime(stage.runtime.settings, url, pool_size=4)
    runtime.clock = serving.clock = stage.clock
    headers = {"Authorization": f"Bearer {API_KEY}"}
    try:
        with LoopbackServer(create_app(serving)) as address:
            async with httpx.AsyncClient(base_url=address, headers=headers, timeout=20) as http:
                yield Stage(stage.world, runtime, http, stage.clock)
    finally:
        await runtime.aclose()


async def test_a_refund_made_after_the_backup_is_found_and_not_made_again_on_shopify(
    settings: Settings, database_url: str, empty_database: str, tmp_path: Path
) -> None:
    async with staged(database_url, **POLLING) as stage:
        order_id, _ = await shopify_order(stage, [lamp()])
        (case,) = await stage.ask(SHOP, order_id, LAMP)
        dump(database_url, tmp_path / "older")
        await confirmed(stage, case)
        assert len(stage.world.shop.money_calls) == 1
        async with restored(stage, tmp_path / "older", empty_database) as back:
            # The case had been resolved; it waits for the customer again, and the store is asked what changed.
            await back.later(minutes=20)
            assert (await back.case(case["id"]))["state"] == "superseded"
            await back.later(days=60)
        assert len(stage.world.shop.money_calls) == 1
        assert len(stage.world.shop.refunds(order_id)) == 1


async def test_nor_on_woocommerce_when_the_verdict_comes_before_the_store_was_asked(
    settings: Settings, database_url: str, empty_database: str, tmp_path: Path
) -> None:
    async with staged(database_url) as stage:
        order_id, _ = await woo_order(stage, NewOrder([NewLine("Mug", "20.00", 1, "ACME-MUG")]))
        (case,) = await stage.ask(SITE, order_id, MUG)
        dump(database_url, tmp_path / "older")
        line = case["lines"][0]["line_id"]
        await confirmed(stage, case)
        assert len(stage.world.site.money_calls) == 1
        async with restored(stage, tmp_path / "older", empty_database) as back:
            # Nobody polls: the refund is found because the order is read before money moves.
            accepted = {"line_id": line, "accepted_quantity": 1, "condition": "as_new"}
            await back.act(case, "record-verdict", lines=[accepted])
            await back.later(days=30)
            assert (await back.case(case["id"]))["state"] in ("superseded", "resolved", "closed")
        assert len(stage.world.site.money_calls) == 1
        assert len(stage.world.site.gateway_payouts) == 1


def test_nothing_is_written_over_and_nothing_half_is_left(
    makegood: Makegood, database_url: str, empty_database: str, tmp_path: Path
) -> None:
    file = tmp_path / "kept"
    file.write_text("precious")
    assert "is there already" in makegood("backup", str(file), DATABASE_URL=database_url).err
    assert "no folder" in makegood("backup", str(tmp_path / "no" / "file"), DATABASE_URL=database_url).err
    assert "nothing of Makegood" in makegood("backup", str(tmp_path / "new"), DATABASE_URL=empty_database).err
    assert "There is no file" in makegood("restore", str(tmp_path / "new"), DATABASE_URL=empty_database).err
    assert "did not carry it out" in makegood("restore", str(file), DATABASE_URL=empty_database).err
    assert [each.name for each in tmp_path.iterdir()] == ["kept"]
    assert file.read_text() == "precious"
    with pytest.raises(BackupFailed) as failed:
        dump("postgresql://user:hush-hush@127.0.0.1:1/shop", tmp_path / "never")
    assert "hush" not in failed.value.detail
    assert not list(tmp_path.glob("never*"))
