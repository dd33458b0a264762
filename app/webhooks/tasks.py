"""Reads deliveries, each in a transaction of its own, so that a bad one never holds others back."""

from __future__ import annotations

from datetime import timedelta
from urllib.parse import urlsplit
from uuid import UUID

import structlog
from procrastinate import JobContext
from sqlalchemy import select
from sqlalchemy.exc import DataError, DBAPIError, ProgrammingError

from app import watching
from app.cases import service as cases
from app.cases.states import TransitionConflict
from app.crashpoints import Point, reached
from app.db.work import Work
from app.errors import AppError, Unavailable
from app.jobs import blueprint, defer
from app.logging import place_of
from app.orders.reading import UnreadablePayload, parse_object
from app.orders.snapshot import Platform
from app.runtime import Runtime, runtime_of
from app.settings_store import StoreSettings
from app.settings_types import is_loopback_host
from app.stores import installation
from app.suppliers import calls
from app.suppliers.events import event_from
from app.suppliers.news import take_in
from app.webhooks import inbox
from app.webhooks.models import Delivery, SourceKind
from app.webhooks.topics import SENT_AFTER_REMOVAL, handler_of, triggered_at

_SWEEP_LEASE = timedelta(seconds=60)
# A delivery whose reading ended so many processes is shown as failed, before it ends them all for ever.
MOST_DEATHS = 5
log = structlog.get_logger()


@blueprint.task(name="webhooks.process", pass_context=True)
async def process(context: JobContext, delivery_id: str) -> None:
    """Reads one delivery. Its failure is written on it and never thrown at the queue."""
    runtime = runtime_of(context)
    try:
        async with runtime.work() as work:
            delivery = await inbox.take(work, UUID(delivery_id))
            # The job of a dead worker is the only one that is tried again.
            if delivery is not None and context.job.attempts >= MOST_DEATHS:
                await inbox.failed(work, delivery.id, f"{MOST_DEATHS} processes ended while reading it", passing=False)
            elif delivery is not None:
                with watching.reading(work.session, delivery):
                    inbox.done(work, delivery, await _read(work, delivery))
    except (DataError, ProgrammingError) as error:
        await _failed(runtime, UUID(delivery_id), f"{type(error).__name__}: it cannot be stored", passing=False)
    except (DBAPIError, TransitionConflict, Unavailable) as error:
        await _failed(runtime, UUID(delivery_id), f"{type(error).__name__}: a passing fault", passing=True)
    except AppError as error:
        await _failed(runtime, UUID(delivery_id), f"{error.code}: {error.detail}", passing=False)
    except Exception as error:  # noqa: BLE001 - it is written on the delivery, and the next one must go on
        # Never its text: it may quote what a customer wrote.
        log.error("webhook_handler_broke", delivery=delivery_id, error=type(error).__name__, where=place_of(error))
        await _failed(runtime, UUID(delivery_id), f"{type(error).__name__} while reading the body", passing=False)
    reached(Point.WEBHOOK_READ)


async def _read(work: Work, delivery: Delivery) -> str | None:
    if delivery.source_kind == SourceKind.SUPPLIER:
        return await _read_supplier_event(work, delivery)
    store = work.settings.stores.get(delivery.source)
    if store is None:
        return "the store is no longer configured"
    _refuse_clone(store, delivery)
    if store.platform is Platform.SHOPIFY and delivery.topic not in SENT_AFTER_REMOVAL:
        await installation.sign_of_life(work, delivery.source, triggered_at(delivery))
    handler = handler_of(store.platform, delivery.topic)
    if handler is None:
        return f"no use for the topic {delivery.topic}"
    return await handler(work, delivery, parse_object(delivery.body))


def _refuse_clone(store: StoreSettings, delivery: Delivery) -> None:
    """A staging clone copies webhooks and secrets and sends orders of its own; it gives itself away by its address."""
    if store.platform is not Platform.WOOCOMMERCE:
        return
    says = _bare_host(delivery.headers.get("x-wc-webhook-source"))
    ours = _bare_host(store.url)
    if says and ours and says != ours and not is_loopback_host(says) and not is_loopback_host(ours):
        raise UnreadablePayload(f"The delivery comes from {says}, not from {ours}: a copy of the site, perhaps.")


def _bare_host(url: str | None) -> str | None:
    try:
        host = urlsplit(url).hostname if url else None
    except ValueError:
        raise UnreadablePayload("The delivery says that it comes from an address that is none.") from None
    return host.removeprefix("www.") if host else None


async def _read_supplier_event(work: Work, delivery: Delivery) -> str | None:
    event = event_from(delivery.body)
    case_id = await calls.case_of_return(work, delivery.source, event.return_id)
    if case_id is None:
        raise UnreadablePayload(f"The supplier {delivery.source} has no return {event.return_id[:60]!r}.")
    await take_in(work, await cases.lock(work, case_id), event.answer)
    return None


async def _failed(runtime: Runtime, delivery_id: UUID, error: str, *, passing: bool) -> None:
    async with runtime.work() as work:
        await inbox.failed(work, delivery_id, error, passing=passing)


async def sweep(runtime: Runtime) -> None:
    """Enqueues deliveries that wait for a second try, or whose job was lost."""
    async with runtime.work() as work:
        statement = select(Delivery).where(inbox.waiting(work)).limit(200).with_for_update(skip_locked=True)
        for delivery in await work.session.scalars(statement):
            delivery.next_try_at = work.now + _SWEEP_LEASE
            await defer(work.session, "webhooks.process", delivery_id=str(delivery.id))
