"""On which instants the steps of clocks fall, over weekends and holidays of the right country."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from app.policy.law.calendar import end_of, is_business_day, local_day
from app.timers.clocks import CLOCK_OF, CLOCKS, Count, Whose
from app.timers.models import END, TimerKind
from app.timers.schedule import Planned, plan, plan_until
from app.timers.terms import Terms

K = TimerKind


def at(text: str) -> datetime:
    return datetime.fromisoformat(text).replace(tzinfo=UTC)


def terms(country: str | None = None, **changes: Any) -> Terms:
    return replace(Terms(countries=dict.fromkeys(Whose, country)), **changes)


def steps(kind: TimerKind, found: Terms, start: str) -> dict[str, str]:
    return {one.step: f"{one.at:%Y-%m-%d %H:%M}" for one in plan(CLOCK_OF[kind], found, at(start))}


def test_a_supplier_in_china_has_its_golden_week() -> None:
    # From 1 to 8 October 2026 nobody answers; the 30th of September is the first working day, the 9th the second.
    found = steps(K.RMA, terms("CN"), "2026-09-29T03:00")
    assert found["end"].startswith("2026-10-")
    assert found["end"] > "2026-10-09"
    home = steps(K.RMA, terms("US"), "2026-09-29T15:00")
    assert home["end"] == "2026-10-03 03:59"


def test_the_weekend_of_israel_is_friday_and_saturday() -> None:
    # Thursday 5 November 2026: Sunday, Monday and Tuesday are working days there.
    assert steps(K.RMA, terms("IL"), "2026-11-05T08:00") == {
        "reminder_1": "2026-11-09 07:00", "end": "2026-11-10 21:59",
    }  # fmt: skip
    assert steps(K.RMA, terms("FR"), "2026-11-05T08:00")["end"] == "2026-11-10 22:59"


def test_the_first_of_may_is_no_working_day_in_france() -> None:
    # Thursday 30 April 2026; Friday is the holiday.
    assert steps(K.REPLY, terms("FR", merchant_days=1), "2026-04-30T10:00") == {"end": "2026-05-04 21:59"}
    assert steps(K.REPLY, terms("US", merchant_days=1), "2026-04-30T15:00") == {"end": "2026-05-02 03:59"}


def test_a_customers_clock_counts_all_days_and_never_ends_on_a_day_off() -> None:
    # 14 days after 11 December 2026 is Christmas Day, a Friday; Monday the 28th is a holiday in England in its stead.
    assert steps(K.SHIP, terms("GB"), "2026-12-11T12:00")["end"] == "2026-12-29 23:59"
    assert steps(K.SHIP, terms("IL"), "2026-12-11T12:00")["end"] == "2026-12-27 21:59"


def test_the_two_reminders_to_ship_come_a_week_and_two_days_before_the_end() -> None:
    assert steps(K.SHIP, terms("FR"), "2026-11-02T12:00") == {
        "reminder_1": "2026-11-09 08:00", "reminder_2": "2026-11-14 08:00", "end": "2026-11-16 22:59",
    }  # fmt: skip


def test_the_merchant_is_reminded_before_and_on_the_day_and_then_it_is_escalated() -> None:
    assert steps(K.REVIEW, terms("FR"), "2026-11-02T12:00") == {
        "reminder_1": "2026-11-03 08:00", "reminder_2": "2026-11-04 08:00", "end": "2026-11-09 22:59",
    }  # fmt: skip


def test_a_short_clock_has_no_room_for_all_its_reminders() -> None:
    assert list(steps(K.INSPECTION, terms(inspection_days=1), "2026-11-02T12:00")) == ["reminder_2", "end"]
    assert list(steps(K.INSPECTION, terms(inspection_days=2), "2026-11-02T12:00")) == ["reminder_2", "end"]
    assert list(steps(K.INSPECTION, terms(inspection_days=3), "2026-11-02T12:00")) == [
        "reminder_1",
        "reminder_2",
        "end",
    ]


@pytest.mark.parametrize(
    ("last", "expected"),
    [
        (date(2026, 11, 20), ["reminder_1", "reminder_2", "end"]),
        # The first reminder's morning is over: it comes at once.
        (date(2026, 11, 5), ["reminder_1", "reminder_2", "end"]),
        (date(2026, 11, 2), ["reminder_2", "end"]),
        (date(2026, 10, 20), ["end"]),
    ],
)
def test_a_last_day_that_is_given_warns_at_once_when_it_is_near(last: date, expected: list[str]) -> None:
    start = at("2026-11-02T12:00")
    found = plan_until(CLOCK_OF[K.CLAIM], terms("FR"), start, last)
    assert [one.step for one in found] == expected
    assert all(one.at >= start for one in found)
    assert found[-1].at == max(end_of("FR", last), start)


STARTS = st.integers(0, 8 * 365 * 24 * 60).map(lambda minutes: at("2024-01-01T00:00") + timedelta(minutes=minutes))
COUNTRIES = st.sampled_from([None, "CN", "IL", "FR", "US", "AU", "GB", "SA", "AE", "ZZ"])
CLOCKS_WITH_A_LENGTH = [clock for clock in CLOCKS if clock.count is not Count.DATE]


@given(STARTS, COUNTRIES, st.sampled_from(CLOCKS_WITH_A_LENGTH), st.integers(1, 20))
def test_every_clock_ends_with_a_working_day_and_reminds_on_the_way(
    start: datetime, country: str | None, clock: Any, days: int
) -> None:
    changes = {clock.length: days}
    if clock.kind is K.REVIEW:
        changes["merchant_days"] = max(1, days // 2)
    found: list[Planned] = plan(clock, terms(country, **changes), start)
    last = local_day(country, found[-1].at)
    assert found[-1].step == END
    assert found[-1].at == end_of(country, last)
    assert is_business_day(country, last)
    assert (last - local_day(country, start)).days >= days
    assert [one.at for one in found] == sorted({one.at for one in found})
    assert all(local_day(country, one.at) > local_day(country, start) for one in found)
    assert found[-1].at - start < timedelta(days=days * 2 + 40)
