"""On which instant each step of a clock falls. Pure.

A clock ends with a day where the one who should act lives; reminders come on a morning there. A reminder never comes on
the day of the start, and one that would not come before the next step is left out.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta

from app.policy.law.calendar import end_of, local_day, next_business_day, start_of
from app.timers.clocks import Clock, Count
from app.timers.models import END
from app.timers.terms import Terms

# When people look at their mail.
MORNING = timedelta(hours=9)
_DAY = timedelta(days=1)


@dataclass(frozen=True, slots=True)
class Planned:
    """One step of a clock: `reminder_1`, `reminder_2`, …, `end`; and its instant in UTC."""

    step: str
    at: datetime


def plan(clock: Clock, terms: Terms, start: datetime) -> list[Planned]:
    """The steps of a clock that starts at `start`, in order."""
    country = terms.countries[clock.whose]
    first, length = local_day(country, start), int(getattr(terms, clock.length))
    last = forward(clock.count, country, first, length)
    if clock.count is Count.CALENDAR:
        last = next_business_day(country, last)
    return _steps(clock, terms, first, last, length)


def plan_until(clock: Clock, terms: Terms, start: datetime, last: date) -> list[Planned]:
    """The steps of a clock whose last day is given. Of those that are past already the last one comes at once."""
    country = terms.countries[clock.whose]
    before: Sequence[int] = getattr(terms, clock.reminders) if clock.reminders else ()
    steps = [
        Planned(f"reminder_{number}", start_of(country, last - timedelta(days=days)) + MORNING)
        for number, days in enumerate(before, 1)
    ]
    steps.append(Planned(END, end_of(country, last)))
    past = [Planned(one.step, start) for one in steps if one.at <= start]
    return [*past[-1:], *(one for one in steps if one.at > start)]


def _steps(clock: Clock, terms: Terms, first: date, last: date, length: int) -> list[Planned]:
    country = terms.countries[clock.whose]
    before: Sequence[int] = getattr(terms, clock.reminders) if clock.reminders else ()
    days = [forward(clock.count, country, first, max(1, length - one)) for one in before]
    found = [Planned(END, end_of(country, last))]
    following = last + _DAY
    for number, day in reversed(list(enumerate(days, 1))):
        if day < following:
            found.insert(0, Planned(f"reminder_{number}", start_of(country, day) + MORNING))
            following = day
    return found


def forward(count: Count, country: str | None, first: date, days: int) -> date:
    """The day that is `days` after `first`, counted as `count` says."""
    if count is not Count.BUSINESS:
        return first + timedelta(days=days)
    for _ in range(days):
        first = next_business_day(country, first + _DAY)
    return first
