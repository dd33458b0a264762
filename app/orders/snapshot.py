"""What Makegood keeps of an order. Pure values; only fields that are used, never card or receipt data.

All amounts are minor units of the customer's currency (Shopify: presentment) with the snapshot's `exponent`, unless
their name says `shop`. "Total" always includes tax and is what was really paid, after every discount.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum


class Platform(StrEnum):
    """The two kinds of store."""

    SHOPIFY = "shopify"
    WOOCOMMERCE = "woocommerce"


class RefundState(StrEnum):
    """What a store says became of the money of a refund."""

    SUCCEEDED = "succeeded"
    PENDING = "pending"
    FAILED = "failed"
    NO_MONEY = "no_money"
    UNCLEAR = "unclear"


# WooCommerce's own methods that no gateway stands behind: bank transfer, cheque, cash on delivery.
_MANUAL_METHODS = frozenset({"bacs", "cheque", "cod"})


def is_manual_payment(method: str | None) -> bool:
    """Whether no gateway can send a WooCommerce order's money back: one of the manual methods, or none at all."""
    return not method or method in _MANUAL_METHODS


@dataclass(frozen=True, slots=True)
class Line:
    """One line of goods.

    `quantity` is what was ordered less what an order edit removed. `taxes` is the line's tax by the store's rate id
    (WooCommerce wants it back that way); it adds up to `tax` there and is empty for Shopify.
    """

    line_id: str
    title: str
    quantity: int
    total: int
    tax: int = 0
    shop_total: int | None = None
    sku: str | None = None
    vendor: str | None = None
    product_id: str | None = None
    variant_id: str | None = None
    taxes: Mapping[str, int] = field(default_factory=dict)
    gift_card: bool = False


@dataclass(frozen=True, slots=True)
class Extra:
    """What was paid beside the goods. `kind` is `shipping` or `fee`."""

    line_id: str
    kind: str
    title: str
    total: int
    tax: int = 0
    taxes: Mapping[str, int] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Fulfilment:
    """One parcel: `lines` is quantity by line id; empty when the store does not say.

    `updated_at` is the moment of the store's own time that this tells of; None when the store does not say.
    """

    fulfilment_id: str
    status: str
    created_at: datetime | None = None
    delivered_at: datetime | None = None
    carrier: str | None = None
    tracking_number: str | None = None
    tracking_url: str | None = None
    lines: Mapping[str, int] = field(default_factory=dict)
    updated_at: datetime | None = None


@dataclass(frozen=True, slots=True)
class SeenRefund:
    """A refund as the store shows it, ours or somebody else's.

    `operation` is the id in our marker, if there is one. `lines` is quantity by line id and `extras` minor units by
    extra's line id; both are None when this reading does not tell them (a WooCommerce order lists only totals).
    """

    store_refund_id: str
    amount: int
    state: RefundState
    operation: str | None = None
    shop_amount: int | None = None
    lines: Mapping[str, int] | None = None
    extras: Mapping[str, int] | None = None
    created_at: datetime | None = None


@dataclass(frozen=True, slots=True)
class OrderSnapshot:
    """An order at one moment of the store's own time (`updated_at`).

    `captured` is the money that really came in. `refunds` is None when this reading does not list refunds.
    `disputed` says that a chargeback or inquiry is open, `charged_back` that the bank has given the money back, and
    `disputes_won` that there were some and all of them ended well. `disputes_ended` are the store's ids of those that
    are known to be over, well or not: older news of them opens nothing.
    `payment_method` is the store's code for how it was paid. `region` is the state or province within `country`, as the
    store codes it (`CA`). `company` says that a company is named in the billing address: the buyer may be no consumer.
    `withdrawn` says that the customer declared a withdrawal in the store's own form.
    """

    platform: Platform
    order_id: str
    number: str
    currency: str
    exponent: int
    total: int
    captured: int
    status: str
    placed_at: datetime
    updated_at: datetime
    lines: tuple[Line, ...]
    extras: tuple[Extra, ...] = ()
    fulfilments: tuple[Fulfilment, ...] = ()
    refunds: tuple[SeenRefund, ...] | None = None
    shop_currency: str | None = None
    shop_exponent: int | None = None
    taxes_included: bool = False
    email: str | None = None
    country: str | None = None
    region: str | None = None
    company: bool = False
    locale: str | None = None
    payment_method: str | None = None
    cancelled_at: datetime | None = None
    disputed: bool = False
    charged_back: bool = False
    disputes_won: bool = False
    disputes_ended: tuple[str, ...] = ()
    test: bool = False
    withdrawn: bool = False

    @property
    def cancelled(self) -> bool:
        """Cancelled, or put into WooCommerce's trash."""
        return self.cancelled_at is not None or self.status == "trash"

    @property
    def paid_by_hand(self) -> bool:
        """True when a refund only books, and a person has to send the money."""
        return self.platform is Platform.WOOCOMMERCE and is_manual_payment(self.payment_method)

    def line(self, line_id: str) -> Line | None:
        """The line with that id, if the order has it."""
        return next((line for line in self.lines if line.line_id == line_id), None)
