"""How the senders of webhooks fare: counted over indexes that hold only what waits."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import String, column, func, literal_column, select, values

from app.db.work import Work
from app.refunds.models import Refund
from app.refunds.states import UNSETTLED
from app.webhooks.models import Delivery, DeliveryStatus, SourceKind


@dataclass(frozen=True, slots=True)
class SourceHealth:
    """How the webhooks of one sender fare."""

    last_delivery_at: datetime | None
    waiting: int
    failed: int


async def sources(work: Work, kind: SourceKind, keys: Sequence[str]) -> dict[str, SourceHealth]:
    """The health of each sender of that kind."""
    last = await last_deliveries(work, kind, keys)
    counts: dict[tuple[str, DeliveryStatus], int] = {}
    for status in (DeliveryStatus.PENDING, DeliveryStatus.FAILED):
        # Written out, for then PostgreSQL sees that an index holds no others.
        counted = (
            select(Delivery.source, func.count())
            .where(Delivery.source_kind == kind, Delivery.status == literal_column(f"'{status}'"))
            .group_by(Delivery.source)
        )
        counts |= {(source, status): count for source, count in await work.session.execute(counted)}
    return {
        key: SourceHealth(
            last[key], counts.get((key, DeliveryStatus.PENDING), 0), counts.get((key, DeliveryStatus.FAILED), 0)
        )
        for key in keys
    }


async def last_deliveries(work: Work, kind: SourceKind, keys: Sequence[str]) -> dict[str, datetime | None]:
    """When each sender of that kind was last heard of."""
    if not keys:
        return {}
    named = values(column("key", String), name="named").data([(key,) for key in keys])
    newest = (
        select(Delivery.received_at)
        .where(Delivery.source_kind == kind, Delivery.source == named.c.key)
        .order_by(Delivery.id.desc())
        .limit(1)
        .scalar_subquery()
    )
    return dict((await work.session.execute(select(named.c.key, newest))).all())


async def unsettled_refunds(work: Work) -> dict[tuple[str, str], int]:
    """How many refunds of each store stand in each status that is not final."""
    statement = (
        select(Refund.store, Refund.status, func.count())
        .where(Refund.status.in_([str(status) for status in UNSETTLED]))
        .group_by(Refund.store, Refund.status)
    )
    return {(store, status): count for store, status, count in await work.session.execute(statement)}
