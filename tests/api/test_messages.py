"""Messages: what the customer is told."""

from __future__ import annotations

from httpx import AsyncClient

from app.runtime import Runtime
from tests.api.kit import MUG, V1, VIEWER, act, keep, lamp, order_of, submit


async def test_messages_of_a_case(client: AsyncClient, runtime: Runtime) -> None:
    """Those about the case and those about its whole request, newest first, and none of another case."""
    await keep(runtime, order_of())
    told = await submit(client, lamp(), {"line_id": MUG, "quantity": 1, "reason": "late"})
    first, second = told["cases"]
    await act(client, first, "record-rma", rma_number="RMA-77")
    mine = (await client.get(f"{V1}/messages?case={first['reference'].lower()}", headers=VIEWER)).json()["items"]
    assert [(one["kind"], one["case_id"]) for one in mine] == [("rma_issued", first["id"]), ("receipt", None)]
    assert "RMA-77" in mine[0]["text"]
    assert all('href="http://127.0.0.1:8000/returns/alpha/r/' in one["html"] for one in mine)
    assert (mine[0]["recipient"], mine[0]["status"], mine[0]["language"]) == ("Ann@Example.com", "stored", "fr")
    other = (await client.get(f"{V1}/messages?case={second['id']}")).json()["items"]
    assert [one["kind"] for one in other][-1] == "receipt"
    assert (await client.get(f"{V1}/messages?case=MG-NOSUCH")).json() == {"items": [], "next_cursor": None}
    assert (await client.get(f"{V1}/messages/{mine[0]['id']}")).json() == mine[0]
    assert (await client.get(f"{V1}/messages/{first['id']}")).status_code == 404


async def test_messages_by_status_and_page(client: AsyncClient, runtime: Runtime) -> None:
    """Each once."""
    await keep(runtime, order_of())
    case = (await submit(client))["cases"][0]
    await act(client, case, "record-rma", rma_number="RMA-77")
    assert (await client.get(f"{V1}/messages?status=sent")).json()["items"] == []
    first = (await client.get(f"{V1}/messages?status=stored&limit=1")).json()
    rest = (await client.get(f"{V1}/messages?status=stored&limit=1&cursor={first['next_cursor']}")).json()
    assert [one["kind"] for one in first["items"] + rest["items"]] == ["rma_issued", "receipt"]
    assert rest["next_cursor"] is None
