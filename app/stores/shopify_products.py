"""What a Shopify store sells now of what an order bought."""

from __future__ import annotations

from dataclasses import dataclass
from decimal import ROUND_HALF_UP, Decimal

from app.money import Money, currency_exponent
from app.orders.normalise_shopify_money import is_currency
from app.orders.reading import amount, child, identifier, quantity, text
from app.stores.asked import Variant
from app.stores.base import NewOrderNotPossible, StoreUnavailable
from app.stores.shopify_client import ShopifyClient, every_page
from app.stores.shopify_documents import gid
from app.stores.shopify_order_documents import ORDER_GOODS, PRODUCT_VARIANTS


@dataclass(frozen=True, slots=True)
class Goods:
    """A line that was bought. Product and variant are None when the merchant deleted them; `currency` is the shop's."""

    line_id: str
    quantity: int
    product_id: str | None
    variant_id: str | None
    currency: str


async def read_goods(client: ShopifyClient, order_id: str) -> dict[str, Goods]:
    """The order's lines by id. Raises `NewOrderNotPossible` without the order, and as the client does."""
    order_gid = gid("Order", order_id)
    if order_gid is None:
        raise NewOrderNotPossible("The order's id is not a Shopify id")
    order, lines = await every_page(client, ORDER_GOODS, {"id": order_gid}, "lineItems")
    if order is None:
        raise NewOrderNotPossible("Shopify does not show the order (it may be too old for the app's scopes)")
    currency = text(order, "currencyCode", 3) or ""
    if not is_currency(currency):
        raise StoreUnavailable("Shopify does not tell the shop's currency")
    return {
        line_id: Goods(
            line_id,
            quantity(line, "quantity"),
            identifier(child(line, "product"), "id"),
            identifier(child(line, "variant"), "id"),
            currency,
        )
        for line in lines
        if (line_id := identifier(line, "id"))
    }


async def offers(client: ShopifyClient, bought: Goods) -> tuple[Variant, ...]:
    """The variants of the product, in the shop's own currency; none when the product is gone.

    Needs `read_products`. Raises `StoreUnavailable` and `StoreRefused`.
    """
    product_gid = gid("Product", bought.product_id or "")
    if product_gid is None:
        return ()
    _, nodes = await every_page(client, PRODUCT_VARIANTS, {"id": product_gid}, "variants")
    exponent = currency_exponent(bought.currency)
    return tuple(
        Variant(
            variant_id,
            text(node, "title", 300) or variant_id,
            Money(_minor(amount(node, "price"), exponent), bought.currency, exponent),
            node.get("availableForSale") is True,
        )
        for node in nodes
        if (variant_id := identifier(node, "id"))
    )


def _minor(price: Decimal | None, exponent: int) -> int:
    return int((price or Decimal(0)).scaleb(exponent).quantize(Decimal(1), ROUND_HALF_UP))
