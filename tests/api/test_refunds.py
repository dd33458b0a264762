"""Refunds: lists, one, and settling what no machine can know."""

from __future__ import annotations

from uuid import UUID

import pytest
from httpx import AsyncClient
from sqlalchemy import select

from app.db.base import new_id
from app.orders import service as orders
from app.orders.models import ObservedRefund, Order
from app.orders.snapshot import RefundState, SeenRefund
from app.refunds.models import Refund
from app.refunds.states import RefundStatus
from app.runtime import Runtime
from tests.api.kit import LAMP, V1, VIEWER, case_in, refund_in

YES = {"outcome": "succeeded", "store_refund_id": "998877", "reason": "seen in the gateway"}
NO = {"outcome": "not_made", "reason": "the gateway shows nothing"}


async def test_a_refund_answers_with_everything(client: AsyncClient, runtime: Runtime) -> None:
    """Alone, in the list, on its case: the same object."""
    case = await case_in(client, runtime, "resolving")
    refund_id = await refund_in(runtime, case, RefundStatus.UNKNOWN)
    refund = (await client.get(f"{V1}/refunds/{refund_id}", headers=VIEWER)).json()
    assert (refund["id"], refund["case_id"], refund["status"]) == (refund_id, case["id"], "unknown")
    assert (refund["amount"], refund["ground"]) == ({"amount": "50.00", "currency": "EUR"}, "supplier")
    assert (refund["store_refund_id"], refund["settled_at"], refund["detail"]) == (None, None, "no answer")
    assert refund["order"] == case["order"]
    (line,) = refund["lines"]
    assert (line["line_id"], line["quantity"], line["total"]["amount"]) == (LAMP, 2, "50.00")
    (attempt,) = refund["attempts"]
    assert (attempt["number"], attempt["outcome"], attempt["answer"]) == (1, None, None)
    assert (await client.get(f"{V1}/refunds")).json() == {"items": [refund], "next_cursor": None}
    assert (await client.get(f"{V1}/cases/{case['id']}")).json()["refunds"] == [refund]


@pytest.mark.parametrize(
    ("query", "count"),
    [
        ("status=unknown", 1),
        ("status=succeeded", 0),
        ("case=MG-NOSUCH", 0),
        ("case=%s", 1),
        ("status=planned&case=%s", 0),
    ],
)
async def test_filters(client: AsyncClient, runtime: Runtime, query: str, count: int) -> None:
    """By status and by case."""
    case = await case_in(client, runtime, "resolving")
    await refund_in(runtime, case, RefundStatus.UNKNOWN)
    for name in (case["id"], case["reference"].lower()):
        found = (await client.get(f"{V1}/refunds?{query.replace('%s', name)}")).json()["items"]
        assert len(found) == count


async def test_shipping_is_a_part_like_a_line(client: AsyncClient, runtime: Runtime) -> None:
    """Its kind says what it is, and it has no quantity."""
    case = await case_in(client, runtime, "resolving")
    refund_id = await refund_in(runtime, case, RefundStatus.PLANNED)
    async with runtime.work() as work:
        refund = await work.session.get_one(Refund, UUID(refund_id))
        refund.extras = [{"line_id": "871", "kind": "shipping", "total": 500, "tax": 80, "taxes": {}}]
    shown = (await client.get(f"{V1}/refunds/{refund_id}")).json()
    lamps, shipping = shown["lines"]
    assert (lamps["kind"], lamps["quantity"], lamps["tax"]["amount"]) == ("line", 2, "8.00")
    assert shipping == {
        "line_id": "871",
        "kind": "shipping",
        "quantity": None,
        "total": {"amount": "5.00", "currency": "EUR"},
        "tax": {"amount": "0.80", "currency": "EUR"},
    }
    assert (shown["store"], shown["next_check_at"] is None, shown["created_at"] is None) == ("alpha", False, False)


async def test_a_list_goes_on_page_by_page(client: AsyncClient, runtime: Runtime) -> None:
    """The cursor of a page leads to what comes after it."""
    case = await case_in(client, runtime, "resolving")
    old = await refund_in(runtime, case, RefundStatus.PLANNED)
    async with runtime.work() as work:
        first = await work.session.get_one(Refund, UUID(old))
        names = [column.name for column in Refund.__table__.columns if column.name != "id"]
        second = Refund(id=new_id(), **{name: getattr(first, name) for name in names})
        work.session.add(second)
    page = (await client.get(f"{V1}/refunds?limit=1")).json()
    assert [item["id"] for item in page["items"]] == [str(second.id)]
    rest = (await client.get(f"{V1}/refunds", params={"limit": 1, "cursor": page["next_cursor"]})).json()
    assert ([item["id"] for item in rest["items"]], rest["next_cursor"]) == ([old], None)


@pytest.mark.parametrize("status", [RefundStatus.NEEDS_REVIEW, RefundStatus.UNKNOWN])
async def test_settled_as_succeeded(client: AsyncClient, runtime: Runtime, status: RefundStatus) -> None:
    """The money counts as proven: the case is resolved, and the trail says who said so and why."""
    case = await case_in(client, runtime, "resolving")
    refund_id = await refund_in(runtime, case, status)
    answer = await client.post(f"{V1}/refunds/{refund_id}/settle", json=YES)
    assert answer.status_code == 200
    refund = answer.json()
    assert (refund["status"], refund["store_refund_id"]) == ("succeeded", "998877")
    assert refund["settled_at"] is not None
    case = (await client.get(f"{V1}/cases/{case['id']}")).json()
    assert (case["state"], case["lines"][0]["refunded"]) == ("resolved", 2)
    trail = (await client.get(f"{V1}/cases/{case['id']}/events")).json()["items"]
    (note,) = [one for one in trail if one["data"].get("outcome") == "succeeded"]
    assert (note["actor"], note["data"]["reason"]) == ("operator:ops", "seen in the gateway")
    order = (await client.get(f"{V1}/orders/alpha/1106")).json()
    assert (order["refunded"]["amount"], order["reserved"]["amount"]) == ("50.00", "0.00")
    assert order["refunds"][0]["refund_id"] == refund_id


