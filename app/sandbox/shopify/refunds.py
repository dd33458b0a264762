"""Making refunds as Shopify's refundCreate does, with its refusals word for word where they are known.

The texts of unknown order, over-refund, quantity, kind and parent were recorded on a development store; the others are
plausible guesses and marked as such where they are raised.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from decimal import Decimal
from typing import Any

from app.sandbox.shopify.answers import Refused, parse_gid, top_error
from app.sandbox.shopify.book import OrderBook
from app.sandbox.shopify.payloads import order_payload, refund_payload, transaction_payload
from app.sandbox.shopify.state import Order, Refund, RefundLine, Transaction
from app.sandbox.shopify.suggest import WantedLine, price_lines, shipping_tax, split, worth
from app.sandbox.shopify.values import ZERO, rounded
from app.sandbox.shopify.webhooks import Webhooks

STORE_CREDIT = "shopify_store_credit"


@dataclass(frozen=True, slots=True)
class Move:
    """Money that goes back to a payment, or to store credit when there is none."""

    payment: Transaction | None
    amount: Decimal


class RefundDesk:
    """Makes and settles refunds. Not locked: the shop's lock is held by whoever calls."""

    def __init__(self, book: OrderBook, webhooks: Webhooks) -> None:
        self._book = book
        self._webhooks = webhooks

    def create(self, data: dict[str, Any], status: str = "SUCCESS") -> Refund:
        """Makes the refund that a `RefundInput` asks for; its transactions get `status`.

        Raises `Refused` (userErrors) or a `GraphQLError` (top level); nothing was made then.
        """
        order = self._book.seen(parse_gid("Order", data["orderId"]))
        if order is None:
            raise Refused(["orderId"], "Order does not exist")
        _check_currency(order, data.get("currency"))
        wanted = _wanted_lines(order, data.get("refundLineItems") or [])
        shipping = _shipping(order, data.get("shipping") or {})
        moves = _moves(order, data)
        _check_amounts(order, moves)
        return self.book(order, wanted, shipping, moves, data.get("note"), status, data.get("discrepancyReason"))

    def by_hand(
        self, order: Order, wanted: Sequence[WantedLine], amount: Decimal | None, shipping: Decimal, note: str | None
    ) -> Refund:
        """What a merchant refunds in the admin: lines, shipping, or just an amount. Raises `Refused` when too much."""
        total = worth(order, price_lines(order, wanted), shipping) if amount is None else amount
        if total > order.net_payment:
            raise Refused(None, _too_much(order, total), known=True)
        moves = [Move(portion.payment, portion.amount) for portion in split(order, total)]
        return self.book(order, wanted, shipping, moves, note, "SUCCESS", None)

    def book(
        self,
        order: Order,
        wanted: Sequence[WantedLine],
        shipping: Decimal,
        moves: Sequence[Move],
        note: str | None,
        status: str,
        reason: str | None,
    ) -> Refund:
        """Writes down a refund that was checked, moves its money and tells the subscribers."""
        now, number = self._book.now(), self._book.next_id()
        lines = price_lines(order, wanted)
        moved = sum((move.amount for move in moves), ZERO)
        refund = Refund(
            id=number,
            order_id=order.id,
            created_at=now,
            note=note,
            lines=[
                RefundLine(
                    self._book.next_id(),
                    line.wanted.goods,
                    line.wanted.quantity,
                    line.wanted.restock_type,
                    line.subtotal,
                    line.tax,
                )
                for line in lines
            ],
            shipping=shipping,
            shipping_tax=shipping_tax(order, shipping),
            transactions=[self._transaction(number, move, status) for move in moves],
            discrepancy=worth(order, lines, shipping) - moved,
            discrepancy_reason=_discrepancy_reason(moved, reason),
            adjustment_id=self._book.next_id(),
            shipping_line_id=self._book.next_id(),
        )
        order.refunds.append(refund)
        order.transactions.extend(refund.transactions)
        self._book.touch(order)
        self._announce(order, refund, new=True)
        return refund

    def _transaction(self, refund_id: int, move: Move, status: str) -> Transaction:
        now, payment = self._book.now(), move.payment
        return Transaction(
            id=self._book.next_id(),
            kind="REFUND",
            status=status,
            gateway=payment.gateway if payment else STORE_CREDIT,
            amount=move.amount,
            created_at=now,
            parent_id=payment.id if payment else None,
            processed_at=None if status == "PENDING" else now,
            refund_id=refund_id,
            manual=payment.manual if payment else False,
            card=payment.card if payment else False,
        )

    def settle(self, order: Order, refund: Refund, ok: bool) -> None:
        """Pending transactions succeed or fail; the record stays either way, its units stay refunded."""
        waiting = [item for item in refund.transactions if item.status == "PENDING"]
        for item in waiting:
            item.status = "SUCCESS" if ok else "FAILURE"
            item.error_code = None if ok else "PROCESSING_ERROR"
            item.processed_at = self._book.now()
        if waiting:
            self._book.touch(order)
            self._announce(order, refund, new=False)

    def _announce(self, order: Order, refund: Refund, new: bool) -> None:
        """order_transactions/create comes when money moved or failed, not while it is pending."""
        done = [item for item in refund.transactions if item.status != "PENDING"]
        self._webhooks.announce(
            *(("order_transactions/create", transaction_payload(order, item)) for item in done),
            *([("refunds/create", refund_payload(order, refund))] if new else []),
            ("orders/updated", order_payload(order)),
        )


