"""Deliveries: what came in, what became of it, and reading it again."""

from __future__ import annotations

import base64
import hashlib
import hmac
import json

import pytest
from httpx import AsyncClient

from app.runtime import Runtime
from app.webhooks import inbox
from app.worker import run_until_idle
from tests.api.kit import V1, VIEWER
from tests.webhooks.kit import received

BROKEN = b'{"id": "no order"}'


async def _send(client: AsyncClient, body: bytes, webhook_id: str, topic: str = "orders/updated") -> None:
    signature = base64.b64encode(hmac.new(b"alpha-secret", body, hashlib.sha256).digest()).decode()
    headers = {
        "X-Shopify-Hmac-Sha256": signature,
        "X-Shopify-Topic": topic,
        "X-Shopify-Webhook-Id": webhook_id,
        "X-Shopify-Event-Id": "event-1",
    }
    assert (await client.post("/webhooks/shopify/alpha", content=body, headers=headers)).status_code == 200


async def _supplier_event(runtime: Runtime) -> None:
    arrival = inbox.supplier_arrival("acme", {"webhook-id": "msg-1"}, b"\xff{}", "return.received")
    await received(runtime, arrival)


async def test_a_delivery_answers_with_its_senders_ids(client: AsyncClient, runtime: Runtime) -> None:
    """Ids, topic, status, how often it came; headers and body apart."""
    for _ in range(3):
        await _send(client, BROKEN, "w-1")
    (told,) = (await client.get(f"{V1}/deliveries", headers=VIEWER)).json()["items"]
    assert (told["store"], told["supplier"], told["topic"]) == ("alpha", None, "orders/updated")
    assert (told["webhook_id"], told["event_id"], told["delivery_id"]) == ("w-1", "event-1", None)
    assert (told["status"], told["error"], told["duplicates"], told["processed_at"]) == ("pending", None, 2, None)
    detail = (await client.get(f"{V1}/deliveries/{told['id']}")).json()
    assert detail["body"] == BROKEN.decode()
    assert detail["headers"]["x-shopify-topic"] == "orders/updated"
    assert "x-shopify-hmac-sha256" not in detail["headers"]
    assert {name: detail[name] for name in told} == told
    assert (await client.get(f"{V1}/deliveries/{told['id']}", headers=VIEWER)).json()["body"] is None


async def test_a_body_that_is_no_text_is_not_shown(client: AsyncClient, runtime: Runtime) -> None:
    """The rest of the delivery is."""
    await _supplier_event(runtime)
    (told,) = (await client.get(f"{V1}/deliveries?supplier=ACME")).json()["items"]
    assert (told["store"], told["supplier"]) == (None, "acme")
    assert (await client.get(f"{V1}/deliveries/{told['id']}")).json()["body"] is None


@pytest.mark.parametrize(
    ("query", "topics"),
    [
        ("", ["return.received", "orders/create", "orders/updated"]),
        ("store=alpha", ["orders/create", "orders/updated"]),
        ("store=acme", []),
        ("supplier=acme", ["return.received"]),
        ("topic=orders/create", ["orders/create"]),
        ("status=failed", []),
        ("status=pending&store=alpha&topic=orders/updated", ["orders/updated"]),
    ],
)
async def test_filters_and_pages(client: AsyncClient, runtime: Runtime, query: str, topics: list[str]) -> None:
    """Newest first, page by page."""
    await _send(client, BROKEN, "w-1")
    await _send(client, BROKEN, "w-2", "orders/create")
    await _supplier_event(runtime)
    found: list[str] = []
    cursor = ""
    while True:
        page = (await client.get(f"{V1}/deliveries?limit=1&{query}{cursor}")).json()
        found += [one["topic"] for one in page["items"]]
        if page["next_cursor"] is None:
            break
        cursor = f"&cursor={page['next_cursor']}"
    assert found == topics


async def test_a_failed_delivery_is_replayed(client: AsyncClient, runtime: Runtime) -> None:
    """202, read again, and still the same delivery."""
    await _send(client, json.dumps({"id": 1}).encode(), "w-1")
    await run_until_idle(runtime)
    (told,) = (await client.get(f"{V1}/deliveries?status=failed")).json()["items"]
    assert told["error"]
    assert told["processed_at"].endswith("Z")
    answer = await client.post(f"{V1}/deliveries/{told['id']}/replay")
    assert (answer.status_code, answer.json()["id"], answer.json()["status"]) == (202, told["id"], "pending")
    await run_until_idle(runtime)
    again = (await client.get(f"{V1}/deliveries/{told['id']}")).json()
    assert (again["status"], again["attempts"]) == ("failed", told["attempts"] + 1)
    missing = await client.post(f"{V1}/deliveries/0199f5a2-0000-7000-8000-000000000001/replay")
    assert (missing.status_code, missing.json()["code"]) == (404, "not_found")
