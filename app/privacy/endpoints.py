"""Requests about customers' data: shown with what is kept, and made by the operator where the store has none."""

from __future__ import annotations

from typing import Annotated
from uuid import UUID

from fastapi import APIRouter, Query
from sqlalchemy import select
from starlette.responses import JSONResponse

from app.api import Admin, BadCursor, InRuntime, InWork, Page, Paging
from app.db.idempotency import IdempotencyKeyReused
from app.db.work import Work
from app.errors import NotFound
from app.errors_http import RequestTooLarge, refusals
from app.once import InOnce
from app.orders import queries as orders
from app.orders.queries import OrderNotFound
from app.privacy import report, service
from app.privacy.models import PrivacyKind, PrivacyRequest
from app.privacy.schemas import PrivacyFilter, PrivacyRequestBody, PrivacyRequestDetailOut, PrivacyRequestOut
from app.stores.registry import UnknownStore

router = APIRouter(prefix="/privacy-requests", tags=["privacy"])


@router.get(
    "",
    summary="Lists requests about customers' data",
    description="Newest first, from Shopify and from operators.",
    responses=refusals(BadCursor),
)
async def list_privacy_requests(
    _admin: Admin, work: InWork, paging: Paging, wanted: Annotated[PrivacyFilter, Query()]
) -> Page[PrivacyRequestOut]:
    """One page of requests."""
    statement = select(PrivacyRequest).order_by(PrivacyRequest.id.desc()).limit(paging.limit + 1)
    if wanted.store is not None:
        statement = statement.where(PrivacyRequest.store == wanted.store)
    if wanted.kind is not None:
        statement = statement.where(PrivacyRequest.kind == wanted.kind)
    if paging.after is not None:
        statement = statement.where(PrivacyRequest.id < paging.after)
    rows = list(await work.session.scalars(statement))
    return paging.page(rows, [PrivacyRequestOut.of(row) for row in rows])


@router.get(
    "/{id}",
    summary="Shows a request about a customer's data",
    description="For a `data_request`: with everything kept of the customer, gathered at this moment and kept nowhere.",
    responses=refusals(NotFound),
)
async def get_privacy_request(_admin: Admin, work: InWork, id: UUID) -> PrivacyRequestDetailOut:
    """The request by its id."""
    found = await work.session.get(PrivacyRequest, id)
    if found is None:
        raise NotFound(f"There is no privacy request {id}.")
    told = PrivacyRequestOut.of(found).model_dump()
    shows = found.kind == PrivacyKind.DATA_REQUEST
    return PrivacyRequestDetailOut(**told, data=await report.data_of(work, found) if shows else None)


@router.post(
    "",
    status_code=202,
    summary="Shows or erases a customer's data",
    description=(
        "What Shopify asks for by webhook, for any store. The work is done by a job. Erasing replaces personal data by "
        "`[redacted]`; money, states and the audit trail stay, and refunds that are owed still go out. Erase the "
        "customer in the store first, or its next webhook brings the data back."
    ),
    response_model=PrivacyRequestOut,
    responses=refusals(UnknownStore, OrderNotFound, IdempotencyKeyReused, RequestTooLarge),
)
async def make_privacy_request(
    admin: Admin, runtime: InRuntime, once: InOnce, body: PrivacyRequestBody
) -> JSONResponse:
    """Writes the request down; a job carries it out."""
    if body.store not in runtime.settings.stores:
        raise UnknownStore(f"No store is configured under the key {body.store!r}.")

    async def written(work: Work) -> PrivacyRequestOut:
        named = [(await orders.required(work, body.store, one)).order_id for one in body.orders]
        wish = service.Wish(body.store, body.kind, f"operator:{admin}", email=body.email, orders=named)
        made = await service.ask(work, wish)
        if made is None:
            raise RuntimeError("a request without a delivery is always new")
        return PrivacyRequestOut.of(made)

    return await once.carry_out(runtime, body, written, 202)
