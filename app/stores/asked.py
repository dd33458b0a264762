"""What a store is asked to do, and what it answers: refunds, new orders and coupons as values. Pure."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from decimal import Decimal
from enum import StrEnum
from typing import Any
from uuid import UUID

from app.money import Money
from app.orders.snapshot import RefundState
from app.outcomes import Ok, Rejected, Unknown


@dataclass(frozen=True, slots=True)
class RefundLine:
    """`quantity` units of a line; `total` includes `tax`; `taxes` splits the tax by the store's rate id."""

    line_id: str
    quantity: int
    total: int
    tax: int = 0
    taxes: Mapping[str, int] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class RefundExtra:
    """A part of shipping or of a fee; `total` includes `tax`."""

    line_id: str
    kind: str
    total: int
    tax: int = 0
    taxes: Mapping[str, int] = field(default_factory=dict)


class RefundMethod(StrEnum):
    """Where the money of a refund goes: back to what was paid with, or to the customer as credit in the store."""

    ORIGINAL = "original"
    STORE_CREDIT = "store_credit"


@dataclass(frozen=True, slots=True)
class RefundIntent:
    """One refund as the case decided it. `refund_id` is the key on every try and the marker in the store.

    Without lines and extras it is a refund of an amount alone (the customer keeps the goods).
    """

    refund_id: UUID
    order_id: str
    amount: Money
    lines: tuple[RefundLine, ...]
    extras: tuple[RefundExtra, ...]
    reason: str
    notify: bool
    method: RefundMethod = RefundMethod.ORIGINAL


@dataclass(frozen=True, slots=True)
class PreparedRefund:
    """What will be sent, to the letter. It is stored before the first send and sent unchanged on every later one.

    `amount` may be less than the intent's (the store's own maximum). `payload` is plain JSON.
    """

    refund_id: UUID
    order_id: str
    amount: Money
    payload: dict[str, Any]


@dataclass(frozen=True, slots=True)
class RefundProof:
    """What the store says of a refund that exists. Only `state` SUCCEEDED is money.

    `code` is the coupon that holds a store credit where the store has no other (WooCommerce).
    """

    store_refund_id: str
    amount: Money
    state: RefundState
    shop_amount: Money | None = None
    detail: str = ""
    code: str | None = None


RefundAnswer = Ok[RefundProof] | Rejected | Unknown


@dataclass(frozen=True, slots=True)
class NewOrderLine:
    """`quantity` units that replace those of the order's line `line_id`; `variant_id` None: the same as was bought."""

    line_id: str
    quantity: int
    variant_id: str | None


@dataclass(frozen=True, slots=True)
class NewOrderIntent:
    """A new order that costs the customer nothing, in place of lines of an earlier one.

    `operation_id` is its marker in the store: there is at most one order with it. `reference` is for people (the RMA
    number).
    """

    operation_id: UUID
    order_id: str
    order_name: str
    reference: str
    lines: tuple[NewOrderLine, ...]


@dataclass(frozen=True, slots=True)
class PreparedNewOrder:
    """What will be ordered, to the letter: stored before the first send and the same on every later one.

    `payload` is plain JSON without any personal data: who gets the goods is read from the earlier order when sending.
    """

    operation_id: UUID
    order_id: str
    payload: dict[str, Any]


@dataclass(frozen=True, slots=True)
class NewOrderProof:
    """The new order as the store has it; `name` is the number that people know it by."""

    store_order_id: str
    name: str


NewOrderAnswer = Ok[NewOrderProof] | Rejected | Unknown


@dataclass(frozen=True, slots=True)
class Variant:
    """A variant of a product as the store sells it now; `price` in the store's own currency."""

    variant_id: str
    title: str
    price: Money
    available: bool


@dataclass(frozen=True, slots=True)
class CouponWish:
    """A coupon for one order between two instants: `amount` off, or `percent`; never both.

    `code` is its identity: asking for it twice makes one. `email` is the only customer who may use it, where the
    platform can tell.
    """

    code: str
    title: str
    starts_at: datetime
    ends_at: datetime
    percent: Decimal | None = None
    amount: Money | None = None
    email: str | None = None
