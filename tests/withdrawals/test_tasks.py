"""Declarations whose store is silent, whose job was lost, or that somebody erases."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

from httpx import AsyncClient
from sqlalchemy import select, text

from app.clock import MovableClock
from app.runtime import Runtime
from app.withdrawals.models import Withdrawal
from tests.api.kit import FakeStore, FakeStores, keep, order_of
from tests.withdrawals.kit import ANN, Visitor, settle, withdrawals

ADMIN = {"Authorization": "Bearer test-admin-key-0123456789"}


async def test_a_silent_store_is_asked_again_and_then_a_person(client: AsyncClient, runtime: Runtime) -> None:
    clock, shop = MovableClock(), FakeStore("alpha", order_of())
    runtime.clock, runtime.stores = clock, FakeStores(shop)
    shop.down = True
    await Visitor(client).declare()
    await settle(runtime)
    assert [one["status"] for one in await withdrawals(client)] == ["received"]
    clock.move(timedelta(minutes=6))
    await settle(runtime)
    assert shop.readings >= 2
    clock.move(timedelta(hours=6))
    await settle(runtime)
    (waiting,) = await withdrawals(client)
    assert (waiting["status"], waiting["detail"]) == (
        "unmatched", "The store did not answer when it was asked for the order.",
    )  # fmt: skip


async def test_a_lost_job_is_found_again(client: AsyncClient, runtime: Runtime) -> None:
    clock = MovableClock()
    runtime.clock = clock
    await keep(runtime, order_of())
    await Visitor(client).declare()
    async with runtime.work() as work:
        await work.session.execute(text("DELETE FROM procrastinate_jobs"))
    await settle(runtime)
    assert [one["status"] for one in await withdrawals(client)] == ["received"]
    clock.move(timedelta(minutes=2))
    await settle(runtime)
    assert [one["status"] for one in await withdrawals(client)] == ["matched"]


async def erased(client: AsyncClient, runtime: Runtime, **whom: Any) -> None:
    body = {"store": "alpha", "kind": "redact", **whom}
    answer = await client.post("/api/v1/privacy-requests", json=body, headers=ADMIN)
    assert answer.status_code == 202, answer.text
    await settle(runtime)


async def test_who_asks_to_be_forgotten_is(client: AsyncClient, runtime: Runtime) -> None:
    """Also where no order was found; what was declared when and what became of it stays."""
    runtime.stores = FakeStores(FakeStore("alpha"))
    await keep(runtime, order_of())
    await Visitor(client).declare()
    await Visitor(client).declare({**ANN, "order": "77", "goods": "the red one"})
    await settle(runtime)
    shown = await client.post(
        "/api/v1/privacy-requests",
        json={"store": "alpha", "kind": "data_request", "email": ANN["email"]},
        headers=ADMIN,
    )
    told = (await client.get(f"/api/v1/privacy-requests/{shown.json()['id']}", headers=ADMIN)).json()
    assert sorted(one["order_named"] for one in told["data"]["withdrawals"]) == ["1106", "77"]
    await erased(client, runtime, email="ANN@example.com")
    async with runtime.work() as work:
        rows = list(await work.session.scalars(select(Withdrawal)))
        assert len(rows) == 2
        assert all((row.name, row.email) == ("[redacted]", "[redacted]") for row in rows)
        assert {row.goods for row in rows} == {None, "[redacted]"}
        mails = (await work.session.execute(text("SELECT text FROM messages WHERE kind = 'withdrawal_receipt'"))).all()
    assert {row[0] for row in mails} == {"[redacted]"}


async def test_retention_forgets_what_matched_nothing(client: AsyncClient, runtime: Runtime) -> None:
    clock = MovableClock()
    runtime.clock, runtime.stores = clock, FakeStores(FakeStore("alpha"))
    await Visitor(client).declare()
    await settle(runtime)
    clock.move(timedelta(days=366))
    await settle(runtime)
    assert [one["email"] for one in await withdrawals(client)] == ["[redacted]"]
