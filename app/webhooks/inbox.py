"""The inbox: takes deliveries in, raw, and keeps what became of each."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import timedelta
from uuid import UUID

from sqlalchemy import literal_column, select, text, update
from sqlalchemy.orm import defer as defer_column
from sqlalchemy.sql.elements import ColumnElement

from app import tracing, watching
from app.db.work import Work
from app.errors import Conflict
from app.outbound import service as outbound
from app.webhooks.models import Delivery, DeliveryStatus, SourceKind

# The store gives up on us long before this; a body that large is no order.
MAX_BODY = 5 * 1024 * 1024
MOST_TRIES = 8
# Where readers are told that there is something to read.
CHANNEL = "makegood_deliveries"
FIRST_RETRY = timedelta(seconds=5)
# Topics whose body is only an id: a second one with the same body is news, not a repeat.
_ID_ONLY = ("action.", "order.deleted", "order.restored")
_LONGEST_KEY = 200
_KEPT_HEADERS = frozenset({
    "content-type", "user-agent",
    "x-shopify-topic", "x-shopify-shop-domain", "x-shopify-api-version", "x-shopify-webhook-id", "x-shopify-event-id",
    "x-shopify-triggered-at", "x-shopify-name", "x-shopify-sub-topic",
    "x-wc-webhook-source", "x-wc-webhook-topic", "x-wc-webhook-resource", "x-wc-webhook-event", "x-wc-webhook-id",
    "x-wc-webhook-delivery-id",
    "webhook-id", "webhook-timestamp",
})  # fmt: skip


class BodyErased(Conflict):
    """The raw body is not kept any more, so the delivery cannot be read once more."""

    code = "body_erased"
    title = "The delivery's body was erased"


def is_id_only(topic: str) -> bool:
    """True for topics whose repeats are news."""
    return topic.startswith(_ID_ONLY)


def kept_headers(headers: Mapping[str, str]) -> dict[str, str | None]:
    """Those that are stored with a delivery, as text that PostgreSQL takes."""
    return {name: _clean(value) for name, value in headers.items() if name in _KEPT_HEADERS}


@dataclass(frozen=True, slots=True)
class Arrival:
    """One webhook whose signature was right."""

    source_kind: SourceKind
    source: str
    topic: str
    dedupe_key: str
    headers: Mapping[str, str]
    body: bytes
    webhook_id: str | None = None
    event_id: str | None = None
    delivery_id: str | None = None
    trace: str | None = field(default_factory=tracing.traceparent)


def _clean(value: str | None, limit: int = 200) -> str | None:
    """A header as text that PostgreSQL takes; headers are not signed and may hold anything."""
    return value.replace("\x00", "")[:limit] if value else None


def _key(value: str | None) -> str | None:
    """An id to tell deliveries apart by: whole, or, when it is longer than any sender's, its digest."""
    if value is not None and len(value) > _LONGEST_KEY:
        return f"sha256:{hashlib.sha256(value.encode('utf-8', 'replace')).hexdigest()}"
    return _clean(value)


def shopify_arrival(store: str, headers: Mapping[str, str], body: bytes) -> Arrival:
    """Dedupe by the delivery's own id (facts: one event yields several deliveries, so never by the event's id)."""
    webhook_id = _clean(headers.get("x-shopify-webhook-id"))
    topic = _clean(headers.get("x-shopify-topic")) or "unknown"
    return Arrival(
        SourceKind.STORE,
        store,
        topic,
        _key(headers.get("x-shopify-webhook-id")) or f"{topic}:{hashlib.sha256(body).hexdigest()}",
        headers,
        body,
        webhook_id=webhook_id,
        event_id=_clean(headers.get("x-shopify-event-id")),
    )


