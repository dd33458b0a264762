"""What an order's lines come to, with WooCommerce's own roundings: discount, net, tax by rate."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from decimal import ROUND_FLOOR, Decimal

from app.sandbox.woocommerce.model import FEE, LINE, SHIPPING, Item, NewCoupon, NewExtra, NewLine, TaxRate
from app.sandbox.woocommerce.php import ZERO, rounded

_PRECISION = 6


@dataclass(frozen=True, slots=True)
class Priced:
    """An order's items and what the coupon took off; `coupon_tax` and `discount_tax` are rounded differently."""

    items: list[Item]
    discount: Decimal
    discount_tax: Decimal
    coupon_tax: Decimal


@dataclass(frozen=True, slots=True)
class _Split:
    net: Decimal
    taxes: dict[int, Decimal]


@dataclass(frozen=True, slots=True)
class Till:
    """The site's tax settings: the rates by id, whether prices include tax, and how many decimals amounts have."""

    rates: Mapping[int, TaxRate]
    prices_include_tax: bool
    decimals: int

    def price(
        self,
        lines: Sequence[NewLine],
        shipping: Sequence[NewExtra],
        fees: Sequence[NewExtra],
        coupon: NewCoupon | None,
        next_id: Callable[[], int],
    ) -> Priced:
        """Works out every item. Raises `KeyError` for a tax rate that the site does not have."""
        entered = [Decimal(line.price) * line.quantity for line in lines]
        discounts = self._discounts(lines, entered, coupon)
        items: list[Item] = []
        discount = tax_taken = coupon_tax = ZERO
        for line, before, off in zip(lines, entered, discounts, strict=True):
            subtotal, total = self._split(before, line.rates), self._split(before - off, line.rates)
            taken = sum(subtotal.taxes.values(), ZERO) - sum(total.taxes.values(), ZERO)
            discount += subtotal.net - total.net
            tax_taken += taken
            coupon_tax += rounded(taken, self.decimals)
            items.append(self._line(line, subtotal, total, next_id()))
        items.extend(self._extra(extra, SHIPPING, next_id()) for extra in shipping)
        items.extend(self._extra(extra, FEE, next_id()) for extra in fees)
        return Priced(items, rounded(discount, self.decimals), rounded(tax_taken, self.decimals), coupon_tax)

    def _discounts(
        self, lines: Sequence[NewLine], entered: Sequence[Decimal], coupon: NewCoupon | None
    ) -> list[Decimal]:
        """Each line's share rounded down; the cents left over go to the dearest lines first."""
        if coupon is None:
            return [ZERO for _ in lines]
        unit = Decimal(1).scaleb(-self.decimals)
        exact = [amount * coupon.percent / 100 for amount in entered]
        shares = [amount.quantize(unit, ROUND_FLOOR) for amount in exact]
        left_over = int((rounded(sum(exact, ZERO), self.decimals) - sum(shares, ZERO)) / unit)
        dearest_first = sorted(range(len(lines)), key=lambda index: -entered[index])
        for index in dearest_first[:left_over]:
            shares[index] += unit
        return shares

    def _split(self, entered: Decimal, rate_ids: Sequence[int]) -> _Split:
        percents = {rate_id: self.rates[rate_id].percent for rate_id in rate_ids}
        net = entered
        if self.prices_include_tax:
            net = rounded(entered * 100 / (100 + sum(percents.values(), ZERO)), _PRECISION)
        return _Split(net, {rate_id: net * percent / 100 for rate_id, percent in percents.items()})

    def _rounded(self, taxes: Mapping[int, Decimal]) -> dict[int, Decimal]:
        return {rate: rounded(tax, self.decimals, half_down=self.prices_include_tax) for rate, tax in taxes.items()}

    def _line(self, line: NewLine, subtotal: _Split, total: _Split, item_id: int) -> Item:
        return Item(
            item_id,
            LINE,
            line.name,
            total.net,
            self._rounded(total.taxes),
            subtotal=subtotal.net,
            subtotal_taxes=self._rounded(subtotal.taxes),
            quantity=line.quantity,
            product_id=line.product_id,
            variation_id=line.variation_id,
            sku=line.sku,
            tax_class=line.tax_class,
        )

    def _extra(self, extra: NewExtra, kind: str, item_id: int) -> Item:
        net = Decimal(extra.total)
        taxes = {rate_id: net * self.rates[rate_id].percent / 100 for rate_id in extra.rates}
        method = extra.method_id if kind == SHIPPING else ""
        return Item(item_id, kind, extra.name, net, self._rounded(taxes), method_id=method)