def _check_currency(order: Order, currency: str | None) -> None:
    """`currency` is the customer's, and must be said when it is not the shop's. Both texts are guesses."""
    presentment = order.currencies.presentment
    if currency is None and presentment != order.currencies.shop:
        raise Refused(["currency"], "Currency is required when the presentment currency is not the shop currency")
    if currency is not None and currency != presentment:
        raise top_error("CURRENCY_CODE_INVALID", f"The currency must be the order's presentment currency {presentment}")


def _wanted_lines(order: Order, entries: Sequence[dict[str, Any]]) -> list[WantedLine]:
    wanted: list[WantedLine] = []
    for index, entry in enumerate(entries):
        where = ["refundLineItems", str(index)]
        try:
            goods = order.goods(parse_gid("LineItem", entry["lineItemId"]))
        except KeyError as error:
            raise Refused([*where, "lineItemId"], "Line item does not belong to the order") from error  # a guess
        if entry["quantity"] <= 0:
            raise Refused([*where, "quantity"], "Quantity must be greater than 0")  # a guess
        asked = sum(line.quantity for line in wanted if line.goods is goods) + entry["quantity"]
        if asked > goods.quantity - goods.removed - order.refunded_units(goods):
            raise Refused([*where, "quantity"], "Quantity cannot refund more items than were purchased")
        wanted.append(WantedLine(goods, entry["quantity"], entry.get("restockType") or "NO_RESTOCK"))
    return wanted


def _shipping(order: Order, entry: dict[str, Any]) -> Decimal:
    amount: Decimal = order.shipping_left if entry.get("fullRefund") else entry.get("amount") or ZERO
    if amount > order.shipping_left:
        raise Refused(["shipping"], "Shipping refund is more than the shipping left to refund")  # a guess
    return _plain_amount(order, amount, ["shipping"])


def _moves(order: Order, data: dict[str, Any]) -> list[Move]:
    moves = []
    for entry in data.get("transactions") or []:
        if entry["kind"] != "REFUND":
            raise Refused(["transactions"], f"Kind {entry['kind'].lower()} is not a valid transaction")
        parent = entry.get("parentId")
        number = parse_gid("OrderTransaction", parent) if parent else None
        payment = next((item for item in order.payments() if item.id == number), None)
        if payment is None:
            raise Refused(["transactions"], "Transactions require a parent_id associated with the order")
        moves.append(Move(payment, _plain_amount(order, entry["amount"], ["transactions"])))
    for method in data.get("refundMethods") or []:
        credit = method["storeCreditRefund"]["amount"]
        _check_currency(order, credit["currencyCode"])
        moves.append(Move(None, _plain_amount(order, credit["amount"], ["refundMethods"])))
    return moves


def _plain_amount(order: Order, amount: Decimal, where: Sequence[str]) -> Decimal:
    """The amount, refused when it is negative or finer than the currency (both texts are guesses)."""
    if amount < 0:
        raise Refused(where, "Amount must be greater than or equal to 0")
    if rounded(amount, order.currencies.presentment) != amount:
        raise Refused(where, f"Amount has more digits than {order.currencies.presentment} allows")
    return amount


def _check_amounts(order: Order, moves: Sequence[Move]) -> None:
    total = sum((move.amount for move in moves), ZERO)
    if total > order.net_payment:
        raise Refused(None, _too_much(order, total), known=True)
    for payment in order.payments():
        asked = sum((move.amount for move in moves if move.payment is payment), ZERO)
        if asked > order.left_of(payment):
            raise Refused(["transactions"], "Amount exceeds what is refundable on the parent transaction")  # a guess


def _too_much(order: Order, amount: Decimal) -> str:
    """Recorded: the text says "$" whatever the currency is."""
    asked, left = (rounded(value, order.currencies.presentment) for value in (amount, order.net_payment))
    return f"Refund amount ${asked} is greater than net payment received ${left}"


def _discrepancy_reason(moved: Decimal, reason: str | None) -> str:
    if not moved:
        return "PENDING_REFUND_DISCREPANCY"
    return reason if reason in {"CUSTOMER", "DAMAGE", "RESTOCK"} else "REFUND_DISCREPANCY"
