"""Webhooks of the sandbox's Shopify shop: subscriptions, signatures, shapes, retries."""

from __future__ import annotations

import base64
import hashlib
import hmac
import json
from typing import Any

from app.sandbox.shopify.values import gid
from tests.sandbox.shopify_kit import LAMP, SECRET, World, refund_input, served

CREATE = """
mutation C($topic: WebhookSubscriptionTopic!, $sub: WebhookSubscriptionInput!) {
  webhookSubscriptionCreate(topic: $topic, webhookSubscription: $sub) {
    webhookSubscription { id topic uri format includeFields name apiVersion { handle } } userErrors { field message }
  }
}"""
LIST = "{ webhookSubscriptions(first: 10) { nodes { id topic uri } } }"
UPDATE = """
mutation U($id: ID!, $sub: WebhookSubscriptionInput!) {
  webhookSubscriptionUpdate(id: $id, webhookSubscription: $sub) {
    webhookSubscription { uri } userErrors { field message }
  }
}"""
DELETE = """
mutation D($id: ID!) {
  webhookSubscriptionDelete(id: $id) { deletedWebhookSubscriptionId userErrors { message } }
}"""


def create(world: World, topic: str, uri: str, **more: Any) -> Any:
    return world.data(CREATE, {"topic": topic, "sub": {"uri": uri, "format": "JSON", **more}})[
        "webhookSubscriptionCreate"
    ]


def test_a_subscription_is_made_listed_changed_and_removed() -> None:
    with served() as world:
        made = create(world, "ORDERS_CREATE", world.hook_url, name="makegood", includeFields=["id", "updated_at"])
        subscription = made["webhookSubscription"]
        assert made["userErrors"] == []
        assert subscription["apiVersion"] == {"handle": "2026-10"}
        (listed,) = world.data(LIST)["webhookSubscriptions"]["nodes"]
        assert listed == {"id": subscription["id"], "topic": "ORDERS_CREATE", "uri": world.hook_url}
        world.shop.create_order([LAMP])
        world.delivered()
        hook = world.inbox.last("orders/create")
        assert set(hook.body) == {"id", "updated_at"}
        assert hook.headers["x-shopify-name"] == "makegood"
        moved = {"id": subscription["id"], "sub": {"uri": f"{world.hook_url}?v=2"}}
        assert world.data(UPDATE, moved)["webhookSubscriptionUpdate"]["webhookSubscription"]["uri"].endswith("?v=2")
        gone = world.data(DELETE, {"id": subscription["id"]})["webhookSubscriptionDelete"]
        assert gone == {"deletedWebhookSubscriptionId": subscription["id"], "userErrors": []}
        assert world.data(LIST)["webhookSubscriptions"]["nodes"] == []
        assert world.data(DELETE, {"id": subscription["id"]})["webhookSubscriptionDelete"]["userErrors"]
        assert world.data(UPDATE, moved)["webhookSubscriptionUpdate"]["userErrors"]


def test_addresses_that_are_refused() -> None:
    with served() as world:
        create(world, "ORDERS_CREATE", world.hook_url)
        taken = create(world, "ORDERS_CREATE", world.hook_url)
        assert taken["webhookSubscription"] is None
        assert taken["userErrors"][0]["message"] == "Address for this topic has already been taken"
        assert create(world, "ORDERS_UPDATED", world.hook_url)["userErrors"] == []
        assert create(world, "ORDERS_CREATE", "https://hooks.example.com/in")["userErrors"]
        assert create(world, "ORDERS_CREATE", "")["userErrors"]


