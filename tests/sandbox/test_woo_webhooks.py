"""Webhooks of the sandbox's WooCommerce: headers and bytes as captured, and the ways in which deliveries go wrong."""

from __future__ import annotations

import base64
import hashlib
import hmac
import json
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from app.sandbox.woocommerce.model import Arrival, NewLine, NewOrder
from app.sandbox.woocommerce.webhooks import counts_as_delivered
from tests.sandbox.woo_kit import CAPTURED_ORDER, ONE_MUG, Shop, capture, open_shop

REFUNDED = "action.woocommerce_order_refunded"


@dataclass
class StoppedClock:
    """A clock that moves by hand only."""

    moment: datetime = datetime(2026, 11, 21, 20, 47, 5, tzinfo=UTC)

    def now(self) -> datetime:
        return self.moment


@pytest.fixture
def shop() -> Iterator[Shop]:
    with open_shop() as opened:
        yield opened


def arrived(shop: Shop) -> list[tuple[str, Any]]:
    shop.courier.flush()
    return shop.receiver.deliveries()


def topics(shop: Shop) -> list[str]:
    return [topic for topic, _ in arrived(shop)]


def test_a_delivery_has_the_captured_headers_and_a_signature_over_the_raw_bytes(shop: Shop) -> None:
    shop.subscribe("order.created")
    order_id = shop.site.create_order(CAPTURED_ORDER)
    arrived(shop)
    headers, body = shop.receiver.got[-1]
    captured = capture("webhook-order.created.json")["headers"]
    assert {name.lower() for name in captured} <= set(headers) | {"accept", "accept-encoding", "host"}
    for name in ("User-Agent", "Content-Type", "X-WC-Webhook-Topic", "X-WC-Webhook-Resource", "X-WC-Webhook-Event"):
        assert headers[name.lower()] == captured[name]
    mac = hmac.new(b"plain", body, hashlib.sha256).digest()
    assert headers["x-wc-webhook-signature"] == base64.b64encode(mac).decode()
    assert headers["x-wc-webhook-source"] == "https://alpha.example.test/"
    assert headers["x-wc-webhook-delivery-id"].isalnum()
    assert len(headers["x-wc-webhook-delivery-id"]) == 32
    assert b"\\/" in body
    assert b"\\u00eb" in body
    assert json.loads(body) == shop.site.order(order_id)


def test_the_secret_signs_with_its_html_entities_decoded(shop: Shop) -> None:
    shop.site.add_webhook("order.created", shop.hook_url, "a&amp;b")
    shop.site.create_order(ONE_MUG)
    arrived(shop)
    headers, body = shop.receiver.got[-1]
    mac = hmac.new(b"a&b", body, hashlib.sha256).digest()
    assert headers["x-wc-webhook-signature"] == base64.b64encode(mac).decode()


def test_creation_pings_unsigned_before_it_answers_and_again_until_200(shop: Shop) -> None:
    shop.receiver.statuses = [204, 200, 500, 200, 200]
    fields = {"name": "n", "topic": "order.created", "delivery_url": shop.hook_url, "secret": "plain"}
    made = shop.api().post("webhooks", fields)
    assert (made.status_code, made.json()["status"], made.json()["hooks"]) == (
        201,
        "active",
        ["woocommerce_created_order"],
    )
    assert "secret" not in made.json()
    headers, body = shop.receiver.got[0]
    assert body == b"webhook_id=1"
    assert headers["content-type"] == "application/x-www-form-urlencoded"
    assert not any(name.startswith("x-wc") for name in headers)
    for _ in range(3):
        shop.site.create_order(ONE_MUG)
    arrived(shop)
    assert shop.site.webhooks.hooks[1].pings == [204, 500, 200]
    assert len(shop.receiver.deliveries()) == 3


def test_webhooks_are_listed_changed_deleted_and_checked(shop: Shop) -> None:
    api, fields = shop.api(), {"topic": "order.updated", "delivery_url": shop.hook_url, "secret": "s"}
    for wrong, code in (
        ({"topic": "refund.created"}, "invalid_topic"),
        ({"delivery_url": "ftp://example.test"}, "invalid_delivery_url"),
    ):
        refused = api.post("webhooks", {**fields, **wrong})
        assert (refused.status_code, refused.json()["code"]) == (400, f"woocommerce_rest_shop_webhook_{code}")
    number = api.post("webhooks", fields).json()["id"]
    assert api.put(f"webhooks/{number}", {"status": "paused"}).json()["status"] == "paused"
    assert [hook["id"] for hook in api.get("webhooks", params={"status": "paused"}).json()] == [number]
    assert api.get("webhooks", params={"status": "active"}).json() == []
    assert api.delete(f"webhooks/{number}").status_code == 501
    assert api.delete(f"webhooks/{number}", params={"force": "true"}).status_code == 200
    assert api.get(f"webhooks/{number}").status_code == 404


@pytest.mark.parametrize(
    ("arrival", "expected"),
    [
        (Arrival.REST, [("order.created", "processing"), ("order.updated", "processing")]),
        (Arrival.BLOCKS, [("order.updated", "processing"), ("order.created", "processing")]),
        (Arrival.DRAFT, [("order.created", "checkout-draft"), ("order.created", "processing")]),
    ],
)
def test_each_way_of_ordering_announces_itself_differently(
    shop: Shop, arrival: Arrival, expected: list[tuple[str, str]]
) -> None:
    shop.subscribe("order.created", "order.updated")
    shop.site.create_order(NewOrder([NewLine("Mug", "1.00")], arrival=arrival))
    assert [(topic, body["status"]) for topic, body in arrived(shop)] == expected


