"""The inbox: one row for each webhook, raw, as it came."""

from __future__ import annotations

from datetime import datetime
from enum import StrEnum
from typing import Any
from uuid import UUID

from sqlalchemy import BigInteger, Index, UniqueConstraint, Uuid, func, text
from sqlalchemy.dialects.postgresql import ARRAY
from sqlalchemy.orm import Mapped, mapped_column

from app.db.base import Base, HasId
from app.webhooks.packing import Packed


class SourceKind(StrEnum):
    """Who sends."""

    STORE = "store"
    SUPPLIER = "supplier"


class DeliveryStatus(StrEnum):
    """What became of a delivery."""

    PENDING = "pending"
    PROCESSED = "processed"
    IGNORED = "ignored"
    FAILED = "failed"


class Delivery(HasId, Base):
    """One webhook. `dedupe_key` is the platform's own notion of the same delivery; `body` is the raw bytes,
    packed in the table.

    The body is emptied at `erased_at`, by retention or because its customer asked; its hash stays. `deaths` counts the
    processes that ended while reading it. `trace` is the place in the trace that it came in with (a W3C traceparent),
    when traces are on.
    """

    __tablename__ = "deliveries"
    __table_args__ = (
        UniqueConstraint("source_kind", "source", "dedupe_key"),
        Index("ix_deliveries_pending", "id", postgresql_where=text("status = 'pending'")),
        Index("ix_deliveries_due", text("source_kind DESC"), "id", postgresql_where=text("status = 'pending'")),
        Index("ix_deliveries_failed_id", "id", postgresql_where=text("status = 'failed'")),
        Index("ix_deliveries_failed", "source_kind", "source", "id", postgresql_where=text("status = 'failed'")),
        Index("ix_deliveries_ignored", "id", postgresql_where=text("status = 'ignored'")),
        Index("ix_deliveries_topic", "topic", "source_kind", "source", "id"),
        Index("ix_deliveries_source_id", "source_kind", "source", "id"),
        Index("ix_deliveries_emptied", "erased_at", postgresql_where=text("erased_at IS NOT NULL")),
        Index("ix_deliveries_kept", "received_at", postgresql_where=text("erased_at IS NULL")),
    )

    source_kind: Mapped[str]
    source: Mapped[str]
    dedupe_key: Mapped[str]
    topic: Mapped[str]
    webhook_id: Mapped[str | None]
    event_id: Mapped[str | None]
    delivery_id: Mapped[str | None]
    headers: Mapped[dict[str, Any]]
    body: Mapped[bytes] = mapped_column(Packed)
    status: Mapped[str] = mapped_column(default=DeliveryStatus.PENDING, server_default=DeliveryStatus.PENDING)
    error: Mapped[str | None]
    attempts: Mapped[int] = mapped_column(default=0, server_default="0")
    duplicates: Mapped[int] = mapped_column(default=0, server_default="0")
    received_at: Mapped[datetime] = mapped_column(server_default=func.now())
    next_try_at: Mapped[datetime | None]
    processed_at: Mapped[datetime | None]
    body_sha256: Mapped[str | None]
    erased_at: Mapped[datetime | None]
    deaths: Mapped[int] = mapped_column(default=0, server_default="0")
    trace: Mapped[str | None]


class Reading(Base):
    """What a reader reads at this moment, written before it begins. The reader holds an advisory lock on its number for
    as long as it lives, on the server that began at `server_started`.
    """

    __tablename__ = "readings"

    reader: Mapped[int] = mapped_column(BigInteger, primary_key=True, autoincrement=False)
    deliveries: Mapped[list[UUID]] = mapped_column(ARRAY(Uuid))
    server_started: Mapped[datetime]
