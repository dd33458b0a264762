"""Keeps the snapshot of each order, and answers what is still refundable."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any
from uuid import UUID

from pydantic import TypeAdapter
from sqlalchemy import select
from sqlalchemy.dialects.postgresql import insert

from app.db.work import Work
from app.jobs import defer
from app.money import Money
from app.orders.models import ObservedRefund, Order
from app.orders.snapshot import Fulfilment, OrderSnapshot, RefundState, SeenRefund

_SNAPSHOT: TypeAdapter[OrderSnapshot] = TypeAdapter(OrderSnapshot)


def snapshot_of(order: Order) -> OrderSnapshot:
    """The stored snapshot as a value; its refunds are rows of their own."""
    return decoded(order.snapshot)


def decoded(stored: Mapping[str, Any]) -> OrderSnapshot:
    """A snapshot as it is stored, as a value."""
    return _SNAPSHOT.validate_python(stored)


def money_of(order: Order, minor: int) -> Money:
    """An amount in the order's currency."""
    return Money(minor, order.currency, order.exponent)


async def find(work: Work, store: str, id_or_number: str) -> Order | None:
    """The order by the store's id, else by its printed number (with or without `#`)."""
    bare = id_or_number.lstrip("#")
    found = await work.session.scalar(select(Order).where(Order.store == store, Order.order_id == id_or_number))
    if found is not None:
        return found
    return await work.session.scalar(
        select(Order).where(Order.store == store, Order.number.in_([id_or_number, bare, f"#{bare}"])).limit(1)
    )


async def lock(work: Work, order_pk: UUID) -> Order:
    """The order row, locked until the transaction ends: the money of an order is serial."""
    # Not FOR UPDATE: that also blocks the foreign-key checks of rows that point here, and so ends in dead-locks.
    statement = select(Order).where(Order.id == order_pk).with_for_update(key_share=True)
    return (await work.session.execute(statement.execution_options(populate_existing=True))).scalar_one()


async def keep(work: Work, store: str, news: OrderSnapshot, read_at: datetime | None = None) -> tuple[Order, bool]:
    """Stores what a webhook or a reading says, locks the order, and answers whether the snapshot changed.

    Older news never overwrites newer: refunds are still taken from it, because a refund does not become untrue.
    `read_at` is when a complete reading of the store began; refunds it does not show any more are marked as removed.
    """
    order, created = await _upsert(work, store, news)
    changed = created
    if not created and news.updated_at >= order.source_updated_at:
        same_moment = news.updated_at == order.source_updated_at
        changed = _overwrite(order, merged(snapshot_of(order), news, complete=read_at is not None), work.now)
        if changed and same_moment and read_at is None:
            # Times have a resolution of one second: two different orders at one moment cannot be told apart by it.
            await defer(work.session, "orders.refresh", store=store, order_id=order.order_id)
    if read_at is not None:
        order.read_at = read_at
    for refund in news.refunds or ():
        # What even a complete reading does not tell will not be told: the refund counts by its amount alone.
        told = replace(refund, lines=refund.lines or {}, extras=refund.extras or {}) if read_at else refund
        changed = await keep_refund(work, order, told, complete=read_at is not None) or changed
    if news.refunds is not None and news.updated_at >= order.source_updated_at:
        shown = {seen.store_refund_id for seen in news.refunds}
        if read_at is not None:
            changed = await _mark_removed(work, order, shown, read_at) or changed
        elif any(row.store_refund_id not in shown for row in await observed(work, order.id)):
            # A refund that newer news leaves out was deleted, perhaps: only a reading can tell.
            await defer(work.session, "orders.refresh", store=store, order_id=order.order_id)
    return order, changed


async def _upsert(work: Work, store: str, news: OrderSnapshot) -> tuple[Order, bool]:
    values = {"store": store, "order_id": news.order_id, **columns_of(news)}
    statement = insert(Order).values(**values).on_conflict_do_nothing().returning(Order.id)
    created = (await work.session.execute(statement)).scalar_one_or_none()
    if created is None:
        select_id = select(Order.id).where(Order.store == store, Order.order_id == news.order_id)
        return await lock(work, (await work.session.execute(select_id)).scalar_one()), False
    return await lock(work, created), True


