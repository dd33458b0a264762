"""Deliveries that failed stay until somebody replays them, and cost those that wait nothing."""

from __future__ import annotations

import pytest
from sqlalchemy import text

from app import standing
from app.runtime import Runtime
from app.stores import queries as stores
from app.webhooks.models import SourceKind
from app.webhooks.reader import read_all
from tests.growth.watch import watching

FAILED = 2_000
_CHANGED = text(
    "UPDATE deliveries SET status = :status WHERE id IN "
    "(SELECT id FROM deliveries WHERE status = 'processed' AND source_kind = 'store' ORDER BY id LIMIT :count)"
)
_READ = text("UPDATE deliveries SET status = 'processed' WHERE status = 'pending'")


@pytest.fixture
async def troubled(grown: Runtime) -> Runtime:
    """After a sale day: the statistics are of when thousands waited, nobody waits any more, and many failed."""
    async with grown.work() as work:
        await work.session.execute(_CHANGED, {"status": "failed", "count": FAILED})
        await work.session.execute(_CHANGED, {"status": "pending", "count": 3 * FAILED})
        await work.session.execute(text("ANALYZE deliveries"))
        await work.session.execute(_READ)
    return grown


async def look(runtime: Runtime) -> None:
    """A reader, and whoever asks how things stand."""
    assert await read_all(runtime) == 0
    async with runtime.work() as work:
        assert (await standing.queue(work)).delivery_since is None


async def test_who_looks_for_deliveries_passes_none_by_that_failed(troubled: Runtime) -> None:
    # The first look passes by what waited before; PostgreSQL then knows that it is gone.
    await look(troubled)
    with watching() as watch:
        await look(troubled)
    watch.seen = [one for one in watch.seen if "FROM deliveries" in one.text]
    assert len(watch.seen) == 3
    watch.require_probes(0, FAILED // 20)


async def test_those_that_failed_are_counted(troubled: Runtime) -> None:
    with watching() as watch:
        async with troubled.work() as work:
            counts = await standing.deliveries(work)
            health = await stores.sources(work, SourceKind.STORE, list(troubled.settings.stores))
    assert sum(counts.values()) >= FAILED
    watch.require_probes(10 * FAILED, 4 * FAILED)
    assert {key: one.failed for key, one in health.items()} == {
        key: counts[(SourceKind.STORE, key, "failed")] for key in health
    }
