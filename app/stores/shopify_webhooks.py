"""The webhooks of a Shopify store: which are wanted, which are there, and making those that are missing.

Shopify deletes a subscription made through its API after eight failed deliveries in a row, so this is run regularly.
"""

from __future__ import annotations

from collections.abc import Mapping

from app.orders.reading import child, identifier, objects, text
from app.stores.base import StoreRefused, Subscription
from app.stores.shopify_client import ShopifyClient, every_page
from app.stores.shopify_shop_documents import SCOPES, WEBHOOK_CREATE, WEBHOOKS

_ORDERS = frozenset({"read_orders"})
_RETURNS = frozenset({"read_returns"})
_ORDERS_OR_RETURNS = _ORDERS | _RETURNS
_FULFILMENTS = frozenset({"read_fulfillments"})
_DISPUTES = frozenset({"read_shopify_payments_disputes"})
_NONE: frozenset[str] = frozenset()

# Every wanted topic, with the scopes of which any one suffices.
TOPICS: Mapping[str, frozenset[str]] = {
    "orders/create": _ORDERS,
    "orders/updated": _ORDERS,
    "orders/cancelled": _ORDERS,
    "orders/edited": _ORDERS,
    "orders/paid": _ORDERS,
    "orders/fulfilled": _ORDERS,
    "orders/partially_fulfilled": _ORDERS,
    "orders/delete": _ORDERS,
    "refunds/create": _ORDERS,
    "order_transactions/create": _ORDERS,
    "returns/request": _RETURNS,
    "returns/approve": _RETURNS,
    "returns/decline": _RETURNS,
    "returns/update": _RETURNS,
    "returns/process": _RETURNS,
    "returns/cancel": _ORDERS_OR_RETURNS,
    "returns/close": _ORDERS_OR_RETURNS,
    "returns/reopen": _ORDERS_OR_RETURNS,
    "reverse_deliveries/attach_deliverable": _RETURNS,
    "reverse_fulfillment_orders/dispose": _RETURNS,
    "fulfillments/create": _FULFILMENTS,
    "fulfillments/update": _FULFILMENTS,
    "fulfillment_events/create": _FULFILMENTS,
    "disputes/create": _DISPUTES,
    "disputes/update": _DISPUTES,
    "app/uninstalled": _NONE,
    "app/scopes_update": _NONE,
}


def topic_to_enum(topic: str) -> str:
    """`orders/create` as the API spells it: `ORDERS_CREATE`."""
    return topic.replace("/", "_").upper()


_DELIVERY_SPELLING: Mapping[str, str] = {topic_to_enum(topic): topic for topic in TOPICS}


def topic_from_enum(enum: str) -> str:
    """`ORDERS_CREATE` as deliveries spell it: `orders/create`. A topic that is not ours is split at its last part."""
    return _DELIVERY_SPELLING.get(enum) or "/".join(enum.lower().rsplit("_", 1))


async def granted_scopes(client: ShopifyClient) -> set[str]:
    """What the app may do; a scope to write implies the one to read, whether Shopify lists it or not."""
    installation = await client.ask(SCOPES, {})
    if installation is None:
        raise StoreRefused("Shopify knows no installation of this app for the access token")
    handles = {handle for each in objects(installation, "accessScopes") if (handle := text(each, "handle", 120))}
    return handles | {f"read_{handle[6:]}" for handle in handles if handle.startswith("write_")}


async def allowed_topics(client: ShopifyClient) -> tuple[str, ...]:
    """The wanted topics that the app's scopes allow."""
    scopes = await granted_scopes(client)
    return tuple(topic for topic, needed in TOPICS.items() if not needed or needed & scopes)


async def list_subscriptions(client: ShopifyClient) -> list[Subscription]:
    """The webhooks made through the API (those of an app's configuration file are not listed). All are active."""
    _, nodes = await every_page(client, WEBHOOKS, {}, None)
    return [
        Subscription(
            subscription_id=identifier(node, "id") or "",
            topic=topic_from_enum(text(node, "topic", 120) or ""),
            url=text(node, "uri", 2000) or "",
            active=True,
        )
        for node in nodes
    ]


async def sync_subscriptions(client: ShopifyClient, callback_url: str) -> list[str]:
    """Makes the wanted webhooks that are missing; one sentence for each made, refused or left out."""
    scopes = await granted_scopes(client)
    there = {(each.topic, each.url) for each in await list_subscriptions(client)}
    said = []
    for topic, needed in TOPICS.items():
        if needed and not needed & scopes:
            said.append(f"Left out {topic}: the app has not been granted {' or '.join(sorted(needed))}.")
        elif (topic, callback_url) not in there:
            sentence = await _create(client, topic, callback_url)
            said.extend([sentence] if sentence else [])
    return said


async def _create(client: ShopifyClient, topic: str, callback_url: str) -> str | None:
    variables = {"topic": topic_to_enum(topic), "sub": {"uri": callback_url, "format": "JSON"}}
    outcome = await client.ask(WEBHOOK_CREATE, variables) or {}
    complaints = " ".join(text(each, "message", 200) or "no message" for each in objects(outcome, "userErrors"))
    if "already been taken" in complaints.casefold():
        return None
    if complaints or not child(outcome, "webhookSubscription"):
        return f"Could not subscribe to {topic}: {complaints or 'Shopify gave no reason'}."
    return f"Subscribed to {topic}."
