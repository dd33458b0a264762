"""What is asked for often, with names of things that are in the middle of a grown database."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

import psycopg

from tests.api.kit import V1

# Lists of the API by path, each with its filters.
LISTS = {
    "cases": [
        "",
        "state=closed",
        "state=superseded",
        "state=under_review",
        "store=beta",
        "store=beta&state=under_review",
        "supplier=acme",
        "supplier=acme&state=contested",
        "reason=lost",
        "reason=lost&state=contested",
        "order=%23{number}",
        "order={order_id}",
        "email=ann{n}@example.com",
        "email=nobody@example.com",
        "updated_since={yesterday}",
        "updated_since=2020-01-01T00:00:00Z",
        "needs_attention=true",
        "needs_attention=true&store=beta",
        "needs_attention=false",
    ],
    "deliveries": [
        "",
        "status=processed",
        "status=ignored",
        "status=failed",
        "status=pending",
        "store=alpha",
        "store=alpha&status=failed",
        "store=beta&status=pending",
        "supplier=acme",
        "supplier=acme&status=failed",
        "topic=orders/updated",
        "topic=refunds/create",
        "topic=never/heard",
        "store=alpha&topic=refunds/create",
        "store=alpha&topic=never/heard",
        "store=beta&topic=refunds/create",
    ],
    "refunds": ["", "status=succeeded", "status=planned", "status=needs_review", "case={case_id}"],
    "replacements": ["", "status=made", "status=planned", "status=needs_review", "case={case_id}"],
    "events": [
        "",
        "type=case.created",
        "type=refund.succeeded",
        "case={reference}",
        "since={yesterday}",
        "status=delivered",
        "status=failed",
        "status=pending",
        "status=pending&receiver=crm&since={yesterday}",
        "receiver=crm",
    ],
    "messages": ["", "status=sent", "status=bounced", "case={reference}"],
    "feedback": ["", "store=beta", "sku=SKU-7", "reason=lost", "score=5", "score=1"],
    "withdrawals": ["", "status=matched", "status=unclear", "store=beta"],
    "privacy-requests": ["", "store=beta"],
    "stores": [""],
    "suppliers": [""],
}
# Single things, and what a machine asks for every few seconds.
LOOKED_UP = (
    f"{V1}/cases/{{case_id}}",
    f"{V1}/cases/{{reference}}",
    f"{V1}/cases/{{reference}}/events",
    f"{V1}/cases/{{reference}}/decisions",
    f"{V1}/cases/{{reference}}/evidence",
    f"{V1}/orders/{{store}}/{{order_id}}",
    f"{V1}/orders/{{store}}/{{number}}",
    f"{V1}/orders/{{store}}/no-such-order",
    f"{V1}/refunds/{{refund_id}}",
    f"{V1}/return-requests/{{request_id}}",
    f"{V1}/replacements/{{replacement_id}}",
    f"{V1}/events/{{event_id}}",
    f"{V1}/deliveries/{{delivery_id}}",
    "/readyz",
)
_NEWEST = {"delivery_id": "deliveries", "replacement_id": "replacements", "event_id": "outbound_events"}


def names(url: str) -> dict[str, Any]:
    """What stands between the braces."""
    with psycopg.connect(url) as connection:
        case = connection.execute(
            "SELECT cases.id, reference, orders.order_id, ltrim(orders.number, '#'), request_id, refunds.id, "
            "cases.store FROM cases JOIN orders ON orders.id = cases.order_pk "
            "JOIN refunds ON refunds.case_id = cases.id "
            "ORDER BY cases.id OFFSET (SELECT count(*) / 2 FROM refunds) LIMIT 1"
        ).fetchone()
        newest = {
            name: connection.execute(f"SELECT id FROM {table} ORDER BY id DESC LIMIT 1".encode()).fetchone()
            for name, table in _NEWEST.items()
        }
    assert case is not None
    told = ("case_id", "reference", "order_id", "number", "request_id", "refund_id", "store")
    yesterday = f"{datetime.now(UTC) - timedelta(days=1):%Y-%m-%dT%H:%M:%SZ}"
    rows = {name: row[0] for name, row in newest.items() if row is not None}
    return {**dict(zip(told, case, strict=True)), **rows, "n": 777, "yesterday": yesterday}
