"""Return requests as stored, and what becomes one: a draft."""

from __future__ import annotations

from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy import ForeignKey, Index, UniqueConstraint, func, text
from sqlalchemy.orm import Mapped, mapped_column

from app.db.base import Base, HasId


class ReturnRequest(HasId, Base):
    """What the customer declared, when and through which door: `api`, `page`, `shopify_return` or `withdrawal`.

    `store_status` is the last known status of the store's own return: a change of it is news, the same again is not.
    `locale` is the language in which it was declared, where that is known.
    """

    __tablename__ = "return_requests"
    __table_args__ = (
        UniqueConstraint("store", "store_return_id"),
        Index("ix_return_requests_email", func.lower(text("email"))),
    )

    store: Mapped[str]
    order_pk: Mapped[UUID] = mapped_column(ForeignKey("orders.id"), index=True)
    origin: Mapped[str]
    store_return_id: Mapped[str | None]
    store_status: Mapped[str | None]
    email: Mapped[str | None]
    locale: Mapped[str | None]
    remedy: Mapped[str]
    lines: Mapped[list[dict[str, Any]]]
    created_at: Mapped[datetime] = mapped_column(server_default=func.now())


class ReturnDraft(HasId, Base):
    """A request that a customer is filling in on the pages. `wish` is `drafts.Wish`; `request_id` what became of it.

    Its lock makes confirming serial: a form that is sent twice opens one request. Pruned a day after it was touched.
    """

    __tablename__ = "return_drafts"

    store: Mapped[str]
    order_pk: Mapped[UUID] = mapped_column(ForeignKey("orders.id"), index=True)
    email: Mapped[str | None]
    wish: Mapped[dict[str, Any]] = mapped_column(server_default=text("'{}'::jsonb"))
    request_id: Mapped[UUID | None] = mapped_column(ForeignKey("return_requests.id"))
    created_at: Mapped[datetime]
    updated_at: Mapped[datetime] = mapped_column(index=True)