def test_deliveries_are_signed_over_the_raw_body() -> None:
    with served() as world:
        world.subscribe("ORDERS_CREATE")
        order = world.shop.create_order([LAMP], email="zoë@example.com")
        world.delivered()
        hook = world.inbox.last("orders/create")
        expected = base64.b64encode(hmac.new(SECRET.encode(), hook.raw, hashlib.sha256).digest()).decode()
        assert hook.headers["x-shopify-hmac-sha256"] == expected
        assert hook.headers["x-shopify-shop-domain"] == "alpha.myshopify.com"
        assert hook.headers["x-shopify-api-version"] == "2026-10"
        assert hook.headers["x-shopify-triggered-at"].endswith("Z")
        assert hook.body["admin_graphql_api_id"] == order.gid
        assert hook.body["email"] == "zoë@example.com"


def test_an_order_in_rest_spelling() -> None:
    with served() as world:
        world.subscribe("ORDERS_CREATE")
        order = world.shop.create_order([LAMP], currency="USD", rate="1.25", shipping="4.00", number=1106)
        world.delivered()
        body = world.inbox.last("orders/create").body
        assert (body["id"], body["name"], body["order_number"]) == (order.id, "#1106", 1106)
        assert (body["currency"], body["presentment_currency"]) == ("EUR", "USD")
        assert (body["financial_status"], body["fulfillment_status"]) == ("paid", None)
        assert body["total_price"] == "19.20"
        assert body["total_price_set"] == {
            "shop_money": {"amount": "19.20", "currency_code": "EUR"},
            "presentment_money": {"amount": "24.00", "currency_code": "USD"},
        }
        (line,) = body["line_items"]
        assert (line["id"], line["price"], line["vendor"]) == (order.lines[0].id, "8.00", "Acme")
        assert line["tax_lines"][0]["rate"] == 0.2
        assert body["created_at"].endswith("+01:00")
        assert body["tags"] == ""


def test_one_refund_is_one_event_on_three_topics() -> None:
    with served() as world:
        world.subscribe("REFUNDS_CREATE", "ORDERS_UPDATED", "ORDER_TRANSACTIONS_CREATE")
        order = world.shop.create_order([LAMP], currency="USD", rate="1.25")
        world.pay(refund_input(order, "10.00"), "k")
        assert world.delivered() == ["order_transactions/create", "refunds/create", "orders/updated"]
        hooks = world.inbox.hooks
        assert len({hook.headers["x-shopify-event-id"] for hook in hooks}) == 1
        assert len({hook.headers["x-shopify-webhook-id"] for hook in hooks}) == 3
        refund = world.inbox.last("refunds/create").body
        assert (refund["order_id"], refund["note"]) == (order.id, "[makegood:test] refund")
        (line,) = refund["refund_line_items"]
        assert (line["subtotal"], line["total_tax"], line["restock_type"]) == (8.0, 1.34, "no_restock")
        assert line["subtotal_set"]["presentment_money"]["amount"] == "10.00"
        (move,) = refund["transactions"]
        assert (move["kind"], move["status"], move["amount"], move["currency"]) == ("refund", "success", "10.00", "USD")
        assert move["parent_id"] == order.transactions[0].id
        assert "currency" in move["total_unsettled_set"]["shop_money"]
        assert move["payment_details"]["credit_card_bin"] == "424242"
        assert b'"subtotal":8.0' in world.inbox.last("refunds/create").raw
        updated = world.inbox.last("orders/updated").body
        assert (updated["financial_status"], updated["refunds"][0]["id"]) == ("partially_refunded", refund["id"])


def test_a_refund_by_hand_has_no_marker() -> None:
    with served() as world:
        world.subscribe("REFUNDS_CREATE")
        order = world.shop.create_order([LAMP])
        world.shop.refund_by_hand(order.id, amount="3.00")
        world.delivered()
        body = world.inbox.last("refunds/create").body
        assert body["note"] == "Refunded by the merchant"
        assert body["refund_line_items"] == []
        assert body["order_adjustments"][0]["amount"] == "-3.00"