def columns_of(news: OrderSnapshot) -> dict[str, Any]:
    """What is stored of a snapshot, by column."""
    stored = _SNAPSHOT.dump_python(news, mode="json", exclude={"refunds"})
    # They are rows of their own.
    stored["refunds"] = None
    return {
        "number": news.number,
        "email": news.email,
        "currency": news.currency,
        "exponent": news.exponent,
        "captured": news.captured,
        "snapshot": stored,
        "source_updated_at": news.updated_at,
        "placed_at": news.placed_at,
    }


def _overwrite(order: Order, news: OrderSnapshot, now: datetime) -> bool:
    columns = columns_of(_stripped(news) if order.redacted_at else news)
    if all(getattr(order, name) == value for name, value in columns.items()):
        return False
    for name, value in columns.items():
        setattr(order, name, value)
    order.updated_at, order.news_sha256 = now, None
    return True


def redact(order: Order, now: datetime) -> None:
    """Erases who the customer is from a locked order; from now on news of it is stripped of that too."""
    order.redacted_at = order.redacted_at or now
    _overwrite(order, snapshot_of(order), now)


def _stripped(news: OrderSnapshot) -> OrderSnapshot:
    """Without what leads to a person: country, region and language stay: law and mails depend on them."""
    parcels = tuple(replace(parcel, tracking_number=None, tracking_url=None) for parcel in news.fulfilments)
    return replace(news, email=None, fulfilments=parcels)


def merged(known: OrderSnapshot, news: OrderSnapshot, complete: bool) -> OrderSnapshot:
    """The newer snapshot, with what it leaves out taken from the known one (a filtered webhook leaves much out)."""
    earlier = {parcel.fulfilment_id: parcel for parcel in known.fulfilments}
    parcels = tuple(_with_delivery(parcel, earlier.get(parcel.fulfilment_id)) for parcel in news.fulfilments)
    return replace(
        news,
        lines=news.lines or known.lines,
        extras=news.extras or known.extras,
        fulfilments=parcels or known.fulfilments,
        email=news.email or known.email,
        country=news.country or known.country,
        region=news.region if news.country else known.region,
        company=news.company if complete else news.company or known.company,
        locale=news.locale or known.locale,
        withdrawn=news.withdrawn or known.withdrawn,
        payment_method=news.payment_method or known.payment_method,
        disputed=news.disputed if complete else news.disputed or known.disputed,
        charged_back=news.charged_back if complete else news.charged_back or known.charged_back,
        disputes_ended=tuple(sorted({*known.disputes_ended, *news.disputes_ended})),
    )


def _with_delivery(parcel: Fulfilment, earlier: Fulfilment | None) -> Fulfilment:
    """The newer of the two, with what it leaves out taken from the other. Deliveries come in any order."""
    if earlier is None:
        return parcel
    if parcel.updated_at is not None and earlier.updated_at is not None and parcel.updated_at < earlier.updated_at:
        parcel, earlier = earlier, parcel
    return replace(
        parcel,
        delivered_at=parcel.delivered_at or earlier.delivered_at,
        lines=parcel.lines or earlier.lines,
        tracking_number=parcel.tracking_number or earlier.tracking_number,
        updated_at=parcel.updated_at or earlier.updated_at,
    )


async def keep_fulfilment(work: Work, order: Order, parcel: Fulfilment) -> bool:
    """Adds or updates one parcel of a locked order; older news only adds what the newer did not tell."""
    known = snapshot_of(order)
    parcels = {one.fulfilment_id: one for one in known.fulfilments}
    parcels[parcel.fulfilment_id] = _with_delivery(parcel, parcels.get(parcel.fulfilment_id))
    return _overwrite(order, replace(known, fulfilments=tuple(parcels.values())), work.now)


