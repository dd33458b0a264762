"""Events: what the merchant's own systems were told, how they took it, and telling it again."""

from __future__ import annotations

from typing import Annotated
from uuid import UUID

from fastapi import APIRouter, Path, Query
from pydantic import AfterValidator
from starlette.responses import JSONResponse

from app.api import BadCursor, InRuntime, InWork, Operator, Page, Paging, Reader
from app.cases import queries as cases
from app.db.idempotency import IdempotencyKeyReused
from app.db.work import Work
from app.errors import NotFound
from app.errors_http import RequestTooLarge, refusals
from app.once import InOnce
from app.outbound import queries, receivers, replays, sending, service
from app.outbound.models import OutboundEvent
from app.outbound.replays import NoReceiver, StretchRefused, UnknownReceiver
from app.outbound.schemas import (
    EventDetailOut,
    EventFilter,
    OutboundEventOut,
    ReceiverOut,
    ReplayBody,
    StretchBody,
    StretchOut,
)
from app.stores.listing import KeyCursor, Limit, page_of
from app.wire import Wish, storable

router = APIRouter(prefix="/events", tags=["events"])


@router.get(
    "",
    summary="Lists events",
    description=(
        "Newest first: what receivers (`MAKEGOOD_EVENTS__<KEY>__URL`) are told. Events are written while at least one "
        "receiver is configured, and kept for `MAKEGOOD_RETENTION_EVENT_DAYS`."
    ),
    responses=refusals(BadCursor),
)
async def list_outbound_events(
    _reader: Reader, work: InWork, paging: Paging, wanted: Annotated[EventFilter, Query()]
) -> Page[OutboundEventOut]:
    """One page of events, each with where it stands."""
    case_id = await cases.find_id(work, wanted.case) if wanted.case is not None else None
    if wanted.case is not None and case_id is None:
        return Page(items=[])
    found = queries.Wanted(wanted.type, case_id, wanted.since, wanted.receiver, wanted.status)
    rows = await queries.search(work, found, paging.after, paging.limit + 1)
    sendings = await queries.sendings(work, [row.id for row in rows])
    return paging.page(rows, [OutboundEventOut.of(row, sendings[row.id]) for row in rows])


@router.get(
    "/receivers",
    summary="Lists the receivers of events",
    description="By key. Their settings without any secret, and how they fare. A failing one recovers by itself.",
    responses=refusals(),
)
async def list_receivers(
    _reader: Reader, work: InWork, limit: Limit = 50, cursor: KeyCursor = None
) -> Page[ReceiverOut]:
    """The configured receivers."""
    keys, following = page_of(work.settings.events, limit, cursor)
    health = await queries.health(work)
    items = [receivers.shown(work, key, health.get(key), await queries.backlog(work, key)) for key in keys]
    return Page(items=items, next_cursor=following)


@router.post(
    "/receivers/{receiver}/test",
    status_code=202,
    summary="Tests a receiver",
    description=(
        "Sends it a `makegood.test` event, whatever it wants; `GET /events/{id}` tells how it took it. A pause or an "
        "earlier HTTP 410 is forgotten, so this is also how a receiver is enabled again."
    ),
    response_model=OutboundEventOut,
    responses=refusals(UnknownReceiver, IdempotencyKeyReused),
)
async def try_receiver(
    _operator: Operator,
    runtime: InRuntime,
    once: InOnce,
    receiver: Annotated[str, Path(max_length=40, examples=["crm"]), AfterValidator(storable)],
) -> JSONResponse:
    """Writes the event; a worker sends it."""

    async def tested(work: Work) -> OutboundEventOut:
        key = replays.require_receiver(work, receiver)
        await sending.revive(work, key)
        return await _shown(work, await service.test(work, key))

    return await once.carry_out(runtime, Wish(), tested, 202)


@router.post(
    "/replay",
    status_code=202,
    summary="Sends a stretch of events again",
    description=(
        "Oldest first, in steps, to one receiver or to each that wants them. The ids stay the same, so a receiver "
        "knows what it has had; one that was configured later gets what it never had. At most 31 days at a time."
    ),
    response_model=StretchOut,
    responses=refusals(UnknownReceiver, StretchRefused, IdempotencyKeyReused, RequestTooLarge),
)
async def replay_events(_operator: Operator, runtime: InRuntime, once: InOnce, body: StretchBody) -> JSONResponse:
    """Enqueues the replay."""

    async def begun(work: Work) -> StretchOut:
        stretch = replays.stretch_of(work, body.since, body.until, body.receiver, body.types, body.failed_only)
        await replays.begin(work, stretch)
        return StretchOut.model_validate(stretch, from_attributes=True)

    return await once.carry_out(runtime, body, begun, 202)


@router.get(
    "/{id}",
    summary="Shows an event",
    description="With every try to send it: when, what was answered, and when it is tried again.",
    responses=refusals(NotFound),
)
async def get_outbound_event(_reader: Reader, work: InWork, id: UUID) -> EventDetailOut:
    """The event by its id."""
    event = await work.session.get(OutboundEvent, id)
    if event is None:
        raise NotFound(f"There is no event {id}.")
    sendings = await queries.sendings(work, [id])
    return EventDetailOut.with_attempts(event, sendings[id], await queries.attempts(work, id))


@router.post(
    "/{id}/replay",
    status_code=202,
    summary="Sends an event again",
    description="Under the same id, to one receiver or to each that wants it. One that waits is due at once.",
    response_model=OutboundEventOut,
    responses=refusals(NotFound, UnknownReceiver, NoReceiver, IdempotencyKeyReused, RequestTooLarge),
)
async def replay_event(
    _operator: Operator, runtime: InRuntime, once: InOnce, id: UUID, body: ReplayBody | None = None
) -> JSONResponse:
    """Queues the event; a worker sends it."""
    wish = body or ReplayBody()

    async def queued(work: Work) -> OutboundEventOut:
        return await _shown(work, (await replays.again(work, id, wish.receiver)).id)

    return await once.carry_out(runtime, wish, queued, 202)


async def _shown(work: Work, event_id: UUID) -> OutboundEventOut:
    event = await work.session.get_one(OutboundEvent, event_id)
    return OutboundEventOut.of(event, (await queries.sendings(work, [event_id]))[event_id])
