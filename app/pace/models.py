"""The buckets as stored: one row for each store and supplier, locked for the length of one short transaction."""

from __future__ import annotations

from datetime import datetime

from sqlalchemy import DateTime
from sqlalchemy.dialects.postgresql import ARRAY
from sqlalchemy.orm import Mapped, mapped_column

from app.db.base import Base


def store_name(key: str) -> str:
    """What a store's bucket is called."""
    return f"store:{key}"


def supplier_name(key: str) -> str:
    """What a supplier's bucket is called."""
    return f"supplier:{key}"


class PaceRow(Base):
    """One bucket (`bucket.Bucket`); `name` is `store:` or `supplier:` with the key.

    `throttled` counts the calls that the other side turned away, the last one at `throttled_at`.
    """

    __tablename__ = "paces"

    name: Mapped[str] = mapped_column(primary_key=True)
    tokens: Mapped[float]
    rate: Mapped[float]
    burst: Mapped[float]
    at: Mapped[datetime]
    held_until: Mapped[datetime | None]
    leases: Mapped[list[datetime]] = mapped_column(ARRAY(DateTime(timezone=True)), server_default="{}")
    throttled: Mapped[int] = mapped_column(default=0, server_default="0")
    throttled_at: Mapped[datetime | None]
