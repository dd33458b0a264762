"""What `/readyz` says to a person: each trouble in a sentence, with what to do, and none that is not there."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Any

import pytest
from httpx import AsyncClient
from sqlalchemy import text, update

from app.cases.models import Case
from app.polling.models import StorePoll, WebhookCheck
from app.runtime import Runtime
from app.stores.models import StoreState
from tests.api.kit import case_in
from tests.metrics.test_standing import put_refund


async def told(client: AsyncClient) -> list[str]:
    """The warnings of a process that is ready, without those of stores that no test answers for."""
    answer = await client.get("/readyz")
    found: dict[str, Any] = answer.json()
    assert (answer.status_code, found["status"], found["problems"]) == (200, "ready", [])
    return [warning for warning in found["warnings"] if not warning.endswith("does not answer.")]


@pytest.fixture
async def worked(runtime: Runtime) -> None:
    """A worker was heard of just now."""
    async with runtime.work() as work:
        await work.session.execute(text("INSERT INTO procrastinate_workers DEFAULT VALUES"))


@pytest.mark.parametrize(("entries", "workers"), [(0, 0), (2, 1), (3, 2), (4, 2)])
async def test_a_worker_is_one_however_many_queues_it_looks_at(
    client: AsyncClient, runtime: Runtime, entries: int, workers: int
) -> None:
    """It has two entries; one of them, while it starts or ends, is a worker too."""
    async with runtime.work() as work:
        for _ in range(entries):
            await work.session.execute(text("INSERT INTO procrastinate_workers DEFAULT VALUES"))
    assert (await client.get("/readyz")).json()["checks"]["queue"]["workers"] == workers


@pytest.mark.usefixtures("worked")
async def test_nothing_is_said_when_all_is_well(client: AsyncClient) -> None:
    assert await told(client) == []


async def test_a_worker_that_fell_silent(client: AsyncClient, runtime: Runtime, worked: None) -> None:
    async with runtime.work() as work:
        silent = "UPDATE procrastinate_workers SET last_heartbeat = now() - interval '61 seconds'"
        await work.session.execute(text(silent))
    (warning,) = await told(client)
    assert warning.startswith("No worker was heard of within a minute")
    assert warning.endswith("Run: makegood worker")


@pytest.mark.usefixtures("worked")
async def test_a_removed_app_is_named_and_its_store_is_left_alone(client: AsyncClient, runtime: Runtime) -> None:
    async with runtime.work() as work:
        work.session.add(StoreState(store="alpha", uninstalled_at=datetime.fromisoformat("2026-11-20T08:00:00Z")))
        work.session.add(check("alpha", work.now, findings=["No active webhook sends orders/create to x."]))
    found = (await client.get("/readyz")).json()["warnings"]
    assert [warning for warning in found if "alpha" in warning] == [
        "The app was removed from the store alpha on 2026-11-20: nothing is asked of it, and its refunds wait. "
        "Install it again, then run: makegood webhooks sync"
    ]
    assert "The store beta does not answer." in found


def check(store: str, now: datetime, **values: Any) -> WebhookCheck:
    return WebhookCheck(store=store, next_due=now, checked_at=now, created_at=now, **values)


@pytest.mark.usefixtures("worked")
async def test_webhooks_that_are_missing_or_cannot_be_seen(client: AsyncClient, runtime: Runtime) -> None:
    missing = [f"No active webhook sends orders/{name} to https://x." for name in ("create", "updated")]
    other = "old.example gets the same webhooks; delete them there if that is an old address."
    async with runtime.work() as work:
        work.session.add(check("alpha", work.now, findings=[*missing, other]))
        work.session.add(check("beta", work.now, error="The store refused the call"))
    assert await told(client) == [
        "2 webhooks of the store alpha are missing or switched off; run: makegood webhooks sync",
        "The webhooks of the store beta could not be looked at; run: makegood doctor",
    ]


@pytest.mark.parametrize(("age", "warned"), [(timedelta(minutes=14), False), (timedelta(minutes=16), True)])
@pytest.mark.usefixtures("worked")
async def test_a_store_that_is_not_polled(client: AsyncClient, runtime: Runtime, age: timedelta, warned: bool) -> None:
    """Three turns of five minutes."""
    runtime.settings.poll_seconds = 300
    async with runtime.work() as work:
        since = work.now - age
        work.session.add(StorePoll(store="alpha", next_due=since, watermark=since, created_at=since))
    found = await told(client)
    assert [warning.split(";")[0].split(" ago:")[0] for warning in found] == (
        ["The store alpha was last asked for changes 16 minutes"] if warned else []
    )


@pytest.mark.usefixtures("worked")
async def test_refunds_in_doubt_unsent_and_for_a_person(client: AsyncClient, runtime: Runtime) -> None:
    case = await case_in(client, runtime, "under_review")
    await put_refund(runtime, case, "unknown", timedelta(hours=1))
    await put_refund(runtime, case, "submitting", timedelta(hours=1))
    await put_refund(runtime, case, "planned", timedelta(hours=2))
    await put_refund(runtime, case, "needs_review", timedelta(hours=2))
    assert await told(client) == [
        "2 refunds in doubt for too long; see GET /api/v1/refunds?status=unknown and the store.",
        "1 refund planned for more than an hour and not sent; see GET /api/v1/refunds?status=planned for why.",
        "1 refund for a person to settle; see GET /api/v1/refunds?status=needs_review.",
    ]


@pytest.mark.parametrize(
    ("ahead", "words"),
    [
        (timedelta(days=4), []),
        (timedelta(days=2), ["1 refund due by law within three days"]),
        (timedelta(days=-1), ["1 refund late by law"]),
    ],
)
@pytest.mark.usefixtures("worked")
async def test_legal_dates(client: AsyncClient, runtime: Runtime, ahead: timedelta, words: list[str]) -> None:
    case = await case_in(client, runtime, "under_review")
    async with runtime.work() as work:
        due = update(Case).where(Case.id == case["id"]).values(legal_due_at=work.now + ahead)
        await work.session.execute(due)
    assert [warning.split(":")[0].split(";")[0] for warning in await told(client)] == words
