"""Feedback as stored."""

from __future__ import annotations

from datetime import datetime
from uuid import UUID

from sqlalchemy import CheckConstraint, ForeignKey, Index, SmallInteger, func
from sqlalchemy.orm import Mapped, mapped_column

from app.db.base import Base, HasId

WORST, BEST = 1, 5


class Feedback(HasId, Base):
    """One answer for each request: how satisfied the customer is, from 1 (not at all) to 5, and in what words.

    It can be changed; `updated_at` is when it last was. `case_id` is set where it was given on a case's page.
    """

    __tablename__ = "feedback"
    __table_args__ = (
        CheckConstraint(f"score BETWEEN {WORST} AND {BEST}", name="score_in_range"),
        Index("ix_feedback_store_id", "store", "id"),
        Index("ix_feedback_updated_at", "updated_at"),
    )

    request_id: Mapped[UUID] = mapped_column(ForeignKey("return_requests.id"), unique=True)
    case_id: Mapped[UUID | None] = mapped_column(ForeignKey("cases.id"), index=True)
    store: Mapped[str]
    score: Mapped[int] = mapped_column(SmallInteger)
    text: Mapped[str | None]
    created_at: Mapped[datetime] = mapped_column(server_default=func.now())
    updated_at: Mapped[datetime] = mapped_column(server_default=func.now())
