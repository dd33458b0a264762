"""A store's adapter with somebody standing at its door: things happen just before and after the money call."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import Any, cast

from app.stores.asked import PreparedRefund, RefundAnswer
from app.stores.base import Store
from app.stores.registry import StoreRegistry
from tests.faults.death import reached

Moment = Callable[[str, str, str], Awaitable[None]]
"""Called with the store's key, the order's id and `call` or `answer`."""


class Door:
    """The adapter itself, but for the money call, and for orders whose time-outs are played with a hasty twin."""

    def __init__(self, patient: Store, hasty: Store, is_hasty: Callable[[str, str], bool], moment: Moment) -> None:
        self._patient, self._hasty, self._is_hasty, self._moment = patient, hasty, is_hasty, moment

    def __getattr__(self, name: str) -> Any:
        return getattr(self._patient, name)

    async def send_refund(self, prepared: PreparedRefund) -> RefundAnswer:
        """The real call, with what happens around it."""
        key, order_id = self._patient.key, prepared.order_id
        reached("call")
        await self._moment(key, order_id, "call")
        store = self._hasty if self._is_hasty(key, order_id) else self._patient
        answer = await store.send_refund(prepared)
        reached("answer")
        await self._moment(key, order_id, "answer")
        return answer

    async def aclose(self) -> None:
        """Gives back the connections of both."""
        await self._patient.aclose()
        await self._hasty.aclose()


class Doors(StoreRegistry):
    """The registry of a worker with a door before each store."""

    def __init__(
        self, patient: StoreRegistry, hasty: list[Store], is_hasty: Callable[[str, str], bool], moment: Moment
    ) -> None:
        twins = {store.key: store for store in hasty}
        self._stores = {store.key: cast(Store, Door(store, twins[store.key], is_hasty, moment)) for store in patient}
