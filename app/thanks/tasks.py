"""Says thank-yous that are due, and has the stores make their coupons."""

from __future__ import annotations

from datetime import timedelta
from uuid import UUID

from procrastinate import JobContext
from sqlalchemy import select

from app.cases import service as cases
from app.errors import AppError
from app.jobs import blueprint, defer
from app.runtime import Runtime, runtime_of
from app.stores.base import StoreUnavailable
from app.thanks import service as thanks
from app.thanks.models import Thanks

# A job that was just enqueued is given so long before the row is enqueued again.
_LEASE = timedelta(minutes=5)


@blueprint.task(name="thanks.say", pass_context=True)
async def say(context: JobContext, thanks_id: str) -> None:
    """Thanks a customer; the coupon is made before. A crash in between makes the same coupon again, which is none."""
    runtime, row = runtime_of(context), UUID(thanks_id)
    async with runtime.work() as work:
        offer = await thanks.begin(work, row)
    if offer is None:
        return
    try:
        await runtime.stores.get(offer.store).create_coupon(offer.wish)
    except StoreUnavailable as trouble:
        async with runtime.work() as work:
            waits = await thanks.coupon_delayed(work, row, trouble.detail)
        if not waits:
            await _refused(runtime, row, trouble)
    except AppError as refusal:
        await _refused(runtime, row, refusal)
    else:
        async with runtime.work() as work:
            await thanks.coupon_made(work, row)


async def _refused(runtime: Runtime, row: UUID, why: AppError) -> None:
    async with runtime.work() as work:
        # The case before the row that hangs on it, as everywhere.
        case = await cases.lock(work, (await work.session.get_one(Thanks, row)).case_id)
        if await thanks.coupon_refused(work, row, why.detail):
            text = f"The thank-you coupon was not made: {why.detail}"
            await cases.add_problem(work, case, "coupon_failed", text[:500])


async def sweep(runtime: Runtime) -> None:
    """Enqueues thank-yous that are due."""
    async with runtime.work() as work:
        statement = select(Thanks).where(Thanks.next_try_at <= work.now).limit(100).with_for_update(skip_locked=True)
        for row in await work.session.scalars(statement):
            row.next_try_at = work.now + _LEASE
            await defer(work.session, "thanks.say", thanks_id=str(row.id))
