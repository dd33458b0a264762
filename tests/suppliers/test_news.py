"""What a supplier's word does to a case that has moved on, and to a credit that is known already."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any
from uuid import UUID

import pytest
from httpx import AsyncClient

from app.cases import service as cases
from app.money import Money
from app.runtime import Runtime
from app.suppliers.base import CreditPromise, SupplierAnswer, SupplierStatus, VerdictLine
from app.suppliers.news import take_in
from tests.api.kit import LAMP, V1, act, case_in, verdict


def promise(text: str, currency: str = "USD") -> CreditPromise:
    return CreditPromise(Money.parse(text, currency), "CN-1", datetime(2026, 12, 20, tzinfo=UTC))


async def told(runtime: Runtime, case: dict[str, Any], answer: SupplierAnswer) -> bool:
    async with runtime.work() as work:
        return await take_in(work, await cases.lock(work, UUID(case["id"])), answer)


def confirmed(units: int, credit: CreditPromise | None = None) -> SupplierAnswer:
    return SupplierAnswer(SupplierStatus.CONFIRMED, verdict=(VerdictLine(LAMP, units),), credit=credit)


async def credit_of(client: AsyncClient, case: dict[str, Any]) -> Any:
    found = (await client.get(f"{V1}/cases/{case['id']}")).json()["credit"]
    return found["amount"] and found["amount"]["amount"]


async def test_a_credit_may_be_promised_after_the_verdict(client: AsyncClient, runtime: Runtime) -> None:
    case = await case_in(client, runtime, "resolving")
    assert await credit_of(client, case) is None
    assert await told(runtime, case, confirmed(2, promise("9.80")))
    assert await credit_of(client, case) == "9.80"
    # The same again says nothing new.
    assert not await told(runtime, case, confirmed(2, promise("9.80")))


@pytest.mark.parametrize(
    ("amount", "currency", "known"),
    [("12.00", "USD", "12.00"), ("0.01", "USD", "9.80"), ("9.79", "USD", "9.80"), ("20.00", "EUR", "9.80")],
)
async def test_a_promise_may_be_raised_and_not_lowered(
    client: AsyncClient, runtime: Runtime, amount: str, currency: str, known: str
) -> None:
    case = await case_in(client, runtime, "inspecting")
    case = await act(client, case, "record-verdict", **verdict(2, credit={"amount": "9.80", "currency": "USD"}))
    taken = await told(runtime, case, confirmed(2, promise(amount, currency)))
    assert (taken, await credit_of(client, case)) == (known == amount, known)


async def test_a_refusal_keeps_what_was_found(client: AsyncClient, runtime: Runtime) -> None:
    case = await case_in(client, runtime, "inspecting")
    found = (VerdictLine(LAMP, 0, "used", "Scratched"),)
    assert await told(runtime, case, SupplierAnswer(SupplierStatus.REJECTED, reason="Not new", verdict=found))
    shown = (await client.get(f"{V1}/cases/{case['id']}")).json()
    assert (shown["state"], shown["lines"][0]["condition"]) == ("contested", "used")
    trail = (await client.get(f"{V1}/cases/{case['id']}/events", params={"limit": 200})).json()["items"]
    [refused] = [row["data"] for row in trail if row["type"] == "supplier_rejected"]
    assert (refused["reason"], refused["notes"]) == ("Not new", {LAMP: "Scratched"})


async def test_what_the_case_does_not_need_is_answered_so(client: AsyncClient, runtime: Runtime) -> None:
    case = await case_in(client, runtime, "cancelled")
    assert not await told(runtime, case, confirmed(2))
    assert not await told(runtime, case, SupplierAnswer(SupplierStatus.PENDING))
    assert await told(runtime, await case_in(client, runtime, "contested"), confirmed(1))
