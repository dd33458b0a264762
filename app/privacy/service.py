"""Takes requests about a customer's data in; a job carries them out."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import timedelta
from typing import Any
from uuid import UUID

from sqlalchemy import func, or_, select
from sqlalchemy.dialects.postgresql import insert

from app.db.base import new_id
from app.db.work import Work
from app.jobs import defer
from app.orders.models import Order
from app.orders.reading import UnreadablePayload, child, identifier, text
from app.privacy.models import PrivacyKind, PrivacyRequest
from app.requests.models import ReturnRequest

# What takes the place of personal data in texts that cannot be empty.
MARK = "[redacted]"
# Longer than a job needs for the largest store, or for a first part of it: the rest is done by the next one.
LEASE = timedelta(minutes=10)


@dataclass(frozen=True, slots=True)
class Wish:
    """Whose data is meant: by e-mail, by the store's ids of orders, or by both. `origin` is who asks."""

    store: str
    kind: PrivacyKind
    origin: str
    email: str | None = None
    orders: Sequence[str] = ()
    customer_id: str | None = None


def wish_of_webhook(kind: PrivacyKind, store: str, payload: Mapping[str, Any]) -> Wish:
    """What a privacy webhook of Shopify asks for.

    Only the body is signed, not its topic, so the body must have the shape of its topic: nobody turns a request to show
    data into one to erase it. Raises `UnreadablePayload`. (The shapes are from Shopify's public documentation.)
    """
    asked, erase = "orders_requested" in payload, "orders_to_redact" in payload
    customer = child(payload, "customer")
    right = {
        PrivacyKind.DATA_REQUEST: asked and not erase,
        PrivacyKind.REDACT: erase and not asked,
        PrivacyKind.REDACT_STORE: not asked and not erase and set(payload) <= {"shop_id", "shop_domain"},
    }
    if not right[kind]:
        raise UnreadablePayload("The body is not that of its topic; topics are not signed, so nothing is done.")
    named = payload.get("orders_requested" if asked else "orders_to_redact") or []
    if not isinstance(named, list):
        raise UnreadablePayload("The orders of the request are not a list.")
    return Wish(
        store,
        kind,
        "shopify",
        email=text(customer, "email", 320) or None,
        orders=[str(one) for one in named if isinstance(one, (int, str))],
        customer_id=identifier(customer, "id"),
    )


async def ask(work: Work, wish: Wish, delivery_id: UUID | None = None) -> PrivacyRequest | None:
    """Writes the request down and enqueues its work; None when the same delivery asked before."""
    statement = (
        insert(PrivacyRequest)
        .values(
            id=new_id(),
            store=wish.store,
            kind=wish.kind,
            origin=wish.origin,
            delivery_id=delivery_id,
            customer_id=wish.customer_id,
            email=wish.email.strip().lower() if wish.email else None,
            orders=list(dict.fromkeys(wish.orders)),
            received_at=work.now,
            next_try_at=work.now + LEASE,
        )
        .on_conflict_do_nothing()
        .returning(PrivacyRequest)
    )
    request = (await work.session.execute(statement)).scalar_one_or_none()
    if request is not None:
        await defer(work.session, "privacy.carry_out", request_id=str(request.id))
    return request


async def orders_meant(work: Work, request: PrivacyRequest) -> list[UUID]:
    """Our ids of the orders that the request is about: those named, and those of its e-mail. A store's are too many."""
    found = set()
    if request.orders:
        named = select(Order.id).where(Order.store == request.store, Order.order_id.in_(request.orders))
        found |= set(await work.session.scalars(named))
    if request.email:
        placed = select(Order.id).where(Order.store == request.store, func.lower(Order.email) == request.email)
        found |= set(await work.session.scalars(placed))
        told = select(ReturnRequest.order_pk).where(
            ReturnRequest.store == request.store, func.lower(ReturnRequest.email) == request.email
        )
        found |= set(await work.session.scalars(told))
    return sorted(found)


async def with_ids(work: Work, request: PrivacyRequest, meant: Sequence[UUID]) -> list[str]:
    """The store's ids that the request names, with those of the orders that were found for it."""
    found = await work.session.scalars(select(Order.order_id).where(Order.id.in_(meant)))
    return sorted({*request.orders, *found})


async def forget_email(work: Work, request: PrivacyRequest) -> None:
    """The e-mail is not needed to find anything any more: it goes from every request that names it."""
    same = PrivacyRequest.store == request.store
    if request.kind != PrivacyKind.REDACT_STORE:
        named = [PrivacyRequest.id == request.id]
        if request.email:
            named.append(PrivacyRequest.email == request.email)
        same = same & or_(*named)
    for row in await work.session.scalars(select(PrivacyRequest).where(same, PrivacyRequest.email.is_not(None))):
        row.email = None
