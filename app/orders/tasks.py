"""Reads orders from the store when a webhook only hints at news."""

from __future__ import annotations

from uuid import UUID

from procrastinate import JobContext, RetryStrategy

from app.cases.observe import order_cancelled
from app.crashpoints import Point, reached
from app.jobs import blueprint
from app.orders import service as orders
from app.runtime import Runtime, runtime_of
from app.stores.base import StoreRefused, StoreUnavailable
from app.stores.registry import UnknownStore
from app.webhooks import inbox
from app.webhooks.topics import after_news

# A store that is down for some minutes is read later; the next webhook or request reads it anyway.
_PATIENCE = RetryStrategy(max_attempts=8, exponential_wait=4)


@blueprint.task(name="orders.refresh", pass_context=True, retry=_PATIENCE)
async def refresh(context: JobContext, store: str, order_id: str, delivery_id: str | None = None) -> None:
    """Reads the order and tells its cases what changed. A failure is shown on the delivery that hinted at it."""
    runtime = runtime_of(context)
    try:
        await read_in(runtime, store, order_id)
    except (StoreUnavailable, StoreRefused, UnknownStore) as error:
        if delivery_id is None:
            raise
        async with runtime.work() as work:
            passing = isinstance(error, StoreUnavailable)
            await inbox.failed(work, UUID(delivery_id), f"{error.code}: {error.detail}", passing=passing)


async def read_in(runtime: Runtime, store: str, order_id: str) -> None:
    """Reads the order from the store, keeps it, and tells its cases. Raises `StoreUnavailable` or `StoreRefused`."""
    asked_at = runtime.clock.now()
    shown = await runtime.stores.get(store).read_order(order_id)
    reached(Point.ORDER_FETCHED)
    async with runtime.work() as work:
        if shown is not None:
            order, _ = await orders.keep(work, store, shown, read_at=asked_at)
            await after_news(work, order, cancelled=shown.cancelled)
        elif (known := await orders.find(work, store, order_id)) is not None:
            # Deleted for good: the customer's right to the money is not.
            await order_cancelled(work, await orders.lock(work, known.id))
