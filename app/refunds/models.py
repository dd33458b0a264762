"""Refund operations and their attempts. A refund is a row before it is a call."""

from __future__ import annotations

from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy import BigInteger, CheckConstraint, ForeignKey, Index, func, text
from sqlalchemy.orm import Mapped, mapped_column

from app.db.base import Base, HasId


class Refund(HasId, Base):
    """One intended movement of money. Its id is the idempotency key on every try and the marker in the store.

    `lines` is `[{line_id, quantity, total, tax, taxes}]` and `extras` the same for shipping and fees, in minor units.
    `fee` is what the lines were reduced by, kept by the merchant. `request` is what was first sent, to the letter.
    `next_check_at` is when the sweeper looks at it again. `method` is where the money goes, `credit_code`
    the coupon that holds it where the store keeps credit so. `amount_only`: the customer keeps the goods, so the store
    is told an amount and no units. `origin` is what it goes back to, for the log and the trace.
    """

    __tablename__ = "refunds"
    __table_args__ = (
        CheckConstraint("amount > 0", name="amount_positive"),
        Index("ix_refunds_due", "next_check_at", postgresql_where=text("next_check_at IS NOT NULL")),
        Index("ix_refunds_status_id", "status", "id"),
        Index("ix_refunds_settled_at", "settled_at", postgresql_where=text("settled_at IS NOT NULL")),
    )

    case_id: Mapped[UUID] = mapped_column(ForeignKey("cases.id"), index=True)
    order_pk: Mapped[UUID] = mapped_column(ForeignKey("orders.id"), index=True)
    store: Mapped[str]
    status: Mapped[str]
    amount: Mapped[int] = mapped_column(BigInteger)
    fee: Mapped[int] = mapped_column(BigInteger, default=0, server_default="0")
    currency: Mapped[str]
    exponent: Mapped[int]
    shop_amount: Mapped[int | None] = mapped_column(BigInteger)
    shop_currency: Mapped[str | None]
    lines: Mapped[list[dict[str, Any]]]
    extras: Mapped[list[dict[str, Any]]]
    ground: Mapped[str]
    evidence: Mapped[dict[str, Any]]
    reason: Mapped[str]
    request: Mapped[dict[str, Any] | None]
    store_refund_id: Mapped[str | None]
    first_sent_at: Mapped[datetime | None]
    next_check_at: Mapped[datetime | None]
    looks: Mapped[int] = mapped_column(default=0, server_default="0")
    detail: Mapped[str | None]
    origin: Mapped[str | None]
    created_at: Mapped[datetime] = mapped_column(server_default=func.now())
    settled_at: Mapped[datetime | None]
    method: Mapped[str] = mapped_column(default="original", server_default="original")
    amount_only: Mapped[bool] = mapped_column(default=False, server_default="false")
    credit_code: Mapped[str | None]


class RefundAttempt(Base):
    """One sending of a refund, written before it is made. Never deleted or overwritten; only its answer is added."""

    __tablename__ = "refund_attempts"

    refund_id: Mapped[UUID] = mapped_column(ForeignKey("refunds.id"), primary_key=True)
    number: Mapped[int] = mapped_column(primary_key=True, autoincrement=False)
    request: Mapped[dict[str, Any]]
    started_at: Mapped[datetime]
    finished_at: Mapped[datetime | None]
    outcome: Mapped[str | None]
    answer: Mapped[dict[str, Any] | None]
