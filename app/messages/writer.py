"""How amounts, dates, times and lists are written for one reader. Pure."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime
from decimal import Decimal
from typing import Any

from babel.core import Locale
from babel.dates import format_date, format_datetime, format_time
from babel.numbers import format_currency, format_decimal, format_percent

from app.messages.facts import CouponFacts, DigestFacts
from app.messages.foreign import code, words
from app.money import Money
from app.policy.law.calendar import country_code, zone_of


@dataclass(frozen=True, slots=True)
class Writer:
    """How amounts, dates and lines are written for one reader."""

    locale: Locale
    country: str | None
    rtl: bool

    def amount(self, money: Money) -> str:
        """Without quantization no digit is ever rounded away: a store may write yen with decimals."""
        exact = Decimal(money.minor).scaleb(-money.exponent)
        return format_currency(exact, money.currency, locale=self.locale, decimal_quantization=False)

    def day(self, day: date | None) -> str:
        """A date in full; "" for none."""
        return format_date(day, "long", locale=self.locale) if day else ""

    def moment(self, at: datetime | None) -> str:
        """Date and time where the reader is, with how far that is from UTC; UTC, named, where that is not known."""
        if at is None:
            return ""
        if country_code(self.country) is None:
            at = at.astimezone(UTC)
            return f"{self.day(at.date())}, {format_time(at, 'short', locale=self.locale)} UTC"
        at = at.astimezone(zone_of(self.country))
        time = format_time(at, "short", tzinfo=at.tzinfo, locale=self.locale)
        zone = format_datetime(at, "OOOO", tzinfo=at.tzinfo, locale=self.locale)
        return f"{self.day(at.date())}, {time} {zone}"

    def lines(self, lines: Sequence[tuple[str, int]]) -> list[tuple[str, int]]:
        """Titles, cleaned, with their units."""
        return [(words(title, self.rtl), quantity) for title, quantity in lines]

    def coupon(self, coupon: CouponFacts) -> dict[str, str]:
        """What is taken off, with which code, until when."""
        off = self.amount(coupon.amount) if coupon.amount else ""
        if coupon.percent is not None:
            off = format_percent(coupon.percent / 100, locale=self.locale, decimal_quantization=False)
        return {"code": code(coupon.code, self.rtl), "off": off, "until": self.day(coupon.until)}

    def attention(self, why: Sequence[str]) -> list[dict[str, str]]:
        """The words of attention in two parts: `hold:fraud` is the kind `hold` about `fraud`."""
        found = []
        for word in why:
            kind, _, about = word.partition(":")
            found.append({"kind": kind, "about": about, "shown": code(about.replace("_", " "), self.rtl)})
        return found

    def _mean(self, scores: Sequence[int]) -> str:
        return format_decimal(sum(scores) / len(scores), "0.0", locale=self.locale) if scores else ""

    def digest(self, digest: DigestFacts) -> dict[str, Any]:
        """The day's numbers, each with the plural form of its count."""
        counts = ("waiting", "legal_soon", "credits_overdue", "bounced", "opened", "resolved", "refunds")
        numbers = {name: getattr(digest, name) for name in counts}
        return {
            "day": self.day(digest.day),
            "numbers": numbers,
            "forms": {name: self.locale.plural_form(count) for name, count in numbers.items()},
            "more": max(0, digest.waiting - len(digest.cases)),
            "refunded": ", ".join(self.amount(one) for one in digest.refunded),
            "scores": len(digest.scores),
            "score": self._mean(digest.scores),
            "cases": [
                {
                    "reference": code(one.reference, self.rtl),
                    "order": code(one.order_number, self.rtl),
                    "why": self.attention(one.why),
                    "due": self.moment(one.due_at),
                }
                for one in digest.cases
            ],
        }
