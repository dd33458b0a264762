"""Deletes rows that nobody needs any more, a little at a time: webhooks that can no longer repeat, and dead jobs.

The audit trail of a case is not among them: it is what proves why money moved, and stays as long as the case.
"""

from __future__ import annotations

from datetime import timedelta

from sqlalchemy import delete, select, text

from app.db.work import Work
from app.webhooks.models import Delivery, DeliveryStatus

# Rows of each kind in one run. A run comes every few seconds in every worker, so this is millions in a day.
BATCH = 500


async def prune_deliveries(work: Work) -> None:
    """Webhooks whose body was erased long ago. Read once more, one of them would say what is known already: what an
    order's news says is applied once, and never over newer news."""
    before = work.now - timedelta(days=work.settings.retention_delivery_row_days)
    old = (
        select(Delivery.id)
        .where(Delivery.erased_at <= before, Delivery.status != DeliveryStatus.PENDING)
        .order_by(Delivery.erased_at)
        .limit(BATCH)
        .with_for_update(skip_locked=True)
    )
    found = list(await work.session.scalars(old))
    if found:
        await work.session.execute(delete(Delivery).where(Delivery.id.in_(found)))


# Each job's events go with it. What succeeded is deleted by the worker that did it.
_JOBS = text(
    "DELETE FROM procrastinate_jobs WHERE id IN (SELECT job.id FROM procrastinate_jobs AS job "
    "WHERE job.status NOT IN ('todo', 'doing') AND NOT EXISTS (SELECT FROM procrastinate_events AS event "
    "WHERE event.job_id = job.id AND event.at > :before) ORDER BY job.id LIMIT :batch FOR UPDATE SKIP LOCKED)"
)


async def prune_jobs(work: Work) -> None:
    """Jobs that failed for good: the row that they were to work on shows what is to be done, not they."""
    before = work.now - timedelta(days=work.settings.retention_job_days)
    await work.session.execute(_JOBS, {"before": before, "batch": BATCH})
