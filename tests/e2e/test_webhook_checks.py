"""Webhooks that a store has deleted or switched off are mended, and what happened meanwhile is read back."""

from __future__ import annotations

from collections.abc import AsyncIterator
from typing import Any

import pytest

from app.polling.models import StorePoll, WebhookCheck
from app.polling.subscriptions import why_not
from app.sandbox.faults import Fault, FaultKind
from app.sandbox.woocommerce.model import NewLine, NewOrder
from app.sandbox.woocommerce.webhooks import Webhook
from app.settings import Settings
from app.stores.shopify_webhooks import TOPICS as SHOPIFY_TOPICS
from app.stores.woocommerce_webhooks import TOPICS
from tests.conftest import BASE_SETTINGS
from tests.e2e.conftest import staged
from tests.e2e.stage import SHOP, SITE, Stage
from tests.e2e.test_stories import lamp, shopify_order, woo_order

ONE_LAMP = [{"sku": "LAMP-01", "quantity": 1, "reason": "changed_mind"}]
ONE_MUG = [{"sku": "ACME-MUG", "quantity": 1, "reason": "changed_mind"}]


@pytest.fixture
async def watched(database_url: str, settings: Settings) -> AsyncIterator[Stage]:
    """Webhooks are looked at every quarter of an hour; stores are asked for changes once a day, or for a gap."""
    async with staged(database_url, poll_seconds=86_400, webhook_check_minutes=15) as made:
        await made.settle()
        yield made


def hook_of(stage: Stage, topic: str) -> Webhook:
    (found,) = [hook for hook in stage.world.site.webhooks.hooks.values() if hook.topic == topic]
    return found


async def health(stage: Stage, key: str) -> dict[str, Any]:
    (found,) = [store["health"] for store in (await stage.get("/stores"))["items"] if store["key"] == key]
    told: dict[str, Any] = found["webhooks"]
    return told


async def test_all_is_well_and_nothing_is_written(watched: Stage) -> None:
    shop, site = watched.world.shop, watched.world.site
    before = ([item.id for item in shop.subscriptions], list(site.webhooks.hooks))
    for _ in range(3):
        await watched.later(minutes=16)
    assert ([item.id for item in shop.subscriptions], list(site.webhooks.hooks)) == before
    for key in (SHOP, SITE):
        told = await health(watched, key)
        assert (told["findings"], told["repairs"], told["error"]) == ([], [], None)
        assert told["good_at"] == told["checked_at"] is not None


async def test_a_disabled_woocommerce_webhook_is_made_anew_and_its_gap_read_back(watched: Stage) -> None:
    order_id, lines = await woo_order(watched, NewOrder([NewLine("Mug", "20.00", 1, "ACME-MUG")]))
    (case,) = await watched.ask(SITE, order_id, ONE_MUG)
    await watched.later(minutes=16)
    site, old = watched.world.site, hook_of(watched, "order.updated")
    # Six failures have been counted, and the seventh switches it off; so it does for the action on refunds.
    for topic in ("order.updated", "action.woocommerce_order_refunded"):
        hook_of(watched, topic).failure_count = 6
        hook_of(watched, topic).secret = "changed-by-somebody"
    site.refund_by_hand(int(order_id), lines={int(lines["ACME-MUG"]): 1})
    await watched.settle()
    assert old.status == "disabled"
    assert (await watched.case(case["id"]))["state"] == "awaiting_shipment"
    await watched.later(minutes=16)
    assert (await watched.case(case["id"]))["state"] == "superseded"
    new = hook_of(watched, "order.updated")
    assert (new.webhook_id != old.webhook_id, new.status, new.failure_count) == (True, "active", 0)
    assert len(site.webhooks.hooks) == len(TOPICS)
    told = await health(watched, SITE)
    assert told["findings"] == []
    assert told["repairs"] == [
        f"Created the webhook {topic} anew: the store had disabled it after failed deliveries."
        for topic in ("order.updated", "action.woocommerce_order_refunded")
    ]
    # It works again, with our secret: the next failure is its first.
    site.touch(int(order_id))
    await watched.settle()
    assert (new.status, new.failure_count) == ("active", 0)
    assert watched.world.courier.attempts[-1].status == 200


async def test_a_paused_webhook_is_switched_on_again(watched: Stage) -> None:
    hook = hook_of(watched, "order.created")
    hook.status = "paused"
    await watched.later(minutes=16)
    assert hook_of(watched, "order.created") is hook
    assert hook.status == "active"
    assert (await health(watched, SITE))["repairs"] == ["Re-activated the webhook order.created, which was paused."]


