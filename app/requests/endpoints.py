"""Return requests: submitted by a tool or a person, and shown with their cases."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from fastapi import APIRouter, Request
from starlette.responses import JSONResponse

from app.api import InWork, Operator, Reader, runtime_from
from app.cases import queries
from app.cases.answers import case_out
from app.cases.models import Case
from app.db.idempotency import IdempotencyKeyReused
from app.db.work import Work
from app.errors import NotFound
from app.errors_http import RequestTooLarge, refusals
from app.once import InOnce, Once
from app.orders import service as orders
from app.orders.asking import read_named
from app.orders.models import Order
from app.orders.queries import OrderNotFound, required
from app.orders.schemas import ref_of
from app.orders.snapshot import OrderSnapshot
from app.requests import service
from app.requests.models import ReturnRequest
from app.requests.schemas import RequestedLineOut, ReturnRequestBody, ReturnRequestOut
from app.requests.service import Wanted, WantedLine
from app.runtime import Runtime
from app.stores.base import StoreRefused, StoreUnavailable
from app.stores.registry import UnknownStore

router = APIRouter(prefix="/return-requests", tags=["return requests"])


@dataclass(frozen=True, slots=True)
class _Reading:
    """What the store showed, and when it was asked."""

    order: OrderSnapshot
    asked_at: datetime


@router.post(
    "",
    status_code=201,
    summary="Submits a return request",
    description=(
        "Opens one case for each supplier of the lines named; the policy decides each at once. An order that is not "
        "known here yet is read from the store. With an `Idempotency-Key` a repeat gets the first answer again."
    ),
    response_model=ReturnRequestOut,
    responses=refusals(
        UnknownStore,
        OrderNotFound,
        IdempotencyKeyReused,
        RequestTooLarge,
        service.UnknownLine,
        service.AmbiguousLine,
        service.DuplicateLine,
        service.QuantityNotAvailable,
        service.EmailDoesNotMatch,
        StoreRefused,
        StoreUnavailable,
    ),
)
async def submit_return_request(
    request: Request, operator: Operator, once: InOnce, body: ReturnRequestBody
) -> JSONResponse:
    """Takes the request in; the store is only asked for an order that is not known, and outside any transaction."""
    runtime = runtime_from(request)
    if body.store not in runtime.settings.stores:
        raise UnknownStore(f"No store is configured under the key {body.store!r}.")
    try:
        return await _submit(runtime, operator, once, body, None)
    except OrderNotFound:
        asked_at = runtime.clock.now()
        shown = await read_named(runtime.stores.get(body.store), body.order)
        if shown is None:
            raise OrderNotFound(f"The store {body.store} has no order {body.order!r}.") from None
    return await _submit(runtime, operator, once, body, _Reading(shown, asked_at))


async def _submit(
    runtime: Runtime, operator: str, once: Once, body: ReturnRequestBody, reading: _Reading | None
) -> JSONResponse:
    async def submitted(work: Work) -> ReturnRequestOut:
        order = await _locked_order(work, body, reading)
        lines = [
            WantedLine(
                one.quantity,
                one.reason,
                one.line_id,
                one.sku,
                one.note,
                (one.variant_id, None) if one.variant_id else None,
            )
            for one in body.lines
        ]
        wanted = Wanted(body.remedy, lines, "api", f"operator:{operator}", email=body.email)
        stored, opened = await service.submit(work, order, wanted)
        return await _out(work, stored, order, opened)

    return await once.carry_out(runtime, body, submitted, 201)


async def _locked_order(work: Work, body: ReturnRequestBody, reading: _Reading | None) -> Order:
    if reading is not None:
        return (await orders.keep(work, body.store, reading.order, read_at=reading.asked_at))[0]
    return await orders.lock(work, (await required(work, body.store, body.order)).id)


@router.get(
    "/{id}",
    summary="Shows a return request",
    description="What was declared, and the cases as they stand now.",
    responses=refusals(NotFound),
)
async def get_return_request(_reader: Reader, work: InWork, id: UUID) -> ReturnRequestOut:
    """The request by its id."""
    stored = await work.session.get(ReturnRequest, id)
    if stored is None:
        raise NotFound(f"There is no return request {id}.")
    order = await work.session.get_one(Order, stored.order_pk)
    return await _out(work, stored, order, await queries.of_request(work, stored.id))


async def _out(work: Work, stored: ReturnRequest, order: Order, cases: Sequence[Case]) -> ReturnRequestOut:
    return ReturnRequestOut.model_validate(
        {
            "id": stored.id,
            "store": stored.store,
            "order": ref_of(order),
            "origin": stored.origin,
            "store_return_id": stored.store_return_id,
            "email": stored.email,
            "remedy": stored.remedy,
            "lines": [RequestedLineOut.model_validate(line) for line in stored.lines],
            "cases": [case_out(facts) for facts in await queries.facts(work, cases)],
            "created_at": stored.created_at,
        }
    )
