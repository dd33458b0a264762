"""Requests about a customer's data, from the store or from the operator."""

from __future__ import annotations

from datetime import datetime
from enum import StrEnum
from typing import Any
from uuid import UUID

from sqlalchemy import Index, func, text
from sqlalchemy.orm import Mapped, mapped_column

from app.db.base import Base, HasId


class PrivacyKind(StrEnum):
    """What is asked for: to show a customer's data, to erase it, or to erase that of every customer of a store."""

    DATA_REQUEST = "data_request"
    REDACT = "redact"
    REDACT_STORE = "redact_store"


class PrivacyRequest(HasId, Base):
    """One request. It keeps ids and counts, never the data itself.

    `email` is kept only as long as it is needed to find the data: until it is erased, or until retention takes it.
    `orders` are the store's ids of the orders named. `result` is what was found or erased, as counts.
    """

    __tablename__ = "privacy_requests"
    __table_args__ = (
        Index("ix_privacy_requests_store_id", "store", "id"),
        Index("ix_privacy_requests_due", "next_try_at", postgresql_where=text("next_try_at IS NOT NULL")),
        Index("ix_privacy_requests_email", "received_at", postgresql_where=text("email IS NOT NULL")),
    )

    store: Mapped[str]
    kind: Mapped[str]
    origin: Mapped[str]
    delivery_id: Mapped[UUID | None] = mapped_column(unique=True)
    customer_id: Mapped[str | None]
    email: Mapped[str | None]
    orders: Mapped[list[str]] = mapped_column(server_default="{}")
    result: Mapped[dict[str, Any] | None]
    received_at: Mapped[datetime] = mapped_column(server_default=func.now())
    next_try_at: Mapped[datetime | None]
    done_at: Mapped[datetime | None]