def woocommerce_arrival(store: str, headers: Mapping[str, str], body: bytes) -> Arrival:
    """Dedupe by webhook, topic and body: the delivery id is the same for all deliveries within a second."""
    webhook_id = _clean(headers.get("x-wc-webhook-id"))
    topic = _clean(headers.get("x-wc-webhook-topic")) or "unknown"
    return Arrival(
        SourceKind.STORE,
        store,
        topic,
        f"{_key(headers.get('x-wc-webhook-id'))}:{topic}:{hashlib.sha256(body).hexdigest()}",
        headers,
        body,
        webhook_id=webhook_id,
        delivery_id=_clean(headers.get("x-wc-webhook-delivery-id")),
    )


def supplier_arrival(supplier: str, headers: Mapping[str, str], body: bytes, topic: str) -> Arrival:
    """Dedupe by the event's id, which is signed."""
    message_id = headers.get("webhook-id")
    key = _key(message_id) or hashlib.sha256(body).hexdigest()
    return Arrival(SourceKind.SUPPLIER, supplier, topic, key, headers, body, webhook_id=_clean(message_id))


async def again(work: Work, delivery_id: UUID) -> bool:
    """Has a delivery read once more (a replay); False when there is no such delivery. Harmless to repeat.

    Raises `BodyErased` when what was sent is not kept any more.
    """
    known = await work.session.get(Delivery, delivery_id, options=[defer_column(Delivery.body)])
    if known is not None and known.erased_at is not None:
        raise BodyErased(
            f"What delivery {delivery_id} said was erased at {known.erased_at:%Y-%m-%d %H:%M} UTC, by retention or "
            "because its customer asked for it; the order itself can be read from the store."
        )
    statement = (
        update(Delivery)
        .where(Delivery.id == delivery_id)
        .values(status=DeliveryStatus.PENDING, next_try_at=None, processed_at=None, deaths=0)
        .returning(Delivery.id)
    )
    found = (await work.session.execute(statement)).scalar_one_or_none()
    if found is not None:
        await wake(work)
    return found is not None


async def wake(work: Work) -> None:
    """Tells the readers, when the transaction is kept, that there is something to read."""
    await work.session.execute(text(f"NOTIFY {CHANNEL}"))


def due(work: Work) -> ColumnElement[bool]:
    """Deliveries that wait to be read, and not for a later try."""
    # Written out: a plan that is made for any status could not use the index of those that wait.
    waiting = Delivery.status == literal_column("'pending'")
    return waiting & (Delivery.next_try_at.is_(None) | (Delivery.next_try_at <= work.now))


async def take(work: Work, delivery_id: UUID) -> Delivery | None:
    """The delivery, locked, if it still waits to be read; None when it was read or somebody else is reading it."""
    statement = (
        select(Delivery)
        .where(Delivery.id == delivery_id, Delivery.status == DeliveryStatus.PENDING)
        .with_for_update(skip_locked=True)
    )
    return await work.session.scalar(statement)


def done(work: Work, delivery: Delivery, ignored: str | None) -> None:
    """The delivery was read. `ignored` says why it changed nothing."""
    delivery.status = DeliveryStatus.IGNORED if ignored else DeliveryStatus.PROCESSED
    delivery.error = ignored
    delivery.attempts += 1
    delivery.processed_at = work.now
    watching.delivery_read(work.session, delivery, delivery.status)


async def failed(work: Work, delivery_id: UUID, error: str, *, passing: bool) -> None:
    """Reading failed. A passing fault is tried again a few times; else it is shown until somebody replays it."""
    delivery = await work.session.get(Delivery, delivery_id, with_for_update=True)
    if delivery is None:
        return
    again = passing and delivery.attempts < MOST_TRIES
    delivery.status = DeliveryStatus.PENDING if again else DeliveryStatus.FAILED
    delivery.error = error.replace("\x00", "").encode("utf-8", "replace").decode()[:1000]
    delivery.next_try_at = work.now + FIRST_RETRY * 2**delivery.attempts if again else None
    delivery.processed_at = None if again else work.now
    delivery.attempts += 1
    watching.delivery_read(work.session, delivery, "retried" if again else "failed")
    if not again:
        await outbound.delivery_failed(work, delivery)
