"""What Makegood asks of a store, whatever its platform. Pure: types and a protocol, no HTTP.

Adapters implement `Store`; nothing outside them knows how a platform spells a refund.
"""

from __future__ import annotations

from contextlib import AbstractAsyncContextManager
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from typing import Protocol

from app.errors import AppError, Unavailable
from app.orders.snapshot import OrderSnapshot, Platform
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


class StoreUnavailable(Unavailable):
    """The store did not answer a *reading* call properly; reading again later is harmless."""

    code = "store_unavailable"
    title = "The store does not answer"

    def __init__(self, detail: str, retry_after: float | None = None) -> None:
        super().__init__(detail)
        self.retry_after = retry_after


class StoreRefused(AppError):
    """The store answered that it will not do this; somebody has to change something (credentials, scopes, order)."""

    status = 502
    code = "store_refused"
    title = "The store refused"


class StoreUninstalled(StoreRefused):
    """The merchant removed the app: the store is not asked at all until it is installed again."""

    code = "app_uninstalled"
    title = "The app was removed from the store"


class RefundNotPossible(StoreRefused):
    """Before any money was asked for: this refund cannot be made as decided (nothing refundable, wrong lines)."""

    code = "refund_not_possible"
    title = "The store cannot make this refund"


class NewOrderNotPossible(StoreRefused):
    """Before anything was asked for: this order cannot be made as decided (product gone, sold out, wrong line)."""

    code = "new_order_not_possible"
    title = "The store cannot make this order"


@dataclass(frozen=True, slots=True)
class Finding:
    """One thing that `makegood doctor` checked. `ok` False needs a mend; `mend` says what to do.

    `code` names the fault for programs and never changes; "" is what is right, or named by its subject.
    """

    subject: str
    ok: bool
    detail: str
    mend: str = ""
    code: str = ""


@dataclass(frozen=True, slots=True)
class Subscription:
    """A webhook as the store has it. `topic` in the store's delivery spelling (`orders/create`, `order.updated`)."""

    subscription_id: str
    topic: str
    url: str
    active: bool


@dataclass(frozen=True, slots=True)
class StoreReturn:
    """A return as the Shopify admin shows it: quantity and reason (lower case, theirs) by order line."""

    return_id: str
    order_id: str
    status: str
    name: str | None
    lines: tuple[StoreReturnLine, ...]


@dataclass(frozen=True, slots=True)
class WithdrawalNote:
    """A withdrawal that was declared in the store's own form: when, and for which goods (None: the whole order)."""

    declared_at: datetime
    goods: str | None


@dataclass(frozen=True, slots=True)
class ReturnGlance:
    """A store's own return in a list of orders. `status` is lower case, theirs; `note` is why it was declined."""

    return_id: str
    status: str
    created_at: datetime | None = None
    note: str | None = None


@dataclass(frozen=True, slots=True)
class OrderGlance:
    """One order in a list of what changed, at the store's own time `updated_at`.

    `snapshot` is what a webhook would have told, where the list tells that much (WooCommerce); without it the order
    has to be read. `refund_ids` and `returns` are those that the list names.
    """

    order_id: str
    updated_at: datetime
    snapshot: OrderSnapshot | None = None
    refund_ids: frozenset[str] = frozenset()
    returns: tuple[ReturnGlance, ...] = ()


@dataclass(frozen=True, slots=True)
class ChangedPage:
    """A page of orders that changed, the longest unchanged first. `next_cursor` None: there is nothing after it."""

    orders: tuple[OrderGlance, ...]
    next_cursor: str | None


@dataclass(frozen=True, slots=True)
class StoreReturnLine:
    """One line of a store's own return."""

    line_id: str
    quantity: int
    reason: str
    note: str | None


class Feature(StrEnum):
    """What only some policies need of a store; `makegood doctor` asks for no more than what is offered there."""

    STORE_CREDIT = "store_credit"
    NEW_ORDERS = "new_orders"


