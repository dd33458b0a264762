"""Ids, money in two currencies, and order lines, as the sandbox's Shopify shop has them.

Amounts are `Decimal`, in the customer's (presentment) currency and already rounded to its digits.
"""

from __future__ import annotations

from dataclasses import dataclass
from decimal import ROUND_HALF_UP, Decimal

from app.money import currency_exponent

ZERO = Decimal(0)


def gid(kind: str, number: int) -> str:
    """Shopify's global id, `gid://shopify/Order/5196695273621`."""
    return f"gid://shopify/{kind}/{number}"


def number_of(identifier: int | str) -> int:
    """The integer in an id, given as integer, digits or gid. Raises `ValueError` for anything else."""
    return int(str(identifier).rsplit("/", 1)[-1])


def rounded(amount: Decimal, currency: str) -> Decimal:
    """`amount` with as many digits as `currency` has, halves rounded up."""
    return amount.quantize(Decimal(1).scaleb(-currency_exponent(currency)), ROUND_HALF_UP)


@dataclass(frozen=True, slots=True)
class Bag:
    """The same amount in the shop's and in the customer's currency."""

    shop: Decimal
    shop_currency: str
    presentment: Decimal
    presentment_currency: str


@dataclass(frozen=True, slots=True)
class Currencies:
    """The two currencies of an order; `rate` is how much presentment currency one unit of shop currency buys."""

    shop: str
    presentment: str
    rate: Decimal

    def bag(self, amount: Decimal) -> Bag:
        """`amount` of the presentment currency beside its worth in the shop's."""
        return Bag(rounded(amount / self.rate, self.shop), self.shop, amount, self.presentment)

    def round(self, amount: Decimal) -> Decimal:
        """`amount` with the presentment currency's digits."""
        return rounded(amount, self.presentment)


@dataclass(slots=True, eq=False)
class Goods:
    """One order line. `discount` and `code_discount` are for all its units; `price` is for one, before both.

    `removed` units were taken out by an edit; `quantity` is what was ordered. A deleted product leaves no ids.
    """

    id: int
    sku: str
    title: str
    vendor: str
    quantity: int
    price: Decimal
    discount: Decimal
    code_discount: Decimal
    tax_rate: Decimal
    taxes_included: bool
    gift_card: bool
    variant_id: int | None
    product_id: int | None
    currencies: Currencies
    removed: int = 0

    @property
    def original(self) -> Decimal:
        """All units before any discount."""
        return self.price * self.quantity

    def discounted(self, with_codes: bool = True) -> Decimal:
        """All units after discounts, with or without the discount codes."""
        return self.original - self.discount - (self.code_discount if with_codes else ZERO)

    @property
    def tax(self) -> Decimal:
        """The tax on all units after every discount."""
        return tax_in(self.discounted(), self.tax_rate, self.taxes_included, self.currencies)

    @property
    def total(self) -> Decimal:
        """What was paid for all units: discounted, with tax."""
        return self.discounted() + (ZERO if self.taxes_included else self.tax)

    def share(self, amount: Decimal, taken: int, take: int) -> Decimal:
        """The part of `amount` that falls to `take` units after `taken` went before; parts add up exactly."""
        upto = self.currencies.round(amount * (taken + take) / self.quantity)
        return upto - self.currencies.round(amount * taken / self.quantity)


def tax_in(amount: Decimal, rate: Decimal, included: bool, currencies: Currencies) -> Decimal:
    """The tax in (or on top of) `amount`."""
    return currencies.round(amount * rate / (1 + rate) if included else amount * rate)