def test_returns_are_told_step_by_step() -> None:
    with served() as world:
        actions = ("REQUEST", "APPROVE", "DECLINE", "CLOSE", "REOPEN", "CANCEL")
        world.subscribe(*(f"RETURNS_{action}" for action in actions))
        order = world.shop.create_order([LAMP])
        world.shop.fulfil(order.id)
        line = order.lines[0].id
        item = world.shop.request_return(order.id, {line: 1}, "WRONG_ITEM", "blue, not red")
        for step in (world.shop.returns.approve, world.shop.returns.close, world.shop.returns.close):
            step(item.id)
        other = world.shop.request_return(order.id, {line: 1})
        world.shop.returns.decline(other.id, "FINAL_SALE", "no")
        assert world.delivered() == [
            "returns/request",
            "returns/approve",
            "returns/close",
            "returns/request",
            "returns/decline",
        ]
        request = world.inbox.hooks[0].body
        (asked,) = request["return_line_items"]
        assert (request["status"], request["order"]["id"], request["name"]) == ("requested", order.id, "#1001-R1")
        assert (asked["return_reason"], asked["return_reason_note"]) == ("wrong_item", "blue, not red")
        assert asked["fulfillment_line_item"]["line_item"]["id"] == line
        assert not {"created_at", "order_id"} & set(request)
        assert world.inbox.hooks[2].body == {
            "id": item.id,
            "admin_graphql_api_id": gid("Return", item.id),
            "order_id": order.id,
            "status": "closed",
        }
        assert world.inbox.hooks[4].body["decline"] == {"reason": "final_sale", "note": "no"}


def test_parcels_disputes_and_cancellation() -> None:
    with served() as world:
        world.subscribe(
            "FULFILLMENTS_CREATE", "FULFILLMENTS_UPDATE", "DISPUTES_CREATE", "DISPUTES_UPDATE", "ORDERS_CANCELLED"
        )
        order = world.shop.create_order([LAMP])
        world.shop.fulfil(order.id, number="YT2631", company="YunExpress")
        world.shop.deliver(order.id)
        world.shop.open_dispute(order.id, kind="INQUIRY")
        world.shop.close_dispute(order.id, "WON")
        world.shop.cancel_order(order.id)
        assert world.delivered() == [
            "fulfillments/create",
            "fulfillments/update",
            "disputes/create",
            "disputes/update",
            "orders/cancelled",
        ]
        first, second, opened, closed, cancelled = (hook.body for hook in world.inbox.hooks)
        assert (first["shipment_status"], second["shipment_status"]) == (None, "delivered")
        assert (first["tracking_number"], first["tracking_company"]) == ("YT2631", "YunExpress")
        assert (opened["type"], opened["status"], opened["order_id"]) == ("inquiry", "needs_response", order.id)
        assert (closed["status"], closed["amount"]) == ("won", "20.00")
        assert cancelled["cancel_reason"] == "customer"
        assert cancelled["cancelled_at"]


def test_a_retry_is_the_same_delivery() -> None:
    with served() as world:
        world.subscribe("ORDERS_CREATE")
        world.inbox.status = 503
        world.shop.create_order([LAMP])
        world.delivered()
        world.inbox.status = 200
        world.shop.courier.retry_failed()
        world.delivered()
        first, second = world.inbox.hooks
        assert (first.raw, first.headers["x-shopify-webhook-id"]) == (
            second.raw,
            second.headers["x-shopify-webhook-id"],
        )
        assert json.loads(second.raw)["name"] == "#1001"
        assert world.shop.subscriptions[0].failures == 0


def test_eight_failures_in_a_row_end_a_subscription() -> None:
    with served() as world:
        world.subscribe("ORDERS_CREATE")
        world.inbox.status = 401
        world.shop.create_order([LAMP])
        world.delivered()
        for _ in range(6):
            world.shop.courier.retry_failed()
            world.delivered()
        assert world.shop.subscriptions[0].failures == 7
        world.shop.create_order([LAMP])
        world.delivered()
        assert world.shop.subscriptions == []
        world.shop.create_order([LAMP])
        assert len(world.delivered()) == 8
