"""What really happened to the money, as the sandbox's own books have it. Nothing here comes from the service."""

from __future__ import annotations

import re
from collections import defaultdict
from dataclasses import dataclass, field
from decimal import Decimal

from app.sandbox.world import World
from tests.faults.troubles import S

_MARKER = re.compile(r"\[makegood:([0-9a-f-]{36})\]")
ZERO = Decimal(0)


@dataclass(slots=True)
class Money:
    """The money of one order. `ours` is each payment by our operation's id; `pending` those not at their end."""

    captured: Decimal
    shipping: Decimal
    ours: dict[str, list[Decimal]] = field(default_factory=lambda: defaultdict(list))
    pending: set[str] = field(default_factory=set)
    by_hand: Decimal = ZERO
    shipping_back: Decimal = ZERO
    record_of: dict[str, str] = field(default_factory=dict)

    @property
    def paid_by_us(self) -> Decimal:
        """All that our operations paid."""
        return sum((amount for amounts in self.ours.values() for amount in amounts), ZERO)

    @property
    def returned(self) -> Decimal:
        """All that the customer got back from the merchant, by us or by hand."""
        return self.paid_by_us + self.by_hand


def marker_in(text: str | None) -> str | None:
    """The operation that a refund's note or reason names."""
    found = _MARKER.search(text or "")
    return found[1] if found else None


class Books:
    """The sandbox's books, copied once; ask for one order at a time."""

    def __init__(self, world: World) -> None:
        self._world = world
        self._calls, self._payouts = world.site.money_calls, world.site.gateway_payouts

    def of(self, platform: str, order_id: str) -> Money:
        """The money of one order."""
        return self._shopify(order_id) if platform == S else self._woocommerce(order_id)

    def _shopify(self, order_id: str) -> Money:
        order = self._world.shop.order(order_id)
        found = Money(order.received, order.shipping_total)
        for refund in self._world.shop.refunds(order_id):
            operation = marker_in(refund.note)
            found.shipping_back += refund.shipping if refund.money else ZERO
            if operation is None:
                found.by_hand += refund.money
                continue
            found.record_of[operation] = str(refund.id)
            if refund.money:
                found.ours[operation].append(refund.money)
            if any(item.status == "PENDING" for item in refund.transactions):
                found.pending.add(operation)
        return found

    def _woocommerce(self, order_id: str) -> Money:
        number = int(order_id)
        order = self._world.site.order(number)
        shipping = sum((Decimal(one["total"]) + Decimal(one["total_tax"]) for one in order["shipping_lines"]), ZERO)
        found = Money(Decimal(order["total"]), shipping)
        manual = order["payment_method"] == "bacs"
        for refund in self._world.site.refunds(number):
            operation = marker_in(refund.reason)
            found.shipping_back -= sum(
                (
                    item.total + sum(item.taxes.values())
                    for item in refund.items
                    if item.kind == "shipping" and item.total
                ),
                ZERO,
            )
            if operation is None:
                found.by_hand += refund.amount or ZERO
                continue
            found.record_of[operation] = str(refund.refund_id)
            if manual:
                found.ours[operation].append(refund.amount or ZERO)
        asked_by = {
            call.refund_id: marker_in(call.body.get("reason")) for call in self._calls if call.order_id == number
        }
        for payout in self._payouts:
            paid = asked_by.get(payout.refund_id)
            if payout.order_id == number and paid is not None:
                found.ours[paid].append(payout.amount)
        return found