async def test_a_deleted_shopify_subscription_is_made_again_and_its_gap_read_back(watched: Stage) -> None:
    order_id, lines = await shopify_order(watched, [lamp(1)])
    (case,) = await watched.ask(SHOP, order_id, ONE_LAMP)
    await watched.later(minutes=16)
    shop = watched.world.shop
    ours = {item.topic: item for item in shop.subscriptions}
    for topic in ("ORDERS_UPDATED", "REFUNDS_CREATE", "ORDER_TRANSACTIONS_CREATE"):
        ours[topic].failures = 7
        ours[topic].uri = ours[topic].uri.replace("/shopify/", "/nowhere/")
    shop.refund_by_hand(int(order_id), {int(lines["LAMP-01"]): 1})
    await watched.settle()
    assert len(shop.subscriptions) == len(SHOPIFY_TOPICS) - 3
    assert (await watched.case(case["id"]))["state"] == "awaiting_shipment"
    await watched.later(minutes=16)
    assert len(shop.subscriptions) == len(SHOPIFY_TOPICS)
    assert (await watched.case(case["id"]))["state"] == "superseded"
    told = await health(watched, SHOP)
    assert told["repairs"] == [
        "Subscribed to orders/updated.",
        "Subscribed to refunds/create.",
        "Subscribed to order_transactions/create.",
    ]
    assert (told["findings"], told["error"]) == ([], None)


async def test_the_watermark_goes_back_to_when_all_was_well(watched: Stage) -> None:
    await shopify_order(watched, [lamp()])
    await watched.later(days=2)
    async with watched.runtime.work() as work:
        good_at = (await work.session.get_one(WebhookCheck, SHOP)).good_at
        before = await work.session.get_one(StorePoll, SHOP)
        before.watermark = work.now
    assert good_at is not None
    # Somebody mends it by hand before the next look: the webhook that is there then is another one.
    gone = watched.world.shop.subscriptions[0]
    with watched.world.shop.lock:
        del watched.world.shop._webhooks.subscriptions[gone.id]
    watched.world.shop.subscribe(gone.topic, gone.uri)
    seen: list[Any] = []
    store = watched.runtime.stores.get(SHOP)
    changed_orders = store.changed_orders

    async def noted(since: Any, cursor: str | None) -> Any:
        seen.append(since)
        return await changed_orders(since, cursor)

    store.changed_orders = noted  # type: ignore[method-assign]
    await watched.later(minutes=16)
    overlap = watched.runtime.settings.poll_overlap_seconds
    assert [(good_at - since).total_seconds() for since in seen] == [2 * overlap]
    assert (await health(watched, SHOP))["repairs"] == []


async def test_an_old_address_of_ours_is_told_and_left_alone(watched: Stage) -> None:
    site, shop = watched.world.site, watched.world.shop
    site.add_webhook("order.updated", f"http://127.0.0.1:9/webhooks/woocommerce/{SITE}", "secret")
    shop.subscribe("ORDERS_UPDATED", f"http://127.0.0.1:9/webhooks/shopify/{SHOP}")
    await watched.later(minutes=16)
    for key in (SHOP, SITE):
        told = await health(watched, key)
        assert told["findings"] == ["127.0.0.1:9 gets the same webhooks; delete them there if that is an old address."]
        assert told["good_at"] == told["checked_at"]
    assert (len(site.webhooks.hooks), len(shop.subscriptions)) == (len(TOPICS) + 1, len(SHOPIFY_TOPICS) + 1)


async def test_a_dry_run_reports_and_writes_nothing(watched: Stage) -> None:
    watched.runtime.settings.stores[SITE].dry_run = True
    hook = hook_of(watched, "order.updated")
    hook.status = "disabled"
    await watched.later(minutes=16)
    assert hook_of(watched, "order.updated").status == "disabled"
    told = await health(watched, SITE)
    url = f"{watched.runtime.settings.public_url}/webhooks/woocommerce/{SITE}"
    assert told["findings"] == [
        f"No active webhook sends order.updated to {url}.",
        "Nothing was mended: the store is in dry run.",
    ]
    assert (told["repairs"], told["good_at"] < told["checked_at"]) == ([], True)


def test_without_an_address_that_stores_can_reach_nothing_is_mended(settings: Settings) -> None:
    assert why_not(settings, SHOP) == "Nothing was mended: MAKEGOOD_PUBLIC_URL is not set."
    local = Settings(**{**BASE_SETTINGS, "public_url": "http://127.0.0.1:8000"})
    assert why_not(local, SHOP) is None
    local.stores[SHOP].api_url = None
    assert why_not(local, SHOP) == "Nothing was mended: MAKEGOOD_PUBLIC_URL is an address of this machine only."
    assert why_not(Settings(**{**BASE_SETTINGS, "public_url": "https://returns.example"}), SHOP) is None


async def test_a_store_that_does_not_answer_is_looked_at_again_soon(watched: Stage) -> None:
    watched.world.site.faults.add("GET /webhooks", Fault(FaultKind.STATUS_BEFORE, status=503))
    await watched.later(minutes=16)
    assert "503" in (await health(watched, SITE))["error"]
    await watched.later(seconds=16)
    assert (await health(watched, SITE))["error"] is None
