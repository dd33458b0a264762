"""How things stand is counted right, from the database alone, and by index."""

from __future__ import annotations

import re
from datetime import datetime, timedelta
from typing import Any

import pytest
from httpx import AsyncClient
from sqlalchemy import text, update

from app import standing
from app.cases.models import Case
from app.clock import MovableClock
from app.ledger.models import SupplierCredit
from app.refunds.models import Refund
from app.runtime import Runtime
from app.webhooks.models import Delivery
from tests.api.kit import case_in
from tests.metrics.reading import series_in, value


async def scraped(client: AsyncClient) -> Any:
    answer = await client.get("/metrics")
    assert answer.status_code == 200
    return series_in(answer.text)


def delivery(at: datetime, status: str) -> Delivery:
    return Delivery(
        source_kind="store", source="alpha", dedupe_key=status, topic="orders/updated", headers={}, body=b"{}",
        status=status, received_at=at,
    )  # fmt: skip


async def put_refund(runtime: Runtime, case: dict[str, Any], status: str, age: timedelta, **values: Any) -> None:
    async with runtime.work() as work:
        row = await work.session.get_one(Case, case["id"])
        began = work.now - age
        made = {
            "amount": 100, "currency": "EUR", "exponent": 2, "lines": [], "extras": [], "ground": "verdict",
            "evidence": {}, "reason": "r", "created_at": began, "first_sent_at": None if status == "planned" else began,
        }  # fmt: skip
        work.session.add(
            Refund(case_id=row.id, order_pk=row.order_pk, store=row.store, status=status, **{**made, **values})
        )


async def test_open_cases_and_why_they_wait(client: AsyncClient, runtime: Runtime) -> None:
    case = await case_in(client, runtime, "under_review")
    async with runtime.work() as work:
        row = await work.session.get_one(Case, case["id"])
        row.attention = ["under_review", "claim_window:2026-12-01", "problem:dry_run"]
    series = await scraped(client)
    assert value(series, "makegood_database_up") == 1
    assert value(series, "makegood_cases", state="under_review") == 1
    assert ("makegood_cases", frozenset({("state", "contested")})) in series
    for reason in ("under_review", "claim_window", "problem:dry_run"):
        assert value(series, "makegood_cases_needing_attention", reason=reason) == 1


@pytest.mark.parametrize(
    ("status", "age", "values", "overdue"),
    [
        ("planned", timedelta(minutes=59), {}, 0),
        ("planned", timedelta(minutes=61), {}, 1),
        ("submitting", timedelta(minutes=4), {}, 0),
        ("submitting", timedelta(minutes=6), {}, 1),
        ("unknown", timedelta(minutes=14), {}, 0),
        ("unknown", timedelta(minutes=16), {}, 1),
        # A bank takes days over a payment that the store shows.
        ("unknown", timedelta(days=6), {"store_refund_id": "7"}, 0),
        ("unknown", timedelta(days=8), {"store_refund_id": "7"}, 1),
    ],
)
async def test_refunds_that_wait_too_long(
    client: AsyncClient, runtime: Runtime, status: str, age: timedelta, values: dict[str, Any], overdue: int
) -> None:
    case = await case_in(client, runtime, "under_review")
    await put_refund(runtime, case, status, age, **values)
    series = await scraped(client)
    labels = {"store": case["store"], "status": status}
    assert value(series, "makegood_refunds", **labels) == 1
    assert value(series, "makegood_refunds_overdue", **labels) == overdue
    assert value(series, "makegood_refund_oldest_seconds", **labels) == pytest.approx(age.total_seconds(), abs=30)


async def test_what_a_hold_or_a_dry_run_keeps_back_is_not_overdue(client: AsyncClient, runtime: Runtime) -> None:
    case = await case_in(client, runtime, "under_review")
    await put_refund(runtime, case, "planned", timedelta(hours=2))
    async with runtime.work() as work:
        assert sum((await standing.refunds(work)).overdue.values()) == 1
        (await work.session.get_one(Case, case["id"])).holds = ["fraud"]
        await work.session.flush()
        assert sum((await standing.refunds(work)).overdue.values()) == 0
        (await work.session.get_one(Case, case["id"])).holds = []
        runtime.settings.stores[case["store"]].dry_run = True
        await work.session.flush()
        assert sum((await standing.refunds(work)).overdue.values()) == 0


