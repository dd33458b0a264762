"""What the sandbox's WooCommerce site keeps. All amounts are decimals in the order's currency; taxes go by rate id."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from decimal import Decimal
from enum import StrEnum
from typing import Any

from app.sandbox.faults import FaultKind
from app.sandbox.woocommerce.php import ZERO, rounded

LINE, SHIPPING, FEE = "line_item", "shipping", "fee"


@dataclass(frozen=True, slots=True)
class TaxRate:
    """A tax rate of the site. `percent` is 19 for 19 %."""

    rate_id: int = 1
    code: str = "DE-MWST-1"
    label: str = "MwSt"
    percent: Decimal = Decimal(19)


@dataclass(frozen=True, slots=True)
class NewLine:
    """A line to order. `price` is the catalogue's for one unit: with tax where the site's prices include it."""

    name: str
    price: str
    quantity: int = 1
    sku: str = ""
    product_id: int = 10
    variation_id: int = 0
    rates: tuple[int, ...] = (1,)
    tax_class: str = ""


@dataclass(frozen=True, slots=True)
class NewExtra:
    """Shipping or a fee to order. `total` is always without tax."""

    name: str
    total: str
    rates: tuple[int, ...] = (1,)
    method_id: str = "flat_rate"


@dataclass(frozen=True, slots=True)
class NewCoupon:
    """A discount of `percent` on every line."""

    code: str
    percent: int


@dataclass(frozen=True, slots=True)
class Customer:
    """Who buys; `customer_id` 0 is a guest. The defaults hold letters beyond ASCII: webhook bodies escape them."""

    first_name: str = "Zoë"
    last_name: str = "Ünal"
    email: str = "zoe@example.test"
    address: str = "Straße 1"
    city: str = "Berlin"
    postcode: str = "10115"
    country: str = "DE"
    phone: str = "+49 30 1"
    customer_id: int = 0


class Arrival(StrEnum):
    """How an order comes into being; each way announces itself differently (seen on 11.0.1).

    REST: `order.created`, then `order.updated` with the same body. BLOCKS: `order.updated` comes first.
    DRAFT: `order.created` as a `checkout-draft`, then `order.created` again, and no `order.updated`.
    """

    REST = "rest"
    BLOCKS = "blocks"
    DRAFT = "draft"


@dataclass(frozen=True, slots=True)
class NewOrder:
    """An order to place. `gateway` is the id of the one that took the money; `number` is what is printed, else the id.

    `currency` is the order's own, else the site's; `meta_data` is by key.
    """

    lines: Sequence[NewLine]
    shipping: Sequence[NewExtra] = ()
    fees: Sequence[NewExtra] = ()
    coupon: NewCoupon | None = None
    customer: Customer = Customer()
    gateway: str = "stripe"
    status: str = "processing"
    number: str | None = None
    currency: str | None = None
    arrival: Arrival = Arrival.REST
    meta_data: Mapping[str, Any] = field(default_factory=dict)


@dataclass(slots=True)
class Item:
    """A line, shipping or fee of an order or, with negative amounts, of a refund. `total` excludes tax.

    `total` is None where a refund's line was sent without one.
    """

    item_id: int
    kind: str
    name: str
    total: Decimal | None
    taxes: dict[int, Decimal]
    subtotal: Decimal = ZERO
    subtotal_taxes: dict[int, Decimal] = field(default_factory=dict)
    quantity: int = 0
    product_id: int = 0
    variation_id: int = 0
    sku: str = ""
    tax_class: str = ""
    method_id: str = ""
    meta: list[dict[str, Any]] = field(default_factory=list)


@dataclass(slots=True)
class TaxLine:
    """One rate's line in an order or refund."""

    item_id: int
    rate: TaxRate


@dataclass(slots=True)
class CouponLine:
    """A coupon as the order has it. Its own rounding of the tax may differ from the order's by a cent."""

    item_id: int
    coupon: NewCoupon
    discount: Decimal
    discount_tax: Decimal
    meta: list[dict[str, Any]] = field(default_factory=list)


@dataclass(slots=True)
class Order:
    """An order. Times are UTC."""

    order_id: int
    number: str
    status: str
    currency: str
    decimals: int
    prices_include_tax: bool
    customer: Customer
    gateway_id: str
    gateway_title: str
    transaction_id: str
    order_key: str
    created_at: datetime
    modified_at: datetime
    paid_at: datetime | None
    completed_at: datetime | None
    items: list[Item]
    tax_lines: list[TaxLine]
    coupon: CouponLine | None
    discount_total: Decimal
    discount_tax: Decimal
    created_via: str
    meta: list[dict[str, Any]] = field(default_factory=list)
    customer_note: str = ""

    def of_kind(self, kind: str) -> list[Item]:
        """The lines, shipping lines or fees."""
        return [item for item in self.items if item.kind == kind]

    def net(self, *kinds: str) -> Decimal:
        """What the items of those kinds cost without tax, each rounded to the site's decimals."""
        return sum((rounded(item.total or ZERO, self.decimals) for item in self.items if item.kind in kinds), ZERO)

    def tax(self, *kinds: str, rate_id: int | None = None) -> Decimal:
        """The tax on the items of those kinds, of one rate or of all."""
        chosen = [item.taxes for item in self.items if item.kind in kinds]
        return sum(
            (amount for taxes in chosen for rate, amount in taxes.items() if rate_id in (None, rate)),
            ZERO,
        )

    @property
    def total(self) -> Decimal:
        """What was paid. WooCommerce never reduces it by refunds."""
        return self.net(LINE, SHIPPING, FEE) + self.tax(LINE, SHIPPING, FEE)


@dataclass(slots=True)
class Refund:
    """A refund row.

    `amount` is what REST shows and a gateway is asked for (None: made without one). `counted` is what the order's own
    remainder counts, and differs from it for amounts in odd formats.
    """

    refund_id: int
    order_id: int
    amount: Decimal | None
    counted: Decimal
    reason: str
    created_at: datetime
    items: list[Item]
    tax_lines: list[TaxLine]
    refunded_payment: bool
    meta: list[dict[str, Any]]


@dataclass(slots=True)
class MoneyCall:
    """One refund POST as it came, and what became of it.

    `outcome` is `created`, `refused` (no row, no money), `deleted` (paid, and the row is gone) or `not_reached`.
    `status` is the HTTP status that was, or would have been, answered. `client_errors` names what a careful client
    never does: leaving out `api_refund` or `api_restock`, an amount that is no plain decimal of the site. `overlapped`
    says that another refund POST for the same order was under way.
    """

    order_id: int
    raw: bytes
    body: Any
    at: datetime
    fault: FaultKind | None
    client_errors: tuple[str, ...]
    overlapped: bool
    outcome: str = "not_reached"
    status: int | None = None
    refund_id: int | None = None


@dataclass(frozen=True, slots=True)
class Payout:
    """Money that a gateway really sent to the customer."""

    order_id: int
    refund_id: int
    gateway_id: str
    amount: Decimal
    at: datetime


@dataclass(slots=True)
class Note:
    """A note on an order."""

    note_id: int
    order_id: int
    text: str
    customer_note: bool
    created_at: datetime
