"""Decisions over the API, and what is kept of them."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from uuid import UUID

import psycopg
import pytest
from httpx import AsyncClient

from app.cases.models import Case
from app.db.engine import libpq_url
from app.orders import service as orders
from app.orders.models import Order
from app.policy import history, service, store
from app.policy.files import parse
from app.runtime import Runtime
from tests.api.kit import LAMP, V1, VIEWER, act, keep, lamp, order_of, submit


async def test_a_case_shows_its_decision_and_the_list_all_of_them(client: AsyncClient, runtime: Runtime) -> None:
    await keep(runtime, order_of())
    case = (await submit(client, lamp()))["cases"][0]
    decision = case["decision"]
    assert (decision["seq"], decision["outcome"], decision["applied"]) == (1, "approve", True)
    assert (decision["value"], decision["fee"]) == (
        {"amount": "25.00", "currency": "EUR"}, {"amount": "0.00", "currency": "EUR"},
    )  # fmt: skip
    assert decision["law_version"].startswith("eu@")
    assert decision["lines"][0]["line_id"] == LAMP
    assert decision["words"]["why"][0].startswith("Lamp: the request came within the window")
    path = f"{V1}/cases/{case['reference']}/decisions"
    page = (await client.get(f"{path}?language=he", headers=VIEWER)).json()
    assert page["next_cursor"] is None
    assert [one["seq"] for one in page["items"]] == [1]
    assert page["items"][0]["words"]["outcome"].startswith("הבקשה אושרה")
    assert (await client.get(f"{path}?language=de")).status_code == 422
    assert (await client.get(f"{V1}/cases/MG-NOSUCH22/decisions")).status_code == 404


async def test_pages_of_decisions(client: AsyncClient, runtime: Runtime) -> None:
    await keep(runtime, order_of())
    case = (await submit(client, lamp()))["cases"][0]
    for turn in range(2):
        await act(client, case, "cancel", reason=f"mistake {turn}")
        await act(client, case, "reopen", reason="after all")
    path = f"{V1}/cases/{case['id']}/decisions?limit=2"
    first = (await client.get(path)).json()
    rest = (await client.get(f"{path}&cursor={first['next_cursor']}")).json()
    assert [(one["seq"], one["applied"]) for one in first["items"] + rest["items"]] == [
        (1, True), (2, False), (3, False),
    ]  # fmt: skip
    assert rest["next_cursor"] is None


async def test_a_reopened_case_takes_the_newest_policy_and_says_so(
    client: AsyncClient, runtime: Runtime, tmp_path: Path
) -> None:
    await keep(runtime, order_of())
    case = (await submit(client, lamp()))["cases"][0]
    file = tmp_path / "mine.toml"
    file.write_text('name = "mine"\nversion = "2"\n', encoding="utf-8")
    runtime.settings.stores["alpha"].policy = str(file)
    await act(client, case, "cancel")
    case = await act(client, case, "reopen", reason="the customer asks again")
    assert case["policy_version"].startswith("mine@2+")
    assert (case["state"], case["decision"]["applied"]) == ("under_review", False)
    assert case["decision"]["words"]["why"][0] == "The case was opened again; the newest policy was used."


@pytest.mark.parametrize(
    "statement",
    [
        "DELETE FROM decisions",
        "UPDATE decisions SET outcome = 'reject'",
        "UPDATE decisions SET data = '{}'",
        "DELETE FROM policy_versions",
        "UPDATE policy_versions SET body = ''",
    ],
)
async def test_what_was_decided_cannot_be_changed(client: AsyncClient, runtime: Runtime, statement: str) -> None:
    await keep(runtime, order_of())
    await submit(client, lamp())
    with (
        psycopg.connect(libpq_url(runtime.database.url)) as connection,
        pytest.raises(psycopg.errors.RaiseException, match="never changed or deleted"),
    ):
        connection.execute(statement.encode())


async def test_a_decision_holds_nothing_about_a_person(client: AsyncClient, runtime: Runtime) -> None:
    await keep(runtime, order_of())
    await submit(client, {**lamp(), "note": "call me, Ann Example"})
    with psycopg.connect(libpq_url(runtime.database.url)) as connection:
        (stored,) = connection.execute("SELECT data::text FROM decisions").fetchone() or ("",)
    assert len(stored) > 500
    for personal in ("ann", "Ann", "example.com", "call me"):
        assert personal not in stored


async def test_a_policy_that_cannot_be_read_any_more_leaves_the_case_to_a_person(
    client: AsyncClient, runtime: Runtime
) -> None:
    await keep(runtime, order_of(days_ago=5))
    case = (await submit(client, lamp()))["cases"][0]
    with psycopg.connect(libpq_url(runtime.database.url)) as connection:
        connection.execute("INSERT INTO policy_versions (version, name, body) VALUES ('old@1', 'old', '[gone]')")
        connection.execute("UPDATE cases SET policy_version = 'old@1'")
    async with runtime.work() as work:
        stored = await work.session.get_one(Case, UUID(case["id"]))
        _, decision = await service.consider(work, stored, await work.session.get_one(Order, stored.order_pk))
    assert decision.outcome == "operator"
    assert decision.why[0].code == "policy_unreadable"


async def test_the_customers_last_year(client: AsyncClient, runtime: Runtime) -> None:
    """Orders and cases of the same e-mail in any spelling, in this store, in the last 365 days."""
    now = datetime.now(UTC)
    old = replace(order_of("3", "#3"), placed_at=now - timedelta(days=400))
    other = replace(order_of("4", "#4"), email="bob@example.com")
    mine = replace(order_of("2", "#2"), email="ann@EXAMPLE.com")
    for one in (order_of("1", "#1"), mine, old, other):
        await keep(runtime, one)
    await submit(client, lamp(), order="#2")
    case = (await submit(client, lamp(reason="defective"), order="#1"))["cases"][0]
    async with runtime.work() as work:
        order = await orders.find(work, "alpha", "1")
        assert order is not None
        found = await history.of_customer(work, order, without=UUID(case["id"]))
    assert (found.orders, found.cases, found.spent, found.refunded) == (2, 1, 13_000, 0)


async def test_how_often_an_article_came_damaged(client: AsyncClient, runtime: Runtime) -> None:
    for number in ("1", "2", "3"):
        await keep(runtime, order_of(number, f"#{number}"))
    await submit(client, lamp(reason="damaged_in_transit"), order="#1")
    await submit(client, lamp(reason="changed_mind"), order="#2")
    case = (await submit(client, lamp(reason="defective"), order="#3"))["cases"][0]
    async with runtime.work() as work:
        stored = await work.session.get_one(Case, UUID(case["id"]))
        assert await history.recent_damage(work, stored) == {LAMP: 1}


async def test_the_text_of_every_version_is_kept(client: AsyncClient, runtime: Runtime) -> None:
    await keep(runtime, order_of())
    case = (await submit(client, lamp()))["cases"][0]
    async with runtime.work() as work:
        kept = await store.version(work, case["policy_version"])
        assert await store.version(work, "never@1") is None
    assert kept is not None
    assert parse(kept.body, "again.toml").version == case["policy_version"]
