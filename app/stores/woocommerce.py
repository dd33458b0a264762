"""A WooCommerce site as a `Store`."""

from __future__ import annotations

import dataclasses
from contextlib import AbstractAsyncContextManager
from datetime import datetime
from typing import NoReturn

from app.orders.normalise_woocommerce import order_from_payload, refunds_from_api
from app.orders.reading import UnreadablePayload
from app.orders.snapshot import OrderSnapshot, Platform
from app.outcomes import Ok, Rejected, Unknown
from app.pace.base import Pace
from app.stores import woocommerce_orders
from app.stores.asked import (
    CouponWish,
    NewOrderAnswer,
    NewOrderIntent,
    NewOrderProof,
    PreparedNewOrder,
    PreparedRefund,
    RefundAnswer,
    RefundIntent,
    RefundMethod,
    Variant,
)
from app.stores.base import (
    ChangedPage,
    Feature,
    Finding,
    StoreRefused,
    StoreReturn,
    StoreUnavailable,
    Subscription,
    WithdrawalNote,
)
from app.stores.features import check_woocommerce
from app.stores.woocommerce_changes import changed_orders
from app.stores.woocommerce_check import check_site
from app.stores.woocommerce_client import CallFailed, Reply, WooClient, is_missing
from app.stores.woocommerce_coupons import create_coupon
from app.stores.woocommerce_credit import credit_traces, is_credit, prepare_credit, send_credit
from app.stores.woocommerce_refund import judge, needs_reading_back, prepare, proof_of
from app.stores.woocommerce_webhooks import TOPICS, list_webhooks, renew_secrets, sync_webhooks
from app.stores.woocommerce_withdrawal import withdrawal_in

_LONGEST_ID = 18
# A refund may be read back. A new order or a coupon is looked for first, by its customer, and a new order is finished
# with a second change.
_CALLS_OF_A_REFUND, _CALLS_OF_WHAT_IS_LOOKED_FOR = 2, 4


