"""The types of the wire: bodies, texts that PostgreSQL can store, ids, quantities, instants. Pure."""

from __future__ import annotations

import re
from datetime import UTC, datetime
from typing import Annotated, Any

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, WithJsonSchema, field_validator

_INSTANT = re.compile(r"\d{4}-\d\d-\d\d([Tt ]\d\d:\d\d:\d\d(\.\d{1,9})?([Zz]|[+-]\d\d:\d\d| \d\d:\d\d))?", re.ASCII)
# The largest id that a store hands out is a signed 64-bit integer.
_LARGEST_ID = 2**63 - 1


def storable(value: Any) -> Any:
    """The value, unless a text in it holds NUL: PostgreSQL stores none."""
    texts = value if isinstance(value, list) else [value]
    if any(isinstance(text, str) and "\x00" in text for text in texts):
        raise ValueError("must not hold the character U+0000")
    return value


class Wish(BaseModel):
    """What a caller asks for, in a body or a query. Unknown names are refused in bodies, NUL everywhere."""

    model_config = ConfigDict(str_strip_whitespace=True, hide_input_in_errors=True)

    @field_validator("*", mode="before")
    @classmethod
    def _storable(cls, value: Any) -> Any:
        return storable(value)


class Body(Wish):
    """A JSON body, or an object in one."""

    model_config = ConfigDict(extra="forbid")


def _identifier(value: object) -> object:
    """Stores number their orders and lines; a client may send such an id as a number or as text."""
    if isinstance(value, bool) or (isinstance(value, int) and not 0 <= value <= _LARGEST_ID):
        raise ValueError("must be an id: a text, or a whole number of at most 64 bits")
    return str(value) if isinstance(value, int) else value


def _whole(value: object) -> object:
    if isinstance(value, (bool, str)):
        raise ValueError("must be a whole number, not a text or a truth value")
    return value


def _instant(value: object) -> object:
    if isinstance(value, datetime):
        return value
    if not isinstance(value, str) or not _INSTANT.fullmatch(value.strip()):
        raise ValueError("must be an instant such as 2026-11-20T10:00:00Z, or a date such as 2026-11-20")
    text = value.strip()
    # A `+` that was not encoded arrives in a query as a space.
    text = f"{text[:-6]}+{text[-5:]}" if text[-6:-5] == " " and len(text) > 19 else text
    try:
        found = datetime.fromisoformat(text.upper())
        return (found if found.tzinfo else found.replace(tzinfo=UTC)).astimezone(UTC)
    except (ValueError, OverflowError):
        raise ValueError("is not a date of the calendar, or too far away") from None


_ID_SCHEMA = {
    "anyOf": [
        {"type": "string", "minLength": 1, "maxLength": 120},
        {"type": "integer", "minimum": 0, "maximum": _LARGEST_ID},
    ]
}

Identifier = Annotated[
    str, BeforeValidator(_identifier), Field(min_length=1, max_length=120), WithJsonSchema(_ID_SCHEMA)
]
Quantity = Annotated[int, BeforeValidator(_whole), Field(ge=0, le=1_000_000)]
Instant = Annotated[
    datetime, BeforeValidator(_instant), WithJsonSchema({"type": "string", "format": "date-time"})
]  # fmt: skip
Word = Annotated[str, Field(min_length=1, max_length=200)]
Sentence = Annotated[str, Field(min_length=1, max_length=2000)]
WebLink = Annotated[str, Field(pattern=r"^https?://[^\s]+$", max_length=2000)]


def rfc3339(moment: datetime | None) -> str | None:
    """An instant as the API writes it."""
    return f"{moment.astimezone(UTC):%Y-%m-%dT%H:%M:%SZ}" if moment else None
