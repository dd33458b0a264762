"""Until when a right can be declared, and whether a declaration was in time. Pure."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from app.policy.law import calendar
from app.policy.law.model import Cite, LawFacts, Right, Start
from app.policy.law.pack import Figure, Ground, Pack, cites

_UNTIL = "statutory_until"


@dataclass(frozen=True, slots=True)
class Window:
    """Whether the declaration was in time; until when one is (None: no end yet, or none known); from which figures."""

    alive: bool
    until: datetime | None
    cites: tuple[Cite, ...]


@dataclass(frozen=True, slots=True)
class Days:
    """Counts days where the customer lives, as one law counts them."""

    country: str | None
    region: str | None
    pack: Pack

    def window(self, start: datetime, days: int) -> datetime:
        """The end of the customer's time of `days` from `start`."""
        rolls = self.pack.counting.window_rolls.value
        return calendar.add_days(self.country, start, days, self.region, roll=rolls)

    def window_months(self, start: datetime, months: int) -> datetime:
        """The end of the customer's time of `months` from `start`."""
        rolls = self.pack.counting.window_rolls.value
        return calendar.add_months(self.country, start, months, self.region, roll=rolls)

    def due(self, start: datetime, days: int) -> datetime:
        """The end of the merchant's time of `days` from `start`."""
        rolls = self.pack.counting.due_rolls.value
        return calendar.add_days(self.country, start, days, self.region, roll=rolls)

    def due_business(self, start: datetime, days: int) -> datetime:
        """The end of the merchant's time of so many business days from `start`."""
        return calendar.business_days(self.country, start, days, self.region)

    def day_ends(self, instant: datetime) -> datetime:
        """The end of the customer's day of `instant`."""
        return calendar.end_of(self.country, calendar.local_day(self.country, instant, self.region), self.region)


def window_of(ground: Ground, facts: LawFacts, days: Days) -> Window:
    """The window of the right that `facts` names."""
    closed = _closed(ground, facts)
    if closed is not None:
        return Window(False, None, (closed.cite("alive"),))
    if facts.right is Right.NON_DELIVERY:
        return _non_delivery(ground, facts, days)
    if ground.window_from is None:
        return Window(False, None, ())
    start = facts.ordered_at if ground.window_from.value is Start.ORDERED else facts.delivered_at
    used = cites(_UNTIL, ground.window_from, ground.document_too)
    if start is None or (ground.document_too and not facts.informed and facts.informed_at is None):
        return Window(True, None, used)
    if ground.document_too and facts.informed_at is not None:
        start = max(start, facts.informed_at)
    if facts.right is Right.WITHDRAWAL:
        until, more = _withdrawal(ground, facts, days, start)
    else:
        until, more = _non_conformity(ground, facts, days, start)
    used += more + cites(_UNTIL, days.pack.counting.start_excluded, days.pack.counting.window_rolls)
    return Window(until is None or facts.declared_at <= until, until, used + cites("alive", ground.sent_in_time))


def reject_until(ground: Ground, facts: LawFacts, days: Days) -> tuple[datetime | None, tuple[Cite, ...]]:
    """Until when faulty goods can be rejected for money at once; pending repairs stop that time."""
    if ground.reject_days is None or facts.delivered_at is None:
        return None, ()
    until = days.window(facts.delivered_at, ground.reject_days.value + facts.repair_days)
    return until, (ground.reject_days.cite("reject_until"),)


def _closed(ground: Ground, facts: LawFacts) -> Figure[object] | None:
    """The figure by which there is no such right in this case."""
    if ground.no_right is not None:
        return ground.no_right
    if facts.right is Right.WITHDRAWAL and facts.exempt:
        return ground.exceptions or ground.window_from
    if facts.right is Right.WITHDRAWAL and facts.informed:
        return ground.only_uninformed
    return None


def _withdrawal(
    ground: Ground, facts: LawFacts, days: Days, start: datetime
) -> tuple[datetime | None, tuple[Cite, ...]]:
    if ground.window_days is None:
        return None, ()
    until, used = days.window(start, ground.window_days.value), cites(_UNTIL, ground.window_days)
    if facts.protected_group and ground.protected_months is not None:
        until = max(until, days.window_months(start, ground.protected_months.value))
        used += cites(_UNTIL, ground.protected_months)
    if facts.informed or ground.uninformed_months is None:
        return until, used
    late = days.window_months(until, ground.uninformed_months.value)
    if facts.informed_at is None or facts.informed_at > late or ground.informed_days is None:
        return late, used + cites(_UNTIL, ground.uninformed_months)
    told = days.window(facts.informed_at, ground.informed_days.value)
    return max(until, told), used + cites(_UNTIL, ground.uninformed_months, ground.informed_days)


def _non_conformity(
    ground: Ground, facts: LawFacts, days: Days, start: datetime
) -> tuple[datetime | None, tuple[Cite, ...]]:
    if ground.window_months is None:
        return None, ()
    months, used = ground.window_months.value, cites(_UNTIL, ground.window_months)
    if facts.repair_chosen and ground.repair_months is not None:
        months += ground.repair_months.value
        used += cites(_UNTIL, ground.repair_months)
    return days.window_months(start, months), used


def _non_delivery(ground: Ground, facts: LawFacts, days: Days) -> Window:
    """Alive unless the goods had come when the customer complained, or had come late where late is as good as never."""
    if facts.delivered_at is None or facts.delivered_at > facts.declared_at:
        return Window(True, None, ())
    late = facts.promised_by is not None and facts.delivered_at > days.day_ends(facts.promised_by)
    if late and ground.late_counts is not None:
        return Window(True, None, cites("alive", ground.late_counts))
    return Window(False, None, ())
