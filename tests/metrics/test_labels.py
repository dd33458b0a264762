"""A label is a word that we know: neither a topic nor a sender can make series without end."""

from __future__ import annotations

from app.metrics.labels import OTHER, TOPICS, allow_sources, source_label, topic_label
from app.suppliers.events import EVENT_STATUSES
from app.webhooks import topics


def test_every_topic_that_is_read_has_a_label() -> None:
    assert set(topics._SHOPIFY) | set(topics._WOOCOMMERCE) | set(EVENT_STATUSES) == TOPICS


def test_what_a_sender_makes_up_is_other() -> None:
    assert topic_label("orders/updated") == "orders/updated"
    assert topic_label("orders/updated\n") == OTHER
    assert topic_label("x" * 200) == OTHER


def test_only_configured_sources_are_named() -> None:
    allow_sources(["a-store-of-this-test"])
    assert source_label("a-store-of-this-test") == "a-store-of-this-test"
    assert source_label("a-store-of-nobody") == OTHER
