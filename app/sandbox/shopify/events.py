"""What customers, merchants, carriers and banks do to an order of the sandbox's Shopify shop, and who is told."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime

from app.sandbox.shopify.book import OrderBook
from app.sandbox.shopify.payloads import dispute_payload, order_payload, parcel_payload
from app.sandbox.shopify.state import Dispute, Order, Parcel, ParcelLine
from app.sandbox.shopify.webhooks import Webhooks


class Events:
    """Changes orders and announces it. Not locked: the shop's lock is held by whoever calls."""

    def __init__(self, book: OrderBook, webhooks: Webhooks) -> None:
        self._book = book
        self._webhooks = webhooks

    def ordered(self, order: Order) -> Order:
        """A new order."""
        self._webhooks.announce(("orders/create", order_payload(order)))
        return order

    def fulfilled(
        self, order: Order, units: Mapping[int, int] | None, company: str | None, number: str | None, url: str | None
    ) -> Parcel:
        """A parcel with units by line id, or with all that is left."""
        left = {line.id: line.quantity - order.fulfilled_units(line) for line in order.lines}
        sent = left if units is None else units
        if any(quantity > left[line_id] for line_id, quantity in sent.items()):
            raise ValueError("more units than are left to send")
        now, parcel_id = self._book.now(), self._book.next_id()
        parcel = Parcel(
            id=parcel_id,
            order_id=order.id,
            name=f"{order.name}.{len(order.parcels) + 1}",
            lines=[
                ParcelLine(self._book.next_id(), order.goods(line_id), quantity)
                for line_id, quantity in sent.items()
                if quantity
            ],
            company=company,
            number=number or f"TR{parcel_id}",
            url=url,
            created_at=now,
            updated_at=now,
        )
        order.parcels.append(parcel)
        self._book.touch(order)
        self._webhooks.announce(
            ("fulfillments/create", parcel_payload(order, parcel)), ("orders/updated", order_payload(order))
        )
        return parcel

    def delivered(self, order: Order, at: datetime | None) -> None:
        """Every parcel that was on its way arrives."""
        for parcel in order.parcels:
            if parcel.delivered_at is None:
                parcel.delivered_at = at or self._book.now()
                parcel.updated_at = self._book.now()
                self._webhooks.announce(("fulfillments/update", parcel_payload(order, parcel)))

    def cancelled(self, order: Order, reason: str) -> None:
        """The order is off."""
        order.cancelled_at, order.cancel_reason = self._book.now(), reason
        self._book.touch(order)
        payload = order_payload(order)
        self._webhooks.announce(("orders/cancelled", payload), ("orders/updated", payload))

    def edited(self, order: Order, removed: Mapping[int, int]) -> None:
        """The merchant takes units that were not sent out of the order; what they cost is not given back by that."""
        for line_id, units in removed.items():
            line = order.goods(line_id)
            if units > line.quantity - line.removed - order.fulfilled_units(line):
                raise ValueError("only units that were not sent can be taken out")
            line.removed += units
        self._book.touch(order)
        removals = [{"id": line_id, "delta": units} for line_id, units in removed.items()]
        edit = {"id": self._book.next_id(), "order_id": order.id, "line_items": {"additions": [], "removals": removals}}
        self._webhooks.announce(("orders/edited", {"order_edit": edit}), ("orders/updated", order_payload(order)))

    def dispute_opened(self, order: Order, status: str, kind: str) -> None:
        """A chargeback or inquiry over the whole order."""
        dispute = Dispute(self._book.next_id(), kind, status, order.received, self._book.now())
        order.disputes.append(dispute)
        self._webhooks.announce(("disputes/create", dispute_payload(order, dispute)))

    def dispute_closed(self, order: Order, status: str) -> None:
        """Every dispute that is open ends with `status`."""
        for dispute in order.disputes:
            if dispute.closed_at is None:
                dispute.status, dispute.closed_at = status, self._book.now()
                self._webhooks.announce(("disputes/update", dispute_payload(order, dispute)))
