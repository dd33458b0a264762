"""What WooCommerce's own withdrawal form leaves on an order, in its versions and in other languages."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

import pytest

from app.orders.normalise_woocommerce import order_from_payload
from app.stores.woocommerce_withdrawal import withdrawal_in
from tests.orders.woo_captures import order

AT = datetime(2026, 11, 20, 9, 0, 1, tzinfo=UTC)
LATER = datetime(2026, 11, 20, 9, 0, 3, tzinfo=UTC)
ANN = "ann@example.com"


def note(text: str, at: str = "2026-11-20T09:00:01", **more: Any) -> dict[str, Any]:
    return {"id": 1, "author": "WooCommerce", "date_created_gmt": at, "note": text, "customer_note": False, **more}


@pytest.mark.parametrize(
    ("text", "goods"),
    [
        ("Order withdrawal requested by Ann Smith (ann@example.com).", None),
        ("Order withdrawal requested. Withdrawal type: The full order.", None),
        (
            "Order withdrawal requested by Ann Smith (ANN@example.com).\n\nItems requested for withdrawal: the lamp",
            "the lamp",
        ),
        ("Rétractation demandée par Ann Smith (ann@example.com).", None),
        ("Rétractation demandée par Ann Smith (ann@example.com).\n\nArticles : la lampe", "la lampe"),
    ],
)
def test_the_note_tells_when_and_for_what(text: str, goods: str | None) -> None:
    others = [note("Payment received.", "2026-11-19T08:00:00"), note("Thank you!", customer_note=True)]
    found = withdrawal_in([*others, note(text)], ANN, LATER)
    assert (found.declared_at, found.goods) == (AT, goods)


@pytest.mark.parametrize(
    "text",
    ["Order withdrawal requested. Withdrawal type: Specific items only.", "Rétractation demandée. Type : la commande."],
)
def test_what_is_not_told_is_for_a_person(text: str) -> None:
    """Never taken for the whole order."""
    found = withdrawal_in([note(text)], ANN, LATER)
    assert found.declared_at == AT
    assert found.goods is not None
    assert "mail of the store" in found.goods


def test_without_a_note_it_counts_from_the_orders_last_change() -> None:
    strange = note("Status changed.", "2026-11-01T00:00:00")
    for notes in ([], [strange], [{"note": 5}], [note("by hand (x@y.z)", author="ann")]):
        assert withdrawal_in(notes, ANN, LATER).declared_at == LATER


def test_only_the_mark_says_that_it_was_withdrawn() -> None:
    payload = order()
    assert not order_from_payload(payload).withdrawn
    mark = {"id": 9, "key": "_order_withdrawal_requested", "value": "yes"}
    assert order_from_payload({**payload, "meta_data": [*payload["meta_data"], mark]}).withdrawn
    no = {**mark, "value": "no"}
    assert not order_from_payload({**payload, "meta_data": [no]}).withdrawn
