"""Returns of the sandbox's Shopify shop: their states, and the recorded answers to a call in the wrong one."""

from __future__ import annotations

from collections.abc import Callable, Mapping

from app.sandbox.shopify.answers import Refused
from app.sandbox.shopify.book import OrderBook
from app.sandbox.shopify.payload_parts import Payload
from app.sandbox.shopify.payloads import (
    order_payload,
    return_declined_payload,
    return_payload,
    return_state_payload,
)
from app.sandbox.shopify.state import Order, ParcelLine, Return, ReturnLine
from app.sandbox.shopify.webhooks import Webhooks

_NOTE_LIMIT = 500


def _invalid_state(message: str) -> Refused:
    return Refused(["id"], message, code="INVALID_STATE")


class ReturnDesk:
    """Moves returns through their states. Not locked: the shop's lock is held by whoever calls."""

    def __init__(self, book: OrderBook, webhooks: Webhooks) -> None:
        self._book = book
        self._webhooks = webhooks

    def find(self, return_id: int) -> tuple[Order, Return]:
        """A return and its order. Raises `Refused` NOT_FOUND."""
        found = self._book.return_(return_id)
        if found is None:
            raise Refused(["id"], "Return not found.", code="NOT_FOUND")
        return found

    def request(
        self, order: Order, units: Mapping[int, int], reason: str, note: str, customer_note: str | None
    ) -> Return:
        """A customer asks for a return of sent units, by line id. Raises `ValueError` for units that were not sent."""
        made = Return(
            id=self._book.next_id(),
            order_id=order.id,
            name=f"{order.name}-R{len(order.returns) + 1}",
            lines=[
                ReturnLine(self._book.next_id(), parcel_line, quantity, reason.upper(), note, customer_note)
                for line_id, wanted in units.items()
                for parcel_line, quantity in _sent(order, line_id, wanted)
            ],
            created_at=self._book.now(),
        )
        order.returns.append(made)
        self._changed(order, made, "request", return_payload)
        return made

    def approve(self, return_id: int) -> Return:
        """REQUESTED → OPEN. Raises `Refused` otherwise, also when it is approved already."""
        order, item = self.find(return_id)
        if item.status != "REQUESTED":
            raise _invalid_state("Return is not approvable. Only returns with status REQUESTED can be approved.")
        item.status, item.approved_at = "OPEN", self._book.now()
        self._changed(order, item, "approve", return_payload)
        return item

    def decline(self, return_id: int, reason: str, note: str | None) -> Return:
        """REQUESTED → DECLINED. Raises `Refused` otherwise, also when it is declined already."""
        order, item = self.find(return_id)
        if note is not None and len(note) > _NOTE_LIMIT:
            raise Refused(["declineNote"], f"Decline note is too long (maximum is {_NOTE_LIMIT})", code="TOO_LONG")
        if item.status == "DECLINED":
            raise _invalid_state("The return is already declined.")
        if item.status != "REQUESTED":
            raise _invalid_state(
                "Return is not declinable. Only non-refunded returns with status REQUESTED can be declined."
            )
        item.status, item.decline_reason, item.decline_note = "DECLINED", reason, note
        self._changed(order, item, "decline", return_declined_payload)
        return item

    def close(self, return_id: int) -> Return:
        """OPEN → CLOSED; closing twice succeeds."""
        order, item = self._in_state(return_id, "OPEN", "CLOSED")
        if item.status == "OPEN":
            item.status, item.closed_at = "CLOSED", self._book.now()
            self._changed(order, item, "close", return_state_payload)
        return item

    def reopen(self, return_id: int) -> Return:
        """CLOSED → OPEN; reopening twice succeeds."""
        order, item = self._in_state(return_id, "OPEN", "CLOSED")
        if item.status == "CLOSED":
            item.status, item.closed_at = "OPEN", None
            self._changed(order, item, "reopen", return_state_payload)
        return item

    def cancel(self, return_id: int) -> Return:
        """REQUESTED or OPEN → CANCELED; cancelling twice succeeds."""
        order, item = self.find(return_id)
        if item.status in {"CLOSED", "DECLINED"}:
            raise _invalid_state("Return is not cancelable.")
        if item.status != "CANCELED":
            item.status = "CANCELED"
            self._changed(order, item, "cancel", return_state_payload)
        return item

    def _in_state(self, return_id: int, *states: str) -> tuple[Order, Return]:
        order, item = self.find(return_id)
        if item.status not in states:
            raise _invalid_state("Return status is invalid.")
        return order, item

    def _changed(self, order: Order, item: Return, action: str, body: Callable[[Order, Return], Payload]) -> None:
        self._book.touch(order)
        self._webhooks.announce((f"returns/{action}", body(order, item)), ("orders/updated", order_payload(order)))


def _sent(order: Order, line_id: int, wanted: int) -> list[tuple[ParcelLine, int]]:
    """Spreads the units over the parcels they came in, less those in a live return."""
    taken: list[tuple[ParcelLine, int]] = []
    for parcel_line in (line for parcel in order.parcels for line in parcel.lines if line.goods.id == line_id):
        part = min(wanted, parcel_line.quantity - _returning(order, parcel_line))
        if part > 0:
            taken.append((parcel_line, part))
            wanted -= part
    if wanted:
        raise ValueError(f"{wanted} more units of line {line_id} than were sent and not returned")
    return taken


def _returning(order: Order, parcel_line: ParcelLine) -> int:
    live = (item for item in order.returns if item.status in {"REQUESTED", "OPEN", "CLOSED"})
    return sum(line.quantity for item in live for line in item.lines if line.parcel_line is parcel_line)