async def test_legal_dates_ahead_and_passed(client: AsyncClient, runtime: Runtime) -> None:
    case = await case_in(client, runtime, "under_review")
    for ahead, expected in (
        (timedelta(hours=5), (1, 1, 1, 0)),
        (timedelta(days=2), (0, 1, 1, 0)),
        (timedelta(days=6), (0, 0, 1, 0)),
        (timedelta(days=8), (0, 0, 0, 0)),
        (timedelta(seconds=-1), (0, 0, 0, 1)),
    ):
        async with runtime.work() as work:
            await work.session.execute(
                update(Case).where(Case.id == case["id"]).values(legal_due_at=work.now + ahead, remedy="refund")
            )
            found = await standing.legal(work)
            assert (found.in_1_day, found.in_3_days, found.in_7_days, found.late) == expected


async def test_a_legal_date_whose_money_is_paid_is_no_longer_late(client: AsyncClient, runtime: Runtime) -> None:
    case = await case_in(client, runtime, "under_review")
    async with runtime.work() as work:
        late = update(Case).where(Case.id == case["id"]).values(legal_due_at=work.now - timedelta(days=1))
        await work.session.execute(late)
        assert (await standing.legal(work)).late == 1
        await work.session.execute(text("UPDATE case_lines SET approved = requested, refunded = requested"))
        assert (await standing.legal(work)).late == 0


async def test_credits_that_are_owed(client: AsyncClient, runtime: Runtime) -> None:
    case = await case_in(client, runtime, "under_review")
    async with runtime.work() as work:
        work.session.add(SupplierCredit(case_id=case["id"], supplier="acme", status="overdue", paid=0))
    assert value(await scraped(client), "makegood_supplier_credits", supplier="acme", status="overdue") == 1


async def test_deliveries_that_wait_are_counted_by_sender(client: AsyncClient, runtime: Runtime) -> None:
    runtime.clock = clock = MovableClock()
    async with runtime.work() as work:
        work.session.add_all([delivery(work.now, "pending"), delivery(work.now, "failed")])
    clock.move(timedelta(minutes=3))
    series = await scraped(client)
    for status in ("pending", "failed"):
        assert value(series, "makegood_deliveries_waiting", kind="store", source="alpha", status=status) == 1
    assert value(series, "makegood_deliveries_waiting", kind="supplier", source="acme", status="failed") == 0
    assert value(series, "makegood_oldest_waiting_seconds", what="delivery") == pytest.approx(180, abs=10)
    assert value(series, "makegood_store_last_delivery_age_seconds", store="alpha") == pytest.approx(180, abs=10)


async def test_the_database_is_asked_once_in_a_few_seconds(client: AsyncClient, runtime: Runtime) -> None:
    assert value(await scraped(client), "makegood_jobs", status="todo") == 0
    async with runtime.work() as work:
        work.session.add(delivery(work.now, "pending"))
    assert (
        value(await scraped(client), "makegood_deliveries_waiting", kind="store", source="alpha", status="pending") == 0
    )


@pytest.mark.parametrize(
    ("statement", "told"),
    [
        (standing._OLDEST_DELIVERY, {}),
        (standing._DELIVERIES, {"most": 9}),
        (standing._ATTENTION, {}),
        (standing._CREDITS, {}),
        (standing._CASES, {}),
    ],
)
async def test_only_what_waits_is_looked_at(runtime: Runtime, statement: Any, told: dict[str, Any]) -> None:
    """With sequential scans out of the way the planner uses a partial index: its condition is implied.

    Which one where several are, it cannot tell by an empty table.
    """
    async with runtime.work() as work:
        await work.session.execute(text("SET LOCAL enable_seqscan = off"))
        plan = "\n".join((await work.session.scalars(text(f"EXPLAIN {statement.text}"), told)).all())
        assert "Seq Scan" not in plan
        used = set(re.findall(r"\bix_\w+", plan))
        partial = text("SELECT indexname FROM pg_indexes WHERE indexdef LIKE '% WHERE %'")
        assert used
        assert used <= set((await work.session.scalars(partial)).all())


async def test_legal_dates_and_refunds_are_found_by_index(runtime: Runtime) -> None:
    async with runtime.work() as work:
        await work.session.execute(text("SET LOCAL enable_seqscan = off"))
        legal = await work.session.execute(text(f"EXPLAIN {standing._LEGAL.text}"), {"now": work.now})
        assert "ix_cases_legal_due" in "\n".join(line for (line,) in legal)
        refunds = await work.session.execute(text("EXPLAIN SELECT count(*) FROM refunds WHERE status = 'unknown'"))
        assert "ix_refunds_status_id" in "\n".join(line for (line,) in refunds)
