"""Submitting a return request: orders known and unknown, splitting, repeats."""

from __future__ import annotations

import asyncio

import pytest
from httpx import AsyncClient
from sqlalchemy import func, select

from app.cases.models import Case
from app.requests.models import ReturnRequest
from app.runtime import Runtime
from tests.api.kit import LAMP, MUG, V1, VIEWER, FakeStore, FakeStores, keep, lamp, order_of, submit


async def _count(runtime: Runtime) -> tuple[int, int]:
    async with runtime.work() as work:
        requests = await work.session.scalar(select(func.count()).select_from(ReturnRequest))
        cases = await work.session.scalar(select(func.count()).select_from(Case))
    return requests or 0, cases or 0


async def test_a_request_is_split_by_supplier(client: AsyncClient, runtime: Runtime) -> None:
    """Two suppliers, two cases, one request; the answer shows all of it and can be read again."""
    await keep(runtime, order_of())
    told = await submit(client, lamp(2, "defective", note="dark"), {"sku": "BH-MUG", "quantity": 1, "reason": "late"})
    assert {(case["supplier"], case["state"]) for case in told["cases"]} == {
        ("acme", "authorizing"),
        ("byhand", "authorizing"),
    }
    assert told["order"] == {"store": "alpha", "id": "5196695273621", "number": "#1106"}
    assert [line["line_id"] for line in told["lines"]] == [LAMP, MUG]
    assert (told["remedy"], told["origin"], told["email"]) == ("refund", "api", None)
    assert told["created_at"].endswith("Z")
    again = await client.get(f"{V1}/return-requests/{told['id']}", headers=VIEWER)
    assert again.json() == told


@pytest.mark.parametrize(
    "order", ["1106", "#1106", 1106, "5196695273621", 5196695273621, "gid://shopify/Order/5196695273621"]
)
async def test_the_order_may_be_named_in_several_ways(client: AsyncClient, runtime: Runtime, order: str | int) -> None:
    """By id or printed number, as text or number; the store's key in any case; the e-mail in any case."""
    await keep(runtime, order_of())
    body = {"store": "ALPHA", "order": order, "email": "ann@example.COM", "lines": [lamp()]}
    answer = await client.post(f"{V1}/return-requests", json=body)
    assert answer.status_code == 201
    assert answer.json()["order"]["number"] == "#1106"


@pytest.mark.parametrize("order", ["5196695273621", "1106", "#1106"])
async def test_an_unknown_order_is_read_from_the_store(client: AsyncClient, runtime: Runtime, order: str) -> None:
    """It is stored as read, and the next request does not ask the store again."""
    store = FakeStore("alpha", order_of())
    runtime.stores = FakeStores(store)
    first = await submit(client, order=order)
    readings = store.readings
    assert readings in (1, 2)
    await submit(client, {"line_id": MUG, "quantity": 1, "reason": "late"}, order=order)
    assert store.readings == readings
    snapshot = (await client.get(f"{V1}/orders/alpha/1106")).json()
    assert snapshot["read_at"] is not None
    assert first["order"]["id"] == snapshot["id"]


async def test_stores_and_orders_that_are_not_there(client: AsyncClient, runtime: Runtime) -> None:
    """404 for what does not exist, 503 while the store does not answer, and nothing is left behind."""
    store = FakeStore("alpha")
    runtime.stores = FakeStores(store)
    body = {"store": "alpha", "order": "1106", "lines": [lamp()]}
    headers = {"Idempotency-Key": "once"}
    answer = await client.post(f"{V1}/return-requests", json=body, headers=headers)
    assert (answer.status_code, answer.json()["code"]) == (404, "order_not_found")
    answer = await client.post(f"{V1}/return-requests", json={**body, "store": "nowhere"})
    assert (answer.status_code, answer.json()["code"]) == (404, "unknown_store")
    store.down = True
    answer = await client.post(f"{V1}/return-requests", json=body, headers=headers)
    assert (answer.status_code, answer.json()["code"]) == (503, "store_unavailable")
    store.down, store.known = False, [order_of()]
    # A key whose request failed is free: the same key may try again.
    assert (await client.post(f"{V1}/return-requests", json=body, headers=headers)).status_code == 201
    assert await _count(runtime) == (1, 1)


