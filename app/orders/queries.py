"""Finds orders as callers name them."""

from __future__ import annotations

from app.db.work import Work
from app.errors import NotFound
from app.orders import service
from app.orders.models import Order


class OrderNotFound(NotFound):
    """Neither an id nor a printed number of that store's orders."""

    code = "order_not_found"
    title = "No such order"


async def required(work: Work, store: str, named: str) -> Order:
    """The order by the store's id or its printed number. Raises `OrderNotFound` when it is not known here."""
    found = await service.find(work, store, named)
    if found is None:
        raise OrderNotFound(f"The store {store} has no order {named!r} that is known here.")
    return found
