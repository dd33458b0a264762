"""What Makegood remembers of a store beside its settings."""

from __future__ import annotations

from datetime import datetime

from sqlalchemy.orm import Mapped, mapped_column

from app.db.base import Base


class StoreState(Base):
    """Whether the app is installed in a store. A store without a row is.

    `uninstalled_at` is when the merchant removed the app (the store's own time); no call goes there while it is set.
    `resumed_at` is when calls were allowed again: news of a removal before that is old news.
    """

    __tablename__ = "store_states"

    store: Mapped[str] = mapped_column(primary_key=True)
    uninstalled_at: Mapped[datetime | None]
    resumed_at: Mapped[datetime | None]
