"""Declarations of withdrawal as stored."""

from __future__ import annotations

from datetime import datetime
from enum import StrEnum
from uuid import UUID

from sqlalchemy import ForeignKey, Index, UniqueConstraint, func, text
from sqlalchemy.orm import Mapped, mapped_column

from app.db.base import Base, HasId

# What takes the place of a text that was erased.
ERASED = "[redacted]"


class WithdrawalStatus(StrEnum):
    """What became of a declaration.

    `received`: its order is being looked for. `matched`: a return request was made of it. `unmatched`: a person says
    which order is meant. `unclear`: the order is known, and a person says which lines are meant. `closed`: a person
    ended it with a reason.
    """

    RECEIVED = "received"
    MATCHED = "matched"
    UNMATCHED = "unmatched"
    UNCLEAR = "unclear"
    CLOSED = "closed"


class Withdrawal(HasId, Base):
    """One declaration, as it was made; what was written is never changed, only erased.

    `origin` is `page` or `woocommerce`; `source` names the form or the store's order, so that the same declaration is
    taken in once. `goods` is what the consumer wrote when they withdraw from a part of the order only. `detail` is for
    the operator: why a person is needed, or why it was closed. `receipt_id` is the mail that confirms the receipt.
    `next_try_at` is when a declaration whose order is still looked for is taken up again.
    """

    __tablename__ = "withdrawals"
    __table_args__ = (
        UniqueConstraint("store", "source"),
        Index("ix_withdrawals_status_id", "status", "id"),
        Index("ix_withdrawals_store_email", "store", func.lower(text("email"))),
        Index("ix_withdrawals_due", "next_try_at", postgresql_where=text("next_try_at IS NOT NULL")),
        Index("ix_withdrawals_kept", "declared_at", postgresql_where=text("erased_at IS NULL")),
    )

    store: Mapped[str]
    origin: Mapped[str]
    source: Mapped[str]
    name: Mapped[str]
    order_named: Mapped[str]
    email: Mapped[str]
    goods: Mapped[str | None]
    language: Mapped[str]
    status: Mapped[str]
    detail: Mapped[str | None]
    declared_at: Mapped[datetime]
    order_pk: Mapped[UUID | None] = mapped_column(ForeignKey("orders.id"), index=True)
    request_id: Mapped[UUID | None] = mapped_column(ForeignKey("return_requests.id"), index=True)
    receipt_id: Mapped[UUID | None] = mapped_column(ForeignKey("messages.id"))
    settled_by: Mapped[str | None]
    settled_at: Mapped[datetime | None]
    next_try_at: Mapped[datetime | None]
    erased_at: Mapped[datetime | None]

    def erase(self, now: datetime) -> None:
        """Takes out who declared it and what they wrote."""
        self.name = self.email = self.order_named = ERASED
        self.goods = self.goods and ERASED
        self.erased_at = now
