"""What is in use while a customer is erased is erased later; and what others have is not touched."""

from __future__ import annotations

from datetime import timedelta
from uuid import UUID

import pytest
from httpx import AsyncClient
from sqlalchemy import select, update

from app.clock import MovableClock
from app.messages.models import Message, MessageStatus
from app.orders.models import Order
from app.privacy import service as privacy
from app.privacy.models import PrivacyKind, PrivacyRequest
from app.runtime import Runtime
from app.worker import run_until_idle
from tests.api.kit import V1, case_in, keep, order_of

ADMIN = {"Authorization": "Bearer test-admin-key-0123456789"}


async def ask(runtime: Runtime, wish: privacy.Wish) -> UUID:
    async with runtime.work() as work:
        made = await privacy.ask(work, wish)
        assert made is not None
    await run_until_idle(runtime)
    return made.id


@pytest.mark.parametrize("status", [MessageStatus.QUEUED, MessageStatus.SENDING])
async def test_a_mail_that_waits_is_never_sent_and_one_being_sent_is_erased_later(
    client: AsyncClient, runtime: Runtime, status: MessageStatus
) -> None:
    clock = MovableClock()
    runtime.clock = clock
    await case_in(client, runtime, "awaiting_shipment", 1)
    async with runtime.work() as work:
        await work.session.execute(update(Message).values(status=status))
    request_id = await ask(runtime, privacy.Wish("alpha", PrivacyKind.REDACT, "operator:root", email="ann@example.com"))
    async with runtime.work() as work:
        mails = (await work.session.scalars(select(Message))).all()
        request = await work.session.get_one(PrivacyRequest, request_id)
        if status is MessageStatus.QUEUED:
            assert {(mail.status, mail.recipient) for mail in mails} == {("failed", "[redacted]")}
            assert (request.done_at is not None, request.email) == (True, None)
            return
        assert {(mail.status, mail.recipient) for mail in mails} == {("sending", "Ann@Example.com")}
        assert (request.done_at, request.email) == (None, "ann@example.com")
        await work.session.execute(update(Message).values(status=MessageStatus.SENT))
    clock.move(timedelta(minutes=2))
    await run_until_idle(runtime)
    async with runtime.work() as work:
        assert set(await work.session.scalars(select(Message.recipient))) == {"[redacted]"}
        request = await work.session.get_one(PrivacyRequest, request_id)
        assert (request.done_at is not None, request.email) == (True, None)
        counts = [(request.result or {}).get(name) for name in ("orders", "cases", "messages")]
        assert counts == [1, 1, len(mails)]


async def test_only_that_customers_orders_lose_them(client: AsyncClient, runtime: Runtime) -> None:
    await keep(runtime, order_of("5196695273621", "#1106"))
    await keep(runtime, order_of("5196695273622", "#1107"))
    wish = {"store": "alpha", "kind": "redact", "orders": ["#1106"]}
    answer = await client.post(f"{V1}/privacy-requests", json=wish, headers=ADMIN)
    assert (answer.status_code, answer.json()["orders"]) == (202, ["5196695273621"])
    await run_until_idle(runtime)
    async with runtime.work() as work:
        rows = (await work.session.execute(select(Order.number, Order.email).order_by(Order.number))).all()
    assert [tuple(row) for row in rows] == [("#1106", None), ("#1107", "Ann@Example.com")]
    # News of the order does not bring the customer back.
    await keep(runtime, order_of("5196695273621", "#1106", days_ago=4))
    async with runtime.work() as work:
        found = await work.session.execute(select(Order).where(Order.number == "#1106"))
        assert (found.scalar_one().snapshot["email"]) is None


async def test_a_request_names_somebody_and_something_known(client: AsyncClient, runtime: Runtime) -> None:
    path = f"{V1}/privacy-requests"
    nobody = await client.post(path, json={"store": "alpha", "kind": "redact"}, headers=ADMIN)
    assert nobody.status_code == 422
    unknown = await client.post(path, json={"store": "alpha", "kind": "redact", "orders": ["9"]}, headers=ADMIN)
    assert (unknown.status_code, unknown.json()["code"]) == (404, "order_not_found")
    store = await client.post(path, json={"store": "zeta", "kind": "redact", "email": "a@b.c"}, headers=ADMIN)
    assert (store.status_code, store.json()["code"]) == (404, "unknown_store")
    assert (await client.get(path)).status_code == 403
