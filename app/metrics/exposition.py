"""What `/metrics` says: how things stand in the database, and what processes have counted."""

from __future__ import annotations

import asyncio
import platform
import time
from collections.abc import Iterable, Iterator
from datetime import datetime

import structlog
from prometheus_client import CONTENT_TYPE_LATEST, CollectorRegistry, generate_latest
from prometheus_client.core import GaugeMetricFamily
from sqlalchemy.exc import SQLAlchemyError

from app import __version__, standing
from app.db.work import Work
from app.metrics.processes import registry_of_processes
from app.runtime import Runtime
from app.standing import StoreStanding

CONTENT_TYPE = CONTENT_TYPE_LATEST
# Seconds. Two Prometheus servers that scrape every 15 seconds cost the database one look.
_KEPT = 5.0
# A scrape is given up after 10 seconds by default.
_DATABASE_SECONDS = 8.0
log = structlog.get_logger()


class Exposition:
    """The answers of one process; what was read from the database is kept for a few seconds."""

    def __init__(self) -> None:
        self._stored = b""
        self._read_at: float | None = None
        self._reading = asyncio.Lock()

    async def text(self, runtime: Runtime) -> bytes:
        """The whole answer. While the database is away it says so and has the processes' own numbers all the same."""
        async with self._reading:
            if self._read_at is None or time.monotonic() - self._read_at >= _KEPT:
                self._stored, self._read_at = await _stored(runtime), time.monotonic()
        return self._stored + generate_latest(registry_of_processes())


async def _stored(runtime: Runtime) -> bytes:
    try:
        async with asyncio.timeout(_DATABASE_SECONDS), runtime.work() as work:
            families = [_build(), _up(1), *await _families(work)]
    except (SQLAlchemyError, OSError, TimeoutError) as error:
        log.warning("database_unavailable", source="metrics", error=type(error).__name__)
        families = [_build(), _up(0)]
    registry = CollectorRegistry()
    registry.register(_Ready(families))
    return generate_latest(registry)


class _Ready:
    """Metrics that are ready, as the client library wants to be given them."""

    def __init__(self, families: list[GaugeMetricFamily]) -> None:
        self._families = families

    def collect(self) -> Iterator[GaugeMetricFamily]:
        """The metrics."""
        yield from self._families


def _gauge(
    name: str, told: str, labels: list[str], values: Iterable[tuple[tuple[str, ...], float]]
) -> GaugeMetricFamily:
    family = GaugeMetricFamily(f"makegood_{name}", told, labels=labels)
    for words, value in values:
        family.add_metric([str(word) for word in words], value)
    return family


def _build() -> GaugeMetricFamily:
    words = (__version__, platform.python_version())
    return _gauge("build_info", "Which Makegood this is; always 1.", ["version", "python"], [(words, 1)])


def _up(value: int) -> GaugeMetricFamily:
    return _gauge("database_up", "1 while the database answers; without it only processes count.", [], [((), value)])


async def _families(work: Work) -> list[GaugeMetricFamily]:
    return [
        *await _queue(work),
        *await _cases(work),
        *await _money(work),
        *_stores(work, await standing.stores(work)),
    ]


async def _queue(work: Work) -> list[GaugeMetricFamily]:
    queue = await standing.queue(work)
    waiting = await standing.deliveries(work)
    mails = await standing.mails(work)
    jobs = [((status,), queue.jobs.get(status, 0)) for status in ("todo", "doing", "failed")]
    oldest = [(("job",), _age(work, queue.job_since)), (("delivery",), _age(work, queue.delivery_since))]
    return [
        _gauge("jobs", "Jobs of the queue by status.", ["status"], jobs),
        _gauge("oldest_waiting_seconds", "How long the oldest that could be done has waited.", ["what"], oldest),
        _gauge("workers", "Workers that were heard of within a minute.", [], [((), queue.workers)]),
        _gauge(
            "deliveries_waiting",
            f"Webhooks that wait to be read or could not be read; of each status at most {standing.MOST}.",
            ["kind", "source", "status"],
            waiting.items(),
        ),
        _gauge("mails_waiting", "Mails that wait or are being sent.", ["status"], _single(mails)),
    ]


async def _cases(work: Work) -> list[GaugeMetricFamily]:
    legal = await standing.legal(work)
    ahead = [(("1",), legal.in_1_day), (("3",), legal.in_3_days), (("7",), legal.in_7_days)]
    due = "Refunds that the law wants within so many days and that nobody has made."
    return [
        _gauge("cases", "Open cases by state.", ["state"], _single(await standing.cases(work))),
        _gauge(
            "cases_needing_attention",
            "Cases that a person should look at, by why; one case may have several reasons.",
            ["reason"],
            _single(await standing.attention(work)),
        ),
        _gauge("legal_refunds_due", due, ["within_days"], ahead),
        _gauge("legal_refunds_late", "Refunds whose legal date has passed without money.", [], [((), legal.late)]),
    ]


async def _money(work: Work) -> list[GaugeMetricFamily]:
    refunds = await standing.refunds(work)
    oldest = [(key, _age(work, refunds.since.get(key))) for key in refunds.counts]
    labels = ["store", "status"]
    return [
        _gauge("refunds", "Refunds that are not settled.", labels, refunds.counts.items()),
        _gauge("refunds_overdue", "Those of them that wait longer than they should.", labels, refunds.overdue.items()),
        _gauge("refund_oldest_seconds", "How long the oldest of them has waited.", labels, oldest),
        _gauge(
            "supplier_credits",
            "Credits that suppliers have not paid in full, by status.",
            ["supplier", "status"],
            (await standing.credits_open(work)).items(),
        ),
    ]


def _stores(work: Work, stores: dict[str, StoreStanding]) -> list[GaugeMetricFamily]:
    polls = ((key, one.polled_at) for key, one in stores.items())
    heard = ((key, one.last_delivery_at) for key, one in stores.items())
    looked = ((key, one.checked_at) for key, one in stores.items())
    told = {
        "store_installed": "0 while the app is removed from the store.",
        "store_webhooks_missing": "Webhooks that should be there and active and were not at the last look.",
        "store_webhooks_unreadable": "1 when the last look at the store's webhooks failed.",
    }
    values = {
        "store_installed": [((key,), float(one.uninstalled_at is None)) for key, one in stores.items()],
        "store_webhooks_missing": [((key,), float(one.missing)) for key, one in stores.items()],
        "store_webhooks_unreadable": [((key,), float(one.trouble is not None)) for key, one in stores.items()],
    }
    return [
        *(_gauge(name, told[name], ["store"], values[name]) for name in told),
        _gauge(
            "store_poll_age_seconds",
            "How long ago a store had last been asked for everything that changed.",
            ["store"],
            _ages(work, polls),
        ),
        _gauge("store_last_delivery_age_seconds", "How long ago a store last sent.", ["store"], _ages(work, heard)),
        _gauge(
            "store_webhooks_checked_age_seconds", "How long ago its webhooks were seen.", ["store"], _ages(work, looked)
        ),
    ]


def _ages(work: Work, since: Iterable[tuple[str, datetime | None]]) -> list[tuple[tuple[str, ...], float]]:
    """Only of what has happened: there is no age of nothing."""
    return [((key,), _age(work, at)) for key, at in since if at is not None]


def _age(work: Work, since: datetime | None) -> float:
    return max((work.now - since).total_seconds(), 0.0) if since else 0.0


def _single(counts: dict[str, int]) -> list[tuple[tuple[str, ...], float]]:
    return [((word,), number) for word, number in counts.items()]
