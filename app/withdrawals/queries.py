"""Finds declarations of withdrawal."""

from __future__ import annotations

from sqlalchemy import select

from app.db.work import Work
from app.orders.models import Order
from app.withdrawals.models import Withdrawal


def source_of(order_id: str) -> str:
    """The source of a declaration in a store's own form, which takes one for each order."""
    return f"order:{order_id}"


async def known_already(work: Work, order: Order) -> bool:
    """Whether the declaration in the store's own form was taken in for that order."""
    same = Withdrawal.store == order.store, Withdrawal.source == source_of(order.order_id)
    return await work.session.scalar(select(Withdrawal.id).where(*same)) is not None
