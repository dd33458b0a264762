"""Numbers for Prometheus, counted in the database when they are asked for: right for any number of processes."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from datetime import datetime

from prometheus_client import CONTENT_TYPE_LATEST, REGISTRY, CollectorRegistry, generate_latest
from prometheus_client.core import GaugeMetricFamily
from sqlalchemy import func, select, text
from sqlalchemy.orm import InstrumentedAttribute

from app.cases.models import Case
from app.cases.vocabulary import State
from app.db.work import Work
from app.polling import service as polling
from app.refunds.models import Refund
from app.refunds.states import RefundStatus
from app.webhooks.models import Delivery, DeliveryStatus

CONTENT_TYPE = CONTENT_TYPE_LATEST
_JOB_STATUSES = ("todo", "doing", "failed")


async def scrape(work: Work, oldest: Mapping[str, datetime | None]) -> bytes:
    """The whole answer; `oldest` says since when the oldest job and delivery have waited."""
    families = [
        await _counted(work, "makegood_cases", "Cases by state.", "state", Case.state, list(State)),
        await _counted(work, "makegood_refunds", "Refunds by status.", "status", Refund.status, list(RefundStatus)),
        await _counted(
            work, "makegood_deliveries", "Webhooks by status.", "status", Delivery.status, list(DeliveryStatus)
        ),
        await _jobs(work),
        _ages(work, oldest),
        await _polls(work),
    ]
    registry = CollectorRegistry()
    registry.register(_Families(families))
    return generate_latest(registry) + generate_latest(REGISTRY)


class _Families:
    """Metrics that are ready, as the client library wants to be given them."""

    def __init__(self, families: list[GaugeMetricFamily]) -> None:
        self._families = families

    def collect(self) -> Iterator[GaugeMetricFamily]:
        """The metrics."""
        yield from self._families


async def _counted(
    work: Work, name: str, told: str, label: str, column: InstrumentedAttribute[str], words: list[str]
) -> GaugeMetricFamily:
    rows = await work.session.execute(select(column, func.count()).group_by(column))
    counts = dict(rows.all())
    family = GaugeMetricFamily(name, told, labels=[label])
    for word in words:
        family.add_metric([str(word)], counts.get(str(word), 0))
    return family


async def _jobs(work: Work) -> GaugeMetricFamily:
    rows = await work.session.execute(text("SELECT status::text, count(*) FROM procrastinate_jobs GROUP BY status"))
    counts: dict[str, int] = dict(rows.all())
    family = GaugeMetricFamily("makegood_jobs", "Jobs of the queue by status.", labels=["status"])
    for status in _JOB_STATUSES:
        family.add_metric([status], counts.get(status, 0))
    return family


def _ages(work: Work, oldest: Mapping[str, datetime | None]) -> GaugeMetricFamily:
    family = GaugeMetricFamily("makegood_oldest_waiting_seconds", "How long the oldest has waited.", labels=["what"])
    for what, since in oldest.items():
        family.add_metric([what], (work.now - since).total_seconds() if since else 0)
    return family


async def _polls(work: Work) -> GaugeMetricFamily:
    """A store that was never asked to the end counts from when it was to be asked first."""
    told = "How long ago a store had last been asked for everything that changed."
    family = GaugeMetricFamily("makegood_store_poll_age_seconds", told, labels=["store"])
    for key, row in sorted((await polling.statuses(work)).items()):
        family.add_metric([key], (work.now - (row.complete_as_of or row.created_at)).total_seconds())
    return family
