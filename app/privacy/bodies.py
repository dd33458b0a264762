"""Empties the raw bodies of webhooks, and takes personal data out of remembered answers. The rows stay."""

from __future__ import annotations

import json
from collections.abc import Callable
from hashlib import sha256
from typing import Any
from uuid import UUID

from sqlalchemy import select, text, tuple_

from app.db.idempotency import IdempotencyKey
from app.db.work import Work
from app.privacy.service import MARK
from app.webhooks.models import Delivery, DeliveryStatus, SourceKind

# Bodies are some kilobytes; so many are looked at in one transaction.
BATCH = 100
_EMPTY = text(
    "UPDATE deliveries SET body = '', body_sha256 = hash, erased_at = :now "
    "FROM unnest(CAST(:ids AS uuid[]), CAST(:hashes AS text[])) AS meant(meant_id, hash) WHERE id = meant_id"
)
# What an answer of the API may hold of a customer, by field: left empty, or marked where the field must be filled.
_EMPTIED = frozenset({"email", "tracking_url", "thumbnail_url"})
_MARKED = frozenset({"note", "tracking_number", "text", "url", "recipient", "subject", "html"})


async def erase_bodies(
    work: Work, kind: SourceKind, source: str, after: UUID | None, meant: Callable[[str, bytes], bool]
) -> tuple[UUID | None, int, int]:
    """Looks at the next deliveries of a sender; answers where to go on, how many were emptied and how many wait.

    A delivery that has not been read yet is left: reading it comes first.
    """
    statement = select(Delivery.id, Delivery.topic, Delivery.status, Delivery.body).where(
        Delivery.source_kind == kind, Delivery.source == source, Delivery.erased_at.is_(None)
    )
    if after is not None:
        statement = statement.where(Delivery.id > after)
    rows = (await work.session.execute(statement.order_by(Delivery.id).limit(BATCH))).all()
    found = [(row.id, row.status) for row in rows if meant(row.topic, row.body)]
    ready = [delivery_id for delivery_id, status in found if status != DeliveryStatus.PENDING]
    await empty(work, ready)
    return (rows[-1].id if len(rows) == BATCH else None), len(ready), len(found) - len(ready)


async def empty(work: Work, delivery_ids: list[UUID]) -> None:
    """Empties these bodies; each keeps its hash."""
    statement = (
        select(Delivery.id, Delivery.body)
        .where(Delivery.id.in_(delivery_ids), Delivery.erased_at.is_(None), Delivery.status != DeliveryStatus.PENDING)
        .order_by(Delivery.id)
        .with_for_update()
    )
    hashes = {row.id: sha256(row.body).hexdigest() for row in await work.session.execute(statement)}
    if hashes:
        values = {"ids": list(hashes), "hashes": list(hashes.values()), "now": work.now}
        await work.session.execute(_EMPTY, values)


async def erase_answers(
    work: Work, after: tuple[str, str] | None, meant: Callable[[str, bytes], bool]
) -> tuple[tuple[str, str] | None, int]:
    """Looks at the next remembered answers; answers where to go on and how many were changed."""
    place = tuple_(IdempotencyKey.caller, IdempotencyKey.key)
    statement = select(IdempotencyKey).where(IdempotencyKey.answer.is_not(None)).order_by(*place.clauses).limit(BATCH)
    if after is not None:
        statement = statement.where(place > after)
    rows = (await work.session.scalars(statement)).all()
    changed = 0
    for row in rows:
        told = _json(row.answer)
        if meant("answer", told):
            row.answer = _redacted(row.answer)
            changed += 1
    return ((rows[-1].caller, rows[-1].key) if len(rows) == BATCH else None), changed


def _json(answer: Any) -> bytes:
    return json.dumps(answer).encode()


def _redacted(value: Any) -> Any:
    if isinstance(value, dict):
        return {key: _field(key, item) for key, item in value.items()}
    return [_redacted(item) for item in value] if isinstance(value, list) else value


def _field(name: str, value: Any) -> Any:
    if isinstance(value, str) and name in _EMPTIED:
        return None
    return MARK if isinstance(value, str) and name in _MARKED else _redacted(value)
