"""One row for each store: how far it has been asked, and what its webhooks looked like."""

from __future__ import annotations

from datetime import datetime
from uuid import UUID

from sqlalchemy import func
from sqlalchemy.orm import Mapped, mapped_column

from app.db.base import Base


class Turn:
    """Work on one store that one worker does at a time.

    `lease` is the right to do it, taken anew by whoever begins and worth nothing after `leased_until`. `error` is what
    went wrong last, None when nothing did; `failures` counts how often in a row.
    """

    store: Mapped[str] = mapped_column(primary_key=True)
    next_due: Mapped[datetime]
    lease: Mapped[UUID | None]
    leased_until: Mapped[datetime | None]
    error: Mapped[str | None]
    failures: Mapped[int] = mapped_column(default=0, server_default="0")
    created_at: Mapped[datetime] = mapped_column(server_default=func.now())


class StorePoll(Turn, Base):
    """How far a store has been asked what changed.

    `watermark` is in the store's own time: what changed before it has been seen. A walk that is under way began at
    `started_at`, asks for what changed from `since` on, has come to `cursor` and has seen `newest`. `complete_as_of`
    is when the last whole walk began, by our clock.
    """

    __tablename__ = "store_polls"

    watermark: Mapped[datetime]
    since: Mapped[datetime | None]
    cursor: Mapped[str | None]
    newest: Mapped[datetime | None]
    started_at: Mapped[datetime | None]
    complete_as_of: Mapped[datetime | None]


class WebhookCheck(Turn, Base):
    """What the last look at a store's webhooks found.

    `findings` are sentences, empty when all is well; `repairs` those of the last repair, made at `repaired_at`.
    `good_at` is when every webhook was last known to be there and active, and `good_ids` which they were.
    """

    __tablename__ = "webhook_checks"

    checked_at: Mapped[datetime | None]
    good_at: Mapped[datetime | None]
    good_ids: Mapped[list[str]] = mapped_column(server_default="{}")
    findings: Mapped[list[str]] = mapped_column(server_default="{}")
    repairs: Mapped[list[str]] = mapped_column(server_default="{}")
    repaired_at: Mapped[datetime | None]
