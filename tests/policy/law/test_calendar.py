"""Counting days: leap years, changes of the clock, weekends and holidays where the customer lives."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest
from babel.core import get_global
from hypothesis import given, settings
from hypothesis import strategies as st

from app.policy.law import calendar

COUNTRIES = st.sampled_from(["FR", "DE", "GB", "IL", "US", "AU", "PT", "FI", "JP", "NZ", "BR", None])
INSTANTS = st.integers(0, 15 * 365 * 24 * 60).map(
    lambda minutes: datetime(2020, 1, 1, tzinfo=UTC) + timedelta(minutes=minutes)
)

# The first look at a country's holidays takes its time.
calm = settings(deadline=None)


def at(text: str, zone: str = "UTC") -> datetime:
    return datetime.fromisoformat(text).replace(tzinfo=ZoneInfo(zone)).astimezone(UTC)


@pytest.mark.parametrize(
    ("country", "start", "days", "day"),
    [
        ("NL", "2028-02-15", 14, "2028-02-29"),
        ("NL", "2027-02-15", 14, "2027-03-01"),
        ("FR", "2026-10-10", 14, "2026-10-26"),  # 24 October is a Saturday
        ("FR", "2026-05-01", 13, "2026-05-15"),  # 14 May is Ascension Day
        ("FR", "2027-05-03", 14, "2027-05-18"),  # 17 May is Whit Monday
        ("DE", "2026-12-11", 14, "2026-12-28"),
        ("IL", "2026-09-11", 0, "2026-09-14"),  # Friday, Sabbath and two days of Rosh Hashanah
        ("GB", "2026-03-20", 14, "2026-04-07"),  # Good Friday to Easter Monday
        ("US", "2026-11-12", 14, "2026-11-27"),  # Thanksgiving
        (None, "2026-12-11", 14, "2026-12-25"),  # of an unknown country no holidays are known
    ],
)
def test_a_last_day_rolls_on_over_weekends_and_holidays(country: str | None, start: str, days: int, day: str) -> None:
    zone = calendar.zone_of(country)
    end = calendar.add_days(country, at(f"{start}T12:00", zone.key), days)
    assert end.astimezone(zone).isoformat()[:26] == f"{day}T23:59:59.999999"


def test_without_rolling_a_saturday_is_a_last_day() -> None:
    end = calendar.add_days("FR", at("2026-10-10T12:00", "Europe/Paris"), 14, roll=False)
    assert end == at("2026-10-24T23:59:59.999999", "Europe/Paris")


def test_the_start_day_is_that_of_the_customer() -> None:
    """23:30 in London is the next day in Helsinki, and still the day before in Los Angeles."""
    start = at("2026-10-05T23:30", "Europe/London")
    assert calendar.local_day("GB", start) == date(2026, 10, 5)
    assert calendar.local_day("FI", start) == date(2026, 10, 6)
    assert calendar.local_day("US", start, "CA") == date(2026, 10, 5)
    assert calendar.local_day("US", at("2026-10-06T05:00"), "US-CA") == date(2026, 10, 5)
    assert calendar.local_day("US", at("2026-10-06T05:00"), "NY") == date(2026, 10, 6)


@pytest.mark.parametrize(
    ("country", "day", "hours"),
    [("FR", "2026-03-29", 23), ("FR", "2026-10-25", 25), ("IL", "2026-03-27", 23), ("LB", "2026-03-29", 23),
     ("AU", "2026-10-04", 23), ("US", "2026-11-01", 25), ("GB", "2026-10-06", 24)],
)  # fmt: skip
def test_a_day_ends_at_midnight_however_long_it_was(country: str, day: str, hours: int) -> None:
    one = date.fromisoformat(day)
    assert calendar.end_of(country, one) - calendar.start_of(country, one) == timedelta(hours=hours, microseconds=-1)
    assert calendar.end_of(country, one) + timedelta(microseconds=1) == calendar.start_of(
        country, one + timedelta(days=1)
    )


@pytest.mark.parametrize(
    ("start", "months", "day"),
    [("2028-02-29", 12, "2029-02-28"), ("2026-08-31", 6, "2027-02-28"), ("2027-08-31", 6, "2028-02-29"),
     ("2026-12-31", 1, "2027-01-31"), ("2026-01-15", 23, "2027-12-15"), ("2026-01-15", 24, "2028-01-15")],
)  # fmt: skip
def test_months_end_on_the_same_number_or_the_last_day(start: str, months: int, day: str) -> None:
    assert calendar.months_after(date.fromisoformat(start), months) == date.fromisoformat(day)
    end = calendar.add_months("NL", at(f"{start}T12:00"), months, roll=False)
    assert end == at(f"{day}T23:59:59.999999", "Europe/Amsterdam")


@pytest.mark.parametrize(
    ("country", "region", "day", "business"),
    [
        ("IL", None, "2026-10-09", False), ("IL", None, "2026-10-10", False), ("IL", None, "2026-10-11", True),
        ("IL", None, "2026-09-21", False), ("FR", None, "2026-10-09", True), ("FR", None, "2026-10-11", False),
        ("GB", None, "2026-08-31", False), ("GB", "SCT", "2026-08-31", True), ("DE", None, "2026-06-04", True),
        ("DE", "BY", "2026-06-04", False), ("DE", "no such", "2026-06-04", True), ("US", None, "2026-11-11", False),
        ("JP", None, "2026-11-23", False), ("XX", None, "2026-12-25", True), (None, None, "2026-12-25", True),
        (None, None, "2026-12-26", False), ("AE", None, "2026-10-09", True), ("AE", None, "2026-10-10", False),
    ],
)  # fmt: skip
def test_business_days_are_those_of_the_country(
    country: str | None, region: str | None, day: str, business: bool
) -> None:
    assert calendar.is_business_day(country, date.fromisoformat(day), region) is business


def test_seven_working_days_over_a_holiday() -> None:
    start = at("2026-11-20T15:00", "America/New_York")
    assert calendar.business_days("US", start, 7) == at("2026-12-02T23:59:59.999999", "America/New_York")
    assert calendar.business_days("US", start, 0) == at("2026-11-20T23:59:59.999999", "America/New_York")
    saturday = at("2026-11-21T15:00", "America/New_York")
    assert calendar.business_days("US", saturday, 0) == at("2026-11-23T23:59:59.999999", "America/New_York")
    assert calendar.business_days("IL", at("2026-10-08T09:00"), 1) == at("2026-10-11T23:59:59.999999", "Asia/Jerusalem")


@pytest.mark.parametrize(
    ("text", "code"),
    [("UK", "GB"), ("el", "GR"), (" fr ", "FR"), ("", None), (None, None), ("ZZ", None), ("FRA", None), ("F1", None)],
)
def test_a_country_is_two_letters(text: str | None, code: str | None) -> None:
    assert calendar.country_code(text) == code


def test_every_territory_has_a_zone_and_large_ones_their_main_one() -> None:
    territories = [code for code in get_global("territory_zones") if calendar.country_code(code)]
    assert len(territories) > 200
    assert all(calendar.zone_of(code).key for code in territories)
    assert calendar.zone_of(None).key == calendar.zone_of("XX").key == "UTC"
    assert calendar.zone_of("US").key == "America/New_York"
    assert calendar.zone_of("US", "US-CA").key == "America/Los_Angeles"
    assert calendar.zone_of("AU").key == "Australia/Sydney"
    assert calendar.zone_of("UK").key == "Europe/London"


@calm
@given(COUNTRIES, INSTANTS, st.integers(0, 400), st.booleans())
def test_a_day_more_is_never_earlier(country: str | None, start: datetime, n: int, roll: bool) -> None:
    less, more = (calendar.add_days(country, start, days, roll=roll) for days in (n, n + 1))
    assert start <= less <= more


@calm
@given(COUNTRIES, INSTANTS, st.integers(0, 60), st.booleans())
def test_a_month_more_is_later(country: str | None, start: datetime, n: int, roll: bool) -> None:
    less, more = (calendar.add_months(country, start, months, roll=roll) for months in (n, n + 1))
    assert start <= less < more


@calm
@given(COUNTRIES, INSTANTS, st.integers(0, 40))
def test_business_days_end_on_business_days_and_never_too_soon(country: str | None, start: datetime, n: int) -> None:
    end = calendar.business_days(country, start, n)
    day = calendar.local_day(country, end)
    first = calendar.local_day(country, start)
    assert calendar.is_business_day(country, day)
    assert calendar.end_of(country, day) == end
    counted = [first + timedelta(days=ahead) for ahead in range(1, (day - first).days + 1)]
    assert sum(calendar.is_business_day(country, one) for one in counted) == n or n == 0
    following = calendar.business_days(country, start, n + 1)
    assert following > end or n == 0
    assert following >= end


@calm
@given(COUNTRIES, INSTANTS, INSTANTS, st.integers(0, 60))
def test_a_later_start_never_ends_earlier(country: str | None, one: datetime, other: datetime, n: int) -> None:
    early, late = sorted((one, other))
    assert calendar.add_days(country, early, n) <= calendar.add_days(country, late, n)
    assert calendar.business_days(country, early, n) <= calendar.business_days(country, late, n)
    assert calendar.add_months(country, early, n) <= calendar.add_months(country, late, n)
