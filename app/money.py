"""Money as whole minor units. Pure: no float ever appears, and every split adds up exactly.

An amount carries its own exponent (digits after the point) beside its currency. It is CLDR's for most orders, but a
WooCommerce store writes every amount with the *store's* number of decimals whatever the currency (a JPY order reads
"59.50" on a two-decimal store), and that must survive a round trip.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from decimal import Decimal
from functools import lru_cache

from babel.core import get_global

from app.errors import AppError

_DECIMAL = re.compile(r"-?\d{1,15}(\.\d{1,12})?", re.ASCII)
_CURRENCY = re.compile(r"[A-Z]{3}", re.ASCII)
_LONGEST = 30


class BadAmount(AppError):
    """A text that is not a plain decimal amount, or has more digits than its currency."""

    status = 422
    code = "bad_amount"
    title = "Not an amount of money"


class CurrencyMismatch(AppError):
    """Two amounts of different currencies were put together."""

    status = 422
    code = "currency_mismatch"
    title = "Different currencies"


@lru_cache(maxsize=256)
def currency_exponent(currency: str) -> int:
    """Digits after the point of `currency` (ISO 4217) as CLDR's supplemental data has them: EUR 2, JPY 0, KWD 3."""
    if not _CURRENCY.fullmatch(currency):
        raise BadAmount(f"{currency!r} is not a currency code of three capital letters")
    fractions = get_global("currency_fractions")
    return int(fractions.get(currency, fractions["DEFAULT"])[0])


def parse_decimal(text: str | int | Decimal) -> Decimal:
    """Reads a plain decimal (`"15.0"`, `"-21.41"`). Refuses floats, exponents, separators and anything unusual.

    Raises `BadAmount`: WooCommerce books `"1,50"` as 150.00, so an odd format must never pass for a number.
    """
    # Only numbers of a sane size are written out: "1e999999999" in a JSON body would otherwise take all memory.
    if isinstance(text, Decimal) and text.is_finite() and -_LONGEST < text.adjusted() < _LONGEST:
        text = format(text, "f")
    elif isinstance(text, int) and not isinstance(text, bool) and abs(text) < 10**_LONGEST:
        text = str(text)
    if not isinstance(text, str):
        raise BadAmount("A value that is not text or a number of a sane size is not an amount")
    return _read(text)


# An order tells the same few amounts many times.
@lru_cache(maxsize=4096)
def _read(text: str) -> Decimal:
    if not _DECIMAL.fullmatch(text):
        raise BadAmount(f"{text[:40]!r} is not a plain decimal amount")
    return Decimal(text)


# By type as well: True is 1 to a dictionary, and no amount.
@lru_cache(maxsize=4096, typed=True)
def significant_decimals(text: str | int | Decimal) -> int:
    """How many digits after the point `text` really uses: `"15.0"` 0, `"15.50"` 1."""
    exponent = parse_decimal(text).normalize().as_tuple().exponent
    return max(0, -exponent) if isinstance(exponent, int) else 0


@dataclass(frozen=True, slots=True)
class Money:
    """`minor` whole units of 10^-`exponent` `currency`."""

    minor: int
    currency: str
    exponent: int

    @classmethod
    def parse(cls, text: str | int | Decimal, currency: str, exponent: int | None = None) -> Money:
        """Reads a decimal text. Raises `BadAmount` when it has more significant digits than `exponent` allows."""
        digits = currency_exponent(currency) if exponent is None else exponent
        scaled = parse_decimal(text).scaleb(digits)
        if scaled != scaled.to_integral_value():
            raise BadAmount(f"{str(text)[:40]} {currency} has more than {digits} digits after the point")
        return cls(int(scaled), currency, digits)

    @classmethod
    def zero(cls, currency: str, exponent: int) -> Money:
        """Nothing, in that currency."""
        return cls(0, currency, exponent)

    def with_minor(self, minor: int) -> Money:
        """Another amount of the same currency and exponent."""
        return Money(minor, self.currency, self.exponent)

    @property
    def text(self) -> str:
        """The plain decimal text with exactly `exponent` digits: what stores and the API are given."""
        return format(Decimal(self.minor).scaleb(-self.exponent), "f")

    def __str__(self) -> str:
        return f"{self.text} {self.currency}"

    def _minor_of(self, other: Money) -> int:
        if (self.currency, self.exponent) != (other.currency, other.exponent):
            raise CurrencyMismatch(f"{self} and {other} cannot be put together")
        return other.minor

    def __add__(self, other: Money) -> Money:
        return self.with_minor(self.minor + self._minor_of(other))

    def __sub__(self, other: Money) -> Money:
        return self.with_minor(self.minor - self._minor_of(other))

    def __le__(self, other: Money) -> bool:
        return self.minor <= self._minor_of(other)

    def __lt__(self, other: Money) -> bool:
        return self.minor < self._minor_of(other)


def units_share(total: int, quantity: int, taken: int, take: int) -> int:
    """The minor units that fall to `take` units of a line after `taken` units went before.

    Each unit is `total / quantity` rounded half up and the last one takes the remainder, so any series of partial
    refunds adds up to `total`. Where rounding up would leave the last unit less than nothing, units are rounded down.

    Raises `ValueError` when the units asked for are not there.
    """
    if quantity <= 0 or take < 0 or taken < 0 or taken + take > quantity or total < 0:
        raise ValueError(f"cannot take {take} units after {taken} of {quantity} from {total}")
    unit = (2 * total + quantity) // (2 * quantity)
    if unit * (quantity - 1) > total:
        unit = total // quantity
    if taken + take == quantity:
        return total - unit * taken if take else 0
    return unit * take


def allocate(total: int, weights: list[int]) -> list[int]:
    """Splits `total` (≥ 0) in proportion to `weights` by largest remainder; the parts add up to `total` exactly.

    Raises `ValueError` for a negative input or when there is something to split and all weights are zero.
    """
    if total < 0 or any(weight < 0 for weight in weights):
        raise ValueError("only amounts and weights of zero or more can be allocated")
    whole = sum(weights)
    if whole == 0:
        if total:
            raise ValueError("nothing to allocate the amount to")
        return [0 for _ in weights]
    parts = [total * weight // whole for weight in weights]
    by_remainder = sorted(range(len(weights)), key=lambda i: (-(total * weights[i] % whole), i))
    for index in by_remainder[: total - sum(parts)]:
        parts[index] += 1
    return parts
