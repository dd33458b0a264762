"""Finds return requests."""

from __future__ import annotations

from collections.abc import Sequence
from uuid import UUID

from sqlalchemy import select

from app.db.work import Work
from app.requests.models import ReturnRequest


async def of_order(work: Work, order_pk: UUID) -> Sequence[ReturnRequest]:
    """The requests of an order, newest first."""
    statement = select(ReturnRequest).where(ReturnRequest.order_pk == order_pk).order_by(ReturnRequest.id.desc())
    return (await work.session.scalars(statement)).all()
