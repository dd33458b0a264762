"""The webhooks that Makegood needs in a WooCommerce site.

WooCommerce delivers each event once and silently switches a webhook off at the seventh failure in a row.
"""

from __future__ import annotations

from typing import Any

from app.orders.reading import identifier, text
from app.stores.base import StoreRefused, StoreUnavailable, Subscription
from app.stores.woocommerce_client import CallFailed, Reply, WooClient, require_success

TOPICS = (
    "order.created",
    "order.updated",
    "order.deleted",
    "order.restored",
    "action.woocommerce_order_refunded",
)


async def list_webhooks(client: WooClient) -> list[Subscription]:
    """Every webhook of the site, whoever made it. Raises `StoreUnavailable` or `StoreRefused`."""
    return [
        Subscription(
            subscription_id=identifier(item, "id") or "",
            topic=text(item, "topic") or "",
            url=text(item, "delivery_url", 2000) or "",
            active=item.get("status") == "active",
        )
        for item in await client.read_list("webhooks") or []
    ]


async def sync_webhooks(client: WooClient, callback_url: str, secret: str) -> list[str]:
    """Creates what is missing for `callback_url` and re-activates what is switched off; a sentence for each change.

    Raises `StoreRefused` without a secret: WooCommerce would then invent one that no API shows.
    """
    if not secret:
        raise StoreRefused("Set the store's WEBHOOK_SECRET first: webhooks are signed with it")
    ours = [webhook for webhook in await list_webhooks(client) if webhook.url == callback_url]
    changes: list[str] = []
    for topic in TOPICS:
        same = [webhook for webhook in ours if webhook.topic == topic]
        if not same:
            data = {"name": f"Makegood {topic}", "topic": topic, "delivery_url": callback_url, "secret": secret}
            await _write(client, "POST", "webhooks", data)
            changes.append(f"Created the webhook {topic}.")
        elif not any(webhook.active for webhook in same):
            # A wrong secret may be why its deliveries failed, and the store never shows the one it has.
            data = {"status": "active", "secret": secret}
            await _write(client, "PUT", f"webhooks/{same[0].subscription_id}", data)
            changes.append(
                f"Re-activated the webhook {topic}; the store keeps its failure count, so that one more failed "
                "delivery can switch it off again."
            )
    return changes


async def _write(client: WooClient, method: str, path: str, data: dict[str, Any]) -> Reply:
    try:
        reply = await client.call(method, path, data=data)
    except CallFailed as failure:
        raise StoreUnavailable(failure.detail) from failure
    require_success(reply)
    return reply
