"""Events as they were told, to whom they go, every try, and how receivers fare."""

from __future__ import annotations

from datetime import datetime
from enum import StrEnum
from typing import Any
from uuid import UUID

from sqlalchemy import BigInteger, ForeignKey, Identity, Index, func, text
from sqlalchemy.orm import Mapped, mapped_column

from app.db.base import Base, HasId

_PENDING = text("status = 'pending'")


class SendingStatus(StrEnum):
    """Where an event stands with one receiver."""

    PENDING = "pending"
    DELIVERED = "delivered"
    FAILED = "failed"


class OutboundEvent(HasId, Base):
    """One event. Its id is the `webhook-id` of every sending. `seq` grows with each event of one case.

    `data` holds ids, words and amounts and no personal data. Without a receiver in the settings none is written.
    """

    __tablename__ = "outbound_events"
    __table_args__ = (
        Index("ix_outbound_events_created_at_id", "created_at", "id"),
        Index("ix_outbound_events_type", "type", "created_at", "id"),
        Index("ix_outbound_events_case_id", "case_id", "created_at", "id"),
    )

    seq: Mapped[int] = mapped_column(BigInteger, Identity(always=True))
    type: Mapped[str]
    store: Mapped[str | None]
    case_id: Mapped[UUID | None] = mapped_column(ForeignKey("cases.id"))
    data: Mapped[dict[str, Any]]
    created_at: Mapped[datetime] = mapped_column(server_default=func.now())


class OutboundSending(Base):
    """One event on its way to one receiver. `seq`, `case_id` and `created_at` are the event's.

    `tries` counts since it was queued (a replay begins anew), `attempts` all of them, `refusals` the
    answers that may be about this very event. `claimed_at` is set while a
    worker is sending it; a dead worker's claim ends at `next_try_at`.
    """

    __tablename__ = "outbound_sendings"
    __table_args__ = (
        Index("ix_outbound_sendings_due", "receiver", "next_try_at", "seq", postgresql_where=_PENDING),
        Index("ix_outbound_sendings_waiting", "receiver", "case_id", "seq", postgresql_where=_PENDING),
        Index("ix_outbound_sendings_queued", "queued_at", postgresql_where=_PENDING),
        Index(
            "ix_outbound_sendings_open",
            "status",
            "created_at",
            "event_id",
            postgresql_where=text("status <> 'delivered'"),
        ),
    )

    event_id: Mapped[UUID] = mapped_column(ForeignKey("outbound_events.id", ondelete="CASCADE"), primary_key=True)
    receiver: Mapped[str] = mapped_column(primary_key=True)
    seq: Mapped[int] = mapped_column(BigInteger)
    case_id: Mapped[UUID | None]
    status: Mapped[str]
    tries: Mapped[int] = mapped_column(default=0, server_default="0")
    attempts: Mapped[int] = mapped_column(default=0, server_default="0")
    refusals: Mapped[int] = mapped_column(default=0, server_default="0")
    queued_at: Mapped[datetime]
    next_try_at: Mapped[datetime | None]
    claimed_at: Mapped[datetime | None]
    delivered_at: Mapped[datetime | None]
    created_at: Mapped[datetime]


class OutboundAttempt(Base):
    """One sending over HTTP, written before it is made; what came back is added. `body` is the answer's first bytes."""

    __tablename__ = "outbound_attempts"

    event_id: Mapped[UUID] = mapped_column(ForeignKey("outbound_events.id", ondelete="CASCADE"), primary_key=True)
    receiver: Mapped[str] = mapped_column(primary_key=True)
    number: Mapped[int] = mapped_column(primary_key=True, autoincrement=False)
    started_at: Mapped[datetime]
    finished_at: Mapped[datetime | None]
    http_status: Mapped[int | None]
    error: Mapped[str | None]
    body: Mapped[str | None]


class OutboundReceiver(Base):
    """How a receiver fares; one without a row has never been sent anything.

    `failures` are those in a row; `failing_since` is the first of them. Until `paused_until` nothing is sent to it, and
    nothing at all while `disabled_at` is set: it answered 410.
    """

    __tablename__ = "outbound_receivers"

    key: Mapped[str] = mapped_column(primary_key=True)
    failures: Mapped[int] = mapped_column(default=0, server_default="0")
    failing_since: Mapped[datetime | None]
    paused_until: Mapped[datetime | None]
    disabled_at: Mapped[datetime | None]
    last_success_at: Mapped[datetime | None]
    last_failure_at: Mapped[datetime | None]
    last_error: Mapped[str | None]
