"""Looks for the orders of declarations, and takes in those that a store's own form has noted."""

from __future__ import annotations

from datetime import timedelta
from uuid import UUID

import structlog
from procrastinate import JobContext, RetryStrategy
from sqlalchemy import select

from app.db.work import Work
from app.jobs import blueprint, defer
from app.orders import service as orders
from app.orders.asking import read_named
from app.orders.models import Order
from app.orders.snapshot import OrderSnapshot
from app.runtime import Runtime, runtime_of
from app.stores.base import StoreRefused, StoreUnavailable
from app.withdrawals import service
from app.withdrawals.models import Withdrawal, WithdrawalStatus
from app.withdrawals.queries import source_of
from app.withdrawals.service import Declaration, NothingToReturn

log = structlog.get_logger()

_AGAIN = timedelta(minutes=5)
# For so long a store that does not answer is asked again; after that a person looks.
_PATIENCE = timedelta(hours=6)
_NO_ORDER = "The store has no order by that number that was placed with this e-mail address."


@blueprint.task(name="withdrawals.match", pass_context=True)
async def match(context: JobContext, withdrawal_id: str) -> None:
    """Makes a return request of a declaration when its order is found; else a person is asked. Can run again."""
    runtime = runtime_of(context)
    wanted = UUID(withdrawal_id)
    async with runtime.work() as work:
        withdrawal = await work.session.get_one(Withdrawal, wanted)
        if withdrawal.status != WithdrawalStatus.RECEIVED:
            return
        store, named = withdrawal.store, withdrawal.order_named
        known = await service.order_meant(work, withdrawal)
    shown: OrderSnapshot | None = None
    if known is None:
        asked_at = runtime.clock.now()
        try:
            shown = await read_named(runtime.stores.get(store), named.lstrip("#").strip())
        except StoreUnavailable:
            await _later(runtime, wanted)
            return
        except StoreRefused as error:
            log.warning("withdrawal_order_not_read", store=store, code=error.code)

    async def found(work: Work) -> None:
        order = None
        if known is not None:
            order = await orders.lock(work, known.id)
        elif shown is not None:
            order, _ = await orders.keep(work, store, shown, read_at=asked_at)
        await _settle(work, await service.lock(work, wanted), order)

    await runtime.carry_out(found)


async def _settle(work: Work, withdrawal: Withdrawal, order: Order | None) -> None:
    if withdrawal.status != WithdrawalStatus.RECEIVED:
        return
    if order is None or not service.is_theirs(withdrawal, order.email):
        await service.needs_person(work, withdrawal, WithdrawalStatus.UNMATCHED, _NO_ORDER)
        return
    if withdrawal.goods is not None:
        why = "The consumer withdraws from a part of the order; say which lines that is."
        await service.needs_person(work, withdrawal, WithdrawalStatus.UNCLEAR, why, order)
        return
    actor = "customer" if withdrawal.origin == service.PAGE else f"store:{withdrawal.store}"
    try:
        await service.open_request(work, withdrawal, order, actor)
    except NothingToReturn:
        why = "Everything of this order was refunded or is in a return already: see its cases."
        await service.needs_person(work, withdrawal, WithdrawalStatus.UNCLEAR, why, order)


async def _later(runtime: Runtime, withdrawal_id: UUID) -> None:
    async with runtime.work() as work:
        withdrawal = await service.lock(work, withdrawal_id)
        if withdrawal.status != WithdrawalStatus.RECEIVED:
            return
        withdrawal.next_try_at = work.now + _AGAIN
        if withdrawal.declared_at + _PATIENCE <= work.now:
            why = "The store did not answer when it was asked for the order."
            await service.needs_person(work, withdrawal, WithdrawalStatus.UNMATCHED, why)


@blueprint.task(name="withdrawals.take_in", pass_context=True, retry=RetryStrategy(max_attempts=8, exponential_wait=4))
async def take_in(context: JobContext, store: str, order_id: str) -> None:
    """Takes in a declaration that was made in the store's own form, once; the order's note tells when and for what."""
    runtime = runtime_of(context)
    note = await runtime.stores.get(store).read_withdrawal(order_id)
    if note is None:
        return
    async with runtime.work() as work:
        order = await orders.find(work, store, order_id)
        if order is None or order.redacted_at is not None:
            return
        language = orders.snapshot_of(order).locale or work.settings.stores[store].locale
        told = Declaration(
            store=store,
            origin=service.WOOCOMMERCE,
            source=source_of(order_id),
            name="",
            order_named=order.number,
            email=order.email or "",
            language=language,
            declared_at=min(note.declared_at, work.now),
            goods=note.goods,
            confirms=False,
        )
        await service.declare(work, told)


async def sweep(runtime: Runtime) -> None:
    """Enqueues declarations whose job was lost, or whose store did not answer."""
    async with runtime.work() as work:
        due = select(Withdrawal).where(Withdrawal.next_try_at <= work.now).limit(50)
        for withdrawal in await work.session.scalars(due.with_for_update(skip_locked=True)):
            withdrawal.next_try_at = work.now + _AGAIN
            await defer(work.session, "withdrawals.match", withdrawal_id=str(withdrawal.id))
