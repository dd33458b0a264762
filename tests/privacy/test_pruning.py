"""Rows go when nothing can come of them any more, in small batches; what can still repeat or be replayed stays."""

from __future__ import annotations

from datetime import timedelta
from uuid import UUID

import pytest
from httpx import AsyncClient
from sqlalchemy import func, select, text, update

from app.cases.models import CaseEventRow
from app.clock import MovableClock
from app.jobs import defer
from app.privacy import pruning, retention
from app.runtime import Runtime
from app.webhooks.models import Delivery, DeliveryStatus, SourceKind
from tests.api.kit import act, case_in


@pytest.fixture
def clock(runtime: Runtime) -> MovableClock:
    runtime.clock = MovableClock()
    return runtime.clock


async def received(runtime: Runtime, status: DeliveryStatus, key: str) -> UUID:
    async with runtime.work() as work:
        row = Delivery(
            source_kind=SourceKind.STORE,
            source="alpha",
            dedupe_key=key,
            topic="orders/updated",
            headers={},
            body=b"{}",
            status=status,
            received_at=work.now,
            processed_at=None if status is DeliveryStatus.PENDING else work.now,
        )
        work.session.add(row)
    return row.id


async def left(runtime: Runtime) -> set[str]:
    async with runtime.work() as work:
        return set(await work.session.scalars(select(Delivery.dedupe_key)))


async def test_the_row_goes_a_while_after_its_body(runtime: Runtime, clock: MovableClock) -> None:
    for status in DeliveryStatus:
        await received(runtime, status, status)
    clock.move(timedelta(days=91))
    await retention.sweep(runtime)
    assert await left(runtime) == {str(status) for status in DeliveryStatus}
    clock.move(timedelta(days=89))
    await retention.sweep(runtime)
    assert await left(runtime) == {str(status) for status in DeliveryStatus}
    clock.move(timedelta(days=2))
    await retention.sweep(runtime)
    # One that failed may be replayed for a year, and one that was never read is still to be read.
    assert await left(runtime) == {"pending", "failed"}
    clock.move(timedelta(days=365))
    await retention.sweep(runtime)
    clock.move(timedelta(days=91))
    await retention.sweep(runtime)
    assert await left(runtime) == {"pending"}


async def test_what_is_to_be_read_again_stays_although_its_body_was_erased(
    runtime: Runtime, clock: MovableClock
) -> None:
    await received(runtime, DeliveryStatus.PENDING, "again")
    async with runtime.work() as work:
        await work.session.execute(update(Delivery).values(erased_at=work.now))
    clock.move(timedelta(days=1000))
    await retention.sweep(runtime)
    assert await left(runtime) == {"again"}


async def test_a_run_takes_a_batch(runtime: Runtime, clock: MovableClock, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(pruning, "BATCH", 2)
    for key in "abc":
        await received(runtime, DeliveryStatus.IGNORED, key)
    async with runtime.work() as work:
        await work.session.execute(update(Delivery).values(erased_at=work.now, body=b""))
    clock.move(timedelta(days=91))
    await retention.sweep(runtime)
    assert len(await left(runtime)) == 1
    await retention.sweep(runtime)
    assert await left(runtime) == set()


async def test_jobs_that_failed_go_with_their_events_and_no_others(runtime: Runtime, clock: MovableClock) -> None:
    async with runtime.work() as work:
        for number in range(3):
            await defer(work.session, "refunds.plan", case_id=str(number))
        await work.session.execute(
            text("UPDATE procrastinate_jobs SET status = 'failed' WHERE args ->> 'case_id' IN ('0', '1')")
        )
        old = text(
            "UPDATE procrastinate_events SET at = at - interval '40 days' WHERE job_id IN "
            "(SELECT id FROM procrastinate_jobs WHERE args ->> 'case_id' IN ('0', '2'))"
        )
        await work.session.execute(old)
    await retention.sweep(runtime)
    async with runtime.work() as work:
        jobs = await work.session.scalars(text("SELECT args ->> 'case_id' FROM procrastinate_jobs ORDER BY 1"))
        # The third is old and still to be done.
        assert jobs.all() == ["1", "2"]
        events = await work.session.scalar(
            text("SELECT count(*) FROM procrastinate_events WHERE job_id NOT IN (SELECT id FROM procrastinate_jobs)")
        )
        assert events == 0


async def test_the_trail_of_a_case_stays(runtime: Runtime, client: AsyncClient, clock: MovableClock) -> None:
    case = await case_in(client, runtime, "awaiting_shipment", 1)
    await act(client, case, "cancel")

    async def events() -> int:
        async with runtime.work() as work:
            return await work.session.scalar(select(func.count()).select_from(CaseEventRow)) or 0

    before = await events()
    clock.move(timedelta(days=3650))
    await retention.sweep(runtime)
    assert await events() == before > 0
