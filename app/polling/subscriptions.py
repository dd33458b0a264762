"""What the webhooks of a store look like, and what follows when they were not all right. Nothing is called here."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from urllib.parse import urlsplit
from uuid import UUID

from sqlalchemy import select

from app.db.work import Work
from app.polling import service, turns
from app.polling.models import WebhookCheck
from app.settings import Settings
from app.settings_types import is_loopback_host
from app.stores.base import StoreRefused, StoreUnavailable, Subscription
from app.stores.callbacks import elsewhere, missing_topics
from app.stores.listing import api_url

# How the sentence about a webhook that is not there begins.
MISSING = "No active webhook sends"


@dataclass(frozen=True, slots=True)
class Look:
    """Topics that no active webhook sends us, hosts that get them too, and the ids of the webhooks that are ours."""

    missing: list[str]
    elsewhere: list[str]
    ids: list[str]

    @classmethod
    def at(cls, wanted: Sequence[str], there: Sequence[Subscription], url: str) -> Look:
        """Judges a list of webhooks."""
        ids = sorted(each.subscription_id for each in there if each.url == url and each.active)
        return cls(missing_topics(wanted, there, url), elsewhere(there, url), ids)

    def findings(self, url: str) -> list[str]:
        """One sentence for each thing that is not as it should be."""
        found = [f"{MISSING} {topic} to {url}." for topic in self.missing]
        others = [
            f"{host} gets the same webhooks; delete them there if that is an old address." for host in self.elsewhere
        ]
        return found + others


@dataclass(frozen=True, slots=True)
class Seen:
    """The last look of a check, when it began, what it says, and the repairs that were made before it."""

    asked_at: datetime
    look: Look
    findings: list[str]
    repairs: list[str] = field(default_factory=list)


def interval(work: Work) -> timedelta:
    """How often a store's webhooks are looked at."""
    return timedelta(minutes=work.settings.webhook_check_minutes)


async def due(work: Work) -> list[WebhookCheck]:
    """The stores to look at now, leased."""
    keys = list(work.settings.stores)
    await turns.add_missing(work, WebhookCheck, keys, {})
    return await turns.take_due(work, WebhookCheck, keys)


async def begin(work: Work, store: str, lease: UUID) -> UUID | None:
    """The lease of whoever looks. Raises `LeaseLost`."""
    return (await turns.begin(work, WebhookCheck, store, lease)).lease


def why_not(settings: Settings, store: str) -> str | None:
    """Why nothing may be written into the store; None when it may be mended."""
    if settings.stores[store].dry_run:
        return "Nothing was mended: the store is in dry run."
    if "public_url" not in settings.model_fields_set:
        return "Nothing was mended: MAKEGOOD_PUBLIC_URL is not set."
    if _is_local(settings.public_url) and not _is_local(api_url(settings.stores[store])):
        return "Nothing was mended: MAKEGOOD_PUBLIC_URL is an address of this machine only."
    return None


def _is_local(url: str) -> bool:
    return is_loopback_host(urlsplit(url).hostname)


async def looked(work: Work, store: str, lease: UUID, seen: Seen) -> datetime | None:
    """Keeps what was found (after a repair: what it left). Answers from when on the gap is read back, if there is one.

    There is a gap when all is well now and was not at the last look, or other webhooks than then are there now.
    """
    row = await turns.held(work, WebhookCheck, store, lease)
    gap, look = None, seen.look
    if not look.missing:
        if row.good_at is not None and (row.checked_at != row.good_at or row.good_ids != look.ids):
            gap = row.good_at - service.overlap(work)
            await service.read_back(work, store, gap)
        row.good_at, row.good_ids = seen.asked_at, look.ids
    row.checked_at = seen.asked_at
    row.findings = seen.findings
    if seen.repairs:
        row.repairs, row.repaired_at = seen.repairs, work.now
    row.error, row.failures = None, 0
    turns.give_back(row)
    row.next_due = work.now + interval(work)
    return gap


async def failed(work: Work, store: str, lease: UUID, error: StoreUnavailable | StoreRefused) -> None:
    """The store's webhooks could not be looked at or mended."""
    row = await turns.held(work, WebhookCheck, store, lease)
    wait = timedelta(seconds=error.retry_after or 0) if isinstance(error, StoreUnavailable) else interval(work)
    turns.failed(work, row, error.detail, interval(work), wait)


async def statuses(work: Work) -> dict[str, WebhookCheck]:
    """The rows of the configured stores, by key."""
    rows = await work.session.scalars(select(WebhookCheck).where(WebhookCheck.store.in_(list(work.settings.stores))))
    return {row.store: row for row in rows}
