"""Orders as stored: searchable columns beside the snapshot, and every refund that a store has shown us."""

from __future__ import annotations

from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy import BigInteger, ForeignKey, Index, UniqueConstraint, func, text
from sqlalchemy.orm import Mapped, mapped_column

from app.db.base import Base, HasId


class Order(HasId, Base):
    """One order. `snapshot` is `OrderSnapshot` without its refunds, which are rows of their own.

    Locking this row makes the money of the order serial. `read_at` is when the last complete reading began,
    `reread_at` when one was last asked for in turn. `redacted_at` is when the customer's data was erased: news of the
    order is stripped of it from then on. `news_sha256` is the digest of the webhook's body that the snapshot was last
    read from, and None when something else has changed it since.
    """

    __tablename__ = "orders"
    __table_args__ = (
        UniqueConstraint("store", "order_id"),
        # What a person types comes first: orders are looked for in one store and in all of them.
        Index("ix_orders_order_id", "order_id"),
        Index("ix_orders_number_store", "number", "store"),
        Index("ix_orders_email_store", func.lower(text("email")), "store"),
        Index("ix_orders_personal", "updated_at", postgresql_where=text("redacted_at IS NULL")),
    )

    store: Mapped[str]
    order_id: Mapped[str]
    number: Mapped[str]
    email: Mapped[str | None]
    currency: Mapped[str]
    exponent: Mapped[int]
    captured: Mapped[int] = mapped_column(BigInteger)
    snapshot: Mapped[dict[str, Any]]
    source_updated_at: Mapped[datetime]
    placed_at: Mapped[datetime]
    read_at: Mapped[datetime | None]
    redacted_at: Mapped[datetime | None]
    reread_at: Mapped[datetime | None]
    news_sha256: Mapped[bytes | None]
    created_at: Mapped[datetime] = mapped_column(server_default=func.now())
    updated_at: Mapped[datetime] = mapped_column(server_default=func.now())


class ObservedRefund(HasId, Base):
    """A refund that exists in the store. `operation_id` is ours by its marker; without one somebody else made it.

    `lines` and `extras` are None until a reading told them. `applied_at` is when open cases were told of an external
    one; `removed_at` is when the store stopped showing it.
    """

    __tablename__ = "observed_refunds"
    __table_args__ = (UniqueConstraint("order_pk", "store_refund_id"),)

    order_pk: Mapped[UUID] = mapped_column(ForeignKey("orders.id"))
    store_refund_id: Mapped[str]
    operation_id: Mapped[UUID | None]
    amount: Mapped[int] = mapped_column(BigInteger)
    shop_amount: Mapped[int | None] = mapped_column(BigInteger)
    state: Mapped[str]
    lines: Mapped[dict[str, Any] | None]
    extras: Mapped[dict[str, Any] | None]
    made_at: Mapped[datetime | None]
    first_seen_at: Mapped[datetime]
    applied_at: Mapped[datetime | None]
    applied: Mapped[dict[str, Any] | None]
    removed_at: Mapped[datetime | None]
