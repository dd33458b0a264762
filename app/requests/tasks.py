"""Takes in returns that customers requested on the store's own screen."""

from __future__ import annotations

from dataclasses import replace
from uuid import UUID

import structlog
from procrastinate import JobContext, RetryStrategy

from app.cases.vocabulary import Event, Reason, Remedy
from app.crashpoints import Point, reached
from app.errors import AppError, NotFound
from app.jobs import blueprint
from app.orders import service as orders
from app.requests import service as requests
from app.requests.service import Wanted, WantedLine
from app.runtime import Runtime, runtime_of
from app.stores.base import StoreReturn, StoreReturnLine, StoreUnavailable
from app.webhooks import inbox
from app.webhooks.topics_returns import follow_return

log = structlog.get_logger()

# Shopify's ReturnReason values and reason handles, lower case, in our words. Anything else is `other`.
_REASONS = {
    "unwanted": Reason.CHANGED_MIND,
    "changed-my-mind": Reason.CHANGED_MIND,
    "style": Reason.CHANGED_MIND,
    "color": Reason.WRONG_VARIANT,
    "defective": Reason.DEFECTIVE,
    "damaged-or-defective": Reason.DEFECTIVE,
    "not_as_described": Reason.NOT_AS_DESCRIBED,
    "item-not-as-described": Reason.NOT_AS_DESCRIBED,
    "wrong_item": Reason.WRONG_ITEM,
    "received-the-wrong-item": Reason.WRONG_ITEM,
    "size_too_small": Reason.WRONG_SIZE,
    "too-small": Reason.WRONG_SIZE,
    "size_too_large": Reason.WRONG_SIZE,
    "too-big": Reason.WRONG_SIZE,
}


@blueprint.task(
    name="requests.take_in_return", pass_context=True, retry=RetryStrategy(max_attempts=8, exponential_wait=4)
)
async def take_in_return(
    context: JobContext, store: str, return_id: str, reasons: dict[str, str], delivery_id: str | None = None
) -> None:
    """Makes a return request of a store's own return, once. A failure is shown on the delivery that announced it.

    Without one it was found by asking the store; then a failure is logged, and what passes is tried again. `reasons`
    is what the webhook says, by order line: it knows some that the API words only for people.
    """
    runtime = runtime_of(context)
    try:
        await _take_in(runtime, store, return_id, reasons)
    except AppError as error:
        if delivery_id is None:
            log.warning("return_not_taken_in", store=store, store_return=return_id, code=error.code)
            if isinstance(error, StoreUnavailable):
                raise
            return
        async with runtime.work() as work:
            passing = isinstance(error, StoreUnavailable)
            await inbox.failed(work, UUID(delivery_id), f"{error.code}: {error.detail}", passing=passing)


async def _take_in(runtime: Runtime, store: str, return_id: str, reasons: dict[str, str]) -> None:
    adapter = runtime.stores.get(store)
    async with runtime.work() as work:
        if await requests.of_store_return(work, store, return_id) is not None:
            return
    found = await adapter.read_return(return_id)
    if found is None or not found.lines:
        raise NotFound(f"The store shows no return {return_id}, or one without lines.")
    asked_at = runtime.clock.now()
    shown = await adapter.read_order(found.order_id)
    if shown is None:
        raise NotFound(f"The store shows no order {found.order_id} for the return {return_id}.")
    reached(Point.RETURN_FETCHED)
    async with runtime.work() as work:
        order, _ = await orders.keep(work, store, shown, read_at=asked_at)
        # Two deliveries may bring the same return; the order's lock lets the second one see the first one's request.
        if await requests.of_store_return(work, store, return_id) is None:
            await requests.submit(work, order, _wanted(store, found, reasons))
            # What was approved in the store before it was taken in is approved here too.
            event = Event.APPROVED if found.status == "open" else None
            await follow_return(work, store, return_id, found.status, event, None)


def _wanted(store: str, found: StoreReturn, told: dict[str, str]) -> Wanted:
    lines = [
        WantedLine(
            quantity=line.quantity,
            reason=_REASONS.get(line.reason) or _REASONS.get(told.get(line.line_id, ""), Reason.OTHER),
            line_id=line.line_id,
            note=line.note or (line.reason if line.reason not in _REASONS else None),
        )
        for line in _together(found)
    ]
    return Wanted(Remedy.REFUND, lines, "shopify_return", f"store:{store}", store_return_id=found.return_id)


def _together(found: StoreReturn) -> list[StoreReturnLine]:
    """One entry for each order line: a return may list the same line twice, from two parcels."""
    merged: dict[str, StoreReturnLine] = {}
    for line in found.lines:
        known = merged.get(line.line_id)
        merged[line.line_id] = replace(known, quantity=known.quantity + line.quantity) if known else line
    return list(merged.values())
