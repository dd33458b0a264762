"""Bodies of people who mean no good, or whose software broke; the tests sign all of them rightly."""

from __future__ import annotations

import gzip
import json
from collections.abc import Callable, Iterator, Mapping
from copy import deepcopy
from typing import Any

from tests.orders.shopify_bodies import order_body, refund_body
from tests.orders.woo_captures import payload

MIB = 1024 * 1024
ORDER_ID, LINE_ID = 5196695273621, 12695210000533

_PARCEL = {
    "id": 4478,
    "order_id": ORDER_ID,
    "status": "success",
    "shipment_status": "delivered",
    "created_at": "2026-11-03T09:00:00Z",
    "updated_at": "2026-11-05T09:00:00Z",
    "tracking_number": "TN-1",
    "line_items": [{"id": LINE_ID, "quantity": 1}],
}
_RETURN = {
    "id": 3547267221,
    "status": "requested",
    "order": {"id": ORDER_ID},
    "order_id": ORDER_ID,
    "decline": {"reason": "other", "note": "too late"},
    "return_line_items": [
        {
            "id": 6200524949,
            "fulfillment_line_item": {"id": 1, "line_item": {"id": LINE_ID}},
            "quantity": 1,
            "return_reason": "unwanted",
            "customer_note": None,
        }
    ],
}
_TRANSACTION = {"id": 9, "order_id": ORDER_ID, "kind": "refund", "status": "success", "amount": "1.00"}
_DISPUTE = {"id": 77, "order_id": ORDER_ID, "status": "needs_response", "amount": "11.50", "currency": "USD"}

SHOPIFY: dict[str, dict[str, Any]] = {
    **dict.fromkeys(("orders/create", "orders/updated", "orders/cancelled"), order_body()),
    "refunds/create": refund_body(),
    "order_transactions/create": _TRANSACTION,
    "fulfillments/update": _PARCEL,
    "fulfillment_events/create": {"id": 1, "order_id": ORDER_ID, "status": "delivered"},
    **dict.fromkeys(("returns/request", "returns/approve", "returns/decline", "returns/cancel"), _RETURN),
    "disputes/create": _DISPUTE,
    "app/uninstalled": {"id": 1},
}
WOOCOMMERCE: dict[str, dict[str, Any]] = {
    "order.created": payload("webhook-order.created"),
    "order.updated": payload("webhook-order.updated-after-partial-refund"),
    "order.deleted": {"id": 14},
    "order.restored": payload("webhook-order.created"),
    "action.woocommerce_order_refunded": payload("webhook-action.woocommerce_order_refunded"),
}


def supplier_events(return_id: str) -> dict[str, dict[str, Any]]:
    """One event of each type about that return."""
    line = {"line_id": str(LINE_ID), "accepted_quantity": 1, "quantity": 1, "condition": "defective", "note": "dead"}
    credit = {"amount": "9.80", "currency": "USD", "reference": "CN-881", "expected_at": "2026-12-01"}
    address = {"name": "Acme", "line1": "1 Road", "city": "Lyon", "postal_code": "69001", "country": "FR"}
    data: dict[str, dict[str, Any]] = {
        "return.authorized": {"rma_number": "RMA-1", "return_address": address, "instructions": "Use the box."},
        "return.refused": {"reason": "no"},
        "return.received": {"received_at": "2026-11-20T10:00:00Z", "lines": [line]},
        "return.confirmed": {"lines": [line], "credit": credit},
        "return.rejected": {"lines": [{**line, "accepted_quantity": 0}], "reason": "used"},
        "return.credited": {"credit": {**credit, "paid_at": "2026-12-01"}},
    }
    return {
        kind: {"type": kind, "timestamp": "2026-11-20T10:00:00Z", "data": {"return_id": return_id, **told}}
        for kind, told in data.items()
    }


def encoded(body: Any) -> bytes:
    """JSON as a store writes it; decimals of a capture as numbers."""
    return json.dumps(body, default=float).encode()


