"""Everything that a sandbox WooCommerce site remembers, behind one lock."""

from __future__ import annotations

import itertools
import threading
from collections.abc import Iterator
from dataclasses import dataclass, field
from decimal import Decimal

from app.clock import Clock
from app.sandbox.woocommerce.errors import RestError, invalid_order, invalid_refund
from app.sandbox.woocommerce.gateway import Gateway
from app.sandbox.woocommerce.model import MoneyCall, Note, Order, Payout, Refund, TaxRate
from app.sandbox.woocommerce.php import ZERO


@dataclass(slots=True)
class WooState:
    """Orders and refunds share one series of ids, as in WooCommerce. Hold `lock` to read or change anything.

    While `lists_lag` (a cache, a lagging replica) new orders are `unlisted`: they are there, and no list shows them.
    """

    clock: Clock
    currency: str
    decimals: int
    prices_include_tax: bool
    rates: dict[int, TaxRate]
    gateways: dict[str, Gateway]
    lock: threading.RLock = field(default_factory=threading.RLock)
    orders: dict[int, Order] = field(default_factory=dict)
    refunds: dict[int, Refund] = field(default_factory=dict)
    notes: list[Note] = field(default_factory=list)
    money_calls: list[MoneyCall] = field(default_factory=list)
    payouts: list[Payout] = field(default_factory=list)
    calls: list[str] = field(default_factory=list)
    coupons_enabled: bool = True
    lists_lag: bool = False
    unlisted: set[int] = field(default_factory=set)
    post_ids: Iterator[int] = field(default_factory=lambda: itertools.count(14))
    item_ids: Iterator[int] = field(default_factory=lambda: itertools.count(1))
    meta_ids: Iterator[int] = field(default_factory=lambda: itertools.count(1))

    def order(self, order_id: int) -> Order:
        """The order, also one in the bin. Raises `RestError` 404."""
        if order_id not in self.orders:
            raise invalid_order()
        return self.orders[order_id]

    def refund(self, order_id: int, refund_id: int) -> Refund:
        """The refund of that order. Raises `RestError` 404, with a code of its own for another order's refund."""
        self.order(order_id)
        if refund_id not in self.refunds:
            raise invalid_refund()
        if self.refunds[refund_id].order_id != order_id:
            raise RestError(404, "woocommerce_rest_invalid_order_refund_id", "Invalid order refund ID.")
        return self.refunds[refund_id]

    def refunds_of(self, order_id: int) -> list[Refund]:
        """The order's refunds, newest first."""
        return sorted(
            (row for row in self.refunds.values() if row.order_id == order_id), key=lambda row: -row.refund_id
        )

    def remaining(self, order: Order) -> Decimal:
        """What the order itself believes can still be refunded; it counts odd amounts differently from REST."""
        return order.total - sum((row.counted for row in self.refunds_of(order.order_id)), ZERO)

    def touch(self, order: Order) -> None:
        """Marks the order as changed now."""
        order.modified_at = self.clock.now()