@pytest.mark.parametrize(
    ("change", "code"),
    [
        ({"lines": [lamp(3)]}, "quantity_not_available"),
        ({"lines": [{"line_id": "9", "quantity": 1, "reason": "lost"}]}, "unknown_line"),
        ({"lines": [{"sku": "NONE", "quantity": 1, "reason": "lost"}]}, "unknown_line"),
        ({"lines": [lamp(), {"sku": "LAMP-01", "quantity": 1, "reason": "lost"}]}, "duplicate_line"),
        ({"email": "somebody@example.com"}, "email_does_not_match"),
    ],
)
async def test_what_the_order_does_not_allow(
    client: AsyncClient, runtime: Runtime, change: dict[str, object], code: str
) -> None:
    """422 with a code that says what is wrong."""
    await keep(runtime, order_of())
    body = {"store": "alpha", "order": "1106", "lines": [lamp()], **change}
    answer = await client.post(f"{V1}/return-requests", json=body)
    assert (answer.status_code, answer.json()["code"]) == (422, code)
    assert await _count(runtime) == (0, 0)


async def test_the_same_key_gets_the_same_answer(client: AsyncClient, runtime: Runtime) -> None:
    """201 again with the first body; another body is refused; another caller has keys of its own."""
    await keep(runtime, order_of())
    body = {"store": "alpha", "order": "1106", "lines": [lamp()]}
    headers = {"Idempotency-Key": "return-1"}
    first = await client.post(f"{V1}/return-requests", json=body, headers=headers)
    again = await client.post(f"{V1}/return-requests", json=body, headers=headers)
    assert (first.status_code, again.status_code) == (201, 201)
    assert "idempotency-replayed" not in first.headers
    assert again.headers["idempotency-replayed"] == "true"
    assert again.json() == first.json()
    other = await client.post(f"{V1}/return-requests", json={**body, "lines": [lamp(2)]}, headers=headers)
    assert (other.status_code, other.json()["code"]) == (409, "idempotency_key_reused")
    note = await client.post(f"{V1}/cases/{first.json()['cases'][0]['id']}/note", json={"text": "x"}, headers=headers)
    assert (note.status_code, note.json()["code"]) == (409, "idempotency_key_reused")
    root = {**headers, "Authorization": "Bearer test-admin-key-0123456789"}
    assert (await client.post(f"{V1}/return-requests", json=body, headers=root)).status_code == 201
    assert await _count(runtime) == (2, 2)


@pytest.mark.parametrize("key", ["", "x" * 256, "umlaut-\u00fc"])
async def test_a_key_is_short_and_printable(client: AsyncClient, key: str) -> None:
    """422 for anything else."""
    body = {"store": "alpha", "order": "1106", "lines": [lamp()]}
    headers = {"Idempotency-Key": key.encode("utf-8")}
    answer = await client.post(f"{V1}/return-requests", json=body, headers=headers)  # type: ignore[arg-type]
    assert (answer.status_code, answer.json()["code"]) == (422, "invalid_request")


async def test_two_at_once_with_one_key_make_one_request(client: AsyncClient, runtime: Runtime) -> None:
    """The second waits for the first and gets its answer."""
    await keep(runtime, order_of())
    body = {"store": "alpha", "order": "1106", "lines": [lamp()]}
    headers = {"Idempotency-Key": "at-once"}
    posts = (client.post(f"{V1}/return-requests", json=body, headers=headers) for _ in range(2))
    answers = await asyncio.gather(*posts)
    assert [answer.status_code for answer in answers] == [201, 201]
    assert answers[0].json() == answers[1].json()
    assert sorted("idempotency-replayed" in answer.headers for answer in answers) == [False, True]
    assert await _count(runtime) == (1, 1)
