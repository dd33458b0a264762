"""What the sandbox's WooCommerce site sells: products with their variations. Whatever was ordered is in it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

from starlette.routing import Route

from app.sandbox.woocommerce.errors import RestError
from app.sandbox.woocommerce.model import NewLine
from app.sandbox.woocommerce.rest import Answer, Call, RestApi
from app.sandbox.woocommerce.state import WooState


@dataclass(slots=True)
class Variation:
    """A variation; `price` is a decimal text."""

    variation_id: int
    option: str
    price: str
    in_stock: bool = True


@dataclass(slots=True)
class Product:
    """A product; without variations it is sold itself."""

    product_id: int
    name: str
    sku: str
    price: str
    in_stock: bool = True
    status: str = "publish"
    variations: list[Variation] = field(default_factory=list)


class Shelf:
    """The site's products, behind the site's lock."""

    def __init__(self, state: WooState) -> None:
        self._state = state
        self._products: dict[int, Product] = {}

    def stock(self, lines: Sequence[NewLine]) -> None:
        """What is ordered is also on sale, unless it is on the shelf already."""
        with self._state.lock:
            for line in lines:
                product = self._products.setdefault(
                    line.product_id, Product(line.product_id, line.name, line.sku, line.price)
                )
                known = {one.variation_id for one in product.variations}
                if line.variation_id and line.variation_id not in known:
                    product.variations.append(Variation(line.variation_id, line.name, line.price))

    def add_variation(self, product_id: int, variation_id: int, option: str, price: str) -> None:
        """Another variation of a product. Raises `KeyError` without the product."""
        with self._state.lock:
            self._products[product_id].variations.append(Variation(variation_id, option, price))

    def sell_out(self, number: int) -> None:
        """Nothing is left of a product or variation of that id."""
        with self._state.lock:
            for product in self._products.values():
                product.in_stock = product.in_stock and product.product_id != number
                for variation in product.variations:
                    variation.in_stock = variation.in_stock and variation.variation_id != number

    def discontinue(self, product_id: int) -> None:
        """Deletes a product. Raises `KeyError` without one."""
        with self._state.lock:
            del self._products[product_id]

    def find(self, product_id: int, variation_id: int) -> tuple[Product, Variation | None]:
        """What an order names. Raises `RestError` 400 (its code is from the source, its text a guess)."""
        product = self._products.get(product_id)
        if product is None:
            raise RestError(400, "order_item_product_invalid_product_id", "Invalid product ID")
        variation = next((one for one in product.variations if one.variation_id == variation_id), None)
        if variation_id and variation is None:
            raise RestError(400, "order_item_product_invalid_variation_id", "Invalid variation ID")
        return product, variation

    def routes(self, api: RestApi) -> list[Route]:
        """The products' routes, relative to the mount of the site."""
        return [
            api.route("GET", "/products", self._list),
            api.route("GET", "/products/{product_id:int}", self._get),
            api.route("GET", "/products/{product_id:int}/variations", self._variations),
        ]

    def _known(self, call: Call) -> Product:
        product = self._products.get(call.number("product_id"))
        if product is None:
            raise RestError(404, "woocommerce_rest_product_invalid_id", "Invalid ID.")
        return product

    async def _list(self, _call: Call) -> Answer:
        with self._state.lock:
            return Answer([_product(one) for one in self._products.values()])

    async def _get(self, call: Call) -> Answer:
        with self._state.lock:
            return Answer(_product(self._known(call)))

    async def _variations(self, call: Call) -> Answer:
        with self._state.lock:
            return Answer([_shown(one) for one in self._known(call).variations])


def _product(product: Product) -> dict[str, Any]:
    return {
        "id": product.product_id,
        "name": product.name,
        "type": "variable" if product.variations else "simple",
        "status": product.status,
        "sku": product.sku,
        "price": product.price,
        "purchasable": True,
        "stock_status": _stock(product.in_stock),
        "variations": [one.variation_id for one in product.variations],
    }


def _shown(variation: Variation) -> dict[str, Any]:
    return {
        "id": variation.variation_id,
        "status": "publish",
        "price": variation.price,
        "purchasable": True,
        "stock_status": _stock(variation.in_stock),
        "attributes": [{"id": 1, "name": "Colour", "option": variation.option}],
    }


def _stock(in_stock: bool) -> str:
    return "instock" if in_stock else "outofstock"
