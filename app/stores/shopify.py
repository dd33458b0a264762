"""A Shopify store over the GraphQL Admin API, with static token or client credentials."""

from __future__ import annotations

import asyncio
import re
from collections.abc import Mapping
from contextlib import AbstractAsyncContextManager
from datetime import UTC, datetime
from typing import Any

import httpx

from app.errors import ConfigError
from app.http import tls_context
from app.orders.normalise_shopify_api import has_more, nodes, order_from_api
from app.orders.reading import UnreadablePayload, child, identifier, moment, objects, text
from app.orders.snapshot import OrderSnapshot, Platform
from app.outcomes import Rejected
from app.pace.base import Pace
from app.stores import shopify_check, shopify_discounts, shopify_orders, shopify_returns, shopify_webhooks
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
    OrderGlance,
    ReturnGlance,
    StoreReturn,
    StoreUnavailable,
    Subscription,
    WithdrawalNote,
)
from app.stores.features import check_shopify
from app.stores.shopify_answers import send_once
from app.stores.shopify_client import ShopifyClient, Sleep, every_page
from app.stores.shopify_documents import (
    CHANGED_ORDERS,
    FULFILMENTS_ASKED,
    ORDER,
    ORDER_BY_NAME,
    ORDER_LINES,
    ORDER_PARCELS,
    ORDER_REFUND_IDS,
    REFUND,
    REFUND_CREATE,
    REFUNDS_ASKED,
    SUGGESTED_REFUND,
    gid,
)
from app.stores.shopify_refund import adds_up, judge, prepare, suggestion_variables
from app.stores.shopify_token import ClientCredentials, StaticToken, TokenSource
from app.stores.shopify_transport import Reply, ShopifyTransport, base_url, is_loopback_url

# An order name is searched for only when it cannot be read as search syntax.
_PLAIN_NAME = re.compile(r"#?[\w./-]{1,60}")
_REFUND_PARTS = ("refundLineItems", "refundShippingLines", "transactions")


