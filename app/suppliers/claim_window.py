"""Until which day a supplier takes a claim. Pure.

A supplier's term, not a law: the last day is not moved for weekends, and where the delivery is not known the count
starts with the dispatch, so that the day shown is never later than the real one.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from enum import StrEnum

from app.cases.vocabulary import Reason
from app.orders.snapshot import OrderSnapshot
from app.policy.law.calendar import local_day
from app.settings_supplier import SupplierSettings

# What never arrived, or too late, can only be counted from when it was sent.
_FROM_DISPATCH = frozenset({Reason.LOST, Reason.LATE})


class CountedFrom(StrEnum):
    """What the days are counted from."""

    DELIVERED = "delivered"
    DISPATCHED = "dispatched"
    ORDERED = "ordered"


@dataclass(frozen=True, slots=True)
class ClaimWindow:
    """The last day of the line whose window closes first. `certain` is False where a later day may come to light."""

    last_day: date
    counted_from: CountedFrom
    certain: bool


def claim_window(
    order: OrderSnapshot, lines: Iterable[tuple[str, Reason]], terms: SupplierSettings | None
) -> ClaimWindow | None:
    """The claim window for these lines and why they are returned; None when the supplier has named no last day."""
    if terms is None:
        return None
    found = [
        _window(order, line_id, reason, days, terms.country)
        for line_id, reason in lines
        if (days := terms.claim_windows.get(reason, terms.claim_window_days)) is not None
    ]
    return min(found, key=lambda one: one.last_day, default=None)


def _window(order: OrderSnapshot, line_id: str, reason: Reason, days: int, country: str | None) -> ClaimWindow:
    start, counted_from = _start(order, line_id, reason)
    expected = CountedFrom.DISPATCHED if reason in _FROM_DISPATCH else CountedFrom.DELIVERED
    return ClaimWindow(local_day(country, start) + timedelta(days=days), counted_from, counted_from is expected)


def _start(order: OrderSnapshot, line_id: str, reason: Reason) -> tuple[datetime, CountedFrom]:
    parcels = [parcel for parcel in order.fulfilments if not parcel.lines or line_id in parcel.lines]
    delivered = [parcel.delivered_at for parcel in parcels if parcel.delivered_at]
    if delivered and reason not in _FROM_DISPATCH:
        return min(delivered), CountedFrom.DELIVERED
    sent = [parcel.created_at for parcel in parcels if parcel.created_at]
    return (min(sent), CountedFrom.DISPATCHED) if sent else (order.placed_at, CountedFrom.ORDERED)
