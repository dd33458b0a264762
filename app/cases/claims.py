"""The supplier's claim window as it bears on a case. Pure: reads what is stored."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, datetime, timedelta

from app.cases.models import Case
from app.cases.vocabulary import BEFORE_RESOLVING, Reason, Route
from app.orders.snapshot import OrderSnapshot
from app.policy.law.calendar import local_day
from app.settings import Settings
from app.suppliers.claim_window import CountedFrom, claim_window

# A person is warned from so many days before the last one.
ALARM_DAYS = 3


@dataclass(frozen=True, slots=True)
class Claim:
    """Until when the supplier takes a claim, whether one was filed, and whether that was, or is, too late.

    `late` is said only where the last day is certain: counted from what the supplier counts from.
    """

    last_day: date
    days_left: int
    counted_from: CountedFrom
    filed_at: datetime | None
    late: bool


def claim_of(case: Case, order: OrderSnapshot, settings: Settings, now: datetime) -> Claim | None:
    """The claim of a case; None when the supplier has named no last day, or nothing is claimed from it."""
    lines = [(line.line_id, Reason(line.reason)) for line in case.lines]
    window = claim_window(order, lines, settings.suppliers.get(case.supplier or ""))
    if window is None or case.route == Route.LOCAL:
        return None
    left = (window.last_day - _today(case, settings, case.claim_filed_at or now)).days
    return Claim(window.last_day, max(0, left), window.counted_from, case.claim_filed_at, window.certain and left < 0)


def claim_closes(case: Case, settings: Settings, now: datetime) -> bool:
    """Whether the last day to claim is near and no claim is filed."""
    if case.claim_until is None or case.claim_filed_at is not None or case.state not in BEFORE_RESOLVING:
        return False
    return timedelta() <= case.claim_until - _today(case, settings, now) <= timedelta(days=ALARM_DAYS)


def _today(case: Case, settings: Settings, now: datetime) -> date:
    supplier, store = settings.suppliers.get(case.supplier or ""), settings.stores.get(case.store)
    return local_day((supplier.country if supplier else None) or (store.country if store else None), now)