class WooStore:
    """One WooCommerce site (REST `wc/v3`, WooCommerce 9 and newer).

    WooCommerce knows neither idempotency nor locks: two POSTs make two refunds. The caller sends one at a time for an
    order and looks for the marker before. Time-outs are in seconds; the read time-out outlasts a slow gateway.
    """

    platform = Platform.WOOCOMMERCE

    def __init__(
        self,
        key: str,
        *,
        url: str,
        consumer_key: str,
        consumer_secret: str,
        webhook_secret: str = "",
        ca_file: str | None = None,
        connect_timeout: float = 5.0,
        read_timeout: float = 75.0,
        pace: Pace | None = None,
        parallel: int = 4,
    ) -> None:
        """`parallel` calls go out at once at most.

        Raises `ConfigError` when `url` is not https (http only on loopback).
        """
        self.key = key
        self._webhook_secret = webhook_secret
        self._client = WooClient(
            url,
            consumer_key,
            consumer_secret,
            store=key,
            ca_file=ca_file,
            connect_timeout=connect_timeout,
            read_timeout=read_timeout,
            pace=pace,
            parallel=parallel,
        )

    async def read_order(self, order_id: str) -> OrderSnapshot | None:
        """The order now with its refunds and their lines, also from the trash (status `trash`); None without one."""
        if not _is_id(order_id):
            return None
        reply = await self._client.read(f"orders/{order_id}")
        if is_missing(reply):
            return None
        refunds = await self._client.read_list(f"orders/{order_id}/refunds")
        if refunds is None:
            return None
        order = _object(reply)
        try:
            return dataclasses.replace(order_from_payload(order), refunds=refunds_from_api(order, refunds))
        except UnreadablePayload as error:
            raise StoreRefused(f"Order {order_id} cannot be understood: {error.detail}") from error

    async def find_order(self, number: str) -> OrderSnapshot | None:
        """The order with exactly this printed number.

        It is the id unless a plugin numbers orders otherwise, and then the order with that *id* is somebody else's.
        """
        wanted = number.strip().removeprefix("#").strip()
        if not wanted:
            return None
        by_id = await self.read_order(wanted)
        if by_id is not None and by_id.number == wanted:
            return by_id
        reply = await self._client.read("orders", {"search": wanted, "per_page": "50"})
        for item in reply.body if isinstance(reply.body, list) else []:
            if isinstance(item, dict) and str(item.get("number", "")).removeprefix("#") == wanted:
                return await self.read_order(str(item.get("id")))
        return None

    async def changed_orders(self, since: datetime, cursor: str | None) -> ChangedPage:
        """Orders by `date_modified_gmt`, first those outside the trash, then those in it.

        A refund that is deleted does not change its order before WooCommerce 11.2: only reading the order finds that.
        """
        return await changed_orders(self._client, since, cursor)

    async def prepare_refund(self, intent: RefundIntent, order: OrderSnapshot) -> PreparedRefund:
        """The exact request; for a store credit it reads the store's currency. Raises `RefundNotPossible`."""
        if intent.method is RefundMethod.STORE_CREDIT:
            return await prepare_credit(self._client, intent, order)
        return prepare(intent, order)

    def ahead(self, prepared: PreparedRefund | PreparedNewOrder) -> AbstractAsyncContextManager[None]:
        """A place, and turns for what sending it takes."""
        booked = isinstance(prepared, PreparedRefund) and not is_credit(prepared.payload)
        return self._client.ahead(_CALLS_OF_A_REFUND if booked else _CALLS_OF_WHAT_IS_LOOKED_FOR)

    async def send_refund(self, prepared: PreparedRefund) -> RefundAnswer:
        """Sends the refund with at most one POST. Never raises for anything the store or the network does.

        A store credit is looked for by its code first, so that it may be sent again after any answer.
        """
        if not _is_id(prepared.order_id):
            return Rejected("invalid_order_id", "The order's id is not a WooCommerce id; nothing was sent")
        if is_credit(prepared.payload):
            return await send_credit(self._client, prepared)
        path = f"orders/{prepared.order_id}/refunds"
        try:
            reply = await self._client.call("POST", path, data=prepared.payload)
        except CallFailed as failure:
            if failure.sent:
                return Unknown("no_answer", f"{failure.detail} after the refund was sent")
            why = f"{failure.detail} before anything was sent"
            return Rejected("not_sent", why, retryable=True, retry_after=failure.wait)
        answer = judge(prepared, reply)
        if isinstance(answer, Ok) and reply.found is not None and needs_reading_back(prepared, reply.found):
            return await self._read_back(prepared, f"{path}/{answer.value.store_refund_id}", answer)
        return answer

    async def _read_back(self, prepared: PreparedRefund, path: str, answer: RefundAnswer) -> RefundAnswer:
        """The refund as it is now; `answer` stays when it cannot be read, because the refund itself is certain."""
        try:
            reply = await self._client.read(path)
        except (StoreUnavailable, StoreRefused):
            return answer
        return Ok(proof_of(prepared, reply.found)) if reply.found and "id" in reply.found else answer

    async def prepare_new_order(self, intent: NewOrderIntent) -> PreparedNewOrder:
        """Reads the order and its products. Raises `NewOrderNotPossible` for what is not sold or not in stock."""
        return await woocommerce_orders.prepare(self._client, intent)

    async def send_new_order(self, prepared: PreparedNewOrder, *, again: bool = False) -> NewOrderAnswer:
        """Looks among the customer's orders, then makes it with at most one POST. Never raises for the store."""
        return await woocommerce_orders.send(self._client, prepared, again=again)

    async def find_new_order(self, prepared: PreparedNewOrder) -> NewOrderProof | None:
        """The customer's order that carries the marker. Raises `StoreUnavailable` and `StoreRefused`."""
        return await woocommerce_orders.find(self._client, prepared)

    async def traces(self, prepared: PreparedNewOrder | PreparedRefund) -> str | None:
        """The order with the marker or the coupon with the code, whatever it is worth; an order shows its refunds."""
        if isinstance(prepared, PreparedNewOrder):
            return await woocommerce_orders.traces(self._client, prepared)
        return await credit_traces(self._client, prepared) if is_credit(prepared.payload) else None

    async def variants(self, order_id: str, line_id: str) -> tuple[Variant, ...]:
        """The variations of the product that the line bought. Raises `StoreUnavailable` and `StoreRefused`."""
        return await woocommerce_orders.variants(self._client, order_id, line_id)

    async def check(self, wanted: frozenset[Feature] = frozenset()) -> list[Finding]:
        """Address, key and its permissions, version, decimals, webhook secret, and what the wanted features need."""
        found = await check_site(self._client, self._webhook_secret)
        if not all(finding.ok for finding in found):
            return found
        return [*found, *await check_woocommerce(self._client, wanted)]

    async def list_subscriptions(self) -> list[Subscription]:
        """The webhooks that the site has."""
        return await list_webhooks(self._client)

    async def wanted_topics(self) -> tuple[str, ...]:
        """Every topic that Makegood uses; makes no call."""
        return TOPICS

    async def sync_subscriptions(self, callback_url: str) -> list[str]:
        """Creates missing webhooks and mends those switched off; answers one sentence for each change."""
        return await sync_webhooks(self._client, callback_url, self._webhook_secret)

    async def renew_secrets(self, callback_url: str) -> list[str]:
        """Tells every webhook there the secret again, after a rotation; one sentence for each."""
        return await renew_secrets(self._client, callback_url, self._webhook_secret)

    async def read_withdrawal(self, order_id: str) -> WithdrawalNote | None:
        """What the site's own withdrawal form noted on the order."""
        shown = await self.read_order(order_id)
        notes = await self._client.read_list(f"orders/{order_id}/notes") if shown and shown.withdrawn else None
        if shown is None or notes is None:
            return None
        return withdrawal_in(notes, shown.email, shown.updated_at)

    async def read_return(self, return_id: str) -> StoreReturn | None:  # noqa: ARG002
        """None: WooCommerce has no returns of its own."""
        return None

    async def approve_return(self, return_id: str) -> None:
        """Raises `StoreRefused`: WooCommerce has no returns of its own."""
        _no_returns(return_id)

    async def decline_return(self, return_id: str, note: str) -> None:  # noqa: ARG002
        """Raises `StoreRefused`: WooCommerce has no returns of its own."""
        _no_returns(return_id)

    async def close_return(self, return_id: str) -> None:
        """Raises `StoreRefused`: WooCommerce has no returns of its own."""
        _no_returns(return_id)

    async def create_coupon(self, wish: CouponWish) -> None:
        """Makes a coupon for one order of this customer; one that is there already counts as made."""
        await create_coupon(self._client, wish)

    async def aclose(self) -> None:
        """Gives back the worker threads; a call under way ends by itself."""
        self._client.close()


def _is_id(order_id: str) -> bool:
    return order_id.isascii() and order_id.isdecimal() and len(order_id) <= _LONGEST_ID


def _object(reply: Reply) -> dict[str, object]:
    if reply.found is None:
        raise StoreUnavailable("The store did not answer with an object")
    return reply.found


def _no_returns(return_id: str) -> NoReturn:
    raise StoreRefused(f"WooCommerce has no returns of its own, and so no return {return_id[:40]!r}")
