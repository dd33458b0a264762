"""What has been kept long enough goes, by a clock that is moved; what is still needed stays."""

from __future__ import annotations

import hashlib
from datetime import timedelta
from typing import Any

import pytest
from httpx import AsyncClient
from sqlalchemy import select, update

from app.cases.models import Case, Evidence
from app.clock import MovableClock
from app.db.idempotency import IdempotencyKey
from app.evidence.models import Photo
from app.messages.models import Message, MessageStatus
from app.orders.models import Order
from app.privacy import retention
from app.privacy import service as privacy
from app.privacy.models import PrivacyKind, PrivacyRequest
from app.runtime import Runtime
from app.webhooks import inbox
from app.webhooks.models import Delivery, DeliveryStatus
from tests.api.kit import V1, act, case_in, lamp
from tests.webhooks.kit import received


@pytest.fixture
async def clock(runtime: Runtime) -> MovableClock:
    moved = MovableClock()
    runtime.clock = moved
    return moved


async def later(runtime: Runtime, clock: MovableClock, days: int) -> None:
    clock.move(timedelta(days=days))
    await retention.sweep(runtime)


async def one(runtime: Runtime, model: type[Any]) -> Any:
    async with runtime.work() as work:
        return (await work.session.execute(select(model))).scalar_one()


async def test_bodies_go_after_reading_and_failed_ones_later(
    runtime: Runtime, client: AsyncClient, clock: MovableClock
) -> None:
    body = b'{"id": 1, "email": "ann@example.com", "note": "%s"}' % (b"well " * 4000)
    runtime.settings.retention_delivery_row_days = 3650
    async with runtime.work() as work:
        ids = {}
        for status in DeliveryStatus:
            headers = {"x-shopify-webhook-id": status, "x-shopify-topic": "orders/updated"}
            ids[status], _ = await received(runtime, inbox.shopify_arrival("alpha", headers, body))
            over = None if status in (DeliveryStatus.PENDING, DeliveryStatus.FAILED) else work.now
            changed = update(Delivery).where(Delivery.id == ids[status]).values(status=status, processed_at=over)
            await work.session.execute(changed)

    async def kept() -> set[str]:
        async with runtime.work() as work:
            rows = (await work.session.scalars(select(Delivery))).all()
            assert all(row.body_sha256 == hashlib.sha256(body).hexdigest() for row in rows if not row.body)
            return {row.status for row in rows if row.body}

    await later(runtime, clock, 89)
    assert len(await kept()) == 4
    await later(runtime, clock, 2)
    assert await kept() == {"pending", "failed"}
    await later(runtime, clock, 275)
    assert await kept() == {"pending"}
    answer = await client.post(f"{V1}/deliveries/{ids[DeliveryStatus.PROCESSED]}/replay")
    assert (answer.status_code, answer.json()["code"]) == (409, "body_erased")
    async with runtime.work() as work:
        # The row is still there, so the same delivery is still known.
        headers = {"x-shopify-webhook-id": "processed", "x-shopify-topic": "orders/updated"}
        assert not (await received(runtime, inbox.shopify_arrival("alpha", headers, body)))[1]


async def test_an_id_only_body_that_comes_again_is_read_again(runtime: Runtime, clock: MovableClock) -> None:
    body, headers = b'{"id": 5}', {"x-wc-webhook-topic": "order.deleted", "x-wc-webhook-id": "3"}
    async with runtime.work() as work:
        await received(runtime, inbox.woocommerce_arrival("beta", headers, body))
        await work.session.execute(update(Delivery).values(status="processed", processed_at=work.now))
    await later(runtime, clock, 91)
    assert (await one(runtime, Delivery)).body == b""
    async with runtime.work() as work:
        await received(runtime, inbox.woocommerce_arrival("beta", headers, body))
    row = await one(runtime, Delivery)
    assert (row.body, row.status, row.erased_at) == (body, "pending", None)


