"""The sandbox shop's drafts and products: no idempotency, one order each, and a search that may lag."""

from __future__ import annotations

from collections.abc import Iterator
from decimal import Decimal
from typing import Any

import pytest

from app.sandbox.faults import Fault, FaultKind
from app.sandbox.shopify.answers import Refused
from app.sandbox.shopify.book import LineSpec
from app.sandbox.shopify.shop import ShopifyShop

LAMP = LineSpec(sku="LAMP-01", title="Lamp", vendor="Acme", price="10.00", quantity=3)


@pytest.fixture
def shop() -> Iterator[ShopifyShop]:
    with ShopifyShop("alpha", "alpha.myshopify.com", "client-1", "secret") as made:
        yield made


def asked(variant: int | None, *tags: str, quantity: int = 1, percent: float = 100.0) -> dict[str, Any]:
    return {
        "lineItems": [{"variantId": f"gid://shopify/ProductVariant/{variant}", "quantity": quantity}],
        "appliedDiscount": {"value": percent, "valueType": "PERCENTAGE"},
        "tags": list(tags),
    }


def test_the_same_input_twice_makes_two_drafts_and_two_orders(shop: ShopifyShop) -> None:
    wanted = asked(shop.create_order([LAMP]).lines[0].variant_id, "mg-1")
    desk = shop.office.desk

    drafts = [desk.create(wanted, None) for _ in range(2)]
    for draft in drafts:
        desk.complete(draft.id, None)

    assert len(shop.office.orders_tagged("mg-1")) == 2
    assert len(shop.office.drafts) == 2


def test_a_draft_becomes_one_order_and_then_stays(shop: ShopifyShop) -> None:
    desk = shop.office.desk
    made = desk.create(asked(shop.create_order([LAMP]).lines[0].variant_id, "mg-1", quantity=2), None)
    order = desk.complete(made.id, None).order

    assert order is not None
    assert (order.total, order.tags, order.lines[0].quantity) == (Decimal(0), ["mg-1"], 2)
    with pytest.raises(Refused, match="already been completed"):
        desk.complete(made.id, None)
    with pytest.raises(Refused, match="cannot be deleted"):
        desk.delete(made.id)


def test_without_the_whole_discount_something_is_owed(shop: ShopifyShop) -> None:
    desk, variant = shop.office.desk, shop.create_order([LAMP]).lines[0].variant_id

    half = desk.create(asked(variant, percent=50.0), None)
    lost = desk.create(asked(variant), Fault(FaultKind.MISBOOKED))

    assert (half.total.presentment, lost.total.presentment) == (Decimal(5), Decimal(10))


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"lineItems": []}, "at least 1 product"),
        ({"tags": ["x" * 41]}, "40 characters"),
        ({"lineItems": [{"variantId": "gid://shopify/ProductVariant/1", "quantity": 1}]}, "no longer available"),
    ],
)
def test_what_is_refused(shop: ShopifyShop, changes: dict[str, Any], words: str) -> None:
    wanted = asked(shop.create_order([LAMP]).lines[0].variant_id) | changes

    with pytest.raises(Refused, match=words):
        shop.office.desk.create(wanted, None)
    assert shop.office.drafts == []


def test_an_index_that_stands_still_finds_what_it_knew(shop: ShopifyShop) -> None:
    desk, variant = shop.office.desk, shop.create_order([LAMP]).lines[0].variant_id
    old = desk.create(asked(variant, "mg-1"), None)
    shop.office.hold_index()
    new = desk.create(asked(variant, "mg-1"), None)

    assert desk.search("tag:'mg-1'") == [old]
    assert desk.search(None) == [old, new]
    shop.office.release_index()
    assert desk.search("tag:'mg-1'") == [old, new]
