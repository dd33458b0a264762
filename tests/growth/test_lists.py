"""In a grown database every list, look-up and probe reads by an index, and as many rows as it shows."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

import psycopg
import pytest
from httpx import AsyncClient

from tests.api.kit import V1
from tests.growth.watch import watching

# A page holds 50 items; a case brings its lines, clocks, mails, refunds and decision with it.
MOST_ROWS = 2_500
_LISTS = {
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
    "messages": ["", "status=sent", "status=bounced", "case={reference}"],
    "feedback": ["", "store=beta", "sku=SKU-7", "reason=lost", "score=5", "score=1"],
    "withdrawals": ["", "status=matched", "status=unclear", "store=beta"],
    "privacy-requests": ["", "store=beta"],
    "stores": [""],
    "suppliers": [""],
}


@pytest.fixture(scope="module")
def known(grown_url: str) -> dict[str, Any]:
    """Names of things that are in the middle of the grown database."""
    with psycopg.connect(grown_url) as connection:
        row = connection.execute(
            "SELECT cases.id, reference, orders.order_id, ltrim(orders.number, '#'), request_id, refunds.id, "
            "cases.store FROM cases JOIN orders ON orders.id = cases.order_pk "
            "JOIN refunds ON refunds.case_id = cases.id WHERE cases.reference = 'MG-000004345'"
        ).fetchone()
        delivery = connection.execute("SELECT id FROM deliveries OFFSET 3000 LIMIT 1").fetchone()
    assert row is not None
    assert delivery is not None
    yesterday = f"{datetime.now(UTC) - timedelta(days=1):%Y-%m-%dT%H:%M:%SZ}"
    names = ("case_id", "reference", "order_id", "number", "request_id", "refund_id", "store")
    return {**dict(zip(names, row, strict=True)), "n": 777, "delivery_id": delivery[0], "yesterday": yesterday}


@pytest.mark.parametrize("wanted", [f"{path}?{query}" for path, queries in _LISTS.items() for query in queries])
async def test_a_list_reads_what_it_shows(reader: AsyncClient, known: dict[str, Any], wanted: str) -> None:
    path = f"{V1}/{wanted.format(**known)}"
    with watching() as watch:
        answer = await reader.get(path)
        assert answer.status_code == 200, answer.text
        cursor = answer.json()["next_cursor"]
        if cursor is not None:
            following = await reader.get(f"{path}&cursor={cursor}")
            assert following.status_code == 200, following.text
            assert following.json()["items"] != answer.json()["items"]
    watch.require_probes(MOST_ROWS)


_LOOKED_UP = (
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
    f"{V1}/deliveries/{{delivery_id}}",
    "/readyz",
)


@pytest.mark.parametrize("path", _LOOKED_UP)
async def test_one_thing_is_found_by_its_name(reader: AsyncClient, known: dict[str, Any], path: str) -> None:
    with watching() as watch:
        answer = await reader.get(path.format(**known))
    assert answer.status_code == (404 if path.endswith("no-such-order") else 200), answer.text
    # Of the queue, all that waits is looked at.
    watch.require_probes(1_500)


@pytest.mark.parametrize(
    "path", ["cases", "cases?needs_attention=true", "refunds", "messages", "deliveries", "feedback"]
)
async def test_a_page_takes_as_many_statements_whatever_it_holds(reader: AsyncClient, path: str) -> None:
    counts = {}
    await reader.get(f"{V1}/{path}")
    for limit in (1, 10, 100):
        with watching() as watch:
            answer = await reader.get(f"{V1}/{path}{'&' if '?' in path else '?'}limit={limit}")
        assert len(answer.json()["items"]) == limit
        counts[limit] = len([one for one in watch.seen if "pg_catalog" not in one.text])
    # What only cases that wait for evidence need is asked for when there is one on the page.
    assert counts[1] <= counts[10] == counts[100] <= 10, counts
