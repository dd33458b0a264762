"""Asks stores what changed and how their webhooks are: transaction, call, transaction, and one call at a time."""

from __future__ import annotations

from uuid import UUID

import structlog
from procrastinate import JobContext
from sqlalchemy.exc import DBAPIError

from app.jobs import blueprint, defer
from app.logging import place_of
from app.orders.tasks import read_in
from app.polling import service, subscriptions, taking
from app.polling.service import Walk
from app.polling.subscriptions import Look, Seen
from app.polling.turns import LeaseLost
from app.runtime import Runtime, runtime_of
from app.stores.base import OrderGlance, Store, StoreRefused, StoreUnavailable
from app.stores.callbacks import callback_url

# A walk that has failed so often in a row at one place leaves the order that it cannot read to a job of its own.
_PATIENCE = 5
log = structlog.get_logger()


async def sweep(runtime: Runtime) -> None:
    """Enqueues a step for every store that is due to be asked what changed."""
    if runtime.settings.poll_seconds:
        async with runtime.work() as work:
            for row in await service.due(work):
                await defer(work.session, "polling.poll", store=row.store, lease=str(row.lease))


async def sweep_webhooks(runtime: Runtime) -> None:
    """Enqueues a look at the webhooks of every store that is due."""
    if runtime.settings.webhook_check_minutes:
        async with runtime.work() as work:
            for row in await subscriptions.due(work):
                await defer(work.session, "polling.check_webhooks", store=row.store, lease=str(row.lease))


@blueprint.task(name="polling.poll", pass_context=True)
async def poll(context: JobContext, store: str, lease: str) -> None:
    """Asks a store for one page of what changed; after the last page, reads the orders that are watched.

    A fault that passes leaves the cursor where it is. Whoever dies leaves it there too, and the lease runs out.
    """
    runtime = runtime_of(context)
    try:
        async with runtime.work() as work:
            walk = await service.begin(work, store, UUID(lease))
        await _step(runtime, walk)
    except LeaseLost:
        log.info("poll_taken_over", store=store)


async def _step(runtime: Runtime, walk: Walk) -> None:
    try:
        page = await runtime.stores.get(walk.store).changed_orders(walk.since, walk.cursor)
        left = [error for glance in page.orders if (error := await _take_in(runtime, walk, glance))]
        async with runtime.work() as work:
            whole = await service.turned(work, walk, page, left[-1] if left else None)
        if whole:
            await _reread(runtime, walk)
    except (StoreUnavailable, StoreRefused) as error:
        log.warning("poll_failed", store=walk.store, code=error.code, error=error.detail)
        async with runtime.work() as work:
            await service.failed(work, walk, error)


async def _take_in(runtime: Runtime, walk: Walk, glance: OrderGlance) -> str | None:
    """One order of the page, in transactions of its own. Answers why it was left behind, if it was."""
    async with runtime.work() as work:
        await service.go_on(work, walk)
        wanted = glance.snapshot is None and await taking.wants_reading(work, walk, glance)
    try:
        left = await _read(runtime, walk, glance.order_id) if wanted else None
        async with runtime.work() as work:
            if glance.snapshot is not None:
                await taking.keep(work, walk.store, glance.snapshot)
            await taking.follow_returns(work, walk, glance)
    except (StoreUnavailable, DBAPIError):
        raise
    except Exception as error:  # noqa: BLE001 - one order must not end the walk
        # Never its text: it may quote what a customer wrote.
        where = place_of(error)
        log.error("polled_order_not_kept", store=walk.store, order=glance.order_id, where=where)
        await _read_later(runtime, walk.store, glance.order_id)
        return f"{type(error).__name__} at the order {glance.order_id}"
    return left


async def _read(runtime: Runtime, walk: Walk, order_id: str) -> str | None:
    """Reads an order now. One that alone cannot be read does not end the walk: the store did answer for the list."""
    try:
        await read_in(runtime, walk.store, order_id)
    except StoreRefused as error:
        log.warning("polled_order_refused", store=walk.store, order=order_id, error=error.detail)
        return error.detail
    except StoreUnavailable as error:
        if walk.failures < _PATIENCE:
            raise
        if walk.failures == _PATIENCE:
            await _read_later(runtime, walk.store, order_id)
        return error.detail
    return None


async def _read_later(runtime: Runtime, store: str, order_id: str) -> None:
    async with runtime.work() as work:
        await defer(work.session, "orders.refresh", store=store, order_id=order_id)


async def _reread(runtime: Runtime, walk: Walk) -> None:
    """Reads orders that are watched, changed or not, the longest unread first."""
    async with runtime.work() as work:
        waiting = await service.to_reread(work, walk.store)
    for order_pk, order_id in waiting:
        async with runtime.work() as work:
            await service.go_on(work, walk)
            await service.rereading(work, order_pk)
        await _read(runtime, walk, order_id)
    async with runtime.work() as work:
        await service.finished(work, walk)


@blueprint.task(name="polling.check_webhooks", pass_context=True)
async def check_webhooks(context: JobContext, store: str, lease: str) -> None:
    """Looks at a store's webhooks, mends what is missing or switched off, and has the gap read back."""
    runtime = runtime_of(context)
    try:
        async with runtime.work() as work:
            held = await subscriptions.begin(work, store, UUID(lease))
        if held is not None:
            await _look(runtime, store, held)
    except LeaseLost:
        log.info("webhook_check_taken_over", store=store)


async def _look(runtime: Runtime, store: str, lease: UUID) -> None:
    try:
        seen = await _seen(runtime, runtime.stores.get(store))
    except (StoreUnavailable, StoreRefused) as error:
        log.warning("webhook_check_failed", store=store, code=error.code, error=error.detail)
        async with runtime.work() as work:
            await subscriptions.failed(work, store, lease, error)
        return
    async with runtime.work() as work:
        gap = await subscriptions.looked(work, store, lease, seen)
    if seen.look.missing or seen.repairs:
        log.warning("webhooks_not_as_needed", store=store, missing=seen.look.missing, repairs=seen.repairs)
    if gap is not None:
        log.warning("webhook_gap_read_back", store=store, since=gap.isoformat())


async def _seen(runtime: Runtime, store: Store) -> Seen:
    """Looks, mends where it is needed and allowed, and looks again."""
    url, asked_at = callback_url(runtime.settings, store.key), runtime.clock.now()
    wanted = await store.wanted_topics()
    look = Look.at(wanted, await store.list_subscriptions(), url)
    if not look.missing:
        return Seen(asked_at, look, look.findings(url))
    refused = subscriptions.why_not(runtime.settings, store.key)
    if refused is not None:
        return Seen(asked_at, look, [*look.findings(url), refused])
    repairs = await store.sync_subscriptions(url)
    asked_at = runtime.clock.now()
    look = Look.at(wanted, await store.list_subscriptions(), url)
    return Seen(asked_at, look, look.findings(url), repairs)
