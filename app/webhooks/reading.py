"""Reads one delivery, in a transaction of its own, so that a bad one never holds others back."""

from __future__ import annotations

from uuid import UUID

import structlog
from sqlalchemy.exc import DataError, DBAPIError, ProgrammingError

from app import watching
from app.cases import service as cases
from app.cases.states import TransitionConflict
from app.crashpoints import Point, reached
from app.db.engine import database_is_away
from app.db.work import Work
from app.errors import AppError, Unavailable
from app.logging import place_of
from app.orders.reading import UnreadablePayload, parse_object
from app.orders.snapshot import Platform
from app.runtime import Runtime
from app.stores import installation
from app.suppliers import calls
from app.suppliers.events import event_from
from app.suppliers.news import take_in
from app.webhooks import inbox
from app.webhooks.clones import refuse_clone
from app.webhooks.models import Delivery, SourceKind
from app.webhooks.topics import SENT_AFTER_REMOVAL, handler_of, triggered_at

# A delivery whose reading ended so many processes is shown as failed, before it ends them all for ever.
MOST_DEATHS = 5
log = structlog.get_logger()


async def read(runtime: Runtime, delivery_id: UUID) -> None:
    """Reads one delivery, if it still waits. Its failure is written on it and never thrown.

    Raises what says that the database is away: then nothing is known to be wrong with the delivery.
    """
    try:
        async with runtime.work() as work:
            delivery = await inbox.take(work, delivery_id)
            if delivery is not None and delivery.deaths >= MOST_DEATHS:
                await inbox.failed(work, delivery.id, f"{MOST_DEATHS} processes ended while reading it", passing=False)
            elif delivery is not None:
                with watching.reading(work.session, delivery):
                    inbox.done(work, delivery, await _read(work, delivery))
    except (DataError, ProgrammingError) as error:
        await _failed(runtime, delivery_id, f"{type(error).__name__}: it cannot be stored", passing=False)
    except (DBAPIError, TransitionConflict, Unavailable) as error:
        if database_is_away(error):
            raise
        await _failed(runtime, delivery_id, f"{type(error).__name__}: a passing fault", passing=True)
    except AppError as error:
        await _failed(runtime, delivery_id, f"{error.code}: {error.detail}", passing=False)
    except Exception as error:
        if database_is_away(error):
            raise
        # Never its text: it may quote what a customer wrote.
        log.error("webhook_handler_broke", delivery=str(delivery_id), error=type(error).__name__, where=place_of(error))
        await _failed(runtime, delivery_id, f"{type(error).__name__} while reading the body", passing=False)
    reached(Point.WEBHOOK_READ)


async def _failed(runtime: Runtime, delivery_id: UUID, error: str, *, passing: bool) -> None:
    async with runtime.work() as work:
        await inbox.failed(work, delivery_id, error, passing=passing)


async def _read(work: Work, delivery: Delivery) -> str | None:
    if delivery.source_kind == SourceKind.SUPPLIER:
        return await _read_supplier_event(work, delivery)
    store = work.settings.stores.get(delivery.source)
    if store is None:
        return "the store is no longer configured"
    refuse_clone(store, delivery.headers)
    if store.platform is Platform.SHOPIFY and delivery.topic not in SENT_AFTER_REMOVAL:
        await installation.sign_of_life(work, delivery.source, triggered_at(delivery))
    handler = handler_of(store.platform, delivery.topic)
    if handler is None:
        return f"no use for the topic {delivery.topic}"
    return await handler(work, delivery, parse_object(delivery.body))


async def _read_supplier_event(work: Work, delivery: Delivery) -> str | None:
    event = event_from(delivery.body)
    case_id = await calls.case_of_return(work, delivery.source, event.return_id)
    if case_id is None:
        raise UnreadablePayload(f"The supplier {delivery.source} has no return {event.return_id[:60]!r}.")
    await take_in(work, await cases.lock(work, case_id), event.answer)
    return None
