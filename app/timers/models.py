"""Timers: dates on which something happens to a case by itself."""

from __future__ import annotations

from datetime import datetime
from enum import StrEnum
from uuid import UUID

from sqlalchemy import ForeignKey, Index, text
from sqlalchemy.orm import Mapped, mapped_column

from app.db.base import Base, HasId


class TimerKind(StrEnum):
    """What a timer is about."""

    EVIDENCE = "evidence"
    RMA = "rma"
    SHIP = "ship"
    TRANSIT = "transit"
    INSPECTION = "inspection"
    LEGAL = "legal"
    LEGAL_3_DAYS = "legal_3_days"
    LEGAL_1_DAY = "legal_1_day"
    LEGAL_LATE = "legal_late"
    CLOSE = "close"


# What belongs to the legal date: it runs on whatever becomes of the case.
LEGAL_KINDS = frozenset({TimerKind.LEGAL, TimerKind.LEGAL_3_DAYS, TimerKind.LEGAL_1_DAY, TimerKind.LEGAL_LATE})


class Timer(HasId, Base):
    """Fires once. A timer that is no longer wanted is cancelled, never deleted."""

    __tablename__ = "timers"
    __table_args__ = (
        Index("ix_timers_due", "due_at", postgresql_where=text("fired_at IS NULL AND cancelled_at IS NULL")),
        Index("ix_timers_case", "case_id"),
    )

    case_id: Mapped[UUID] = mapped_column(ForeignKey("cases.id"))
    kind: Mapped[str]
    due_at: Mapped[datetime]
    fired_at: Mapped[datetime | None]
    cancelled_at: Mapped[datetime | None]
