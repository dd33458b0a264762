"""Links to a supplier's page, for a person to pass on or to take back."""

from __future__ import annotations

from datetime import datetime
from typing import Annotated, Literal

from fastapi import APIRouter, Path
from pydantic import BaseModel, Field
from starlette.responses import JSONResponse

from app.api import InRuntime, Operator
from app.cases import queries
from app.cases import service as cases
from app.cases.schemas import CaseName
from app.db.idempotency import IdempotencyKeyReused
from app.db.work import Work
from app.errors import NotFound
from app.errors_http import RequestTooLarge, refusals
from app.messages.render import reader_language
from app.once import InOnce
from app.suppliers import links
from app.suppliers.links import Reach
from app.suppliers.registry import UnknownSupplier
from app.wire import Body

router = APIRouter(tags=["supplier links"])


class SupplierLinkBody(Body):
    """What is to become of the links."""

    action: Literal["renew", "revoke"] = Field(
        description="`renew`: answer a new link, beside those that are out. `revoke`: every link so far stops working, "
        "and no mail brings one until it is renewed.",
        examples=["renew"],
    )


class SupplierLinkOut(BaseModel):
    """A link to a supplier's page. Whoever has it can answer in the supplier's name."""

    url: str | None = Field(description="Null after `revoke`.", examples=["https://returns.example/supplier/AGs…"])
    expires_at: datetime | None = Field(examples=["2027-02-20T10:00:00Z"])


@router.post(
    "/cases/{case}/supplier-link",
    summary="Makes or revokes the supplier's link to a case",
    description="The page behind it shows that case alone, and takes the supplier's answers. For every channel.",
    responses=refusals(NotFound, UnknownSupplier, IdempotencyKeyReused, RequestTooLarge),
    response_model=SupplierLinkOut,
)
async def case_link(
    case: CaseName, operator: Operator, runtime: InRuntime, once: InOnce, body: SupplierLinkBody
) -> JSONResponse:
    """The link to one case; the trail of the case says who asked for it."""

    async def done(work: Work) -> SupplierLinkOut:
        locked = await cases.lock(work, await queries.required_id(work, case))
        language = _language(work, locked.supplier)
        told = await _change(work, Reach(case_id=locked.id), body, language)
        text = "The supplier's links to this case were revoked." if told.url is None else "A supplier's link was made."
        await cases.note(work, locked, text, f"operator:{operator}")
        return told

    return await once.carry_out(runtime, body, done)


@router.post(
    "/suppliers/{supplier}/link",
    summary="Makes or revokes a supplier's link to all its open cases",
    description="The page behind it lists everything that is open with the supplier, and leads to each case.",
    responses=refusals(UnknownSupplier, IdempotencyKeyReused, RequestTooLarge),
    response_model=SupplierLinkOut,
)
async def supplier_link(
    supplier: Annotated[str, Path(description="The supplier's key.", max_length=200, examples=["acme"])],
    _operator: Operator,
    runtime: InRuntime,
    once: InOnce,
    body: SupplierLinkBody,
) -> JSONResponse:
    """The link to all that is open with a supplier."""

    async def done(work: Work) -> SupplierLinkOut:
        return await _change(work, Reach(supplier=supplier.lower()), body, _language(work, supplier.lower()))

    return await once.carry_out(runtime, body, done)


def _language(work: Work, supplier: str | None) -> str:
    terms = work.settings.suppliers.get(supplier or "")
    if terms is None:
        raise UnknownSupplier("No supplier is configured for that.")
    return reader_language(terms.locale)[0]


async def _change(work: Work, reach: Reach, body: SupplierLinkBody, language: str) -> SupplierLinkOut:
    if body.action == "revoke":
        await links.revoke(work, reach)
        return SupplierLinkOut(url=None, expires_at=None)
    made = await links.renew(work, reach, language)
    return SupplierLinkOut(url=made.url, expires_at=made.expires_at)