def test_a_refund_sends_the_order_and_then_the_action_with_the_order_s_id_only(shop: Shop) -> None:
    order_id = shop.site.create_order(ONE_MUG)
    shop.subscribe("order.updated", REFUNDED, "action.woocommerce_refund_created")
    refund_id = shop.site.refund_by_hand(order_id, amount="5.00", reason="Broken")
    updated, created, refunded = arrived(shop)
    assert updated[0] == "order.updated"
    assert [entry["total"] for entry in updated[1]["refunds"]] == ["-5.00"]
    assert created[1] == {"action": "woocommerce_refund_created", "arg": refund_id}
    assert refunded == (REFUNDED, {"action": "woocommerce_order_refunded", "arg": order_id})
    shop.site.delete_refund(order_id, refund_id)
    assert len(arrived(shop)) == 3


def test_one_request_sends_one_update(shop: Shop) -> None:
    order_id = shop.site.create_order(ONE_MUG)
    shop.subscribe("order.updated", REFUNDED)
    shop.site.set_status(order_id, "refunded")
    assert topics(shop) == ["order.updated", REFUNDED]


def test_waiting_jobs_collapse_and_bodies_are_built_at_delivery(shop: Shop) -> None:
    shop.subscribe("order.created", "order.updated", REFUNDED)
    shop.site.webhooks.hold()
    order_id = shop.site.create_order(ONE_MUG)
    for _ in range(2):
        shop.site.refund_by_hand(order_id, amount="5.00")
    shop.site.touch(order_id)
    shop.site.webhooks.release()
    (created, body), (updated, _), (action, _) = arrived(shop)
    assert (created, updated, action) == ("order.created", "order.updated", REFUNDED)
    assert len(body["refunds"]) == 2


def test_the_bin_tells_the_id_only_and_a_deleted_order_comes_as_a_signed_error(shop: Shop) -> None:
    shop.subscribe("order.deleted", "order.restored", "order.updated")
    order_id = shop.site.create_order(ONE_MUG)
    shop.site.trash(order_id)
    shop.site.restore(order_id)
    shop.site.webhooks.hold()
    shop.site.touch(order_id)
    shop.site.erase(order_id)
    shop.site.webhooks.release()
    _, deleted, restored, error = arrived(shop)
    assert deleted == ("order.deleted", {"id": order_id})
    assert restored[1]["status"] == "processing"
    captured = capture("webhook-order.created-error-body.json")
    assert error == ("order.updated", json.loads(captured["body"]))
    assert shop.receiver.got[-1][1] == captured["body"].encode()


def test_the_delivery_id_is_equal_within_a_second_and_differs_later() -> None:
    clock = StoppedClock()
    with open_shop(clock=clock) as shop:
        shop.subscribe("order.created")
        for _ in range(2):
            shop.site.create_order(ONE_MUG)
        clock.moment += timedelta(seconds=1)
        shop.site.create_order(ONE_MUG)
        arrived(shop)
        first, second, later = (head["x-wc-webhook-delivery-id"] for head, _ in shop.receiver.got[1:])
    assert first == second
    assert later != first


def test_the_seventh_failure_in_a_row_disables_and_the_count_survives(shop: Shop) -> None:
    shop.subscribe("order.created")
    shop.receiver.statuses = [500] * 3 + [200] + [500, 308, 410, 429, 503, 404, 500]
    for _ in range(10):
        shop.site.create_order(ONE_MUG)
    arrived(shop)
    hook = shop.site.webhooks.hooks[1]
    assert (hook.status, hook.failure_count) == ("active", 6)
    shop.site.create_order(ONE_MUG)
    arrived(shop)
    assert (hook.status, hook.failure_count) == ("disabled", 6)
    shop.site.create_order(ONE_MUG)
    assert len(arrived(shop)) == 11
    shop.api().put("webhooks/1", {"status": "active"})
    shop.receiver.statuses = [500]
    shop.site.create_order(ONE_MUG)
    assert len(arrived(shop)) == 12
    assert (hook.status, hook.failure_count) == ("disabled", 6)


def test_what_counts_as_delivered() -> None:
    assert all(counts_as_delivered(status) for status in (200, 201, 204, 299, 300, 301, 302))
    assert not any(counts_as_delivered(status) for status in (None, 303, 307, 308, 400, 410, 429, 500))


def test_several_webhooks_on_one_topic_go_newest_first(shop: Shop) -> None:
    shop.subscribe("order.created", "order.created")
    shop.site.create_order(ONE_MUG)
    arrived(shop)
    assert [head["x-wc-webhook-id"] for head, _ in shop.receiver.got[2:]] == ["2", "1"]


def test_a_host_that_wordpress_will_not_call_counts_as_a_failure(shop: Shop) -> None:
    made = shop.api().post("webhooks", {"topic": "order.created", "delivery_url": "https://example.test/hook"})
    assert (made.status_code, made.json()["status"]) == (201, "active")
    shop.site.create_order(ONE_MUG)
    hook = shop.site.webhooks.hooks[1]
    assert (hook.pings, hook.failure_count) == ([None, None], 1)


def test_a_clone_sends_its_own_orders_with_the_same_secret_from_another_source(shop: Shop) -> None:
    shop.subscribe("order.created")
    known = shop.site.create_order(ONE_MUG)
    clone = shop.site.clone("https://staging.example.test")
    assert clone.order(known)["total"] == "23.80"
    clone.create_order(ONE_MUG)
    arrived(shop)
    headers, body = shop.receiver.got[-1]
    assert headers["x-wc-webhook-source"] == "https://staging.example.test/"
    mac = hmac.new(b"plain", body, hashlib.sha256).digest()
    assert headers["x-wc-webhook-signature"] == base64.b64encode(mac).decode()
    with pytest.raises(Exception, match="Invalid ID"):
        shop.site.order(json.loads(body)["id"])
