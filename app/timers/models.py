"""Timers: dates on which something happens to a case by itself."""

from __future__ import annotations

from datetime import datetime
from enum import StrEnum
from uuid import UUID

from sqlalchemy import ForeignKey, Index, text
from sqlalchemy.orm import Mapped, mapped_column

from app.db.base import Base, HasId

# The step at which a clock has run out; the steps before it are its reminders.
END = "end"


class TimerKind(StrEnum):
    """What a timer is about."""

    REPLY = "reply"
    REVIEW = "review"
    EVIDENCE = "evidence"
    RMA = "rma"
    SHIP = "ship"
    TRANSIT = "transit"
    INSPECTION = "inspection"
    CLAIM = "claim"
    LEGAL = "legal"
    LEGAL_3_DAYS = "legal_3_days"
    LEGAL_1_DAY = "legal_1_day"
    LEGAL_LATE = "legal_late"
    CREDIT = "credit"
    CLOSE = "close"


# What belongs to the legal date: it runs on whatever becomes of the case.
LEGAL_KINDS = frozenset({TimerKind.LEGAL, TimerKind.LEGAL_3_DAYS, TimerKind.LEGAL_1_DAY, TimerKind.LEGAL_LATE})


class Timer(HasId, Base):
    """One step of a clock. It fires once; one that is no longer wanted is cancelled, never deleted.

    `due_at` is when it happens, `planned_at` when it would have happened had Makegood been awake for the steps before
    (null: at `due_at`). `next_try_at` is when a sweep looks at it again after it was enqueued. `skipped` says that the
    step was over before anybody could do it: it counts as fired and did nothing.
    """

    __tablename__ = "timers"
    __table_args__ = (
        Index(
            "ix_timers_due",
            text("coalesce(next_try_at, due_at)"),
            postgresql_where=text("fired_at IS NULL AND cancelled_at IS NULL"),
        ),
        Index("ix_timers_case", "case_id"),
        Index(
            "ix_timers_running",
            "case_id",
            "due_at",
            postgresql_where=text("fired_at IS NULL AND cancelled_at IS NULL"),
        ),
    )

    case_id: Mapped[UUID] = mapped_column(ForeignKey("cases.id"))
    kind: Mapped[str]
    step: Mapped[str] = mapped_column(default=END, server_default=END)
    due_at: Mapped[datetime]
    planned_at: Mapped[datetime | None]
    next_try_at: Mapped[datetime | None]
    fired_at: Mapped[datetime | None]
    skipped: Mapped[bool] = mapped_column(default=False, server_default="false")
    cancelled_at: Mapped[datetime | None]