def keep_ended_dispute(work: Work, order: Order, dispute_id: str) -> None:
    """Notes on a locked order that a dispute is over. Whether another one is open, the next reading tells."""
    known = snapshot_of(order)
    ended = tuple(sorted({*known.disputes_ended, dispute_id}))
    _overwrite(order, replace(known, disputes_ended=ended, disputed=False), work.now)


async def keep_refund(work: Work, order: Order, seen: SeenRefund, *, complete: bool = False) -> bool:
    """Records a refund that the store shows, and answers whether it says anything new. The order must be locked.

    `complete` says that the store was just read: only that brings back a refund that was found deleted.
    """
    row = await work.session.scalar(
        select(ObservedRefund).where(
            ObservedRefund.order_pk == order.id, ObservedRefund.store_refund_id == seen.store_refund_id
        )
    )
    if row is None:
        row = ObservedRefund(
            order_pk=order.id,
            store_refund_id=seen.store_refund_id,
            operation_id=UUID(seen.operation) if seen.operation else None,
            first_seen_at=work.now,
            made_at=seen.created_at,
            amount=seen.amount,
            state=seen.state,
        )
        work.session.add(row)
    told = {
        "amount": seen.amount,
        "state": str(seen.state),
        "shop_amount": seen.shop_amount if seen.shop_amount is not None else row.shop_amount,
        "lines": dict(seen.lines) if seen.lines is not None else row.lines,
        "extras": dict(seen.extras) if seen.extras is not None else row.extras,
        "removed_at": None,
    }
    if row.lines is not None and seen.lines is None:
        # A list of totals knows less than the reading that came before it.
        told["amount"], told["state"] = row.amount, row.state
    if row.state in (RefundState.SUCCEEDED, RefundState.FAILED) and seen.state is RefundState.PENDING:
        # A payment that has come to its end does not begin again: this is older news.
        told["amount"], told["state"] = row.amount, row.state
    if not complete:
        told["removed_at"] = row.removed_at
    changed = row.id is None or any(getattr(row, name) != value for name, value in told.items())
    for name, value in told.items():
        setattr(row, name, value)
    await work.session.flush()
    return changed


async def _mark_removed(work: Work, order: Order, shown: set[str], read_at: datetime) -> bool:
    rows = await observed(work, order.id)
    gone = [row for row in rows if row.store_refund_id not in shown and row.first_seen_at < read_at]
    for row in gone:
        row.removed_at = work.now
    return bool(gone)


async def observed(work: Work, order_pk: UUID) -> list[ObservedRefund]:
    """Every refund that the store shows for this order now, in the order seen."""
    statement = select(ObservedRefund).where(ObservedRefund.order_pk == order_pk, ObservedRefund.removed_at.is_(None))
    return list(await work.session.scalars(statement.order_by(ObservedRefund.id)))


@dataclass(frozen=True, slots=True)
class External:
    """What others refunded: total minor units, units by line, minor units by extra."""

    amount: int
    lines: dict[str, int]
    extras: dict[str, int]


# What a store shows in one of these states is not money.
_NOT_MONEY = (RefundState.FAILED, RefundState.NO_MONEY)


def shown_of_ours(rows: list[ObservedRefund]) -> dict[UUID, int]:
    """Minor units that the store shows for each of our operations, together when it shows one more than once."""
    shown: dict[UUID, int] = {}
    for row in rows:
        if row.operation_id is not None and row.state not in _NOT_MONEY:
            shown[row.operation_id] = shown.get(row.operation_id, 0) + row.amount
    return shown


def external_of(rows: list[ObservedRefund], ours: set[UUID]) -> External:
    """Adds up the refunds that are not accounted for by `ours` (operations whose money is reserved already)."""
    amount, lines, extras = 0, dict[str, int](), dict[str, int]()
    for row in rows:
        if row.operation_id in ours or row.state in _NOT_MONEY:
            continue
        amount += row.amount
        for line_id, count in (row.lines or {}).items():
            lines[line_id] = lines.get(line_id, 0) + int(count)
        for line_id, minor in (row.extras or {}).items():
            extras[line_id] = extras.get(line_id, 0) + int(minor)
    return External(amount, lines, extras)
