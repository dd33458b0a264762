"""What `/readyz` says: what stops this process, and what a person should look into, in words and with what to do."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from sqlalchemy import text

from app import standing
from app.db.migrate import OLDEST_CODE_SQL, fits, head_revision
from app.db.work import Work
from app.refunds.states import RefundStatus
from app.standing import StoreStanding
from app.webhooks.models import DeliveryStatus

# Work is looked for every few seconds; what has waited for minutes has no worker, or too few.
_LATE_SECONDS = 300.0
# Three turns that did not happen are no accident.
_TURNS_MISSED = 3


class Findings:
    """What was found so far. A problem stops the process from doing its work; a warning does not."""

    def __init__(self) -> None:
        self.checks: dict[str, dict[str, Any]] = {}
        self.problems: list[str] = []
        self.warnings: list[str] = []
        self.uninstalled: frozenset[str] = frozenset()

    def database_away(self, error: Exception) -> None:
        """The database did not answer, or broke off."""
        self.checks["database"] = {"ok": False, "error": type(error).__name__}
        self.problems.append(
            f"The database does not answer ({type(error).__name__}): nothing can be stored, read or paid. "
            "See that PostgreSQL runs and that DATABASE_URL leads to it."
        )


async def look(work: Work, found: Findings) -> None:
    """Looks at everything that the database knows. Errors of the database go to the caller."""
    revision = oldest_code = None
    if await work.session.scalar(text("SELECT to_regclass('alembic_version')")) is not None:
        revision = await work.session.scalar(text("SELECT version_num FROM alembic_version"))
        oldest_code = await work.session.scalar(text(OLDEST_CODE_SQL))
    expected = head_revision()
    fitting = fits(revision, oldest_code)
    found.checks["database"] = {"ok": True}
    found.checks["schema"] = {"ok": fitting, "revision": revision, "expected": expected}
    if not fitting:
        found.problems.append(
            f"The database has schema {revision or 'none'} and this version needs {expected}; run: makegood migrate"
        )
        return
    if revision != expected:
        found.warnings.append(f"The database has the newer schema {revision}; upgrade this process.")
    await _queue(work, found)
    await _deliveries(work, found)
    await _stores(work, found)
    await _refunds(work, found)
    await _legal(work, found)


async def _queue(work: Work, found: Findings) -> None:
    queue = await standing.queue(work)
    ages = {"job": _age(work, queue.job_since), "delivery": _age(work, queue.delivery_since)}
    waits = {f"oldest_{name}_seconds": age for name, age in ages.items()}
    found.checks["queue"] = {"ok": True, **waits, "workers": queue.workers}
    if queue.workers == 0:
        found.warnings.append(
            "No worker was heard of within a minute: nothing is read, asked or paid. Run: makegood worker"
        )
    for name, age in ages.items():
        if age is not None and age > _LATE_SECONDS:
            found.warnings.append(
                f"The oldest {name} has waited for {_span(age)}; "
                + ("run more workers, or look for errors in their logs." if queue.workers else "there is no worker.")
            )
    if queue.jobs.get("failed"):
        found.warnings.append(f"{_count(queue.jobs['failed'], 'job')} failed; the log says why.")


async def _deliveries(work: Work, found: Findings) -> None:
    waiting = await standing.deliveries(work)
    failed = sum(number for (_, _, status), number in waiting.items() if status == DeliveryStatus.FAILED)
    if failed:
        found.warnings.append(
            f"{_count(failed, 'delivery', 'deliveries')} failed; see GET /api/v1/deliveries?status=failed, mend the "
            "cause, and replay them."
        )


async def _stores(work: Work, found: Findings) -> None:
    stores = await standing.stores(work)
    found.uninstalled = frozenset(key for key, one in stores.items() if one.uninstalled_at is not None)
    for key, one in stores.items():
        if one.uninstalled_at is not None:
            found.warnings.append(
                f"The app was removed from the store {key} on {one.uninstalled_at:%Y-%m-%d}: nothing is asked of it, "
                "and its refunds wait. Install it again, then run: makegood webhooks sync"
            )
        else:
            found.warnings.extend(_webhooks(work, key, one))


def _webhooks(work: Work, key: str, one: StoreStanding) -> list[str]:
    told = []
    if one.missing:
        told.append(
            f"{_count(one.missing, 'webhook')} of the store {key} {'is' if one.missing == 1 else 'are'} missing or "
            "switched off; run: makegood webhooks sync"
        )
    if one.trouble:
        told.append(f"The webhooks of the store {key} could not be looked at; run: makegood doctor")
    age, turn = _age(work, one.polled_at), work.settings.poll_seconds
    if turn and age is not None and age > max(_TURNS_MISSED * turn, _LATE_SECONDS):
        told.append(
            f"The store {key} was last asked for changes {_span(age)} ago: what its webhooks lost is not known. "
            "Run: makegood doctor"
        )
    return told


async def _refunds(work: Work, found: Findings) -> None:
    refunds = await standing.refunds(work)

    def total(counts: dict[tuple[str, str], int], *statuses: RefundStatus) -> int:
        return sum(number for (_, status), number in counts.items() if status in statuses)

    if doubt := total(refunds.overdue, RefundStatus.UNKNOWN, RefundStatus.SUBMITTING):
        found.warnings.append(
            f"{_count(doubt, 'refund')} in doubt for too long; see GET /api/v1/refunds?status=unknown and the store."
        )
    if late := total(refunds.overdue, RefundStatus.PLANNED):
        found.warnings.append(
            f"{_count(late, 'refund')} planned for more than an hour and not sent; "
            "see GET /api/v1/refunds?status=planned for why."
        )
    if review := total(refunds.counts, RefundStatus.NEEDS_REVIEW):
        found.warnings.append(
            f"{_count(review, 'refund')} for a person to settle; see GET /api/v1/refunds?status=needs_review."
        )


async def _legal(work: Work, found: Findings) -> None:
    legal = await standing.legal(work)
    where = "see GET /api/v1/cases?needs_attention=true."
    if legal.late:
        found.warnings.append(f"{_count(legal.late, 'refund')} late by law: pay, and settle what stops it; {where}")
    if legal.in_3_days:
        found.warnings.append(f"{_count(legal.in_3_days, 'refund')} due by law within three days; {where}")


def _age(work: Work, since: datetime | None) -> float | None:
    return round((work.now - since).total_seconds(), 1) if since else None


def _count(number: int, one: str, many: str | None = None) -> str:
    if number >= standing.MOST:
        return f"{standing.MOST} or more {many or one + 's'}"
    return f"{number} {one if number == 1 else many or one + 's'}"


def _span(seconds: float) -> str:
    """A time as a person says it: never more than two digits."""
    for unit, length in (("day", 86_400), ("hour", 3600), ("minute", 60)):
        if seconds >= 2 * length:
            return f"{seconds / length:.0f} {unit}s"
    return f"{seconds:.0f} seconds"
