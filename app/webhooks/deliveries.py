"""Deliveries: what was sent to us, what became of it, and reading it once more."""

from __future__ import annotations

from typing import Annotated
from uuid import UUID

from fastapi import APIRouter, Query
from starlette.responses import JSONResponse

from app.api import BadCursor, InRuntime, InWork, Operator, Page, Paging, Reader
from app.db.idempotency import IdempotencyKeyReused
from app.db.work import Work
from app.errors import NotFound
from app.errors_http import refusals
from app.once import InOnce
from app.webhooks import inbox, queries
from app.webhooks.models import Delivery
from app.webhooks.schemas import DeliveryDetailOut, DeliveryFilter, DeliveryOut
from app.wire import Wish

router = APIRouter(prefix="/deliveries", tags=["deliveries"])


@router.get(
    "",
    summary="Lists webhook deliveries",
    description="Newest first, from stores and suppliers, without their bodies.",
    responses=refusals(BadCursor),
)
async def list_deliveries(
    _reader: Reader, work: InWork, paging: Paging, wanted: Annotated[DeliveryFilter, Query()]
) -> Page[DeliveryOut]:
    """One page of deliveries."""
    rows = await queries.search(
        work,
        status=wanted.status,
        store=wanted.store,
        supplier=wanted.supplier,
        topic=wanted.topic,
        after=paging.after,
        limit=paging.limit + 1,
    )
    return paging.page(rows, [DeliveryOut.of(row) for row in rows])


@router.get(
    "/{id}",
    summary="Shows a delivery",
    description="With the headers that matter and, for a token that may operate, the body as it came.",
    responses=refusals(NotFound),
)
async def get_delivery(reader: Reader, work: InWork, id: UUID) -> DeliveryDetailOut:
    """The delivery by its id."""
    found = await work.session.get(Delivery, id)
    if found is None:
        raise NotFound(f"There is no delivery {id}.")
    return DeliveryDetailOut.with_body(found, work.settings.api_key_scopes.get(reader, "operate") != "read")


@router.post(
    "/{id}/replay",
    status_code=202,
    summary="Reads a delivery once more",
    description="It is read again as if it had just come. Harmless to repeat: what it says is applied once.",
    response_model=DeliveryOut,
    responses=refusals(NotFound, IdempotencyKeyReused, inbox.BodyErased),
)
async def replay_delivery(_operator: Operator, runtime: InRuntime, once: InOnce, id: UUID) -> JSONResponse:
    """Enqueues the delivery again."""

    async def enqueued(work: Work) -> DeliveryOut:
        if not await inbox.again(work, id):
            raise NotFound(f"There is no delivery {id}.")
        return DeliveryOut.of(await work.session.get_one(Delivery, id))

    return await once.carry_out(runtime, Wish(), enqueued, 202)
