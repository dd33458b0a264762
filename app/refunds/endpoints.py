"""Refunds: lists, one refund, and settling what no machine can know."""

from __future__ import annotations

from datetime import datetime
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
from app.orders import service as orders
from app.orders.models import Order
from app.orders.schemas import ref_of
from app.orders.snapshot import OrderSnapshot
from app.refunds import queries, service
from app.refunds.schemas import RefundFilter, RefundOut, SettleBody
from app.refunds.settling import Finding, StoreRefundTaken, StoreShowsRefund, settle
from app.refunds.states import RefundNotMovable
from app.runtime import Runtime
from app.stores.asked import RefundMethod
from app.stores.base import StoreRefused, StoreUnavailable
from app.stores.registry import UnknownStore

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
    """The outcome, as a person knows it. A denial is checked against the store first, outside any transaction."""
    found = Finding(body.outcome == "succeeded", body.store_refund_id, body.reason, f"operator:{operator}")
    reading = None if found.succeeded else await _reading(runtime, id)
    traces = None if found.succeeded else await _traces(runtime, id)

    async def settled(work: Work) -> RefundOut:
        await _shown(work, id)
        if reading is not None:
            store, shown, asked_at = reading
            await orders.keep(work, store, shown, read_at=asked_at)
        await settle(work, id, found, traces)
        return await _shown(work, id)

    return await once.carry_out(runtime, body, settled)


async def _reading(runtime: Runtime, refund_id: UUID) -> tuple[str, OrderSnapshot, datetime] | None:
    """The refund's order as its store shows it now; None when it cannot be read, and what is known must do.

    No webhook tells that WooCommerce deleted a refund, and one that tells of a new refund may be lost.
    """
    async with runtime.work() as work:
        out = await _shown(work, refund_id)
    asked_at = runtime.clock.now()
    try:
        shown = await runtime.stores.get(out.store).read_order(out.order.id)
    except (StoreUnavailable, StoreRefused, UnknownStore):
        return None
    return (out.store, shown, asked_at) if shown is not None else None


async def _traces(runtime: Runtime, refund_id: UUID) -> str | None:
    """What the store shows of a store credit beside the order; None also when it cannot be asked."""
    async with runtime.work() as work:
        refund = (await _found(work, refund_id)).refund
        sent = service.prepared_of(refund, await work.session.get_one(Order, refund.order_pk))
    if sent is None or refund.method != RefundMethod.STORE_CREDIT:
        return None
    try:
        return await runtime.stores.get(refund.store).traces(sent)
    except (StoreUnavailable, StoreRefused, UnknownStore):
        return None


async def _found(work: Work, refund_id: UUID) -> queries.RefundFacts:
    facts = await queries.find(work, refund_id)
    if facts is None:
        raise NotFound(f"There is no refund {refund_id}.")
    return facts


async def _shown(work: Work, refund_id: UUID) -> RefundOut:
    facts = await _found(work, refund_id)
    return RefundOut.of(facts.refund, facts.attempts, ref_of(facts.order))
