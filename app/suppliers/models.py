"""The links that suppliers are given, as far as somebody has taken any back."""

from __future__ import annotations

from datetime import datetime

from sqlalchemy.orm import Mapped, mapped_column

from app.db.base import Base


class SupplierLink(Base):
    """What became of the links of one `scope` (a case, or all of a supplier); no row: nobody took one back.

    A link carries the `serial` that it was made with and works for that one only. Since `revoked_at`, if set, none is
    made any more.
    """

    __tablename__ = "supplier_links"

    scope: Mapped[str] = mapped_column(primary_key=True)
    serial: Mapped[int]
    revoked_at: Mapped[datetime | None]
