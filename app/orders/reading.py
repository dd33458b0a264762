"""Reading JSON that somebody else wrote: any field may be missing, null or of another type. Pure.

Numbers are read as `Decimal`, so that a JSON float never becomes a Python float.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from datetime import UTC, datetime
from decimal import Decimal, InvalidOperation
from typing import Any

from app.errors import Invalid
from app.money import BadAmount, parse_decimal

_DEEPEST = 64
_NESTED = (dict, list)


class UnreadablePayload(Invalid):
    """A body that is signed but cannot be understood. It is kept and shown; nothing is lost."""

    code = "unreadable_payload"
    title = "The payload cannot be understood"


def parse_json(raw: bytes) -> Any:
    """Parses JSON with decimals for numbers. Raises `UnreadablePayload` for anything that is not sane JSON."""
    try:
        value = json.loads(raw.decode("utf-8"), parse_float=Decimal, parse_constant=_no_constant)
    except (ValueError, RecursionError, InvalidOperation) as error:
        raise UnreadablePayload(f"The body is not JSON in UTF-8: {str(error)[:120]}") from error
    # Every level has a bracket, and most bodies have too few of them to be worth a walk.
    if raw.count(b"{") + raw.count(b"[") > _DEEPEST and _depth(value) > _DEEPEST:
        raise UnreadablePayload(f"The body is nested more than {_DEEPEST} levels deep")
    return value


def _no_constant(name: str) -> Any:
    raise ValueError(f"{name} is not JSON")


def _depth(value: Any) -> int:
    """How many objects and lists are within one another; no further than is too deep."""
    level, layer = 0, [value] if isinstance(value, _NESTED) else []
    while layer and level <= _DEEPEST:
        level += 1
        inner = (item.values() if isinstance(item, dict) else item for item in layer)
        layer = [each for children in inner for each in children if isinstance(each, _NESTED)]
    return level


def parse_object(raw: bytes) -> dict[str, Any]:
    """Parses a JSON object. Raises `UnreadablePayload` when the body is anything else."""
    value = parse_json(raw)
    if not isinstance(value, dict):
        raise UnreadablePayload(f"The body is JSON but not an object: {type(value).__name__}")
    return value


def objects(container: Mapping[str, Any], key: str) -> list[dict[str, Any]]:
    """The objects in the list at `key`; missing, null or another type is an empty list."""
    value = container.get(key)
    return [item for item in value if isinstance(item, dict)] if isinstance(value, list) else []


def child(container: Mapping[str, Any], key: str) -> dict[str, Any]:
    """The object at `key`; missing, null or another type is an empty object."""
    value = container.get(key)
    return value if isinstance(value, dict) else {}


def text(container: Mapping[str, Any], key: str, limit: int = 500) -> str | None:
    """The text at `key`, stripped, without NUL (PostgreSQL stores none) and cut at `limit`; None when there is none."""
    value = container.get(key)
    if not isinstance(value, str):
        return None
    cleaned = value.replace("\x00", "")
    if not cleaned.isascii():
        cleaned = cleaned.encode("utf-8", "replace").decode("utf-8")
    return cleaned.strip()[:limit] or None


def identifier(container: Mapping[str, Any], key: str) -> str | None:
    """An id given as an integer or text (also a `gid://…/123`, of which the last part counts); None when absent."""
    value = container.get(key)
    if type(value) is int:
        return str(value)[:64]
    if not isinstance(value, str):
        return None
    found = value.rsplit("/", 1)[-1].split("?", 1)[0].strip()
    return found[:64] if found and found.isascii() and found.isprintable() else None


def required_identifier(container: Mapping[str, Any], key: str) -> str:
    """The id at `key`. Raises `UnreadablePayload` when there is none."""
    found = identifier(container, key)
    if found is None:
        raise UnreadablePayload(f"The field {key!r} is missing or is not an id")
    return found


def quantity(container: Mapping[str, Any], key: str, default: int = 0) -> int:
    """A whole number at `key`; a decimal without fraction counts; anything else is `default`."""
    value = container.get(key)
    if isinstance(value, Decimal) and value.copy_abs() < 10**9 and value == value.to_integral_value():
        return int(value)
    if isinstance(value, bool) or not isinstance(value, int) or abs(value) >= 10**9:
        return default
    return value


def amount(container: Mapping[str, Any], key: str) -> Decimal | None:
    """The amount at `key`, given as text or number; None when missing or unreadable (WooCommerce writes `"-"`)."""
    value = container.get(key)
    if not isinstance(value, (str, int, Decimal)) or isinstance(value, bool):
        return None
    try:
        return parse_decimal(value)
    except BadAmount:
        return None


def moment(container: Mapping[str, Any], key: str) -> datetime | None:
    """The instant at `key` in UTC. A time without a zone is taken as UTC (WooCommerce's `_gmt` fields have none)."""
    value = container.get(key)
    if not isinstance(value, str):
        return None
    try:
        found = datetime.fromisoformat(value)
        return (found if found.tzinfo else found.replace(tzinfo=UTC)).astimezone(UTC)
    except (ValueError, OverflowError):
        return None
