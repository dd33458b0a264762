"""Health, readiness, metrics and the documentation page."""

from __future__ import annotations

import re
from datetime import timedelta

import pytest
from httpx import AsyncClient
from sqlalchemy import text

from app import __version__
from app.clock import MovableClock
from app.jobs import defer
from app.polling import tasks as polling
from app.polling.models import StorePoll
from app.runtime import Runtime
from app.webhooks import inbox
from tests.api.kit import case_in
from tests.webhooks.kit import received


@pytest.fixture
async def anonymous(client: AsyncClient) -> AsyncClient:
    """Probes bring no token."""
    del client.headers["Authorization"]
    return client


async def test_the_process_is_up(anonymous: AsyncClient) -> None:
    """Without a token."""
    assert (await anonymous.get("/healthz")).json() == {"status": "ok", "version": __version__}


async def test_ready(anonymous: AsyncClient) -> None:
    """Database and schema are right; stores that do not answer are a warning and nothing else."""
    answer = await anonymous.get("/readyz")
    told = answer.json()
    assert (answer.status_code, told["status"]) == (200, "ready")
    assert told["checks"]["database"] == {"ok": True}
    assert told["checks"]["schema"]["revision"] == told["checks"]["schema"]["expected"]
    assert told["checks"]["queue"]["oldest_job_seconds"] is None
    assert told["problems"] == []
    assert told["warnings"] == [
        "No worker was heard of within a minute: nothing is read, asked or paid. Run: makegood worker",
        "The store alpha does not answer.",
        "The store beta does not answer.",
    ]


async def test_a_lagging_queue_and_failures_are_warnings(anonymous: AsyncClient, runtime: Runtime) -> None:
    """The process can still take webhooks in."""
    async with runtime.work() as work:
        arrival = inbox.shopify_arrival("alpha", {"x-shopify-webhook-id": "w"}, b"{}")
        failed, _ = await received(runtime, arrival)
        await inbox.failed(work, failed, "broken", passing=False)
        await received(runtime, inbox.shopify_arrival("alpha", {"x-shopify-webhook-id": "v"}, b"{}"))
        await defer(work.session, "orders.refresh", store="alpha", order_id="1")
    clock = MovableClock()
    clock.move(timedelta(hours=1))
    runtime.clock = clock
    answer = await anonymous.get("/readyz")
    told = answer.json()
    assert (answer.status_code, told["status"]) == (200, "ready")
    assert told["checks"]["queue"]["oldest_job_seconds"] == pytest.approx(3600, abs=60)
    assert told["checks"]["queue"]["oldest_delivery_seconds"] == pytest.approx(3600, abs=60)
    words = " ".join(told["warnings"])
    assert "oldest job" in words
    assert "oldest delivery" in words
    assert "1 delivery failed" in words
    assert "has waited for 60 minutes; there is no worker." in words


async def test_another_schema_is_not_ready(anonymous: AsyncClient, runtime: Runtime) -> None:
    """503 that names both revisions; an empty database has none."""
    for change, revision in (
        ("UPDATE alembic_version SET version_num = '0001'", "0001"),
        ("DROP TABLE alembic_version", None),
    ):
        async with runtime.work() as work:
            await work.session.execute(text(change))
        answer = await anonymous.get("/readyz")
        assert (answer.status_code, answer.json()["status"]) == (503, "not_ready")
        assert answer.json()["checks"]["schema"]["revision"] == revision
        assert "run: makegood migrate" in answer.json()["problems"][0]


async def test_metrics(client: AsyncClient, runtime: Runtime) -> None:
    """Counts of what there is, and zeros for what there is not."""
    await case_in(client, runtime, "authorizing")
    answer = await client.get("/metrics", headers={"Authorization": ""})
    assert answer.headers["content-type"].startswith("text/plain")
    numbers = dict(re.findall(r"^(makegood_\S+) (\S+)$", answer.text, re.MULTILINE))
    assert numbers['makegood_cases{state="authorizing"}'] == "1.0"
    assert numbers['makegood_cases{state="contested"}'] == "0.0"
    assert numbers['makegood_refunds{status="needs_review",store="alpha"}'] == "0.0"
    assert numbers['makegood_deliveries_waiting{kind="store",source="alpha",status="failed"}'] == "0.0"
    assert numbers['makegood_jobs{status="todo"}'] == "1.0"
    assert float(numbers['makegood_oldest_waiting_seconds{what="job"}']) >= 0
    assert "python_info" in answer.text


async def test_the_age_of_polls_is_counted(client: AsyncClient, runtime: Runtime) -> None:
    """From the beginning of the last whole asking, else from when the store was to be asked first."""
    runtime.settings.poll_seconds = 300
    runtime.clock = clock = MovableClock()
    await polling.sweep(runtime)
    clock.move(timedelta(minutes=10))
    async with runtime.work() as work:
        (await work.session.get_one(StorePoll, "alpha")).complete_as_of = work.now - timedelta(seconds=90)
    answer = await client.get("/metrics", headers={"Authorization": ""})
    ages = dict(re.findall(r'^makegood_store_poll_age_seconds{store="(\w+)"} (\S+)$', answer.text, re.MULTILINE))
    assert float(ages["alpha"]) == pytest.approx(90, abs=5)
    assert float(ages["beta"]) == pytest.approx(600, abs=5)


async def test_the_documentation_needs_no_network(anonymous: AsyncClient) -> None:
    """Every address on the page is the service's own, and the policy allows no other."""
    page = await anonymous.get("/docs")
    policy = page.headers["content-security-policy"]
    assert "script-src 'self';" in policy
    assert "default-src 'none'" in policy
    assert "<script>" not in page.text
    addresses = re.findall(r'(?:src|href)="([^"]+)"', page.text)
    assert len(addresses) == 5
    for address in addresses:
        assert "//" not in address
        asset = await anonymous.get(f"/{address}")
        assert asset.status_code == 200
        assert asset.headers["content-type"].split(";")[0] in {
            "text/css", "text/javascript", "image/png", "application/json",
        }  # fmt: skip
    assert "openapi.json" in (await anonymous.get("/docs/assets/start.js")).text
    for name in ("redoc.standalone.js", "..%2fcore.py", "core.py"):
        assert (await anonymous.get(f"/docs/assets/{name}")).status_code == 404
