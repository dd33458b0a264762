"""The memory of POSTs that create: the same key and body get the same answer."""

from __future__ import annotations

import hashlib
from datetime import datetime
from typing import Any

from sqlalchemy import Index, func, select
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.orm import Mapped, mapped_column

from app.db.base import Base
from app.db.work import Work
from app.errors import Conflict


class IdempotencyKeyReused(Conflict):
    """The key was used for another request."""

    code = "idempotency_key_reused"
    title = "This Idempotency-Key belongs to another request"


class IdempotencyKey(Base):
    """One key of one caller. `answer` is filled in the same transaction as what it created."""

    __tablename__ = "idempotency_keys"
    __table_args__ = (Index("ix_idempotency_keys_created_at", "created_at"),)

    caller: Mapped[str] = mapped_column(primary_key=True)
    key: Mapped[str] = mapped_column(primary_key=True)
    request_hash: Mapped[str]
    answer: Mapped[dict[str, Any] | None]
    created_at: Mapped[datetime] = mapped_column(server_default=func.now())


async def claim(work: Work, caller: str, key: str, request: str) -> dict[str, Any] | None:
    """Takes the key for this transaction: None when it is new, else the stored answer.

    A second call with the same key waits here until the first one commits or rolls back.
    Raises `IdempotencyKeyReused` when the key came with another request before.
    """
    digest = hashlib.sha256(request.encode()).hexdigest()
    row = insert(IdempotencyKey).values(caller=caller, key=key, request_hash=digest)
    inserted = await work.session.execute(row.on_conflict_do_nothing().returning(IdempotencyKey.key))
    if inserted.scalar_one_or_none() is not None:
        return None
    stored = (
        await work.session.execute(
            select(IdempotencyKey).where(IdempotencyKey.caller == caller, IdempotencyKey.key == key)
        )
    ).scalar_one()
    if stored.request_hash != digest:
        raise IdempotencyKeyReused("This Idempotency-Key was used with a different request; use a new key.")
    return stored.answer


async def remember(work: Work, caller: str, key: str, answer: dict[str, Any]) -> None:
    """Stores the answer beside what it created."""
    stored = await work.session.get_one(IdempotencyKey, (caller, key))
    stored.answer = answer
