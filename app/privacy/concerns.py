"""Whether the raw body of a webhook is about a certain customer. Pure."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

# An id of so many digits is no quantity, price or date: finding it anywhere is proof enough.
_LONG = 9
# Where short ids (WooCommerce counts from 1) stand for an order; a bare number elsewhere may be anything.
_ORDER_KEYS = frozenset({"order_id", "parent_id", "orders_requested", "orders_to_redact", "arg", "order"})


@dataclass(frozen=True, slots=True)
class Subject:
    """A customer as bodies name them: an e-mail in lower case, the store's ids, and our ids of their cases."""

    email: str | None
    orders: frozenset[str]
    others: frozenset[str]

    def concerns(self, topic: str, body: bytes) -> bool:
        """True when the body names the customer, one of their orders or one of their cases."""
        try:
            told = json.loads(body)
            plain = json.dumps(told, ensure_ascii=False).lower()
        except ValueError:
            told, plain = None, body.decode("utf-8", "replace").lower()
        if self.email and self.email in plain:
            return True
        known = self.orders | self.others
        whole = [re.escape(one.lower()) for one in known if len(one) >= _LONG]
        if whole and re.search(rf"(?<![0-9a-f])(?:{'|'.join(whole)})(?![0-9a-f])", plain):
            return True
        if topic.startswith("order") and isinstance(told, dict) and str(told.get("id")) in self.orders:
            return True
        return any(str(value) in self.orders for value in _order_ids(told))


def _order_ids(told: Any) -> Iterator[Any]:
    if isinstance(told, dict):
        for key, value in told.items():
            if key in _ORDER_KEYS:
                yield from _values(value)
            yield from _order_ids(value)
    elif isinstance(told, list):
        for item in told:
            yield from _order_ids(item)


def _values(value: Any) -> Iterator[Any]:
    if isinstance(value, dict):
        yield value.get("id")
    elif isinstance(value, list):
        yield from value
    else:
        yield value


def return_id(body: bytes) -> str | None:
    """The case that a supplier's event is about; None when it cannot be read."""
    try:
        told = json.loads(body)
    except ValueError:
        return None
    data = told.get("data") if isinstance(told, dict) else None
    found = data.get("return_id") if isinstance(data, dict) else None
    return found if isinstance(found, str) else None
