"""Thank-yous as stored."""

from __future__ import annotations

from datetime import datetime
from decimal import Decimal
from enum import StrEnum
from uuid import UUID

from sqlalchemy import BigInteger, CheckConstraint, ForeignKey, Index, Numeric, func, text
from sqlalchemy.orm import Mapped, mapped_column

from app.db.base import Base, HasId


class ThanksStatus(StrEnum):
    """Where a thank-you stands. `offering`: the store is asked for its coupon. `dropped`: there is nothing to say."""

    WAITING = "waiting"
    OFFERING = "offering"
    SAID = "said"
    DROPPED = "dropped"


class CouponStatus(StrEnum):
    """Where a coupon stands. `dry_run`: decided, and not written into the store."""

    WANTED = "wanted"
    MADE = "made"
    REFUSED = "refused"
    DRY_RUN = "dry_run"


class Thanks(HasId, Base):
    """What follows a settled request: one for each, planned when the first of its cases is resolved.

    `next_try_at` is when it is looked at. `coupon` is None when there is no offer; else the offer is written down
    before the store is asked for it. `code` is made from the request, so that asking twice makes one coupon. It takes
    `percent` off, or `amount` minor units of `currency`, for one order until `expires_at`.
    """

    __tablename__ = "thanks"
    __table_args__ = (
        CheckConstraint("coupon IS NULL OR (percent IS NULL) <> (amount IS NULL)", name="percent_or_amount"),
        Index("ix_thanks_due", "next_try_at", postgresql_where=text("next_try_at IS NOT NULL")),
    )

    request_id: Mapped[UUID] = mapped_column(ForeignKey("return_requests.id"), unique=True)
    case_id: Mapped[UUID] = mapped_column(ForeignKey("cases.id"), index=True)
    store: Mapped[str]
    status: Mapped[str]
    next_try_at: Mapped[datetime | None]
    attempts: Mapped[int] = mapped_column(default=0, server_default="0")
    coupon: Mapped[str | None]
    code: Mapped[str | None]
    percent: Mapped[Decimal | None] = mapped_column(Numeric(5, 2))
    amount: Mapped[int | None] = mapped_column(BigInteger)
    currency: Mapped[str | None]
    exponent: Mapped[int | None]
    expires_at: Mapped[datetime | None]
    error: Mapped[str | None]
    created_at: Mapped[datetime] = mapped_column(server_default=func.now())
    said_at: Mapped[datetime | None]
