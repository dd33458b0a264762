"""What the sandbox's Shopify shop sells: products with their variants. Whatever was ordered once is in it."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from decimal import Decimal


@dataclass(slots=True, eq=False)
class ProductVariant:
    """A variant on sale; `price` is in the shop's own currency."""

    id: int
    title: str
    sku: str
    price: Decimal
    available: bool = True


@dataclass(slots=True, eq=False)
class Product:
    """A product and its variants, in the order of the shop's pages."""

    id: int
    title: str
    vendor: str
    variants: list[ProductVariant] = field(default_factory=list)


class Catalogue:
    """The products by id. Not locked: the shop's lock is held by whoever calls."""

    def __init__(self, next_id: Callable[[], int]) -> None:
        self.products: dict[int, Product] = {}
        self._next_id = next_id
        self._by_sku: dict[str, tuple[Product, ProductVariant]] = {}

    def entry(self, sku: str, title: str, vendor: str, price: Decimal) -> tuple[Product, ProductVariant]:
        """The product that is ordered under that SKU; a new one has one variant, with the product's own number."""
        if sku not in self._by_sku:
            number = self._next_id()
            product = Product(number, title, vendor)
            self.products[number] = product
            variant = ProductVariant(number, "Default Title", sku, price)
            product.variants.append(variant)
            self._by_sku[sku] = product, variant
        return self._by_sku[sku]

    def add_variant(self, product_id: int, title: str, sku: str, price: Decimal) -> ProductVariant:
        """Another variant of a product. Raises `KeyError` without the product."""
        product = self.products[product_id]
        variant = ProductVariant(self._next_id(), title, sku, price)
        product.variants.append(variant)
        self._by_sku[sku] = product, variant
        return variant

    def find(self, variant_id: int) -> tuple[Product, ProductVariant] | None:
        """A variant with its product; None when either is gone."""
        every = ((product, variant) for product in self.products.values() for variant in product.variants)
        return next((entry for entry in every if entry[1].id == variant_id), None)

    def remove(self, product_id: int) -> None:
        """The merchant deletes a product. Raises `KeyError` without one."""
        gone = self.products.pop(product_id)
        self._by_sku = {sku: entry for sku, entry in self._by_sku.items() if entry[0] is not gone}
