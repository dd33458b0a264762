"""What Shopify suggests to refund: lines and shipping in money, and which payments it goes back to."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from decimal import Decimal

from app.sandbox.shopify.state import Order, Transaction
from app.sandbox.shopify.values import ZERO, Goods, tax_in


@dataclass(frozen=True, slots=True)
class WantedLine:
    """Units of a line to refund."""

    goods: Goods
    quantity: int
    restock_type: str = "NO_RESTOCK"


@dataclass(frozen=True, slots=True)
class PricedLine:
    """A wanted line with its share of price, discounts and tax. `subtotal` is after every discount."""

    wanted: WantedLine
    subtotal: Decimal
    cart_discount: Decimal
    tax: Decimal


@dataclass(frozen=True, slots=True)
class Portion:
    """What goes back to one payment, and the most that could."""

    payment: Transaction
    amount: Decimal
    maximum: Decimal


@dataclass(frozen=True, slots=True)
class Suggestion:
    """Shopify's own computation; amounts in the customer's currency."""

    order: Order
    lines: tuple[PricedLine, ...]
    shipping: Decimal
    shipping_tax: Decimal
    amount: Decimal
    maximum: Decimal
    portions: tuple[Portion, ...]
    store_credit: bool

    @property
    def tax(self) -> Decimal:
        """The tax on lines and shipping."""
        return sum((line.tax for line in self.lines), self.shipping_tax)

    @property
    def discounted_subtotal(self) -> Decimal:
        """The lines after every discount."""
        return sum((line.subtotal for line in self.lines), ZERO)

    @property
    def cart_discount(self) -> Decimal:
        """The lines' part of discount codes."""
        return sum((line.cart_discount for line in self.lines), ZERO)


def price_lines(order: Order, wanted: Sequence[WantedLine]) -> tuple[PricedLine, ...]:
    """The shares that fall to the wanted units after those refunded before; a series of partials adds up exactly."""
    priced = []
    for line in wanted:
        goods, taken = line.goods, order.refunded_units(line.goods)
        priced.append(
            PricedLine(
                line,
                goods.share(goods.discounted(), taken, line.quantity),
                goods.share(goods.code_discount, taken, line.quantity),
                goods.share(goods.tax, taken, line.quantity),
            )
        )
    return tuple(priced)


def worth(order: Order, lines: Sequence[PricedLine], shipping: Decimal) -> Decimal:
    """What lines and shipping cost the customer, with tax. `shipping` is with or without tax as the prices are."""
    net = sum((line.subtotal for line in lines), shipping)
    if order.taxes_included:
        return net
    return sum((line.tax for line in lines), net + shipping_tax(order, shipping))


def shipping_tax(order: Order, shipping: Decimal) -> Decimal:
    """The tax in (or on top of) a part of shipping."""
    return tax_in(shipping, order.shipping_tax_rate, order.taxes_included, order.currencies)


def split(order: Order, amount: Decimal) -> tuple[Portion, ...]:
    """Spreads `amount` over the payments in their order, each up to what is left of it."""
    portions = []
    for payment in order.payments():
        left = order.left_of(payment)
        part = min(amount, left)
        if part > 0:
            portions.append(Portion(payment, part, left))
            amount -= part
    return tuple(portions)


def suggest(order: Order, wanted: Sequence[WantedLine], shipping: Decimal, store_credit: bool = False) -> Suggestion:
    """The suggestion for units and a part of shipping, never more than what is left."""
    shipping = min(shipping, order.shipping_left)
    lines = price_lines(order, wanted)
    amount = min(worth(order, lines, shipping), order.net_payment)
    portions = () if store_credit else split(order, amount)
    return Suggestion(
        order, lines, shipping, shipping_tax(order, shipping), amount, order.net_payment, portions, store_credit
    )


def everything(order: Order) -> list[WantedLine]:
    """All units that were not refunded yet."""
    left = ((goods, goods.quantity - goods.removed - order.refunded_units(goods)) for goods in order.lines)
    return [WantedLine(goods, quantity) for goods, quantity in left if quantity > 0]