class Store(Protocol):
    """A store's API. Reading calls raise `StoreUnavailable` or `StoreRefused`; money calls answer three ways."""

    key: str
    platform: Platform

    async def read_order(self, order_id: str) -> OrderSnapshot | None:
        """The order now, with every refund and its lines; None when the store has none by that id."""
        ...

    async def find_order(self, number: str) -> OrderSnapshot | None:
        """The order by its printed number (`#1106` or `1106`); None when there is none."""
        ...

    async def changed_orders(self, since: datetime, cursor: str | None) -> ChangedPage:
        """The orders that changed at or after `since` (the store's time), a page at a time, with exactly one call.

        `cursor` is the `next_cursor` of the page before, of a walk with the same `since`; it may be hours old. A store
        that throttles is not asked again here: `StoreUnavailable` says after how many seconds it may be.
        """
        ...

    async def prepare_refund(self, intent: RefundIntent, order: OrderSnapshot) -> PreparedRefund:
        """Turns the intent into the exact request; may read, never writes. Raises `RefundNotPossible`."""
        ...

    def ahead(self, prepared: PreparedRefund | PreparedNewOrder) -> AbstractAsyncContextManager[None]:
        """Waits for the turns of the calls that sending it takes; within the block they are made without waiting.

        So nobody waits between what is written down of a sending and the sending itself, where a process that dies
        leaves doubt. Makes no call. Raises `NoTurn` before the block begins.
        """
        ...

    async def send_refund(self, prepared: PreparedRefund) -> RefundAnswer:
        """Sends the refund once. Never raises for anything the store or the network does.

        A store credit in WooCommerce is a coupon that is looked for by its code before it is made: after any answer it
        may be sent again, and that is the only way to look for it, since no order shows it.
        """
        ...

    async def prepare_new_order(self, intent: NewOrderIntent) -> PreparedNewOrder:
        """Turns the intent into the exact order; reads, never writes. Raises `NewOrderNotPossible` too."""
        ...

    async def send_new_order(self, prepared: PreparedNewOrder, *, again: bool = False) -> NewOrderAnswer:
        """Looks for the operation's marker and makes the order where there is none. Never raises for the store.

        `again` says that an earlier try may have been executed (it was unknown, or nobody heard its answer): then only
        what is found is finished, and nothing is begun, because stores show their newest orders late. It answers
        `Unknown` as long as nothing is found; only time and a person settle that.
        """
        ...

    async def find_new_order(self, prepared: PreparedNewOrder) -> NewOrderProof | None:
        """The order with the operation's marker; looks only. None is no proof that there is none.

        What was begun and not finished (a Shopify draft, a WooCommerce order without its status) is not shown here:
        doubt is settled by `send_new_order(…, again=True)`, which finishes it and begins nothing.
        """
        ...

    async def traces(self, prepared: PreparedNewOrder | PreparedRefund) -> str | None:
        """What the store has with the operation's marker, finished or not and however it differs; None for nothing.

        Asked before a person's word that nothing was made is taken: for new orders, and for credit that no order shows.
        Raises `StoreUnavailable` and `StoreRefused`.
        """
        ...

    async def variants(self, order_id: str, line_id: str) -> tuple[Variant, ...]:
        """The variants of the product that the line bought, for an exchange; none when it is no longer sold."""
        ...

    async def check(self, wanted: frozenset[Feature] = frozenset()) -> list[Finding]:
        """Credentials, scopes and reachability, for `makegood doctor`. Never raises for a store's answer.

        `wanted` is what the store's policy offers: what only that needs is a fault when it is missing.
        """
        ...

    async def list_subscriptions(self) -> list[Subscription]:
        """The webhooks that the store has."""
        ...

    async def wanted_topics(self) -> tuple[str, ...]:
        """The topics that Makegood wants and may have there (Shopify: those that the app's scopes allow)."""
        ...

    async def sync_subscriptions(self, callback_url: str) -> list[str]:
        """Creates missing webhooks and mends those switched off; answers one sentence for each change."""
        ...

    async def read_return(self, return_id: str) -> StoreReturn | None:
        """A return of the store's own (Shopify only; WooCommerce answers None)."""
        ...

    async def approve_return(self, return_id: str) -> None:
        """Approves it; already approved counts as done (Shopify only)."""
        ...

    async def decline_return(self, return_id: str, note: str) -> None:
        """Declines it; already declined counts as done (Shopify only)."""
        ...

    async def close_return(self, return_id: str) -> None:
        """Closes it; closing twice succeeds (Shopify only)."""
        ...

    async def read_withdrawal(self, order_id: str) -> WithdrawalNote | None:
        """What the store's own withdrawal form noted on an order (WooCommerce only); None when it noted nothing."""
        ...

    async def create_coupon(self, wish: CouponWish) -> None:
        """Makes the coupon; one with that code that is there already counts as made.

        Raises `StoreUnavailable`, after which asking again is harmless, and `StoreRefused`.
        """
        ...

    async def aclose(self) -> None:
        """Gives back connections."""
        ...
