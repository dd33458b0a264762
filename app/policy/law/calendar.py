"""Days as a country counts them: its zone, weekend and public holidays. Pure.

Holidays are those of the whole country (and of the region, where one is known to the `holidays` library), official
closing days of the public kind only.
"""

from __future__ import annotations

from calendar import monthrange
from datetime import UTC, date, datetime, timedelta
from functools import lru_cache
from zoneinfo import ZoneInfo

import holidays
from babel.core import get_global

_SAME = {"UK": "GB", "EL": "GR"}
# Where a country has several zones, the one in which most of its people live.
_MAIN_ZONE = {
    "AR": "America/Argentina/Buenos_Aires", "AU": "Australia/Sydney", "BR": "America/Sao_Paulo",
    "CA": "America/Toronto", "CL": "America/Santiago", "CN": "Asia/Shanghai", "CY": "Asia/Nicosia",
    "DE": "Europe/Berlin", "EC": "America/Guayaquil", "ES": "Europe/Madrid", "ID": "Asia/Jakarta", "KZ": "Asia/Almaty",
    "MX": "America/Mexico_City", "MY": "Asia/Kuala_Lumpur", "NZ": "Pacific/Auckland", "PT": "Europe/Lisbon",
    "RU": "Europe/Moscow", "UA": "Europe/Kyiv", "US": "America/New_York", "UZ": "Asia/Tashkent",
}  # fmt: skip
_REGION_ZONE = {("US", "CA"): "America/Los_Angeles", ("US", "NY"): "America/New_York"}
# Most bank holidays of the United Kingdom are those of its parts; unless told, the customer lives in the largest.
_MAIN_REGION = {"GB": "ENG"}
_SATURDAY_SUNDAY = frozenset({5, 6})
# Elsewhere the library knows the weekend; this one decides legal dates here and must not change unseen.
_WEEKEND = {"IL": frozenset({4, 5})}


@lru_cache(maxsize=1024)
def country_code(country: str | None) -> str | None:
    """The ISO 3166 code of two letters, or None for anything that is not one; `UK` is `GB` and `EL` is `GR`."""
    code = (country or "").strip().upper()
    code = _SAME.get(code, code)
    return code if len(code) == 2 and code.isascii() and code.isalpha() and code != "ZZ" else None


def region_code(country: str | None, region: str | None) -> str | None:
    """The region without its country (`US-CA` and `ca` are `CA`), or None."""
    code = (region or "").strip().upper().removeprefix(f"{country_code(country)}-")
    return code or None


@lru_cache(maxsize=1024)
def zone_of(country: str | None, region: str | None = None) -> ZoneInfo:
    """The main zone of a country; UTC for an unknown one."""
    code = country_code(country)
    if code is None:
        return ZoneInfo("UTC")
    name = _REGION_ZONE.get((code, region_code(code, region) or "")) or _MAIN_ZONE.get(code)
    if name is None:
        zones = get_global("territory_zones").get(code) or ["UTC"]
        name = zones[0]
    return ZoneInfo(name)


def local_day(country: str | None, instant: datetime, region: str | None = None) -> date:
    """The customer's calendar day at `instant` (aware)."""
    return instant.astimezone(zone_of(country, region)).date()


def start_of(country: str | None, day: date, region: str | None = None) -> datetime:
    """The first instant of `day` there, in UTC."""
    return datetime(day.year, day.month, day.day, tzinfo=zone_of(country, region)).astimezone(UTC)


def end_of(country: str | None, day: date, region: str | None = None) -> datetime:
    """The last microsecond of `day` there, in UTC: a declaration at this instant is still in time."""
    return start_of(country, day + timedelta(days=1), region) - timedelta(microseconds=1)


def is_business_day(country: str | None, day: date, region: str | None = None) -> bool:
    """Neither weekend nor public holiday there. An unknown country has Saturdays and Sundays only."""
    code = country_code(country)
    if day.weekday() in _weekend(code):
        return False
    return not _is_holiday(code, region_code(code, region), day)


def next_business_day(country: str | None, day: date, region: str | None = None) -> date:
    """`day` itself, or the first business day after it."""
    while not is_business_day(country, day, region):
        day += timedelta(days=1)
    return day


def business_days(country: str | None, start: datetime, n: int, region: str | None = None) -> datetime:
    """The end of the n-th business day after the day of `start`, which is not counted itself. `n` ≥ 0.

    With `n` 0: the end of the day of `start`, or of the next business day.
    """
    day = local_day(country, start, region)
    if n == 0:
        day = next_business_day(country, day, region)
    for _ in range(n):
        day = next_business_day(country, day + timedelta(days=1), region)
    return end_of(country, day, region)


def add_days(country: str | None, start: datetime, n: int, region: str | None = None, *, roll: bool = True) -> datetime:
    """The end of the n-th day after the day of `start`, which is not counted; `n` ≥ 0.

    With `roll` an end on a weekend or holiday moves to the end of the next business day (Regulation 1182/71 art. 3).
    """
    day = local_day(country, start, region) + timedelta(days=n)
    return end_of(country, next_business_day(country, day, region) if roll else day, region)


def add_months(
    country: str | None, start: datetime, n: int, region: str | None = None, *, roll: bool = True
) -> datetime:
    """The end of the day with the same number `n` months later (or the last of that month), rolled on as `add_days`."""
    day = months_after(local_day(country, start, region), n)
    return end_of(country, next_business_day(country, day, region) if roll else day, region)


def months_after(day: date, n: int) -> date:
    """The same day of the month `n` months later, or that month's last day."""
    month = day.month - 1 + n
    year, month = day.year + month // 12, month % 12 + 1
    return date(year, month, min(day.day, monthrange(year, month)[1]))


def _weekend(country: str | None) -> frozenset[int]:
    if country is None:
        return _SATURDAY_SUNDAY
    if country in _WEEKEND:
        return _WEEKEND[country]
    found = _holidays(country, None)
    return _SATURDAY_SUNDAY if found is None else frozenset(found.weekend)


def _is_holiday(country: str | None, region: str | None, day: date) -> bool:
    if country is None:
        return False
    found = _holidays(country, region)
    return found is not None and day in found


@lru_cache(maxsize=512)
def _holidays(country: str, region: str | None) -> holidays.HolidayBase | None:
    known = holidays.list_supported_countries().get(country)
    if known is None:
        return None
    return holidays.country_holidays(country, subdiv=region if region in known else _MAIN_REGION.get(country))
