"""In which language, direction and country somebody reads a page."""

from __future__ import annotations

import re
from dataclasses import dataclass

from babel.core import Locale, UnknownLocaleError

# By their own names, in the order in which a page offers them.
LANGUAGES = {"en": "English", "fr": "Français", "he": "עברית"}
_RIGHT_TO_LEFT = frozenset({"he"})
# Java and older Android still send the code that Hebrew had before 1989.
_OLD_CODES = {"iw": "he"}
_TAG = re.compile(r"([A-Za-z]{2,3})(?:[-_][A-Za-z]{4})?(?:[-_]([A-Za-z]{2}))?(?:[-_.@].*)?", re.ASCII)
# A browser sends a handful; a header of thousands is no wish of a reader.
_MOST_WISHES = 20


@dataclass(frozen=True, slots=True)
class Reader:
    """Who reads: `language` is one of `LANGUAGES`, `country` where they seem to be (ISO 3166-1), if anything tells."""

    language: str
    country: str | None = None

    @property
    def direction(self) -> str:
        """`ltr` or `rtl`, as in HTML."""
        return "rtl" if self.language in _RIGHT_TO_LEFT else "ltr"

    @property
    def locale(self) -> Locale:
        """The locale in which amounts and dates are written."""
        try:
            return Locale(self.language, self.country)
        except UnknownLocaleError:
            return Locale(self.language)


def reader_of(asked: str | None, accepted: str | None, fallback: str | None) -> Reader:
    """The reader by what they ask for, else by the header `Accept-Language`, else by the store's own language.

    A tag that cannot be read or names a language that we do not have counts as none; English is the last resort.
    The country is that of the first tag that names one, whatever its language: it says where somebody is.
    """
    wishes = _wishes(accepted or "")
    country = next((region for _, region in wishes if region), None)
    for tag in (asked or "", *(tag for tag, _ in wishes), fallback or ""):
        language = language_of(tag)
        if language:
            return Reader(language, country)
    return Reader("en", country)


def language_of(tag: str) -> str | None:
    """The language that we have for a tag such as `fr-CA`, `he_IL` or `iw`; None for any other."""
    match = _TAG.fullmatch(tag.strip())
    code = match[1].lower() if match else ""
    code = _OLD_CODES.get(code, code)
    return code if code in LANGUAGES else None


def _wishes(header: str) -> list[tuple[str, str | None]]:
    """The header's tags with their regions, most wanted first (RFC 9110, 12.5.4)."""
    found: list[tuple[float, str, str | None]] = []
    for item in header.split(",")[:_MOST_WISHES]:
        tag, _, parameter = item.partition(";")
        match = _TAG.fullmatch(tag.strip())
        weight = _weight(parameter)
        if match and weight > 0:
            found.append((-weight, tag.strip(), match[2].upper() if match[2] else None))
    return [(tag, region) for _, tag, region in sorted(found, key=lambda one: one[0])]


def _weight(parameter: str) -> float:
    name, _, value = parameter.strip().partition("=")
    if name.strip().lower() != "q":
        return 1.0
    return float(value) if re.fullmatch(r"[01](\.\d{0,3})?", value.strip(), re.ASCII) else 0.0
