"""Every mail, as it was or would be sent."""

from __future__ import annotations

from datetime import datetime
from enum import StrEnum
from uuid import UUID

from sqlalchemy import ForeignKey, Index, func, text
from sqlalchemy.orm import Mapped, mapped_column

from app.db.base import Base, HasId


class MessageStatus(StrEnum):
    """`stored`: no mail server is set, or the store is in a dry run. `uncertain`: sent perhaps; never sent again.

    `bounced`: the address takes no mail, by the mail server's answer or by somebody's word.
    """

    STORED = "stored"
    QUEUED = "queued"
    SENDING = "sending"
    SENT = "sent"
    UNCERTAIN = "uncertain"
    FAILED = "failed"
    BOUNCED = "bounced"


class Message(HasId, Base):
    """One mail. `dedupe_key` names the event and the recipient: one mail per event. The digest is about no request.

    At `erased_at` its recipient and texts were replaced, by retention or because the customer asked.
    """

    __tablename__ = "messages"
    __table_args__ = (
        Index("ix_messages_due", "next_try_at", postgresql_where=text("next_try_at IS NOT NULL")),
        Index("ix_messages_status_id", "status", "id"),
        Index("ix_messages_kept", "created_at", postgresql_where=text("erased_at IS NULL")),
    )

    dedupe_key: Mapped[str] = mapped_column(unique=True)
    request_id: Mapped[UUID | None] = mapped_column(ForeignKey("return_requests.id"), index=True)
    case_id: Mapped[UUID | None] = mapped_column(ForeignKey("cases.id"), index=True)
    kind: Mapped[str]
    recipient: Mapped[str]
    language: Mapped[str]
    subject: Mapped[str]
    text: Mapped[str]
    html: Mapped[str]
    reply_to: Mapped[str | None]
    status: Mapped[str]
    error: Mapped[str | None]
    attempts: Mapped[int] = mapped_column(default=0, server_default="0")
    next_try_at: Mapped[datetime | None]
    created_at: Mapped[datetime] = mapped_column(server_default=func.now())
    sent_at: Mapped[datetime | None]
    erased_at: Mapped[datetime | None]
