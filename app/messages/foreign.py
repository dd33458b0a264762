"""Texts by customers, suppliers and stores in our messages: cleaned, cut, kept from turning our words around. Pure."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Mapping

# Unicode's directional controls. A foreign text must not bring its own: it could turn our words around. Ours are the
# isolates: LRI for codes, which run left to right, FSI for texts whose own first letter tells, PDI to end either.
LRI, FSI, PDI = "\u2066", "\u2068", "\u2069"
_DIRECTIONAL = re.compile("[\u200e\u200f\u061c\u202a-\u202e\u2066-\u2069]")

_LONGEST_LINE = 200
_LONGEST_CODE = 100
_LONGEST_TEXT = 4000


def code(value: str | None, rtl: bool) -> str:
    """A number, code or address of the net: one line that runs left to right in a text of the direction told."""
    return _isolated(_one_line(value, _LONGEST_CODE), rtl, LRI)


def words(value: str | None, rtl: bool) -> str:
    """One line in the writer's own direction."""
    return _isolated(_one_line(value, _LONGEST_LINE), rtl, FSI)


def plain(value: str | None) -> str:
    """One line without isolates, for a place that has its own direction."""
    return _one_line(value, _LONGEST_LINE)


def paragraphs(value: str | None, rtl: bool) -> str:
    """Several lines, each in its own direction: an isolate ends with its line."""
    lines = [_one_line(line, _LONGEST_TEXT) for line in _cut((value or "").strip(), _LONGEST_TEXT).splitlines()]
    return "\n".join(_isolated(line, rtl, FSI) for line in lines)


def address_lines(address: Mapping[str, str], rtl: bool) -> list[str]:
    """The lines of a postal address, empty ones left out."""

    def part(key: str) -> str:
        return _one_line(address.get(key), _LONGEST_LINE)

    town = " ".join(filter(None, (part("city"), part("region"), part("postal_code"))))
    lines = (part("name"), part("line1"), part("line2"), town, part("country"))
    return [words(line, rtl) for line in lines if line]


def _one_line(value: str | None, limit: int) -> str:
    visible = _DIRECTIONAL.sub("", value or "")
    # Control characters, surrogates and line separators: none has a place in a line, and some could forge a header.
    spaced = "".join(" " if unicodedata.category(char) in {"Cc", "Cs", "Zl", "Zp"} else char for char in visible)
    return _cut(re.sub(" {2,}", " ", spaced).strip(), limit)


def _cut(value: str, limit: int) -> str:
    return value if len(value) <= limit else value[: limit - 1].rstrip() + "…"


def _isolated(value: str, rtl: bool, opening: str) -> str:
    foreign = rtl or any(unicodedata.bidirectional(char) in {"R", "AL"} for char in value)
    return f"{opening}{value}{PDI}" if value and foreign else value
