"""In a grown database everything that comes in, and all that a worker looks for by itself, is found by an index."""

from __future__ import annotations

import base64
import hashlib
import hmac
import json
import uuid

import pytest
from httpx import AsyncClient
from sqlalchemy import func, select, text

from app import standing
from app.cases.models import NOT_ENDED, Case
from app.evidence.models import Photo
from app.evidence.reuse import shown_before
from app.jobs import defer
from app.messages.digest import digest_of
from app.orders import service as orders
from app.pages.customer import lookup
from app.polling import service as polling
from app.privacy import service as privacy
from app.privacy.models import PrivacyRequest
from app.runtime import Runtime
from app.stores import installation
from app.suppliers import queries as suppliers
from app.webhooks.models import Delivery, DeliveryStatus
from app.worker import SWEEPS, make_queue, run_until_idle, take_over
from tests.growth.watch import watching
from tests.orders.shopify_bodies import order_body

# As many as the largest batch of a sweep takes, with what belongs to it.
MOST_ROWS = 2_500
# Of eight kilobytes: a row that is deleted or changed costs some for each of its table's indexes.
MOST_PAGES = 3_000


@pytest.mark.parametrize("place", range(len(SWEEPS)), ids=lambda place: SWEEPS[place].__module__)
async def test_a_sweep_finds_its_due_work(grown: Runtime, place: int) -> None:
    grown.settings.poll_seconds, grown.settings.webhook_check_minutes = 300, 15
    grown.settings.retention_personal_days, grown.settings.operator_email = 365, "ops@example.com"
    grown.settings.digest_hour = 0
    with watching() as watch:
        await SWEEPS[place](grown)
    async with grown.work() as work:
        # What it enqueued is no part of what the other tests watch.
        await work.session.execute(text("DELETE FROM procrastinate_jobs WHERE task_name <> 'makegood:messages.send'"))
    watch.require_probes(MOST_ROWS, MOST_PAGES)


async def send(client: AsyncClient, body: bytes, webhook_id: str | None = None) -> None:
    """A signed webhook about an order."""
    signature = base64.b64encode(hmac.new(b"alpha-secret", body, hashlib.sha256).digest()).decode()
    headers = {
        "x-shopify-topic": "orders/updated",
        "x-shopify-hmac-sha256": signature,
        "x-shopify-webhook-id": webhook_id or str(uuid.uuid4()),
    }
    answer = await client.post("/webhooks/shopify/alpha", content=body, headers=headers)
    assert answer.status_code == 200, answer.text


async def test_a_webhook_is_taken_in_and_read(reader: AsyncClient, grown: Runtime) -> None:
    async with grown.work() as work:
        pending = select(func.count()).select_from(Delivery).where(Delivery.status == DeliveryStatus.PENDING)
        before = await work.session.scalar(pending)
        of_store = select(Delivery.webhook_id).where(Delivery.source == "alpha", Delivery.topic == "orders/updated")
        known = await work.session.scalar(of_store.order_by(Delivery.id).offset(20_000).limit(1))
    with watching() as watch:
        # A new order, news of it, and news of one that has been there for long.
        for order_id, at in ((91, "2030-01-01T10:00:00Z"), (91, "2030-01-01T10:01:00Z"), (5_000_004_345, "2030-01-01")):
            await send(reader, json.dumps(order_body(id=order_id, updated_at=at)).encode())
        # One that came before.
        await send(reader, json.dumps(order_body(id=5_000_000_500)).encode(), known)
    assert [one for one in watch.seen if "INSERT INTO deliveries" in one.text]
    assert [one for one in watch.seen if "UPDATE deliveries" in one.text]
    watch.require_probes(20, 300)
    with watching() as watch:
        await run_until_idle(grown)
    watch.require_probes(MOST_ROWS, MOST_PAGES)
    async with grown.work() as work:
        assert await orders.find(work, "alpha", "91") is not None
        assert (await work.session.scalar(pending), before) == (0, before)


async def test_the_queue_is_found_by_its_index(grown: Runtime) -> None:
    queue = make_queue(grown.database.url, 4)
    async with grown.work() as work:
        await defer(work.session, "messages.send", message_id=str(uuid.uuid4()))
    async with queue.open_async():
        worker = await queue.job_manager.register_worker()
        with watching() as watch:
            assert await queue.job_manager.fetch_job(queues=None, worker_id=worker) is not None
            await take_over(queue)
        await queue.job_manager.unregister_worker(worker)
    assert len(watch.seen) == 2
    assert not any(one.whole for one in watch.seen), watch.seen


async def test_what_people_look_up_is_found_by_an_index(grown: Runtime, reader: AsyncClient) -> None:
    """The customer's order, the supplier's page, photos that were seen before, the day's digest, a person's data."""
    with watching() as watch:
        with pytest.raises(lookup.OrderNotShown):
            await lookup.look_up(grown, "alpha", "12345", "somebody@example.com", "192.0.2.1")
        async with grown.work() as work:
            photo = (await work.session.scalars(select(Photo).order_by(Photo.id).limit(1))).one()
            await shown_before(work, photo, uuid.uuid4())
            await digest_of(work, work.now)
            await privacy.orders_meant(work, PrivacyRequest(store="alpha", email="ann7@example.com", orders=["7"]))
            await installation.resume(work, "alpha")
    watch.require_probes(MOST_ROWS, MOST_PAGES)


async def test_what_is_about_open_cases_reads_only_those(grown: Runtime) -> None:
    """The supplier's page, and the orders to read again: the choice is among all open cases, and fresh ones."""
    async with grown.work() as work:
        open_ones = await work.session.scalar(select(func.count()).select_from(Case).where(NOT_ENDED))
        assert open_ones is not None
        with watching() as watch:
            assert await polling.to_reread(work, "alpha")
            assert await suppliers.open_cases(work, "acme", 200)
            await suppliers.count_open(work, "acme")
    watch.require_probes(6 * open_ones, 6 * open_ones)


async def test_how_things_stand_is_counted_from_what_waits(grown: Runtime) -> None:
    async with grown.work() as work:
        open_ones = await work.session.scalar(select(func.count()).select_from(Case).where(NOT_ENDED))
        assert open_ones is not None
        with watching() as watch:
            await standing.queue(work)
            await standing.deliveries(work)
            assert sum((await standing.cases(work)).values()) == open_ones
            await standing.attention(work)
            await standing.refunds(work)
            await standing.legal(work)
            await standing.credits_open(work)
            await standing.mails(work)
            await standing.stores(work)
    watch.require_probes(6 * open_ones, 6 * open_ones)