async def test_settled_without_a_store_refund(client: AsyncClient, runtime: Runtime) -> None:
    """The gateway paid and the store shows nothing: no id is made up."""
    case = await case_in(client, runtime, "resolving")
    refund_id = await refund_in(runtime, case, RefundStatus.NEEDS_REVIEW)
    body = {"outcome": "succeeded", "reason": "paid at the gateway"}
    refund = (await client.post(f"{V1}/refunds/{refund_id}/settle", json=body)).json()
    assert (refund["status"], refund["store_refund_id"]) == ("succeeded", None)


async def test_settled_as_not_made(client: AsyncClient, runtime: Runtime) -> None:
    """What was reserved is free again, and the case asks for another way."""
    case = await case_in(client, runtime, "resolving")
    refund_id = await refund_in(runtime, case, RefundStatus.NEEDS_REVIEW)
    refund = (await client.post(f"{V1}/refunds/{refund_id}/settle", json=NO)).json()
    assert refund["status"] == "rejected"
    case = (await client.get(f"{V1}/cases/{case['id']}")).json()
    assert case["state"] == "contested"
    assert "absorb" in case["allowed_actions"]
    assert "problem:refund_rejected" in case["attention"]
    order = (await client.get(f"{V1}/orders/alpha/1106")).json()
    assert (order["refunded"]["amount"], order["refundable"]["amount"]) == ("0.00", "65.00")


async def test_what_is_not_in_doubt_cannot_be_settled(client: AsyncClient, runtime: Runtime) -> None:
    """409 with the statuses that can, also for a second settling."""
    case = await case_in(client, runtime, "resolving")
    refund_id = await refund_in(runtime, case, RefundStatus.PLANNED)
    answer = await client.post(f"{V1}/refunds/{refund_id}/settle", json=NO)
    assert (answer.status_code, answer.json()["code"]) == (409, "refund_not_movable")
    assert answer.json()["allowed_statuses"] == ["needs_review", "unknown"]
    missing = await client.post(f"{V1}/refunds/{case['id']}/settle", json=NO)
    assert (missing.status_code, missing.json()["code"]) == (404, "not_found")


@pytest.mark.parametrize(
    "body",
    [
        {},
        {"outcome": "succeeded"},
        {"reason": "seen in the gateway"},
        {"outcome": "maybe", "reason": "x"},
        {**NO, "more": 1},
        {**NO, "store_refund_id": "998877"},
    ],
)
async def test_settling_needs_a_reason(client: AsyncClient, body: dict[str, object]) -> None:
    """And one of two outcomes."""
    answer = await client.post(f"{V1}/refunds/0199f5a2-0000-7000-8000-000000000001/settle", json=body)
    assert (answer.status_code, answer.json()["code"]) == (422, "invalid_request")


async def _seen_by_others(runtime: Runtime, store_refund_id: str, applied: bool) -> None:
    seen = SeenRefund(store_refund_id, 5000, RefundState.SUCCEEDED, lines={LAMP: 2}, extras={})
    async with runtime.work() as work:
        order = (await work.session.scalars(select(Order))).one()
        await orders.keep_refund(work, order, seen)
        row = (await work.session.scalars(select(ObservedRefund))).one()
        if applied:
            row.applied_at, row.applied = work.now, {"some case": {LAMP: 2}}


async def test_a_refund_seen_without_our_marker_is_claimed(client: AsyncClient, runtime: Runtime) -> None:
    """It is the proof of ours, and the money is counted once."""
    case = await case_in(client, runtime, "resolving")
    refund_id = await refund_in(runtime, case, RefundStatus.NEEDS_REVIEW)
    await _seen_by_others(runtime, "998877", applied=False)
    assert (await client.post(f"{V1}/refunds/{refund_id}/settle", json=YES)).status_code == 200
    order = (await client.get(f"{V1}/orders/alpha/1106")).json()
    assert (order["refunded"]["amount"], order["refundable"]["amount"]) == ("50.00", "15.00")
    line = (await client.get(f"{V1}/cases/{case['id']}")).json()["lines"][0]
    assert (line["refunded"], line["external"]) == (2, 0)


async def test_a_refund_counted_as_somebody_elses_is_no_proof(client: AsyncClient, runtime: Runtime) -> None:
    """The customer has that money once: the person is told to say so."""
    case = await case_in(client, runtime, "resolving")
    refund_id = await refund_in(runtime, case, RefundStatus.NEEDS_REVIEW)
    await _seen_by_others(runtime, "998877", applied=True)
    answer = await client.post(f"{V1}/refunds/{refund_id}/settle", json=YES)
    assert (answer.status_code, answer.json()["code"]) == (409, "store_refund_taken")
    assert (await client.get(f"{V1}/refunds/{refund_id}")).json()["status"] == "needs_review"


async def test_settling_with_a_key_is_done_once(client: AsyncClient, runtime: Runtime) -> None:
    """The repeat gets the first answer, not a refusal."""
    case = await case_in(client, runtime, "resolving")
    refund_id = await refund_in(runtime, case, RefundStatus.NEEDS_REVIEW)
    path, headers = f"{V1}/refunds/{refund_id}/settle", {"Idempotency-Key": "settle-1"}
    first = await client.post(path, json=NO, headers=headers)
    again = await client.post(path, json=NO, headers=headers)
    assert (first.status_code, again.status_code) == (200, 200)
    assert first.json() == again.json()
