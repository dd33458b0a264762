"""Withdrawals: listed, matched with an order by a person, or closed."""

from __future__ import annotations

from typing import Annotated
from uuid import UUID

from fastapi import APIRouter, Query
from sqlalchemy import select
from starlette.responses import JSONResponse

from app.api import BadCursor, InRuntime, InWork, Operator, Page, Paging, Reader
from app.db.idempotency import IdempotencyKeyReused
from app.db.work import Work
from app.errors import NotFound
from app.errors_http import RequestTooLarge, refusals
from app.once import InOnce
from app.orders import service as orders
from app.orders.asking import read_named
from app.orders.models import Order
from app.orders.queries import OrderNotFound, required
from app.orders.schemas import ref_of
from app.requests.service import DuplicateLine, QuantityNotAvailable, UnknownLine
from app.runtime import Runtime
from app.stores.base import StoreRefused, StoreUnavailable
from app.withdrawals import service
from app.withdrawals.models import Withdrawal
from app.withdrawals.schemas import CloseBody, MatchBody, WithdrawalFilter, WithdrawalOut

router = APIRouter(prefix="/withdrawals", tags=["withdrawals"])


@router.get(
    "",
    summary="Lists withdrawals",
    description="Newest first. `unmatched` and `unclear` ones wait for a person.",
    responses=refusals(BadCursor),
)
async def list_withdrawals(
    _reader: Reader, work: InWork, paging: Paging, wanted: Annotated[WithdrawalFilter, Query()]
) -> Page[WithdrawalOut]:
    """One page of withdrawals."""
    statement = select(Withdrawal).order_by(Withdrawal.id.desc()).limit(paging.limit + 1)
    if wanted.status is not None:
        statement = statement.where(Withdrawal.status == wanted.status)
    if wanted.store is not None:
        statement = statement.where(Withdrawal.store == wanted.store)
    if paging.after is not None:
        statement = statement.where(Withdrawal.id < paging.after)
    rows = list(await work.session.scalars(statement))
    return paging.page(rows, [await _out(work, row) for row in rows])


@router.get(
    "/{id}",
    summary="Shows a withdrawal",
    description="What was declared and when, and what became of it.",
    responses=refusals(NotFound),
)
async def get_withdrawal(_reader: Reader, work: InWork, id: UUID) -> WithdrawalOut:
    """The withdrawal by its id."""
    found = await work.session.get(Withdrawal, id)
    if found is None:
        raise NotFound(f"There is no withdrawal {id}.")
    return await _out(work, found)


@router.post(
    "/{id}/match",
    summary="Says which order a withdrawal is about",
    description=(
        "Makes a return request of it, as declared at the time of the declaration, for the lines named or all that is "
        "left of the order. An order that is not known here yet is read from the store."
    ),
    response_model=WithdrawalOut,
    responses=refusals(
        NotFound,
        OrderNotFound,
        service.WithdrawalSettled,
        service.NothingToReturn,
        UnknownLine,
        DuplicateLine,
        QuantityNotAvailable,
        IdempotencyKeyReused,
        RequestTooLarge,
        StoreRefused,
        StoreUnavailable,
    ),
)
async def match_withdrawal(
    operator: Operator, runtime: InRuntime, once: InOnce, id: UUID, body: MatchBody
) -> JSONResponse:
    """A person's match; the store is only asked for an order that is not known, and outside any transaction."""
    await _make_known(runtime, id, body.order)

    async def matched(work: Work) -> WithdrawalOut:
        store = (await _required(work, id)).store
        order = await orders.lock(work, (await required(work, store, body.order)).id)
        withdrawal = await service.lock(work, id)
        await service.open_request(work, withdrawal, order, f"operator:{operator}", _units(body))
        return await _out(work, withdrawal)

    return await once.carry_out(runtime, body, matched)


def _units(body: MatchBody) -> dict[str, int] | None:
    if body.lines is None:
        return None
    found: dict[str, int] = {}
    for line in body.lines:
        if line.line_id in found:
            raise DuplicateLine(f"The line {line.line_id} stands twice.")
        found[line.line_id] = line.quantity
    return found


async def _make_known(runtime: Runtime, withdrawal_id: UUID, named: str) -> None:
    async with runtime.work() as work:
        store = (await _required(work, withdrawal_id)).store
        if await orders.find(work, store, named) is not None:
            return
    asked_at = runtime.clock.now()
    shown = await read_named(runtime.stores.get(store), named)
    if shown is None:
        raise OrderNotFound(f"The store {store} has no order {named!r}.")
    async with runtime.work() as work:
        await orders.keep(work, store, shown, read_at=asked_at)


@router.post(
    "/{id}/close",
    summary="Closes a withdrawal without a return",
    description="For one that came twice or is not about any order of the store. The consumer is not told.",
    response_model=WithdrawalOut,
    responses=refusals(NotFound, service.WithdrawalSettled, IdempotencyKeyReused, RequestTooLarge),
)
async def close_withdrawal(
    operator: Operator, runtime: InRuntime, once: InOnce, id: UUID, body: CloseBody
) -> JSONResponse:
    """A person ends it with a reason."""

    async def closed(work: Work) -> WithdrawalOut:
        withdrawal = await service.lock(work, id)
        await service.close(work, withdrawal, body.reason, f"operator:{operator}")
        return await _out(work, withdrawal)

    return await once.carry_out(runtime, body, closed)


async def _required(work: Work, withdrawal_id: UUID) -> Withdrawal:
    found = await work.session.get(Withdrawal, withdrawal_id)
    if found is None:
        raise NotFound(f"There is no withdrawal {withdrawal_id}.")
    return found


async def _out(work: Work, row: Withdrawal) -> WithdrawalOut:
    order = await work.session.get(Order, row.order_pk) if row.order_pk else None
    fields = {name: getattr(row, name) for name in WithdrawalOut.model_fields if name != "order"}
    return WithdrawalOut.model_validate({**fields, "order": ref_of(order) if order else None})
