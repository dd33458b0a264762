"""How PHP writes and compares things, where a client of WooCommerce can see it."""

from __future__ import annotations

import json
import re
from decimal import ROUND_HALF_DOWN, ROUND_HALF_UP, Decimal
from typing import Any

_NUMERIC = re.compile(r"\s*[+-]?(\d+\.?\d*|\.\d+)([eE][+-]?\d+)?\s*", re.ASCII)
_LEADING = re.compile(r"\s*[+-]?(\d+\.?\d*|\.\d+)([eE][+-]?\d{1,3})?", re.ASCII)
_NOT_AMOUNT = re.compile(r"[^0-9.\-]")

ZERO = Decimal(0)


def php_json(value: Any) -> bytes:
    """JSON as PHP's `json_encode` writes it: compact, `\\/` for slashes, `\\uXXXX` for all beyond ASCII."""
    return json.dumps(value, separators=(",", ":")).replace("/", "\\/").encode("ascii")


def php_number(value: Decimal) -> int | float:
    """A JSON number: WooCommerce writes an item's `price` and a tax rate's percentage as floats, whole ones as 19."""
    return int(value) if value == value.to_integral_value() else float(value)


def rounded(value: Decimal, decimals: int, half_down: bool = False) -> Decimal:
    """`value` with `decimals` digits, half up, or half down as WooCommerce rounds tax where prices include it."""
    return value.quantize(Decimal(1).scaleb(-decimals), ROUND_HALF_DOWN if half_down else ROUND_HALF_UP)


def decimal_text(value: Decimal, decimals: int) -> str:
    """An amount as REST writes it, with exactly `decimals` digits and never "-0.00"."""
    result = rounded(value, decimals)
    return format(result if result else abs(result), "f")


def leading_number(text: str) -> Decimal:
    """What PHP makes of a text when it calculates: the number it starts with, else 0 ("1,50" is 1, "1e1" is 10)."""
    found = _LEADING.match(text)
    return Decimal(found.group().strip()) if found else ZERO


def stripped_number(text: str) -> Decimal:
    """What `wc_format_decimal` makes of a text: everything but digits, point and minus goes ("1,50" is 150)."""
    found = _LEADING.match(_NOT_AMOUNT.sub("", text))
    return Decimal(found.group()) if found else ZERO


def is_numeric(text: str) -> bool:
    """Whether PHP calls the text numeric."""
    return _NUMERIC.fullmatch(text) is not None


def php_less(left: str, right: str) -> bool:
    """`left < right` in PHP 8: as numbers when both texts are numeric, else as texts, character by character.

    This is why WooCommerce lets an amount of "1,50" or "1,000.00" pass its check (verified on 11.0.1).
    """
    if is_numeric(left) and is_numeric(right):
        return Decimal(left.strip()) < Decimal(right.strip())
    return left < right
