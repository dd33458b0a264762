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
    """Creates what is missing for `callback_url` and mends what is switched off; a sentence for each change.

    A webhook that failures have disabled keeps its count of them when it is re-activated, where no API shows or resets
    it: the very next failure would disable it again. It is made anew, and the old one deleted only then, so that no
    event falls between. One that a person has paused is re-activated. Where there are several of a topic, one stays.

    Raises `StoreRefused` without a secret: WooCommerce would then invent one that no API shows.
    """
    if not secret:
        raise StoreRefused("Set the store's WEBHOOK_SECRET first: webhooks are signed with it")
    listed = await client.read_list("webhooks") or []
    ours = [webhook for webhook in listed if text(webhook, "delivery_url", 2000) == callback_url]
    changes: list[str] = []
    for topic in TOPICS:
        same = [webhook for webhook in ours if webhook.get("topic") == topic]
        if not any(webhook.get("status") == "active" for webhook in same):
            changes.append(await _mend(client, topic, same, callback_url, secret))
        elif len(same) > 1:
            changes.append(await _thin_out(client, topic, same))
    return changes


async def renew_secrets(client: WooClient, callback_url: str, secret: str) -> list[str]:
    """Tells every webhook for `callback_url` the secret again: no API shows which one it has. A sentence for each."""
    listed = await client.read_list("webhooks") or []
    ours = [webhook for webhook in listed if text(webhook, "delivery_url", 2000) == callback_url]
    for webhook in ours:
        await _write(client, "PUT", f"webhooks/{identifier(webhook, 'id')}", {"secret": secret})
    return [f"Told the webhook {text(webhook, 'topic')} its secret again." for webhook in ours]


async def _thin_out(client: WooClient, topic: str, same: list[dict[str, Any]]) -> str:
    """Keeps the oldest active webhook: it is the one whose deliveries have been arriving."""
    best = min(same, key=lambda webhook: (webhook.get("status") != "active", int(identifier(webhook, "id") or 0)))
    surplus = [webhook for webhook in same if webhook is not best]
    for webhook in surplus:
        await _write(client, "DELETE", f"webhooks/{identifier(webhook, 'id')}", params={"force": "true"})
    return f"Deleted {len(surplus)} of the {len(same)} webhooks {topic}: one is enough."


async def _mend(client: WooClient, topic: str, there: list[dict[str, Any]], callback_url: str, secret: str) -> str:
    paused = next((webhook for webhook in there if webhook.get("status") == "paused"), None)
    if paused is not None:
        # The store never shows the secret it has; a wrong one would make every delivery fail.
        await _write(client, "PUT", f"webhooks/{identifier(paused, 'id')}", {"status": "active", "secret": secret})
        return f"Re-activated the webhook {topic}, which was paused."
    data = {"name": f"Makegood {topic}", "topic": topic, "delivery_url": callback_url, "secret": secret}
    await _write(client, "POST", "webhooks", data)
    for webhook in there:
        await _write(client, "DELETE", f"webhooks/{identifier(webhook, 'id')}", params={"force": "true"})
    if not there:
        return f"Created the webhook {topic}."
    return f"Created the webhook {topic} anew: the store had disabled it after failed deliveries."


async def _write(
    client: WooClient,
    method: str,
    path: str,
    data: dict[str, Any] | None = None,
    params: dict[str, str] | None = None,
) -> Reply:
    try:
        reply = await client.call(method, path, data=data, params=params)
    except CallFailed as failure:
        raise StoreUnavailable(failure.detail) from failure
    require_success(reply)
    return reply
