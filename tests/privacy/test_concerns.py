"""Which raw bodies are about a customer: enough to miss none, and not so much that other customers' are lost."""

from __future__ import annotations

import json
from typing import Any

import pytest

from app.privacy.concerns import Subject, return_id

CASE = "0199f5a2-0000-7000-8000-000000000002"
SUBJECT = Subject("ann@example.com", frozenset({"5196695273621", "7"}), frozenset({CASE, "7029431102139"}))


@pytest.mark.parametrize(
    ("topic", "told"),
    [
        ("orders/updated", {"id": 5196695273621}),
        ("returns/request", {"order": {"admin_graphql_api_id": "gid://shopify/Order/5196695273621"}}),
        ("anything", {"contact": "ANN@example.com"}),
        ("customers/redact", {"customer": {"id": 7029431102139}, "orders_to_redact": []}),
        ("order.updated", {"id": 7, "billing": {}}),
        ("action.woocommerce_order_refunded", {"action": "woocommerce_order_refunded", "arg": 7}),
        ("refund.created", {"id": 12, "parent_id": 7}),
        ("return.confirmed", {"data": {"return_id": CASE}}),
    ],
)
def test_it_is_about_the_customer(topic: str, told: dict[str, Any]) -> None:
    assert SUBJECT.concerns(topic, json.dumps(told).encode())


@pytest.mark.parametrize(
    ("topic", "told"),
    [
        ("orders/updated", {"id": 51966952736210, "quantity": 7}),
        ("order.updated", {"id": 8, "line_items": [{"id": 7, "quantity": 7}]}),
        ("returns/close", {"id": 7, "order_id": 8}),
        ("return.confirmed", {"data": {"return_id": CASE[:-1] + "3"}}),
    ],
)
def test_it_is_about_somebody_else(topic: str, told: dict[str, Any]) -> None:
    assert not SUBJECT.concerns(topic, json.dumps(told).encode())


def test_escaped_letters_and_bodies_that_are_no_json_are_read_too() -> None:
    zoe = Subject("zoë@example.test", frozenset(), frozenset())
    assert zoe.concerns("order.updated", json.dumps({"email": "Zoë@example.test"}).encode())
    assert SUBJECT.concerns("order.updated", b"{broken ann@EXAMPLE.com")
    assert return_id(b"{broken") is None
    assert return_id(json.dumps({"data": {"return_id": CASE}}).encode()) == CASE
