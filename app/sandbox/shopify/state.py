"""What the sandbox's Shopify shop knows: orders with their payments, refunds, parcels, returns and disputes.

Amounts are `Decimal`, in the customer's (presentment) currency and already rounded to its digits. Times are UTC.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime
from decimal import Decimal

from app.sandbox.shopify.values import ZERO, Bag, Currencies, Goods, gid, tax_in


@dataclass(slots=True, eq=False)
class Transaction:
    """One movement of money at a gateway. `kind` and `status` in GraphQL spelling."""

    id: int
    kind: str
    status: str
    gateway: str
    amount: Decimal
    created_at: datetime
    parent_id: int | None = None
    processed_at: datetime | None = None
    error_code: str | None = None
    refund_id: int | None = None
    manual: bool = False
    card: bool = False


@dataclass(slots=True, eq=False)
class RefundLine:
    """Units of a line in a refund; `subtotal` and `tax` as Shopify has them (tax is in the subtotal if included)."""

    id: int
    goods: Goods
    quantity: int
    restock_type: str
    subtotal: Decimal
    tax: Decimal


@dataclass(slots=True, eq=False)
class Refund:
    """A refund record, which is not money: see `transactions`.

    `shipping` is with or without tax as the order's prices are. `discrepancy` is lines and shipping less the money.
    """

    id: int
    order_id: int
    created_at: datetime
    note: str | None
    lines: list[RefundLine]
    shipping: Decimal
    shipping_tax: Decimal
    transactions: list[Transaction]
    discrepancy: Decimal
    discrepancy_reason: str
    adjustment_id: int
    shipping_line_id: int

    @property
    def money(self) -> Decimal:
        """What its transactions move, settled or still pending; a failed one moves nothing."""
        return sum((item.amount for item in self.transactions if item.status in {"SUCCESS", "PENDING"}), ZERO)


@dataclass(slots=True, eq=False)
class ParcelLine:
    """Units of a line in a parcel."""

    id: int
    goods: Goods
    quantity: int


@dataclass(slots=True, eq=False)
class Parcel:
    """A fulfilment."""

    id: int
    order_id: int
    name: str
    lines: list[ParcelLine]
    company: str | None
    number: str | None
    url: str | None
    created_at: datetime
    updated_at: datetime
    delivered_at: datetime | None = None


@dataclass(slots=True, eq=False)
class ReturnLine:
    """Units of a parcel line that come back. `reason` in GraphQL spelling (`UNWANTED`)."""

    id: int
    parcel_line: ParcelLine
    quantity: int
    reason: str
    note: str
    customer_note: str | None


@dataclass(slots=True, eq=False)
class Return:
    """A return; `status` is REQUESTED, OPEN, DECLINED, CLOSED or CANCELED."""

    id: int
    order_id: int
    name: str
    lines: list[ReturnLine]
    created_at: datetime
    status: str = "REQUESTED"
    closed_at: datetime | None = None
    approved_at: datetime | None = None
    decline_reason: str | None = None
    decline_note: str | None = None


@dataclass(slots=True, eq=False)
class Dispute:
    """A chargeback or inquiry."""

    id: int
    kind: str
    status: str
    amount: Decimal
    opened_at: datetime
    closed_at: datetime | None = None


@dataclass(slots=True, eq=False)
class Order:
    """An order and everything that hangs on it."""

    id: int
    number: int
    currencies: Currencies
    lines: list[Goods]
    taxes_included: bool
    shipping: Decimal
    shipping_tax_rate: Decimal
    shipping_line_id: int
    email: str | None
    country: str
    locale: str
    customer_id: int
    created_at: datetime
    updated_at: datetime
    transactions: list[Transaction] = field(default_factory=list)
    refunds: list[Refund] = field(default_factory=list)
    parcels: list[Parcel] = field(default_factory=list)
    returns: list[Return] = field(default_factory=list)
    disputes: list[Dispute] = field(default_factory=list)
    cancelled_at: datetime | None = None
    cancel_reason: str | None = None
    tags: list[str] = field(default_factory=list)
    note: str | None = None

    @property
    def name(self) -> str:
        """The printed number, `#1106`."""
        return f"#{self.number}"

    @property
    def gid(self) -> str:
        """The global id."""
        return gid("Order", self.id)

    def bag(self, amount: Decimal) -> Bag:
        """`amount` of the customer's currency in both currencies."""
        return self.currencies.bag(amount)

    def goods(self, line_id: int) -> Goods:
        """The line by its id. Raises `KeyError` when the order has none such."""
        return {line.id: line for line in self.lines}[line_id]

    @property
    def shipping_tax(self) -> Decimal:
        """The tax on shipping."""
        return tax_in(self.shipping, self.shipping_tax_rate, self.taxes_included, self.currencies)

    @property
    def shipping_total(self) -> Decimal:
        """What was paid for shipping, with tax."""
        return self.shipping + (ZERO if self.taxes_included else self.shipping_tax)

    @property
    def total(self) -> Decimal:
        """What the order costs, with tax and shipping."""
        return sum((line.total for line in self.lines), self.shipping_total)

    @property
    def tax(self) -> Decimal:
        """All the tax in the order."""
        return sum((line.tax for line in self.lines), self.shipping_tax)

    def payments(self) -> list[Transaction]:
        """The transactions that brought money in and can be refunded."""
        return [item for item in self.transactions if item.kind in {"SALE", "CAPTURE"} and item.status == "SUCCESS"]

    @property
    def received(self) -> Decimal:
        """The money that came in."""
        return sum((item.amount for item in self.payments()), ZERO)

    def refunded(self, statuses: Sequence[str] = ("SUCCESS",)) -> Decimal:
        """The money that went back, by the status of its transactions."""
        refunds = (item for item in self.transactions if item.kind == "REFUND" and item.status in statuses)
        return sum((item.amount for item in refunds), ZERO)

    @property
    def net_payment(self) -> Decimal:
        """What is still there to refund; a pending refund is taken off already."""
        return self.received - self.refunded(("SUCCESS", "PENDING"))

    def left_of(self, payment: Transaction) -> Decimal:
        """What can still go back to one payment."""
        back = (item for item in self.transactions if item.kind == "REFUND" and item.parent_id == payment.id)
        return payment.amount - sum((item.amount for item in back if item.status in {"SUCCESS", "PENDING"}), ZERO)

    def refunded_units(self, goods: Goods, restock_type: str | None = None) -> int:
        """How many units of a line were refunded, with money or without."""
        lines = (line for refund in self.refunds for line in refund.lines if line.goods is goods)
        return sum(line.quantity for line in lines if restock_type in (None, line.restock_type))

    def fulfilled_units(self, goods: Goods) -> int:
        """How many units of a line were sent."""
        return sum(line.quantity for parcel in self.parcels for line in parcel.lines if line.goods is goods)

    @property
    def shipping_left(self) -> Decimal:
        """Shipping not refunded yet, with or without tax as the order's prices are."""
        return self.shipping - sum((refund.shipping for refund in self.refunds), ZERO)
