"""What a WooCommerce site sells now of a product that was bought."""

from __future__ import annotations

from collections.abc import Mapping
from decimal import ROUND_HALF_UP, Decimal
from typing import Any

from app.money import Money
from app.orders.normalise_woocommerce import order_from_payload
from app.orders.reading import UnreadablePayload, amount, identifier, objects, text
from app.stores.asked import Variant
from app.stores.base import StoreRefused, StoreUnavailable
from app.stores.woocommerce_client import WooClient, is_missing


async def offers(client: WooClient, order: Mapping[str, Any], item: Mapping[str, Any]) -> tuple[Variant, ...]:
    """The variations of the product that the order's item bought; a product without any is its own only variant.

    Prices are the site's and in its own currency, which is taken to be the order's. None when the product is gone.
    Raises `StoreUnavailable` and `StoreRefused`.
    """
    product_id = identifier(item, "product_id") or "0"
    if product_id == "0":
        return ()
    reply = await client.read(f"products/{product_id}")
    if is_missing(reply):
        return ()
    product = reply.found
    if product is None:
        raise StoreUnavailable("The store did not answer with an object")
    currency, exponent = _money_of(order)
    if text(product, "status", 40) != "publish":
        return ()
    if text(product, "type", 40) != "variable":
        return (_variant(product, text(product, "name", 300) or product_id, currency, exponent),)
    variations = await client.read_list(f"products/{product_id}/variations")
    return tuple(_variant(one, _options(one), currency, exponent) for one in variations or ())


def _money_of(order: Mapping[str, Any]) -> tuple[str, int]:
    try:
        snapshot = order_from_payload(order)
    except UnreadablePayload as error:
        raise StoreRefused(f"The order cannot be understood: {error.detail}") from error
    return snapshot.currency, snapshot.exponent


def _variant(one: Mapping[str, Any], title: str, currency: str, exponent: int) -> Variant:
    """`price` is empty for what is not for sale yet."""
    price = amount(one, "price")
    in_stock = text(one, "stock_status", 40) != "outofstock" and one.get("purchasable") is not False
    minor = (price or Decimal(0)).scaleb(exponent).quantize(Decimal(1), ROUND_HALF_UP)
    listed = text(one, "status", 40) in (None, "publish")
    return Variant(
        variant_id=identifier(one, "id") or "",
        title=title,
        price=Money(int(minor), currency, exponent),
        available=price is not None and in_stock and listed,
    )


def _options(variation: Mapping[str, Any]) -> str:
    chosen = (text(entry, "option", 200) for entry in objects(variation, "attributes"))
    return ", ".join(option for option in chosen if option) or identifier(variation, "id") or ""
