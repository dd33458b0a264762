"""Replacements: lists, one replacement, and settling what no machine can know."""

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
from app.orders.models import Order
from app.orders.schemas import ref_of
from app.remedies import queries, service
from app.remedies.schemas import ReplacementFilter, ReplacementOut, SettleReplacementBody
from app.remedies.settling import Finding, StoreShowsOrder, settle
from app.remedies.states import ReplacementNotMovable
from app.runtime import Runtime
from app.stores.asked import NewOrderProof
from app.stores.base import StoreRefused, StoreUnavailable
from app.stores.registry import UnknownStore

router = APIRouter(prefix="/replacements", tags=["replacements"])


@router.get(
    "",
    summary="Lists replacements",
    description="Newest first. Those in `needs_review` wait for a person to settle them.",
    responses=refusals(BadCursor),
)
async def list_replacements(
    _reader: Reader, work: InWork, paging: Paging, wanted: Annotated[ReplacementFilter, Query()]
) -> Page[ReplacementOut]:
    """One page of replacements."""
    case_id = await cases.find_id(work, wanted.case) if wanted.case is not None else None
    if wanted.case is not None and case_id is None:
        return Page(items=[])
    found = await queries.search(work, wanted.status, case_id, paging.after, paging.limit + 1)
    rows = [facts.replacement for facts in found]
    return paging.page(rows, [ReplacementOut.of(one.replacement, one.attempts, ref_of(one.order)) for one in found])


@router.get(
    "/{id}",
    summary="Shows a replacement",
    description="With every attempt to make its order and what the store answered.",
    responses=refusals(NotFound),
)
async def get_replacement(_reader: Reader, work: InWork, id: UUID) -> ReplacementOut:
    """The replacement by its id."""
    return await _shown(work, id)


@router.post(
    "/{id}/settle",
    summary="Settles a replacement in doubt",
    description=(
        "For a replacement in `needs_review` or `unknown`: a person says whether the new order is in the store. "
        "`made` counts its units as replaced; `not_made` gives them free, and the case asks for another way. "
        "A `not_made` is refused while the store shows anything of it."
    ),
    response_model=ReplacementOut,
    responses=refusals(NotFound, ReplacementNotMovable, StoreShowsOrder, IdempotencyKeyReused, RequestTooLarge),
)
async def settle_replacement(
    operator: Operator, runtime: InRuntime, once: InOnce, id: UUID, body: SettleReplacementBody
) -> JSONResponse:
    """The outcome, as a person knows it, checked against the store first, outside any transaction."""
    actor = f"operator:{operator}"
    found = Finding(body.outcome == "made", body.order_name, body.store_order_id, body.reason, actor)
    shown, traces = await _looked(runtime, id)

    async def settled(work: Work) -> ReplacementOut:
        await _shown(work, id)
        await settle(work, id, found, shown, traces)
        return await _shown(work, id)

    return await once.carry_out(runtime, body, settled)


async def _looked(runtime: Runtime, replacement_id: UUID) -> tuple[NewOrderProof | None, str | None]:
    """The order with the marker, and whatever has it, as the store shows it now; None also when it cannot be asked."""
    async with runtime.work() as work:
        facts = await queries.find(work, replacement_id)
        if facts is None:
            raise NotFound(f"There is no replacement {replacement_id}.")
        order = await work.session.get_one(Order, facts.replacement.order_pk)
        sent, store = service.prepared_of(facts.replacement, order), facts.replacement.store
    if sent is None:
        return None, None
    try:
        adapter = runtime.stores.get(store)
        return await adapter.find_new_order(sent), await adapter.traces(sent)
    except (StoreUnavailable, StoreRefused, UnknownStore):
        return None, None


async def _shown(work: Work, replacement_id: UUID) -> ReplacementOut:
    facts = await queries.find(work, replacement_id)
    if facts is None:
        raise NotFound(f"There is no replacement {replacement_id}.")
    return ReplacementOut.of(facts.replacement, facts.attempts, ref_of(facts.order))
