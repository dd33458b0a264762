"""`cases` and `deliveries`: the same as the API, straight from the database."""

from __future__ import annotations

import asyncio
import json
from datetime import UTC, datetime
from typing import Any

import psycopg
import pytest

from app.cases.models import Case, CaseEventRow, CaseLine
from app.db.engine import Database
from app.orders.models import Order
from app.requests.models import ReturnRequest
from app.webhooks.inbox import CHANNEL
from app.webhooks.models import Delivery, SourceKind
from tests.cli.conftest import Makegood

NOW = datetime(2026, 11, 20, 10, tzinfo=UTC)


def put(url: str, *rows: Any) -> None:
    asyncio.run(_put(url, *rows))


async def _put(url: str, *rows: Any) -> None:
    database = Database(url, pool_size=1)
    async with database.transaction() as session:
        for row in rows:
            session.add(row)
            await session.flush()
    await database.dispose()


def delivery(topic: str, status: str, **more: Any) -> Delivery:
    return Delivery(
        source_kind=more.pop("source_kind", SourceKind.STORE),
        source=more.pop("source", "alpha"),
        dedupe_key=topic,
        topic=topic,
        headers={},
        body=b"{}",
        status=status,
        **more,
    )


@pytest.fixture
def with_case(database_url: str) -> str:
    order = Order(
        store="alpha", order_id="5001", number="#1106", email="ann@example.com", currency="EUR", exponent=2,
        captured=5000, snapshot={}, source_updated_at=NOW, placed_at=NOW,
    )  # fmt: skip
    put(database_url, order)
    request = ReturnRequest(store="alpha", order_pk=order.id, origin="api", remedy="refund", lines=[])
    put(database_url, request)
    case = Case(
        reference="MG-7K3F9QXY", request_id=request.id, order_pk=order.id, store="alpha", supplier="acme",
        state="under_review", remedy="refund", requires_rma=True, holds=[], policy_version="built-in@1", tracking=[],
        problems=[], attention=["under_review"], seq=1,
        lines=[CaseLine(line_id="L1", position=0, sku="LAMP-01", title="Lamp", reason="defective", requested=2)],
    )  # fmt: skip
    put(database_url, case)
    event = CaseEventRow(
        case_id=case.id, seq=1, type="policy_deferred", at=NOW, actor="policy:built-in@1", from_state="requested",
        to_state="under_review", data={},
    )  # fmt: skip
    put(database_url, event)
    return database_url


def test_cases_in_a_pipe_are_one_line_each_with_tabs(makegood: Makegood, with_case: str) -> None:
    done = makegood("cases", "list", DATABASE_URL=with_case)
    assert done.code == 0, done.err
    cells = done.out.rstrip("\n").split("\t")
    assert cells[:7] == ["MG-7K3F9QXY", "under_review", "alpha", "#1106", "acme", "defective", "under_review"]


@pytest.mark.parametrize(
    ("conditions", "found"),
    [
        (("--state", "under_review"), 1),
        (("--state", "closed"), 0),
        (("--store", "ALPHA", "--supplier", "acme"), 1),
        (("--supplier", "bolt"), 0),
        (("--order", "1106"), 1),
        (("--needs-attention",), 1),
    ],
)
def test_cases_by_condition(makegood: Makegood, with_case: str, conditions: tuple[str, ...], found: int) -> None:
    done = makegood("cases", "list", "--json", *conditions, DATABASE_URL=with_case)
    assert len(json.loads(done.out)) == found


def test_a_case_by_its_reference_with_its_trail(makegood: Makegood, with_case: str) -> None:
    shown = makegood("cases", "show", "mg-7k3f9qxy", DATABASE_URL=with_case)
    assert shown.code == 0, shown.err
    assert "2 x Lamp (defective)" in shown.out
    assert "1\t2026-11-20 10:00:00\tpolicy_deferred\tunder_review\tpolicy:built-in@1\n" in shown.out
    as_json = json.loads(makegood("cases", "show", "MG-7K3F9QXY", "--json", DATABASE_URL=with_case).out)
    assert as_json["reference"] == "MG-7K3F9QXY"
    assert [event["type"] for event in as_json["events"]] == ["policy_deferred"]


def test_an_unknown_case_is_one_sentence(makegood: Makegood, database_url: str) -> None:
    done = makegood("cases", "show", "MG-NONE", DATABASE_URL=database_url)
    assert (done.code, done.out, done.err) == (1, "", "makegood: There is no case 'MG-NONE'.\n")


def test_deliveries_newest_first_and_by_condition(makegood: Makegood, database_url: str) -> None:
    failed = delivery("orders/create", "failed", error="no line items")
    of_supplier = delivery("return.confirmed", "processed", source_kind=SourceKind.SUPPLIER, source="acme")
    put(database_url, failed, of_supplier)

    def listed(*conditions: str) -> list[str]:
        done = makegood("deliveries", "list", *conditions, DATABASE_URL=database_url)
        assert done.code == 0, done.err
        return [line.split("\t")[2] for line in done.out.splitlines()]

    assert listed() == ["return.confirmed", "orders/create"]
    assert listed("--status", "failed") == ["orders/create"]
    assert listed("--supplier", "acme") == ["return.confirmed"]
    assert listed("--limit", "1") == ["return.confirmed"]


def test_a_replayed_delivery_waits_to_be_read_and_its_readers_are_told(makegood: Makegood, database_url: str) -> None:
    failed = delivery("orders/create", "failed", error="no line items")
    put(database_url, failed)

    with psycopg.connect(database_url, autocommit=True) as connection:
        connection.execute(f"LISTEN {CHANNEL}")
        done = makegood("deliveries", "replay", str(failed.id), DATABASE_URL=database_url)
        assert (done.code, done.err) == (0, "")
        assert connection.execute("SELECT status FROM deliveries").fetchone() == ("pending",)
        assert [told.channel for told in connection.notifies(timeout=10, stop_after=1)] == [CHANNEL]


def test_an_unknown_delivery_is_one_sentence(makegood: Makegood, database_url: str) -> None:
    missing = "0199f5a2-0000-7000-8000-000000000006"
    done = makegood("deliveries", "replay", missing, DATABASE_URL=database_url)
    assert (done.code, done.err) == (1, f"makegood: There is no delivery {missing}.\n")
