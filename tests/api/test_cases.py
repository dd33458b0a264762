"""Cases: one, many, filtered, paged, and their audit trail."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest
from httpx import AsyncClient
from sqlalchemy import event

from app.runtime import Runtime
from app.worker import run_until_idle
from tests.api.kit import (
    LAMP,
    MUG,
    V1,
    VIEWER,
    FakeStore,
    FakeStores,
    act,
    case_in,
    keep,
    lamp,
    order_of,
    submit,
    verdict,
)

CONTRACT = {
    "id", "reference", "state", "store", "supplier", "order", "route", "remedy", "reasons", "lines", "rma_number",
    "return_address", "tracking", "gate", "holds", "allowed_actions", "needs_attention", "due", "refunds",
    "created_at", "updated_at",
}  # fmt: skip
COUNTERS = {"requested", "approved", "shipped", "received", "accepted", "refunded"}


async def test_a_case_answers_with_everything(client: AsyncClient, runtime: Runtime) -> None:
    """By id and by reference in any case, with the fields that others rely on."""
    case = await case_in(client, runtime, "in_transit")
    by_id = (await client.get(f"{V1}/cases/{case['id']}", headers=VIEWER)).json()
    by_reference = (await client.get(f"{V1}/cases/{case['reference'].lower()}")).json()
    assert by_id == by_reference == case
    assert set(case) >= CONTRACT
    (line,) = case["lines"]
    assert set(line) >= COUNTERS | {"line_id", "sku", "title", "quantity"}
    assert (line["line_id"], line["sku"], line["quantity"], line["approved"]) == (LAMP, "LAMP-01", 2, 2)
    assert (case["rma_number"], case["route"], case["reasons"]) == ("RMA-1", "return", ["changed_mind"])
    assert [parcel["tracking_number"] for parcel in case["tracking"]] == ["TN-1"]
    # The goods are on their way, so the law's date comes before the carrier's.
    assert case["due"]["kind"] == "legal"
    assert case["legal"]["due_start"] == "declared"
    assert case["due"]["at"].endswith("Z")
    assert case["due"]["at"] <= case["legal"]["due_at"]
    assert (case["gate"], case["refunds"], case["credit"], case["holds"]) == (None, [], None, [])


async def test_a_case_goes_all_the_way(client: AsyncClient, runtime: Runtime) -> None:
    """Verdict, refund, credit: the gate, the money and what the supplier owes are shown."""
    store = FakeStore("alpha", order_of())
    runtime.stores = FakeStores(store)
    case = await case_in(client, runtime, "inspecting")
    credit = {"amount": "9.80", "currency": "USD", "reference": "CN-881", "expected_at": "2026-12-01"}
    case = await act(client, case, "record-verdict", **verdict(2, credit=credit))
    assert case["state"] == "resolving"
    assert case["gate"]["ground"] == "supplier"
    assert case["gate"]["actor"] == "operator:ops"
    await run_until_idle(runtime)
    case = (await client.get(f"{V1}/cases/{case['id']}")).json()
    assert case["state"] == "resolved"
    assert len(store.sent) == 1
    (refund,) = case["refunds"]
    assert (refund["status"], refund["amount"]) == ("succeeded", {"amount": "50.00", "currency": "EUR"})
    assert [attempt["outcome"] for attempt in refund["attempts"]] == ["ok"]
    assert case["credit"]["amount"] == {"amount": "9.80", "currency": "USD"}
    assert (case["credit"]["reference"], case["credit"]["expected_at"]) == ("CN-881", "2026-12-01T00:00:00Z")
    assert case["lines"][0]["refunded"] == 2


async def _three(client: AsyncClient, runtime: Runtime) -> list[str]:
    """Oldest first: a lamp and a mug of order 1106, a lamp of the late order 1107 that needs a person."""
    await keep(runtime, order_of())
    await keep(runtime, order_of("77", "#1107", days_ago=90))
    told = await submit(client, lamp(1, "defective"), {"line_id": MUG, "quantity": 1, "reason": "wrong_size"})
    late = await submit(client, order="1107", email="Ann@example.com")
    return [case["id"] for case in [*told["cases"], *late["cases"]]]


@pytest.mark.parametrize(
    ("query", "found"),
    [
        ("", [2, 1, 0]),
        ("state=under_review", [2]),
        ("state=authorizing", [1, 0]),
        ("state=closed", []),
        ("store=alpha", [2, 1, 0]),
        ("store=Beta", []),
        ("supplier=byhand", [1]),
        ("supplier=ACME&state=authorizing", [0]),
        ("reason=wrong_size", [1]),
        ("order=1106", [1, 0]),
        ("order=%231107", [2]),
        ("order=77", [2]),
        ("order=5196695273621", [1, 0]),
        ("order=12", []),
        ("email=ann@example.com", [2, 1, 0]),
        ("email=nobody@example.com", []),
        ("needs_attention=true", [2, 1]),
        ("needs_attention=false", [0]),
    ],
)
async def test_filters(client: AsyncClient, runtime: Runtime, query: str, found: list[int]) -> None:
    """Each alone, and joined by and. A case with a supplier that is asked by hand needs attention too."""
    ids = await _three(client, runtime)
    answer = (await client.get(f"{V1}/cases?{query}")).json()
    assert [case["id"] for case in answer["items"]] == [ids[index] for index in found]
    assert answer["next_cursor"] is None


async def test_updated_since(client: AsyncClient, runtime: Runtime) -> None:
    """What has not changed since then is left out."""
    ids = await _three(client, runtime)
    changed = (await client.get(f"{V1}/cases/{ids[0]}")).json()["updated_at"]
    later = (datetime.now(UTC) + timedelta(hours=1)).isoformat()
    for since, count in ((changed, 3), (later, 0)):
        answer = await client.get(f"{V1}/cases", params={"updated_since": since})
        assert len(answer.json()["items"]) == count


async def test_pages(client: AsyncClient, runtime: Runtime) -> None:
    """Following `next_cursor` shows everything once, newest first."""
    ids = await _three(client, runtime)
    seen: list[str] = []
    cursor: str | None = None
    for expected in (2, 1):
        params = {"limit": "2", **({"cursor": cursor} if cursor else {})}
        page = (await client.get(f"{V1}/cases", params=params)).json()
        assert len(page["items"]) == expected
        seen += [case["id"] for case in page["items"]]
        cursor = page["next_cursor"]
    assert cursor is None
    assert seen == ids[::-1]


async def test_a_page_takes_the_same_number_of_statements(client: AsyncClient, runtime: Runtime) -> None:
    """However many cases it shows."""
    statements: list[str] = []
    event.listen(
        runtime.database.engine.sync_engine,
        "before_cursor_execute",
        lambda _c, _k, statement, *_: statements.append(statement),
    )
    counts = []
    for number in (1, 2, 3):
        await keep(runtime, order_of(str(number), f"#{number}"))
        await submit(client, order=f"#{number}")
        statements.clear()
        assert len((await client.get(f"{V1}/cases")).json()["items"]) == number
        counts.append(len(statements))
    assert len(set(counts)) == 1
    assert counts[0] <= 10


async def test_the_audit_trail(client: AsyncClient, runtime: Runtime) -> None:
    """Oldest first, by who, from where to where, in pages."""
    case = await case_in(client, runtime, "in_transit")
    trail = (await client.get(f"{V1}/cases/{case['reference']}/events", headers=VIEWER)).json()
    assert trail["next_cursor"] is None
    told = [(one["seq"], one["type"], one["from_state"], one["to_state"], one["actor"]) for one in trail["items"]]
    assert told == [
        (1, "request_submitted", None, "requested", "operator:ops"),
        (2, "approved", "requested", "authorizing", f"policy:{case['policy_version']}"),
        (3, "supplier_authorized", "authorizing", "awaiting_shipment", "operator:ops"),
        (4, "tracking_added", "awaiting_shipment", "in_transit", "operator:ops"),
    ]
    assert trail["items"][3]["data"]["tracking_number"] == "TN-1"
    first = (await client.get(f"{V1}/cases/{case['id']}/events?limit=3")).json()
    rest = (await client.get(f"{V1}/cases/{case['id']}/events?limit=3&cursor={first['next_cursor']}")).json()
    assert first["items"] + rest["items"] == trail["items"]
    assert rest["next_cursor"] is None