class ShopifyStore:
    """One shop, as `app.stores.base.Store` asks for it.

    `domain` is `my-store.myshopify.com`; `api_url` replaces `https://{domain}` (sandbox, tests). With `access_token`
    that is used, else `client_id` and `client_secret` are exchanged for one. `notify` False keeps Shopify from mailing
    the customer about a refund, whatever the refund says. Time-outs are in seconds; the read time-out is generous
    because a refund waits for the payment gateway.

    Raises `ConfigError` for a domain or URL that must not be sent a token, and when there are no credentials.
    """

    platform = Platform.SHOPIFY

    def __init__(
        self,
        key: str,
        *,
        domain: str,
        client_secret: str,
        client_id: str | None = None,
        access_token: str | None = None,
        api_version: str = "2026-10",
        api_url: str | None = None,
        notify: bool = True,
        connect_timeout: float = 5.0,
        read_timeout: float = 40.0,
        sleep: Sleep = asyncio.sleep,
        pace: Pace | None = None,
    ) -> None:
        base = base_url(domain, api_url)
        if not re.fullmatch(r"\d{4}-\d{2}", api_version):
            raise ConfigError("API_VERSION of a Shopify store must look like 2026-10")
        self.key = key
        self._notify = notify
        self._http = httpx.AsyncClient(
            timeout=httpx.Timeout(read_timeout, connect=connect_timeout, pool=connect_timeout),
            follow_redirects=False,
            http2=False,
            trust_env=not is_loopback_url(base),
            verify=tls_context(),
        )
        tokens: TokenSource
        if access_token:
            tokens = StaticToken(access_token)
        elif client_id and client_secret:
            tokens = ClientCredentials(self._http, f"{base}/admin/oauth/access_token", client_id, client_secret)
        else:
            raise ConfigError("A Shopify store needs ACCESS_TOKEN, or CLIENT_ID and CLIENT_SECRET")
        self._transport = ShopifyTransport(
            key,
            domain=domain,
            base=base,
            api_version=api_version,
            tokens=tokens,
            client=self._http,
            deadline=connect_timeout + 2 * read_timeout,
            pace=pace,
        )
        self._client = ShopifyClient(self._transport, sleep)

    async def read_order(self, order_id: str) -> OrderSnapshot | None:
        """The order now. None also when it is older than the app's scopes let it see (60 days by default).

        Raises `StoreUnavailable` and `StoreRefused`.
        """
        order_gid = gid("Order", order_id)
        node = await self._client.ask(ORDER, {"id": order_gid}) if order_gid else None
        if node is None or order_gid is None:
            return None
        try:
            return order_from_api(await self._completed(node, order_gid))
        except UnreadablePayload as error:
            raise StoreUnavailable(f"Shopify's order cannot be read: {error.detail}") from error

    async def _completed(self, node: dict[str, Any], order_gid: str) -> dict[str, Any]:
        """The order with what did not fit into the first answer."""
        whole, variables = dict(node), {"id": order_gid}
        if has_more(node, "lineItems"):
            lines = child(node, "lineItems")
            after = text(child(lines, "pageInfo"), "endCursor", 2000)
            _, rest = await every_page(self._client, ORDER_LINES, variables, "lineItems", after)
            whole["lineItems"] = {"nodes": objects(lines, "nodes") + rest}
        if len(objects(node, "fulfillments")) >= FULFILMENTS_ASKED:
            parcels = await self._client.ask(ORDER_PARCELS, variables)
            whole["fulfillments"] = objects(parcels or {}, "fulfillments")
        refunds = objects(node, "refunds")
        if len(refunds) >= REFUNDS_ASKED or any(has_more(each, part) for each in refunds for part in _REFUND_PARTS):
            listed = await self._client.ask(ORDER_REFUND_IDS, variables)
            whole["refunds"] = [await self._refund(each) for each in objects(listed or {}, "refunds")]
        return whole

    async def _refund(self, listed: dict[str, Any]) -> dict[str, Any]:
        refund = await self._client.ask(REFUND, {"id": text(listed, "id")})
        if refund is None:
            raise StoreUnavailable("Shopify lists a refund that it does not show")
        return refund

    async def find_order(self, number: str) -> OrderSnapshot | None:
        """The order whose name is `number`, with or without `#`. Raises `StoreUnavailable` and `StoreRefused`."""
        wanted = number.strip()
        if not _PLAIN_NAME.fullmatch(wanted):
            return None
        bare = wanted.removeprefix("#")
        for name in (f"#{bare}", bare):
            found = await self._client.ask(ORDER_BY_NAME, {"query": f"name:{name}"})
            for node in objects(found or {}, "nodes"):
                order_gid = text(node, "id")
                if order_gid and (text(node, "name") or "").removeprefix("#").casefold() == bare.casefold():
                    return await self.read_order(order_gid)
        return None

    async def changed_orders(self, since: datetime, cursor: str | None) -> ChangedPage:
        """Orders by `updated_at`. A cursor of Shopify's names a place in that order, so it outlives any pause.

        Raises `StoreUnavailable`, also at the first sign of throttling, and `StoreRefused`.
        """
        query = f"updated_at:>='{since.astimezone(UTC):%Y-%m-%dT%H:%M:%SZ}'"
        page = await self._client.ask(CHANGED_ORDERS, {"query": query, "after": cursor}, tries=1) or {}
        info = child(page, "pageInfo")
        following = text(info, "endCursor", 2000) if info.get("hasNextPage") is True else None
        glances = (_glance(node) for node in objects(page, "nodes"))
        return ChangedPage(tuple(glance for glance in glances if glance), following if following != cursor else None)

    async def prepare_refund(self, intent: RefundIntent, order: OrderSnapshot) -> PreparedRefund:
        """Asks Shopify what it suggests and builds the exact request from that.

        Raises `RefundNotPossible`, `StoreUnavailable` and `StoreRefused`.
        """
        answer = await self._client.ask(SUGGESTED_REFUND, suggestion_variables(intent, order))
        return prepare(intent, order, answer, notify=intent.notify and self._notify)

    def ahead(self, prepared: PreparedRefund | PreparedNewOrder) -> AbstractAsyncContextManager[None]:
        """The points of a refund, or of everything that a new order takes."""
        refund = isinstance(prepared, PreparedRefund)
        return self._transport.ahead(*((REFUND_CREATE,) if refund else shopify_orders.SENDING))

    async def send_refund(self, prepared: PreparedRefund) -> RefundAnswer:
        """Sends the refund once; only a 401 is followed by a second call, because nothing ran. Never raises for the
        store or the network."""
        if not adds_up(prepared):
            return Rejected("payload_mismatch", "The stored request does not add up to the refund; it was not sent")
        reply = await send_once(self._transport, REFUND_CREATE, prepared.payload)
        return judge(reply, prepared) if isinstance(reply, Reply) else reply

    async def prepare_new_order(self, intent: NewOrderIntent) -> PreparedNewOrder:
        """Reads the order's lines and their products. Raises `NewOrderNotPossible` for what is not on sale."""
        return await shopify_orders.prepare(self._client, intent)

    async def send_new_order(self, prepared: PreparedNewOrder, *, again: bool = False) -> NewOrderAnswer:
        """Looks for order and draft by their tag, then makes what is missing. Never raises for the store."""
        return await shopify_orders.send(self._client, self._transport, prepared, again=again)

    async def find_new_order(self, prepared: PreparedNewOrder) -> NewOrderProof | None:
        """The order with the operation's tag. Raises `StoreUnavailable` and `StoreRefused`."""
        return await shopify_orders.find(self._client, prepared)

    async def traces(self, prepared: PreparedNewOrder | PreparedRefund) -> str | None:
        """The order or draft with the tag, finished or not; of a refund the order shows everything."""
        if isinstance(prepared, PreparedRefund):
            return None
        return await shopify_orders.traces(self._client, prepared)

    async def variants(self, order_id: str, line_id: str) -> tuple[Variant, ...]:
        """The variants of the product that the line bought. Needs `read_products`."""
        return await shopify_orders.variants(self._client, order_id, line_id)

    async def check(self, wanted: frozenset[Feature] = frozenset()) -> list[Finding]:
        """Credentials, API version and scopes, those of the wanted features too."""
        found = await shopify_check.check(self.key, self._client, self._transport)
        if not all(finding.ok for finding in found):
            return found
        return [*found, *await check_shopify(self.key, self._client, wanted)]

    async def list_subscriptions(self) -> list[Subscription]:
        """The webhooks made through the API."""
        return await shopify_webhooks.list_subscriptions(self._client)

    async def wanted_topics(self) -> tuple[str, ...]:
        """The topics that the granted scopes allow."""
        return await shopify_webhooks.allowed_topics(self._client)

    async def sync_subscriptions(self, callback_url: str) -> list[str]:
        """Makes the wanted webhooks that are missing."""
        return await shopify_webhooks.sync_subscriptions(self._client, callback_url)

    async def read_withdrawal(self, order_id: str) -> WithdrawalNote | None:  # noqa: ARG002
        """None: Shopify has no withdrawal form of its own that leaves anything on an order."""
        return None

    async def read_return(self, return_id: str) -> StoreReturn | None:
        """The store's own return; None when there is none by that id."""
        return await shopify_returns.read_return(self._client, return_id)

    async def approve_return(self, return_id: str) -> None:
        """Approves it; already approved counts as done. Raises `StoreRefused` in any other state."""
        await shopify_returns.approve_return(self._client, return_id)

    async def decline_return(self, return_id: str, note: str) -> None:
        """Declines it with a note of at most 500 characters; already declined counts as done."""
        await shopify_returns.decline_return(self._client, return_id, note)

    async def close_return(self, return_id: str) -> None:
        """Closes it; closing twice succeeds."""
        await shopify_returns.close_return(self._client, return_id)

    async def create_coupon(self, wish: CouponWish) -> None:
        """Makes a discount code for one order; one that is there already counts as made. Needs `write_discounts`."""
        await shopify_discounts.create_coupon(self._client, wish)

    async def aclose(self) -> None:
        """Gives back connections."""
        await self._http.aclose()


def _glance(node: Mapping[str, Any]) -> OrderGlance | None:
    order_id, updated_at = identifier(node, "id"), moment(node, "updatedAt")
    if order_id is None or updated_at is None:
        return None
    refunds = {refund_id for each in objects(node, "refunds") if (refund_id := identifier(each, "id"))}
    returns = tuple(
        ReturnGlance(
            return_id=return_id,
            status=(text(each, "status", 40) or "unknown").lower(),
            created_at=moment(each, "createdAt"),
            note=text(child(each, "decline"), "note"),
        )
        for each in nodes(node, "returns")
        if (return_id := identifier(each, "id"))
    )
    return OrderGlance(order_id, updated_at, refund_ids=frozenset(refunds), returns=returns)
