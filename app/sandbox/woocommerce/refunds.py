"""How WooCommerce makes a refund: check, row, gateway, flags, hooks; with no idempotency, no lock and no line check.

The order of the steps and every trap are those of `wc_create_refund` and the REST controller in WooCommerce 11.0.1.
"""

from __future__ import annotations

import asyncio
import contextlib
from collections import Counter
from dataclasses import dataclass, field
from decimal import Decimal
from typing import Any

from app.sandbox.faults import Fault, FaultKind
from app.sandbox.woocommerce.errors import RestError, invalid_param, refund_error, refund_failed
from app.sandbox.woocommerce.gateway import GatewayKind
from app.sandbox.woocommerce.model import MoneyCall, Order, Payout, Refund
from app.sandbox.woocommerce.php import ZERO, decimal_text, leading_number, php_less, rounded, stripped_number
from app.sandbox.woocommerce.refund_lines import line_items, lines_total, restock, tax_lines
from app.sandbox.woocommerce.state import WooState
from app.sandbox.woocommerce.webhooks import WebhookBoard

UNFINISHED = "unfinished"
"""`Fault.text` of a DROP_AFTER: PHP dies after the gateway paid, before the row says so or any hook ran."""

_GENERAL = "An error occurred while attempting to create the refund using the payment gateway API."
_RACE_DEADLINE = 5.0


@dataclass(slots=True)
class _Race:
    left: int
    met: asyncio.Event = field(default_factory=asyncio.Event)


def is_true(value: Any) -> bool:
    """WooCommerce's reading of a flag: "false" as text is false (11.0.1), nearly anything else is true."""
    return value if isinstance(value, bool) else str(value).lower() not in {"false", "0", "", "none"}


def amount_text(body: dict[str, Any]) -> str | None:
    """The amount to check and book: as sent, else the sum of the lines, else None (a refund without any amount)."""
    if "amount" in body:
        return str(body["amount"])
    total = lines_total(body.get("line_items"))
    return None if total is None else format(total, "f")


def _misread(body: dict[str, Any], fault: Fault | None) -> dict[str, Any]:
    """MISBOOKED: half of the amount is booked and paid; with the text `lines` the lines are dropped instead."""
    if fault is None or fault.kind is not FaultKind.MISBOOKED:
        return body
    if fault.text == "lines":
        return {**body, "line_items": []}
    return {**body, "amount": f"{Decimal(body['amount']) / 2:.2f}"}


