"""How things stand, counted in the database: for the metrics and for `/readyz`, right for any number of processes.

Every statement looks into an index that holds only what waits, or counts no further than `MOST`: with millions of
deliveries and cases that are over, a look costs some hundredths of a second.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import TextClause, bindparam, text
from sqlalchemy.dialects.postgresql import ARRAY
from sqlalchemy.types import Text

from app.cases.models import NOT_ENDED
from app.cases.vocabulary import OPEN
from app.db.work import Work
from app.messages.models import MessageStatus
from app.polling import service as polling
from app.polling import subscriptions
from app.refunds.states import UNSETTLED, RefundStatus
from app.stores import installation, queries
from app.webhooks.models import DeliveryStatus, SourceKind

# Nobody acts otherwise for more, and a backlog must not make its own counting slow.
MOST = 100_000
# A worker says every 10 seconds that it lives.
_SILENT_WORKER = timedelta(seconds=60)
# The longest wait between two tries of a planned refund is 30 minutes.
_PLANNED_LONG = timedelta(hours=1)
# A call has ended 140 seconds after it was written down, and is looked up after 150.
_SUBMITTING_LONG = timedelta(minutes=5)
# What the store shows as pending waits for a bank, for a week at most.
_PENDING_LONG = timedelta(days=7)

_OLDEST_JOB = text(
    """
    SELECT least(
        (SELECT event.at FROM procrastinate_events event
         WHERE event.type = 'deferred' AND event.job_id = (
             SELECT id FROM procrastinate_jobs
             WHERE status IN ('todo', 'doing') AND status = 'todo' AND scheduled_at IS NULL ORDER BY id LIMIT 1)
         ORDER BY event.id LIMIT 1),
        (SELECT min(scheduled_at) FROM procrastinate_jobs WHERE status = 'todo' AND scheduled_at <= now()))
    """
)
_JOBS = text(
    "SELECT status::text, count(*) FROM (SELECT status FROM procrastinate_jobs LIMIT :most) AS found GROUP BY status"
)
# Each has two entries, one of them for money alone.
_WORKERS = text("SELECT (count(*) + 1) / 2 FROM procrastinate_workers WHERE last_heartbeat > now() - :silent")
_OLDEST_DELIVERY = text("SELECT received_at FROM deliveries WHERE status = 'pending' ORDER BY id LIMIT 1")
_DELIVERIES = text(
    """
    SELECT source_kind, source, status, count(*) FROM (
        (SELECT source_kind, source, status FROM deliveries WHERE status = 'pending' LIMIT :most)
        UNION ALL
        (SELECT source_kind, source, status FROM deliveries WHERE status = 'failed' LIMIT :most)) AS found
    GROUP BY source_kind, source, status
    """
)
_CASES = text(f"SELECT state, count(*) FROM cases WHERE {NOT_ENDED} GROUP BY state")  # noqa: S608 - of constants
_ATTENTION = text(
    "SELECT CASE WHEN word LIKE 'claim_window:%' THEN 'claim_window' ELSE word END, count(*) "
    "FROM cases, unnest(attention) word WHERE attention <> '{}' GROUP BY 1"
)
_REFUNDS = text(
    """
    SELECT store, status, count(*), min(coalesce(first_sent_at, created_at)), count(*) FILTER (WHERE
        (status = 'planned' AND created_at < :planned AND store <> ALL(:dry)
         AND NOT EXISTS (SELECT FROM cases WHERE cases.id = refunds.case_id AND cases.holds <> '{}'))
        OR (status = 'submitting' AND first_sent_at < :submitting)
        OR (status = 'unknown' AND store_refund_id IS NULL AND first_sent_at < :unknown)
        OR (status = 'unknown' AND first_sent_at < :pending))
    FROM refunds WHERE status = ANY(:statuses) GROUP BY store, status
    """
)
# Spelt as `legal.is_unpaid` has it: decided lines that nobody has made good, or no decision.
_LEGAL = text(
    """
    SELECT count(*) FILTER (WHERE legal_due_at >= :now AND legal_due_at < :now + interval '1 day'),
           count(*) FILTER (WHERE legal_due_at >= :now AND legal_due_at < :now + interval '3 days'),
           count(*) FILTER (WHERE legal_due_at >= :now),
           count(*) FILTER (WHERE legal_due_at < :now)
    FROM cases WHERE legal_due_at IS NOT NULL
      AND state NOT IN ('resolved', 'cancelled', 'closed', 'expired', 'rejected', 'superseded')
      AND legal_due_at < :now + interval '7 days'
      AND (NOT EXISTS (SELECT FROM case_lines line WHERE line.case_id = cases.id AND line.approved > 0)
           OR EXISTS (SELECT FROM case_lines line
                      WHERE line.case_id = cases.id AND line.approved > line.refunded + line.replaced + line.external))
    """
)
_CREDITS = text(
    "SELECT supplier, status, count(*) FROM supplier_credits WHERE status NOT IN ('paid', 'written_off') GROUP BY 1, 2"
)
_MAILS = text("SELECT status, count(*) FROM messages WHERE status = ANY(:statuses) GROUP BY status")


@dataclass(frozen=True, slots=True)
class Queue:
    """What waits to be done. `since` the oldest that could be done has waited; workers that have been heard of."""

    jobs: dict[str, int]
    job_since: datetime | None
    delivery_since: datetime | None
    workers: int


@dataclass(frozen=True, slots=True)
class Refunds:
    """Refunds that are not settled, by store and status; `overdue` have been so for longer than they should.

    What a hold or a dry run keeps back is not overdue; what a person has to settle is no machine's to hurry.
    """

    counts: dict[tuple[str, str], int]
    overdue: dict[tuple[str, str], int]
    since: dict[tuple[str, str], datetime]


@dataclass(frozen=True, slots=True)
class Legal:
    """Refunds that the law gives a date and nobody has made: due within 1, 3 and 7 days, or `late`."""

    in_1_day: int
    in_3_days: int
    in_7_days: int
    late: int


@dataclass(frozen=True, slots=True)
class StoreStanding:
    """One store: its webhooks and polls. Ages are in seconds and None where there is nothing to count from.

    `missing` webhooks are wanted and not sent; `trouble` is why they could not be looked at.
    """

    uninstalled_at: datetime | None
    last_delivery_at: datetime | None
    missing: int
    checked_at: datetime | None
    trouble: str | None
    polled_at: datetime | None


async def queue(work: Work) -> Queue:
    """What waits, and who is there to do it."""
    rows = await work.session.execute(_JOBS, {"most": MOST})
    return Queue(
        jobs=dict(rows.all()),
        job_since=await work.session.scalar(_OLDEST_JOB),
        delivery_since=await work.session.scalar(_OLDEST_DELIVERY),
        workers=int(await work.session.scalar(_WORKERS, {"silent": _SILENT_WORKER}) or 0),
    )


async def deliveries(work: Work) -> dict[tuple[str, str, str], int]:
    """Deliveries that wait or failed, by kind of sender, sender and status; `MOST` of a status at the most."""
    found: dict[tuple[str, str, str], int] = {
        (str(kind), key, str(status)): 0
        for kind, keys in ((SourceKind.STORE, work.settings.stores), (SourceKind.SUPPLIER, work.settings.suppliers))
        for key in keys
        for status in (DeliveryStatus.PENDING, DeliveryStatus.FAILED)
    }
    for kind, source, status, number in await work.session.execute(_DELIVERIES, {"most": MOST}):
        found[(kind, source, status)] = number
    return found


async def cases(work: Work) -> dict[str, int]:
    """Cases that are open, by state."""
    return await _counted(work, _CASES, {}, sorted(str(state) for state in OPEN))


async def attention(work: Work) -> dict[str, int]:
    """Why cases need attention, and how many; the date of a claim window is left out."""
    return dict((await work.session.execute(_ATTENTION)).all())


async def refunds(work: Work) -> Refunds:
    """Refunds that are not settled."""
    statuses = sorted(str(status) for status in UNSETTLED)
    counts = {(store, status): 0 for store in work.settings.stores for status in statuses}
    overdue = {key: 0 for key in counts if key[1] != RefundStatus.NEEDS_REVIEW}
    since: dict[tuple[str, str], datetime] = {}
    unknown_long = max(timedelta(minutes=work.settings.refund_review_minutes), _SUBMITTING_LONG)
    told = {
        "statuses": statuses,
        "dry": [key for key, store in work.settings.stores.items() if store.dry_run],
        "planned": work.now - _PLANNED_LONG,
        "submitting": work.now - _SUBMITTING_LONG,
        "unknown": work.now - unknown_long,
        "pending": work.now - _PENDING_LONG,
    }
    for store, status, number, oldest, late in await work.session.execute(_listing(_REFUNDS, "statuses", "dry"), told):
        counts[(store, status)], since[(store, status)] = number, oldest
        if status != RefundStatus.NEEDS_REVIEW:
            overdue[(store, status)] = late
    return Refunds(counts, overdue, since)


async def legal(work: Work) -> Legal:
    """Refunds that the law gives a date."""
    return Legal(*(await work.session.execute(_LEGAL, {"now": work.now})).one())


async def credits_open(work: Work) -> dict[tuple[str, str], int]:
    """What suppliers owe, by supplier and status."""
    rows = await work.session.execute(_CREDITS)
    return {(supplier, status): number for supplier, status, number in rows}


async def mails(work: Work) -> dict[str, int]:
    """Mails that wait to be sent, or are being sent."""
    statuses = [str(MessageStatus.QUEUED), str(MessageStatus.SENDING)]
    return await _counted(work, _listing(_MAILS, "statuses"), {"statuses": statuses}, statuses)


async def stores(work: Work) -> dict[str, StoreStanding]:
    """Each configured store."""
    gone = await installation.uninstalled(work)
    polls, checks = await polling.statuses(work), await subscriptions.statuses(work)
    heard = await queries.last_deliveries(work, SourceKind.STORE, list(work.settings.stores))
    found = {}
    for key in work.settings.stores:
        poll, check = polls.get(key), checks.get(key)
        found[key] = StoreStanding(
            uninstalled_at=gone.get(key),
            last_delivery_at=heard[key],
            missing=sum(1 for finding in check.findings if finding.startswith(subscriptions.MISSING)) if check else 0,
            checked_at=check.checked_at if check else None,
            trouble=check.error if check else None,
            polled_at=(poll.complete_as_of or poll.created_at) if poll else None,
        )
    return found


async def _counted(work: Work, statement: TextClause, told: dict[str, Any], words: list[str]) -> dict[str, int]:
    found = dict.fromkeys(words, 0)
    found.update((await work.session.execute(statement, told)).all())
    return found


def _listing(statement: TextClause, *names: str) -> TextClause:
    return statement.bindparams(*(bindparam(name, type_=ARRAY(Text)) for name in names))
