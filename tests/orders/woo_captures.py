"""Requests and answers captured from WooCommerce 11.0.1: order 14 (three lines, two tax rates, shipping, a fee)."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from app.orders.reading import parse_object

_FOLDER = Path(__file__).parent.parent / "data" / "woocommerce"

WEBHOOK_SECRETS = {
    "webhook-order.created": b"plain-secret-1",
    "webhook-order.created-error-body": b"plain-secret-1",
    "webhook-order.updated-before-refund": b"plain-secret-2",
    "webhook-order.updated-after-partial-refund": b"plain-secret-2",
    "webhook-action.woocommerce_order_refunded": b"plain-secret-3",
}


def capture(name: str) -> dict[str, Any]:
    """The whole capture: headers, body as text, note."""
    found: dict[str, Any] = json.loads((_FOLDER / f"{name}.json").read_text("utf-8"))
    return found


def raw_body(name: str) -> bytes:
    """A captured body to the byte."""
    raw: str = capture(name)["body"]
    return raw.encode("utf-8")


def payload(name: str) -> dict[str, Any]:
    """A captured body as the application reads it; a new object on every call."""
    return parse_object(raw_body(name))


def order() -> dict[str, Any]:
    """Order 14 before its refund."""
    return payload("webhook-order.updated-before-refund")


def refunded_order() -> dict[str, Any]:
    """Order 14 after one of three mugs was refunded: 17.99 + 3.42 = 21.41."""
    return payload("webhook-order.updated-after-partial-refund")


def refund() -> dict[str, Any]:
    """That refund as REST shows it."""
    return payload("rest-refund-create-201")


def error_case(name: str) -> tuple[int, bytes]:
    """Status and body of a captured answer of the refund routes."""
    case = next(case for case in capture("rest-refund-errors")["cases"] if case["name"] == name)
    return case["status"], case["body"].encode("utf-8")