async def test_answers_mails_and_photos_go(runtime: Runtime, client: AsyncClient, clock: MovableClock) -> None:
    case = await case_in(client, runtime, "awaiting_shipment", 1)
    headers = {"Idempotency-Key": "k"}
    await client.post(f"{V1}/cases/{case['id']}/note", json={"text": "call"}, headers=headers)
    async with runtime.work() as work:
        photo = Photo(content=b"jpeg", sha256="x", created_at=work.now)
        work.session.add(photo)
        await work.session.flush()
        shown = {"kind": "photo", "photo_id": photo.id, "sha256": "x", "added_by": "a"}
        work.session.add(Evidence(case_id=case["id"], created_at=work.now, **shown))
        await work.session.execute(update(Message).values(status=MessageStatus.SENT))
    await later(runtime, clock, 31)
    async with runtime.work() as work:
        assert (await work.session.scalars(select(IdempotencyKey))).all() == []
    # A case that has not ended keeps its photos, however old.
    await later(runtime, clock, 200)
    await act(client, case, "cancel")

    async def content() -> bytes | None:
        async with runtime.work() as work:
            return await work.session.scalar(select(Photo.content))

    await later(runtime, clock, 179)
    assert await content() == b"jpeg"
    await later(runtime, clock, 2)
    assert await content() is None
    async with runtime.work() as work:
        mails = (await work.session.scalars(select(Message).order_by(Message.id))).all()
    kept = [(mail.status, mail.recipient, mail.text == "[redacted]") for mail in mails]
    assert kept[0] == ("sent", "[redacted]", True)
    assert kept[-1][1] == "Ann@Example.com"


async def test_a_request_to_show_data_forgets_the_email(runtime: Runtime, clock: MovableClock) -> None:
    async with runtime.work() as work:
        await privacy.ask(
            work, privacy.Wish("beta", PrivacyKind.DATA_REQUEST, "operator:root", email="Ann@Example.com")
        )
    await later(runtime, clock, 89)
    assert (await one(runtime, PrivacyRequest)).email == "ann@example.com"
    await later(runtime, clock, 2)
    assert (await one(runtime, PrivacyRequest)).email is None


async def test_customers_of_ended_cases_go_only_when_asked(
    runtime: Runtime, client: AsyncClient, clock: MovableClock
) -> None:
    case = await case_in(client, runtime, "awaiting_shipment", 1)
    await later(runtime, clock, 400)
    runtime.settings.retention_personal_days = 365
    await later(runtime, clock, 1)
    assert (await one(runtime, Order)).email == "Ann@Example.com"
    await act(client, case, "cancel")
    await later(runtime, clock, 364)
    assert (await one(runtime, Order)).redacted_at is None
    await later(runtime, clock, 2)
    order = await one(runtime, Order)
    assert (order.email, order.redacted_at is not None, (await one(runtime, Case)).state) == (None, True, "cancelled")
    assert lamp()["line_id"] == order.snapshot["lines"][0]["line_id"]


async def test_looks_rarely_while_there_is_nothing_and_goes_on_at_once_while_there_is_something(
    runtime: Runtime, clock: MovableClock
) -> None:
    async def answers() -> int:
        async with runtime.work() as work:
            return len((await work.session.scalars(select(IdempotencyKey.key))).all())

    async def answer(key: str) -> None:
        async with runtime.work() as work:
            old = work.now - timedelta(days=work.settings.retention_idempotency_days + 1)
            work.session.add(IdempotencyKey(caller="ops", key=key, request_hash="", created_at=old))

    await retention.sweep_at_leisure(runtime)
    await answer("first")
    await retention.sweep_at_leisure(runtime)
    assert await answers() == 1
    clock.move(retention.REST)
    await retention.sweep_at_leisure(runtime)
    assert await answers() == 0
    await answer("second")
    await retention.sweep_at_leisure(runtime)
    assert await answers() == 0
    await retention.sweep_at_leisure(runtime)
    await answer("third")
    # Whatever was thought of a clock that is set back, it is looked at anew.
    clock.move(-2 * retention.REST)
    await retention.sweep_at_leisure(runtime)
    assert await answers() == 0