_TOKENS = ("1e400", "-1e999999999", "9" * 400, "9" * 5000, "NaN", "-Infinity", "1e-400", "0.1e1", "-0")
JUNK: tuple[Any, ...] = (
    None, True, -1, 2**63, 2**31, 0.5, "", "x" * 3000, "nul\x00nul", "\ud800", "\u202e\u2028", "1,50", "-", "gid://x/",
    "9999-12-31T23:59:59-23:59", "0001-01-01T00:00:00+14:00", [], {}, [[[]]], [None, 1, "x", {}], {"id": {"id": []}},
    {"\x00": "\ud800"}, "'; DROP TABLE cases; --", "{{7*7}}", *(f"@@{token}@@" for token in _TOKENS),
)  # fmt: skip
_MISSING = object()


def _paths(value: Any, at: tuple[Any, ...] = ()) -> Iterator[tuple[Any, ...]]:
    if at:
        yield at
    inner = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
    for key, item in inner:
        yield from _paths(item, (*at, key))


def _with(body: Mapping[str, Any], path: tuple[Any, ...], junk: Any) -> bytes:
    spoilt: Any = deepcopy(body)
    target = spoilt
    for step in path[:-1]:
        target = target[step]
    if junk is _MISSING:
        del target[path[-1]]
    else:
        target[path[-1]] = junk
    # A token that Python would not write stands in quotation marks until here.
    return encoded(spoilt).replace(b'"@@', b"").replace(b'@@"', b"")


def spoilt_everywhere(body: Mapping[str, Any], each: int, start: int = 0) -> list[bytes]:
    """The body once without each of its parts, and `each` times with junk in its place; other junk at every place."""
    found, turn = [], start
    for path in _paths(body):
        found.append(_with(body, path, _MISSING))
        for _ in range(each):
            found.append(_with(body, path, JUNK[turn % len(JUNK)]))
            turn += 1
    return found


def no_json(good: bytes) -> dict[str, bytes]:
    """Bodies that are no sane JSON object, by what is wrong with them."""
    doubled = good[:-1] + b',"id":{},"id":null}'
    makers: dict[str, Callable[[], bytes]] = {
        "empty": lambda: b"",
        "blank": lambda: b" \n",
        "nul": lambda: b"\x00" * 64,
        "cut": lambda: good[: len(good) // 2],
        "twice": lambda: good + good,
        "bom": lambda: b"\xef\xbb\xbf" + good,
        "utf-16": lambda: good.decode().encode("utf-16"),
        "utf-32": lambda: good.decode().encode("utf-32"),
        "latin-1": lambda: b'{"id": "caf\xe9"}',
        "gzip": lambda: gzip.compress(good),
        "deep lists": lambda: b"[" * 10**5 + b"]" * 10**5,
        "deep objects": lambda: b'{"a":' * 10**5 + b"1" + b"}" * 10**5,
        "deep and cut": lambda: b'{"a":[' * 10**5,
        "just too deep": lambda: b'{"id":' + b"[" * 65 + b"]" * 65 + b"}",
        "long number": lambda: b'{"id":' + b"9" * 10**5 + b"}",
        "long exponent": lambda: b'{"id":1e' + b"9" * 400 + b"}",
        "NaN": lambda: b'{"id":NaN}',
        "string": lambda: b'"id"',
        "number": lambda: b"7",
        "null": lambda: b"null",
        "list": lambda: b"[" + good + b"]",
        "duplicate keys": lambda: doubled,
        "many keys": lambda: encoded({f"key{number}": number for number in range(10**4)}),
        "five mebibytes": lambda: b'{"id":"' + b"x" * (5 * MIB - 9) + b'"}',
        "five mebibytes of nothing": lambda: b"\x00" * 5 * MIB,
        "form": lambda: b"webhook_id=1",
    }
    return {name: make() for name, make in makers.items()}
