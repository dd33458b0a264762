"""Replacement operations and their attempts. A replacement is a row before it is a call, as a refund is."""

from __future__ import annotations

from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy import ForeignKey, Index, func, text
from sqlalchemy.orm import Mapped, mapped_column

from app.db.base import Base, HasId


class Replacement(HasId, Base):
    """One intended order in place of goods that were bought. Its id is the marker of that order in the store.

    `lines` is `[{line_id, quantity, variant_id}]`; `variant_id` is null where the same is sent again. `request` is what
    was first sent, without anybody's address. `store_order_id` and `order_name` are the order that was made.
    `next_check_at` is when the sweeper looks at it again.
    """

    __tablename__ = "replacements"
    __table_args__ = (
        Index("ix_replacements_due", "next_check_at", postgresql_where=text("next_check_at IS NOT NULL")),
        Index("ix_replacements_status_id", "status", "id"),
    )

    case_id: Mapped[UUID] = mapped_column(ForeignKey("cases.id"), index=True)
    order_pk: Mapped[UUID] = mapped_column(ForeignKey("orders.id"), index=True)
    store: Mapped[str]
    status: Mapped[str]
    lines: Mapped[list[dict[str, Any]]]
    ground: Mapped[str]
    evidence: Mapped[dict[str, Any]]
    request: Mapped[dict[str, Any] | None]
    store_order_id: Mapped[str | None]
    order_name: Mapped[str | None]
    next_check_at: Mapped[datetime | None]
    looks: Mapped[int] = mapped_column(default=0, server_default="0")
    detail: Mapped[str | None]
    created_at: Mapped[datetime] = mapped_column(server_default=func.now())
    settled_at: Mapped[datetime | None]


class ReplacementAttempt(Base):
    """One sending of a replacement, written before it is made. Never deleted or overwritten; its answer is added.

    `again`: it could only finish what an earlier one had begun.
    """

    __tablename__ = "replacement_attempts"

    replacement_id: Mapped[UUID] = mapped_column(ForeignKey("replacements.id"), primary_key=True)
    number: Mapped[int] = mapped_column(primary_key=True, autoincrement=False)
    again: Mapped[bool] = mapped_column(default=False, server_default="false")
    request: Mapped[dict[str, Any]]
    started_at: Mapped[datetime]
    finished_at: Mapped[datetime | None]
    outcome: Mapped[str | None]
    answer: Mapped[dict[str, Any] | None]
