"""Links into the returns page, for a store's own mails and account pages."""

from __future__ import annotations

from datetime import datetime, timedelta

from fastapi import APIRouter
from pydantic import BaseModel, Field, field_validator
from starlette.responses import JSONResponse

from app.api import InRuntime, Operator
from app.db.idempotency import IdempotencyKeyReused
from app.db.work import Work
from app.errors_http import RequestTooLarge, refusals
from app.once import InOnce
from app.orders.queries import OrderNotFound, required
from app.requests.order_link import order_link
from app.wire import Body, Identifier, Word

router = APIRouter(prefix="/return-requests", tags=["return requests"])


class LinkBody(Body):
    """For which order, and for how long."""

    store: Word = Field(description="The store's key.", examples=["alpha"])
    order: Identifier = Field(description="The store's id or the printed number.", examples=["#1106"])
    days: int = Field(90, ge=1, le=400, description="How long the link works.", examples=[90])

    @field_validator("store")
    @classmethod
    def _lower(cls, value: str) -> str:
        return value.lower()


class LinkOut(BaseModel):
    """A link that leads its customer to their order without a look-up; give it to nobody else."""

    url: str = Field(examples=["https://returns.example/returns/alpha/o/AGk…"])
    expires_at: datetime


@router.post(
    "/link",
    summary="Makes a customer's link into the returns page",
    description=(
        "For a store's own mails and account pages: whoever opens it chooses what to return of this order, without "
        "entering its number and e-mail. It ends with its time, and when the order gets another e-mail."
    ),
    responses=refusals(OrderNotFound, IdempotencyKeyReused, RequestTooLarge),
    response_model=LinkOut,
)
async def make_link(_operator: Operator, runtime: InRuntime, once: InOnce, body: LinkBody) -> JSONResponse:
    """A signed link for one order."""

    async def made(work: Work) -> LinkOut:
        order = await required(work, body.store, body.order)
        url = order_link(work.settings, order, work.now, body.days)
        return LinkOut(url=url, expires_at=work.now + timedelta(days=body.days))

    return await once.carry_out(runtime, body, made)
