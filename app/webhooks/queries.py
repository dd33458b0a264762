"""Finds deliveries."""

from __future__ import annotations

from uuid import UUID

from sqlalchemy import select
from sqlalchemy.orm import defer

from app.db.work import Work
from app.webhooks.models import Delivery, SourceKind


async def search(
    work: Work,
    *,
    status: str | None,
    store: str | None,
    supplier: str | None,
    topic: str | None,
    after: UUID | None,
    limit: int,
) -> list[Delivery]:
    """Deliveries without their bodies, newest first, that come after the item `after`; a None does not matter."""
    statement = select(Delivery).options(defer(Delivery.body)).order_by(Delivery.id.desc()).limit(limit)
    if status is not None:
        statement = statement.where(Delivery.status == status)
    if topic is not None:
        statement = statement.where(Delivery.topic == topic)
    for kind, key in ((SourceKind.STORE, store), (SourceKind.SUPPLIER, supplier)):
        if key is not None:
            statement = statement.where(Delivery.source_kind == kind, Delivery.source == key)
    if after is not None:
        statement = statement.where(Delivery.id < after)
    return list(await work.session.scalars(statement))