class RefundBook:
    """The site's refunds. Money calls are noted before anything is checked."""

    def __init__(self, state: WooState, board: WebhookBoard) -> None:
        self._state, self._board = state, board
        self._under_way: Counter[int] = Counter()
        self._race: _Race | None = None

    def race(self, count: int) -> None:
        """The next `count` refund POSTs are all checked before the first of them is booked (waits 5 s at most)."""
        self._race = _Race(count)

    async def post(self, call: MoneyCall, body: dict[str, Any], fault: Fault | None) -> Refund:
        """The REST call. Raises `RestError`; the call's outcome says what really happened."""
        call.outcome = "refused"
        with self._state.lock:
            call.overlapped = self._under_way[call.order_id] > 0
            self._under_way[call.order_id] += 1
        try:
            order = self.check(call.order_id, body)
            await self._meet()
            refund = self.book(order, _misread(body, fault))
            call.refund_id = refund.refund_id
            try:
                await self._pay(order, refund, body, fault, call)
            except RestError:
                self.remove(refund)
                raise
            call.outcome = "created"
            if fault is None or fault.text != UNFINISHED:
                pending = fault is not None and fault.kind is FaultKind.PENDING
                self.finish(order, refund, body, paid=is_true(body.get("api_refund", True)) and not pending)
            return refund
        finally:
            with self._state.lock:
                self._under_way[call.order_id] -= 1

    async def _meet(self) -> None:
        race = self._race
        if race is None:
            return
        race.left -= 1
        if race.left <= 0:
            self._race = None
            race.met.set()
            return
        with contextlib.suppress(TimeoutError):
            await asyncio.wait_for(race.met.wait(), _RACE_DEADLINE)

    def check(self, order_id: int, body: dict[str, Any]) -> Order:
        """All that WooCommerce checks before it makes a row. Raises `RestError`."""
        if "amount" in body and body["amount"] is not None and not isinstance(body["amount"], str):
            raise invalid_param("amount", "amount is not of type string.")
        with self._state.lock:
            order = self._state.orders.get(order_id)
            if order is None:
                raise refund_error("woocommerce_rest_invalid_order_id", "Invalid order ID.", 404)
            remaining = format(self._state.remaining(order).normalize(), "f")
        if "amount" in body and (body["amount"] is None or php_less(body["amount"], "0")):
            message = "Refund amount must be greater than zero."
            raise refund_error("woocommerce_rest_invalid_order_refund", message, 400)
        text = amount_text(body)
        if text is not None and (php_less(text, "0") or php_less(remaining, text)):
            raise refund_failed("Invalid refund amount.")
        return order

    def book(self, order: Order, body: dict[str, Any]) -> Refund:
        """Saves the row with amount, reason and lines, before any gateway is asked."""
        state, text = self._state, amount_text(body)
        with state.lock:
            items = line_items(state, order, body.get("line_items"))
            refund = Refund(
                refund_id=next(state.post_ids),
                order_id=order.order_id,
                amount=None if text is None else rounded(stripped_number(text), order.decimals),
                counted=ZERO if text is None else rounded(leading_number(text), order.decimals),
                reason=str(body.get("reason") or ""),
                created_at=state.clock.now(),
                items=items,
                tax_lines=tax_lines(state, items),
                refunded_payment=False,
                meta=[],
            )
            state.refunds[refund.refund_id] = refund
        return refund

    def remove(self, refund: Refund) -> None:
        """Deletes the row; its id stays used up, money is not pulled back and nobody is told (before 11.2)."""
        with self._state.lock:
            self._state.refunds.pop(refund.refund_id, None)

    async def _pay(
        self, order: Order, refund: Refund, body: dict[str, Any], fault: Fault | None, call: MoneyCall
    ) -> None:
        kind = fault.kind if fault else None
        if is_true(body.get("api_refund", True)):
            gateway = self._state.gateways.get(order.gateway_id)
            if gateway is None:
                raise refund_failed("The payment gateway for this order does not exist.")
            if gateway.kind is GatewayKind.NO_REFUNDS:
                raise refund_failed("The payment gateway for this order does not support automatic refunds.")
            await asyncio.sleep(gateway.seconds)
            if gateway.kind is GatewayKind.REFUSES or kind is FaultKind.REFUSE:
                raise refund_failed((fault.text if fault else "") or gateway.message)
            if kind is not FaultKind.PENDING:
                self.pay_out(order, refund)
        if kind is FaultKind.DELETED_AFTER:
            call.outcome = "deleted"
            raise refund_failed((fault.text if fault else "") or _GENERAL)

    def pay_out(self, order: Order, refund: Refund) -> None:
        """The gateway sends the refund's `amount`, whatever the order's own count says."""
        if refund.amount:
            now = self._state.clock.now()
            with self._state.lock:
                self._state.payouts.append(
                    Payout(order.order_id, refund.refund_id, order.gateway_id, refund.amount, now)
                )

    def finish(self, order: Order, refund: Refund, body: dict[str, Any], paid: bool) -> None:
        """What follows a row: the payment flag, restocking, the order's status, webhooks, and only then meta data."""
        state = self._state
        with state.lock:
            refund.refunded_payment = paid
            if is_true(body.get("api_restock", True)):
                restock(state, order, refund)
            full = state.remaining(order) <= 0
            refund.meta.append(self._meta("_refund_type", "full" if full else "partial"))
            if full:
                order.status = "refunded"
            state.touch(order)
            self._board.fire(
                [
                    ("order.updated", order.order_id),
                    (f"action.woocommerce_order_{'fully' if full else 'partially'}_refunded", order.order_id),
                    ("action.woocommerce_refund_created", refund.refund_id),
                    ("action.woocommerce_order_refunded", order.order_id),
                ]
            )
            sent = [entry for entry in body.get("meta_data") or [] if isinstance(entry, dict)]
            refund.meta.extend(self._meta(str(entry.get("key", "")), entry.get("value")) for entry in sent)

    def _meta(self, key: str, value: Any) -> dict[str, Any]:
        return {"id": next(self._state.meta_ids), "key": key, "value": value}

    def refund_the_rest(self, order: Order) -> Refund | None:
        """What setting an order's status to `refunded` does: a refund of the whole remainder, no lines, no gateway."""
        with self._state.lock:
            rest: Decimal = self._state.remaining(order)
            if rest <= 0:
                return None
            body = {
                "amount": decimal_text(rest, order.decimals),
                "reason": "Order fully refunded.",
                "api_restock": False,
            }
            refund = self.book(order, body)
            self.finish(order, refund, body, paid=False)
        return refund
