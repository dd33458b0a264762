"""Deliveries for tests that are about what comes after."""

from __future__ import annotations

from uuid import UUID

from sqlalchemy import select

from app.runtime import Runtime
from app.webhooks.inbox import Arrival
from app.webhooks.models import Delivery


async def received(runtime: Runtime, arrival: Arrival) -> tuple[UUID, bool]:
    """Takes the delivery in; answers its id and whether it is new."""
    await runtime.intake.store(arrival, runtime.clock.now())
    async with runtime.work() as work:
        found = await work.session.execute(
            select(Delivery.id, Delivery.duplicates).where(
                Delivery.source_kind == arrival.source_kind,
                Delivery.source == arrival.source,
                Delivery.dedupe_key == arrival.dedupe_key,
            )
        )
        delivery_id, duplicates = found.one()
    return delivery_id, duplicates == 0
