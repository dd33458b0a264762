"""How amounts, days and moments are written for a reader: filters of the templates."""

from __future__ import annotations

from collections.abc import Callable
from datetime import date, datetime
from decimal import Decimal
from typing import Any, cast

from babel.dates import format_date, format_time
from babel.numbers import format_currency
from jinja2 import pass_context
from jinja2.runtime import Context

from app.money import Money
from app.pages.language import Reader
from app.policy.law.calendar import zone_of


def amount_text(reader: Reader, money: Money) -> str:
    """An amount as the reader writes amounts."""
    exact = Decimal(money.minor).scaleb(-money.exponent)
    return format_currency(exact, money.currency, locale=reader.locale, decimal_quantization=False)


def day_text(reader: Reader, day: date | datetime) -> str:
    """A day; of an instant, the day that it is where the reader is."""
    local = day.astimezone(zone_of(reader.country)).date() if isinstance(day, datetime) else day
    return format_date(local, "long", locale=reader.locale)


def moment_text(reader: Reader, at: datetime) -> str:
    """A day and time where the reader is, with the zone's name: UTC where nothing tells where that is."""
    zone = zone_of(reader.country)
    local = at.astimezone(zone)
    return f"{day_text(reader, at)}, {format_time(local, 'short', tzinfo=zone, locale=reader.locale)} {local:%Z}"


def _filter(write: Callable[[Reader, Any], str]) -> Callable[[Context, Any], str]:
    @pass_context
    def written(context: Context, value: Any) -> str:
        return write(cast(Reader, context["reader"]), value)

    return written


FILTERS: dict[str, Callable[..., str]] = {
    "amount": _filter(amount_text),
    "day": _filter(day_text),
    "moment": _filter(moment_text),
}
