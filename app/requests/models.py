"""Return requests as stored."""

from __future__ import annotations

from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy import ForeignKey, UniqueConstraint, func
from sqlalchemy.orm import Mapped, mapped_column

from app.db.base import Base, HasId


class ReturnRequest(HasId, Base):
    """What the customer declared, when and through which door: `api`, `page`, `shopify_return` or `withdrawal`.

    `store_status` is the last known status of the store's own return: a change of it is news, the same again is not.
    """

    __tablename__ = "return_requests"
    __table_args__ = (UniqueConstraint("store", "store_return_id"),)

    store: Mapped[str]
    order_pk: Mapped[UUID] = mapped_column(ForeignKey("orders.id"), index=True)
    origin: Mapped[str]
    store_return_id: Mapped[str | None]
    store_status: Mapped[str | None]
    email: Mapped[str | None]
    remedy: Mapped[str]
    lines: Mapped[list[dict[str, Any]]]
    created_at: Mapped[datetime] = mapped_column(server_default=func.now())
