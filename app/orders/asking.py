"""Asks a store for an order as people name it."""

from __future__ import annotations

from app.orders.snapshot import OrderSnapshot
from app.stores.base import Store


async def read_named(store: Store, named: str) -> OrderSnapshot | None:
    """The order by the store's id, else by its printed number. Raises `StoreUnavailable` or `StoreRefused`."""
    shown = await store.read_order(named) if named.isascii() and named.isdigit() else None
    return shown or await store.find_order(named)
