"""The captured order 14 and refunds of it, for the adapter's tests."""

from __future__ import annotations

import dataclasses
from typing import Any
from uuid import UUID

from app.money import Money
from app.orders.marker import marker_for
from app.orders.normalise_woocommerce import order_from_payload
from app.orders.snapshot import OrderSnapshot
from app.stores.asked import PreparedRefund, RefundExtra, RefundIntent, RefundLine
from app.stores.woocommerce import WooStore
from app.stores.woocommerce_refund import prepare
from tests.orders.woo_captures import order, refund

REFUND_ID = UUID("01990000-0000-7000-8000-0000000000aa")
REASON = f"{marker_for(REFUND_ID)} one mug broken"
MUG = RefundLine("1", 1, 2141, 342, {"1": 342})
BOOK = RefundLine("3", 2, 6419, 420, {"2": 420})
SHIPPING = RefundExtra("4", "shipping", 583, 93, {"1": 93})


def euros(minor: int) -> Money:
    return Money(minor, "EUR", 2)


def intent(
    minor: int = 2141, lines: tuple[RefundLine, ...] = (MUG,), extras: tuple[RefundExtra, ...] = (), **changes: Any
) -> RefundIntent:
    """One mug of order 14, unless told otherwise."""
    made = RefundIntent(REFUND_ID, "14", euros(minor), lines, extras, "one mug broken", notify=False)
    return dataclasses.replace(made, **changes)


def snapshot(method: str = "stripe", **changes: Any) -> OrderSnapshot:
    """Order 14, not refunded, paid by `method`."""
    return order_from_payload(order() | {"payment_method": method} | changes)


def prepared(method: str = "stripe") -> PreparedRefund:
    """The refund of one mug, ready to send."""
    return prepare(intent(), snapshot(method))


def booked(paid: bool | None = True, **changes: Any) -> dict[str, Any]:
    """The store's answer to it: the captured one with our reason; `paid` None leaves `refunded_payment` out."""
    answer = refund() | {"reason": REASON, "refunded_payment": paid} | changes
    if paid is None:
        del answer["refunded_payment"]
    return answer


def store(url: str, **changes: Any) -> WooStore:
    """A store at `url` with test keys and short time-outs (seconds)."""
    settings: dict[str, Any] = {
        "consumer_key": "ck_test",
        "consumer_secret": "cs_secret",
        "webhook_secret": "whsecret",
        "connect_timeout": 2.0,
        "read_timeout": 10.0,
    }
    return WooStore("alpha", url=url, **(settings | changes))
