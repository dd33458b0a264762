"""Refunds: lists, one refund, and settling what no machine can know."""

from __future__ import annotations

from typing import Annotated
from uuid import UUID

from fastapi import APIRouter, Query
from starlette.responses import JSONResponse

from app.api import BadCursor, InRuntime, InWork, Operator, Page, Paging, Reader
from app.cases import queries as cases
from app.db.idempotency import IdempotencyKeyReused
from app.db.work import Work
from app.errors import NotFound
from app.errors_http import RequestTooLarge, refusals
from app.once import InOnce
from app.orders.schemas import ref_of
from app.refunds import queries
from app.refunds.schemas import RefundFilter, RefundOut, SettleBody
from app.refunds.settling import Finding, StoreRefundTaken, StoreShowsRefund, settle
from app.refunds.states import RefundNotMovable

router = APIRouter(prefix="/refunds", tags=["refunds"])


@router.get(
    "",
    summary="Lists refunds",
    description="Newest first. Those in `needs_review` wait for a person to settle them.",
    responses=refusals(BadCursor),
)
async def list_refunds(
    _reader: Reader, work: InWork, paging: Paging, wanted: Annotated[RefundFilter, Query()]
) -> Page[RefundOut]:
    """One page of refunds."""
    case_id = await cases.find_id(work, wanted.case) if wanted.case is not None else None
    if wanted.case is not None and case_id is None:
        return Page(items=[])
    found = await queries.search(work, wanted.status, case_id, paging.after, paging.limit + 1)
    rows = [facts.refund for facts in found]
    return paging.page(rows, [RefundOut.of(one.refund, one.attempts, ref_of(one.order)) for one in found])


@router.get(
    "/{id}",
    summary="Shows a refund",
    description="With every attempt to send it and what the store answered.",
    responses=refusals(NotFound),
)
async def get_refund(_reader: Reader, work: InWork, id: UUID) -> RefundOut:
    """The refund by its id."""
    return await _shown(work, id)


@router.post(
    "/{id}/settle",
    summary="Settles a refund in doubt",
    description=(
        "For a refund in `needs_review` or `unknown`: a person says whether the money reached the customer. "
        "`succeeded` books it as proven; `not_made` gives its money free, and the case asks for another way. "
        "Look at the payment gateway first: this is the one place where Makegood takes a word for a proof."
    ),
    response_model=RefundOut,
    responses=refusals(
        NotFound, RefundNotMovable, StoreRefundTaken, StoreShowsRefund, IdempotencyKeyReused, RequestTooLarge
    ),
)
async def settle_refund(
    operator: Operator, runtime: InRuntime, once: InOnce, id: UUID, body: SettleBody
) -> JSONResponse:
    """The outcome, as a person knows it."""
    found = Finding(body.outcome == "succeeded", body.store_refund_id, body.reason, f"operator:{operator}")

    async def settled(work: Work) -> RefundOut:
        await _shown(work, id)
        await settle(work, id, found)
        return await _shown(work, id)

    return await once.carry_out(runtime, body, settled)


async def _shown(work: Work, refund_id: UUID) -> RefundOut:
    facts = await queries.find(work, refund_id)
    if facts is None:
        raise NotFound(f"There is no refund {refund_id}.")
    return RefundOut.of(facts.refund, facts.attempts, ref_of(facts.order))
