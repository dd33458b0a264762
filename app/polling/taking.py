"""What a list of changed orders means for what is known here. The same follows from it as from webhooks."""

from __future__ import annotations

from sqlalchemy import select

from app.cases.models import Case
from app.cases.vocabulary import Event
from app.db.work import Work
from app.jobs import defer
from app.orders import service as orders
from app.orders.models import Order
from app.orders.snapshot import OrderSnapshot
from app.polling.service import Walk, overlap
from app.requests.models import ReturnRequest
from app.stores.base import OrderGlance, ReturnGlance
from app.webhooks.topics import after_news
from app.webhooks.topics_returns import follow_return

# What a store's own return has become, as the event that the webhook of that moment would have been.
_MOVES = {"open": Event.APPROVED, "declined": Event.REJECTED, "canceled": Event.CUSTOMER_CANCELLED}


async def keep(work: Work, store: str, news: OrderSnapshot) -> None:
    """Keeps an order as a webhook with the same body would; what is known already changes nothing."""
    order, changed = await orders.keep(work, store, news)
    if changed:
        await after_news(work, order, cancelled=news.cancelled)


async def wants_reading(work: Work, walk: Walk, glance: OrderGlance) -> bool:
    """Whether the list hints at something that is not known here.

    An order that is not known and shows neither refund nor return is left alone: whoever asks for it has it read.
    Times have a resolution of one second, so an order with cases is read once more after the overlap has passed.
    """
    order = await work.session.scalar(select(Order).where(Order.store == walk.store, Order.order_id == glance.order_id))
    if order is None:
        return bool(glance.refund_ids or glance.returns)
    if order.source_updated_at < glance.updated_at:
        return True
    if glance.refund_ids - {row.store_refund_id for row in await orders.observed(work, order.id)}:
        return True
    read_at = order.read_at
    if read_at is not None and (read_at >= glance.updated_at + overlap(work) or read_at >= walk.started_at):
        return False
    return await work.session.scalar(select(Case.id).where(Case.order_pk == order.id).limit(1)) is not None


async def follow_returns(work: Work, walk: Walk, glance: OrderGlance) -> None:
    """Takes in the store's own returns whose webhooks were lost, and follows those that moved there."""
    for shown in glance.returns:
        request = await work.session.scalar(
            select(ReturnRequest).where(
                ReturnRequest.store == walk.store, ReturnRequest.store_return_id == shown.return_id
            )
        )
        if request is None:
            if _is_new(walk, shown):
                await defer(
                    work.session, "requests.take_in_return", store=walk.store, return_id=shown.return_id, reasons={}
                )
        elif request.store_status != shown.status:
            await follow_return(work, walk.store, shown.return_id, shown.status, _MOVES.get(shown.status), shown.note)


def _is_new(walk: Walk, shown: ReturnGlance) -> bool:
    """A request waits for an answer however old it is; an open return may be older than Makegood's part in it."""
    made = shown.created_at
    return shown.status == "requested" or (shown.status == "open" and made is not None and made >= walk.known_since)
