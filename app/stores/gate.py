"""Stops every call to a store whose app was removed, whoever wants to make it."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from contextlib import AbstractAsyncContextManager
from datetime import datetime

from app.orders.snapshot import OrderSnapshot, Platform
from app.outcomes import Rejected, Unknown
from app.stores.asked import (
    CouponWish,
    NewOrderAnswer,
    NewOrderIntent,
    NewOrderProof,
    PreparedNewOrder,
    PreparedRefund,
    RefundAnswer,
    RefundIntent,
    Variant,
)
from app.stores.base import (
    ChangedPage,
    Feature,
    Finding,
    Store,
    StoreReturn,
    StoreUnavailable,
    StoreUninstalled,
    Subscription,
    WithdrawalNote,
)

# Asked before each call, with the store's key: raises `StoreUninstalled`, or `StoreUnavailable` when nobody can tell.
Check = Callable[[str], Awaitable[None]]
_LATER_SECONDS = 60.0


class GatedStore:
    """A store's adapter behind a gate that is asked before each call.

    What a person does to find out or to connect the store again (checks and webhooks) is not stopped.
    """

    def __init__(self, store: Store, check: Check) -> None:
        self._store = store
        self._check = check
        self.key: str = store.key
        self.platform: Platform = store.platform

    async def read_order(self, order_id: str) -> OrderSnapshot | None:
        """As the store does. Raises `StoreUninstalled` too."""
        await self._check(self.key)
        return await self._store.read_order(order_id)

    async def find_order(self, number: str) -> OrderSnapshot | None:
        """As the store does. Raises `StoreUninstalled` too."""
        await self._check(self.key)
        return await self._store.find_order(number)

    async def changed_orders(self, since: datetime, cursor: str | None) -> ChangedPage:
        """As the store does. Raises `StoreUninstalled` too."""
        await self._check(self.key)
        return await self._store.changed_orders(since, cursor)

    async def prepare_refund(self, intent: RefundIntent, order: OrderSnapshot) -> PreparedRefund:
        """As the store does. Raises `StoreUninstalled` too."""
        await self._check(self.key)
        return await self._store.prepare_refund(intent, order)

    def ahead(self, prepared: PreparedRefund | PreparedNewOrder) -> AbstractAsyncContextManager[None]:
        """As the store does; it makes no call, so the gate is not asked."""
        return self._store.ahead(prepared)

    async def send_refund(self, prepared: PreparedRefund) -> RefundAnswer:
        """As the store does; behind a closed gate it is proven that nothing was sent."""
        return await self._closed() or await self._store.send_refund(prepared)

    async def _closed(self) -> Rejected | None:
        try:
            await self._check(self.key)
        except (StoreUninstalled, StoreUnavailable) as closed:
            return Rejected(closed.code, closed.detail, retryable=True, retry_after=_LATER_SECONDS)
        return None

    async def prepare_new_order(self, intent: NewOrderIntent) -> PreparedNewOrder:
        """As the store does. Raises `StoreUninstalled` too."""
        await self._check(self.key)
        return await self._store.prepare_new_order(intent)

    async def send_new_order(self, prepared: PreparedNewOrder, *, again: bool = False) -> NewOrderAnswer:
        """As the store does; behind a closed gate it is proven that nothing was sent, but not what was before."""
        closed = await self._closed()
        if closed is not None:
            return Unknown(closed.code, closed.detail) if again else closed
        return await self._store.send_new_order(prepared, again=again)

    async def find_new_order(self, prepared: PreparedNewOrder) -> NewOrderProof | None:
        """As the store does. Raises `StoreUninstalled` too."""
        await self._check(self.key)
        return await self._store.find_new_order(prepared)

    async def traces(self, prepared: PreparedNewOrder | PreparedRefund) -> str | None:
        """As the store does. Raises `StoreUninstalled` too."""
        await self._check(self.key)
        return await self._store.traces(prepared)

    async def variants(self, order_id: str, line_id: str) -> tuple[Variant, ...]:
        """As the store does. Raises `StoreUninstalled` too."""
        await self._check(self.key)
        return await self._store.variants(order_id, line_id)

    async def check(self, wanted: frozenset[Feature] = frozenset()) -> list[Finding]:
        """As the store does."""
        return await self._store.check(wanted)

    async def list_subscriptions(self) -> list[Subscription]:
        """As the store does."""
        return await self._store.list_subscriptions()

    async def wanted_topics(self) -> tuple[str, ...]:
        """As the store does. Raises `StoreUninstalled` too: nobody watches webhooks of a store that is gone."""
        await self._check(self.key)
        return await self._store.wanted_topics()

    async def sync_subscriptions(self, callback_url: str) -> list[str]:
        """As the store does."""
        return await self._store.sync_subscriptions(callback_url)

    async def read_withdrawal(self, order_id: str) -> WithdrawalNote | None:
        """As the store does. Raises `StoreUninstalled` too."""
        await self._check(self.key)
        return await self._store.read_withdrawal(order_id)

    async def read_return(self, return_id: str) -> StoreReturn | None:
        """As the store does. Raises `StoreUninstalled` too."""
        await self._check(self.key)
        return await self._store.read_return(return_id)

    async def approve_return(self, return_id: str) -> None:
        """As the store does. Raises `StoreUninstalled` too."""
        await self._check(self.key)
        await self._store.approve_return(return_id)

    async def decline_return(self, return_id: str, note: str) -> None:
        """As the store does. Raises `StoreUninstalled` too."""
        await self._check(self.key)
        await self._store.decline_return(return_id, note)

    async def close_return(self, return_id: str) -> None:
        """As the store does. Raises `StoreUninstalled` too."""
        await self._check(self.key)
        await self._store.close_return(return_id)

    async def create_coupon(self, wish: CouponWish) -> None:
        """As the store does. Raises `StoreUninstalled` too."""
        await self._check(self.key)
        await self._store.create_coupon(wish)

    async def aclose(self) -> None:
        """Gives back connections."""
        await self._store.aclose()
