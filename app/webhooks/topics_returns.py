"""What the topics of a Shopify store's own returns mean. A handler changes the database and enqueues jobs."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping
from typing import Any

from sqlalchemy import select

from app.cases import service as cases
from app.cases.models import Case
from app.cases.states import allowed_events
from app.cases.vocabulary import Event, State
from app.db.work import Work
from app.jobs import defer
from app.orders import service as orders
from app.orders.reading import child, identifier, objects, required_identifier, text
from app.requests import service as requests
from app.webhooks.models import Delivery

# A handler answers why the delivery changed nothing, or None when it did.
Handler = Callable[[Work, Delivery, Mapping[str, Any]], Awaitable[str | None]]


async def return_requested(work: Work, delivery: Delivery, payload: Mapping[str, Any]) -> str | None:
    """A customer asked in the store's screen: a job reads the return, and the delivery shows how that went."""
    return_id, told = required_identifier(payload, "id"), _reasons(payload)
    await defer(
        work.session,
        "requests.take_in_return",
        store=delivery.source,
        return_id=return_id,
        delivery_id=str(delivery.id),
        reasons=told,
    )
    return None


def _reasons(payload: Mapping[str, Any]) -> dict[str, str]:
    """The reason by order line as the webhook words it; the API names another set of reasons."""
    told = {}
    for item in objects(payload, "return_line_items"):
        line_id = identifier(child(child(item, "fulfillment_line_item"), "line_item"), "id")
        reason = text(item, "return_reason", 80)
        if line_id and reason:
            told[line_id] = reason.lower()
    return told


def return_moved(event: Event, status: str) -> Handler:
    """The merchant decided in the store's own screen: the same decision is taken here, where the case allows it."""

    async def handle(work: Work, delivery: Delivery, payload: Mapping[str, Any]) -> str | None:
        return_id = required_identifier(payload, "id")
        note = text(child(payload, "decline"), "note")
        moved = await follow_return(work, delivery.source, return_id, status, event, note)
        if event is Event.APPROVED and await requests.of_store_return(work, delivery.source, return_id) is None:
            # The merchant opened it in the store, or the customer's request was lost on the way.
            return await return_requested(work, delivery, payload)
        return None if moved else "no case waits for this"

    return handle


async def follow_return(
    work: Work, store: str, return_id: str, status: str, event: Event | None, note: str | None
) -> int:
    """A store's own return has become `status`; its cases that allow `event` take it. Answers how many did."""
    named = (Case.store == store, Case.store_return_id == return_id)
    for order_pk in (await work.session.scalars(select(Case.order_pk).where(*named).distinct())).all():
        await orders.lock(work, order_pk)
    moved = 0
    for case_id in (await work.session.scalars(select(Case.id).where(*named).order_by(Case.id))).all():
        case = await cases.lock(work, case_id)
        if event is not None and event in allowed_events(State(case.state)):
            await cases.record_news(work, case, event, _decision(event, case, note), f"store:{store}")
            moved += 1
    await requests.note_store_status(work, store, return_id, status)
    return moved


def _decision(event: Event, case: Case, note: str | None) -> dict[str, Any]:
    if event is Event.APPROVED:
        return {"route": case.route or "return", "reason": "approved in the store"}
    return {"reason": note or "decided in the store"}
