"""A WooCommerce refund: the request to the letter, and what an answer to it proves. No calls are made here.

WooCommerce checks only that the amount is not above what is left of the order. A line with too large a quantity, too
much money or an unknown id is accepted (an unknown one silently dropped while the amount stands), so everything is
checked here before, and compared after.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from decimal import Decimal
from typing import Any

from app.money import BadAmount, Money, allocate, parse_decimal
from app.orders.marker import marker_for
from app.orders.normalise_woocommerce import refunded_item_id
from app.orders.reading import objects, quantity
from app.orders.snapshot import Extra, Line, OrderSnapshot, RefundState, is_manual_payment
from app.outcomes import Ok, Rejected, Unknown
from app.stores.asked import PreparedRefund, RefundAnswer, RefundExtra, RefundIntent, RefundLine, RefundProof
from app.stores.base import RefundNotPossible
from app.stores.woocommerce_client import Reply, redirected

# WooCommerce keeps 600 characters of reason unchanged; the marker comes first, so that nothing can cut it off.
_LONGEST_REASON = 300
# The general refusal: a gateway's clean "no", and just as well any PHP exception thrown after it has paid.
_GENERAL_REFUSAL = "woocommerce_rest_cannot_create_order_refund"
_REFUSED_BEFORE_GATEWAY = ("woocommerce_rest_invalid_order_id", "woocommerce_rest_invalid_order_refund")
_PRIVATE = re.compile(r"<[^>]*>|\S+@\S+|\d{6,}")


def prepare(intent: RefundIntent, order: OrderSnapshot) -> PreparedRefund:
    """The body of `POST /orders/<id>/refunds`.

    An intent below the sum of its lines is spread over them in proportion; an intent without lines and extras books
    the amount alone. Raises `RefundNotPossible` when the order does not bear it.
    """
    _check_amount(intent, order)
    for line in intent.lines:
        _check_part(line, order.line(line.line_id))
    extras = {extra.line_id: extra for extra in order.extras}
    for part in intent.extras:
        _check_part(part, extras.get(part.line_id))
    method = order.payment_method
    payload = {
        "amount": intent.amount.text,
        "reason": f"{marker_for(intent.refund_id)} {intent.reason}"[:_LONGEST_REASON].strip(),
        "api_refund": not is_manual_payment(method),
        "api_restock": False,
        "line_items": _items(intent),
    }
    return PreparedRefund(intent.refund_id, order.order_id, intent.amount, payload)


def _check_amount(intent: RefundIntent, order: OrderSnapshot) -> None:
    amount = intent.amount
    if (amount.currency, amount.exponent) != (order.currency, order.exponent):
        raise RefundNotPossible(f"The order is in {order.currency} with {order.exponent} decimals, not like {amount}")
    if intent.order_id != order.order_id or order.refunds is None:
        raise RefundNotPossible("The order has to be read with its refunds first")
    left = order.total - sum(seen.amount for seen in order.refunds)
    if not 0 < amount.minor <= left:
        raise RefundNotPossible(f"{amount} cannot be refunded: {amount.with_minor(left)} is left of the order")


def _check_part(part: RefundLine | RefundExtra, ordered: Line | Extra | None) -> None:
    if ordered is None or not part.line_id.isdecimal():
        raise RefundNotPossible(f"The order has no line {part.line_id[:40]!r}")
    if isinstance(part, RefundLine) and isinstance(ordered, Line) and not 0 <= part.quantity <= ordered.quantity:
        raise RefundNotPossible(f"Line {part.line_id} has {ordered.quantity} units, not {part.quantity}")
    # A negative fee is a discount: its share of a refund is negative too and lies between its total and zero.
    if not min(0, ordered.total) <= part.total <= max(0, ordered.total):
        raise RefundNotPossible(f"The amount of line {part.line_id} is more than was paid for it")
    if part.taxes and (sum(part.taxes.values()) != part.tax or not all(rate.isdecimal() for rate in part.taxes)):
        raise RefundNotPossible(f"The taxes of line {part.line_id} cannot be booked")


def _items(intent: RefundIntent) -> list[dict[str, Any]]:
    parts: list[RefundLine | RefundExtra] = [*intent.lines, *intent.extras]
    if len({part.line_id for part in parts}) < len(parts):
        # WooCommerce would book only the last of them.
        raise RefundNotPossible("A line is named twice in one refund")
    amounts = iter(_scaled([minor for part in parts for minor in _amounts(part)], intent.amount) if parts else [])
    items = []
    for part in parts:
        # Tax without a rate id cannot be booked as tax: only the refund's amount carries it.
        net, _untold, taxes = next(amounts), next(amounts), [next(amounts) for _ in part.taxes]
        units = part.quantity if isinstance(part, RefundLine) else 0
        if units or net or any(taxes):
            items.append(_item(part, units, intent.amount.with_minor(net), taxes))
    return items


def _item(part: RefundLine | RefundExtra, units: int, net: Money, taxes: Sequence[int]) -> dict[str, Any]:
    item: dict[str, Any] = {"id": int(part.line_id), "quantity": units, "refund_total": net.text}
    booked = [(rate, net.with_minor(tax)) for rate, tax in zip(part.taxes, taxes, strict=True) if tax]
    if booked:
        item["refund_tax"] = [{"id": int(rate), "refund_total": tax.text} for rate, tax in booked]
    return item


def _amounts(part: RefundLine | RefundExtra) -> list[int]:
    """Net (WooCommerce's `refund_total` never includes tax), tax of no known rate, then the tax of each rate."""
    taxes = list(part.taxes.values())
    return [part.total - part.tax, part.tax - sum(taxes), *taxes]


def _scaled(amounts: Sequence[int], wanted: Money) -> list[int]:
    """`amounts` cut in proportion so that they add up to `wanted`; what is negative (a discount) stays whole."""
    whole = sum(amounts)
    if whole < wanted.minor:
        raise RefundNotPossible(f"The lines add up to {wanted.with_minor(whole)}, less than {wanted}")
    if whole == wanted.minor:
        return list(amounts)
    discounts = sum(minor for minor in amounts if minor < 0)
    parts = allocate(wanted.minor - discounts, [max(0, minor) for minor in amounts])
    return [min(0, minor) + part for minor, part in zip(amounts, parts, strict=True)]


def judge(prepared: PreparedRefund, reply: Reply) -> RefundAnswer:
    """What the one answer to the POST proves. Only 201 with an integer id is a refund.

    The proof of a 201 without `refunded_payment` (releases before it was answered) is UNCLEAR: read it back.
    """
    if reply.status == 201 and reply.found is not None and _is_id(reply.found.get("id")):
        return Ok(proof_of(prepared, reply.found))
    code = reply.code
    if code == _GENERAL_REFUSAL:
        if prepared.payload["api_refund"]:
            return Unknown(code, f"{_message(reply)} The gateway may have paid all the same.")
        return Rejected("cannot_create", _message(reply))
    if 300 <= reply.status < 400:
        return Unknown("redirected", redirected(reply))
    if reply.status == 401:
        return Rejected(code or "unauthorized", "The store does not accept the key, or the key may not write")
    early = reply.status == 400 and code.startswith("rest_")
    if reply.is_json and (early or code in _REFUSED_BEFORE_GATEWAY or (reply.status, code) == (404, "rest_no_route")):
        return Rejected(code, _message(reply))
    kind = code or ("json" if reply.is_json else "no_json")
    return Unknown(f"http_{reply.status}", f"The store answered HTTP {reply.status} ({kind}), which proves nothing")


def needs_reading_back(prepared: PreparedRefund, refund: Mapping[str, Any]) -> bool:
    """Whether a gateway was asked and the answer does not say what became of it (woocommerce/woocommerce#24663)."""
    return bool(prepared.payload["api_refund"]) and not isinstance(refund.get("refunded_payment"), bool)


def proof_of(prepared: PreparedRefund, refund: Mapping[str, Any]) -> RefundProof:
    """What a refund of ours, as the store shows it, proves: amount and lines as sent, and the gateway's success."""
    booked, doubts = _booked(prepared, refund), []
    if booked != prepared.amount:
        doubts.append(f"the store booked {str(refund.get('amount'))[:30]!r} instead of {prepared.amount}")
    if not _lines_as_sent(prepared, refund):
        doubts.append("the store did not book the lines as they were sent")
    paid = refund.get("refunded_payment")
    if prepared.payload["api_refund"] and paid is not True:
        doubts.append("the gateway did not confirm" if paid is False else "the store does not say if the gateway paid")
    state = RefundState.UNCLEAR if doubts else RefundState.SUCCEEDED
    return RefundProof(str(refund["id"]), booked, state, detail="; ".join(doubts))


def _booked(prepared: PreparedRefund, refund: Mapping[str, Any]) -> Money:
    amount = prepared.amount
    try:
        return Money.parse(refund.get("amount", ""), amount.currency, amount.exponent)
    except BadAmount:
        return amount.with_minor(0)


_Items = dict[str, tuple[int, Decimal, Decimal]]


def _sent_items(payload: Mapping[str, Any]) -> _Items:
    """Quantity, net and tax by line id."""
    items: _Items = {}
    for item in payload["line_items"]:
        tax = sum((parse_decimal(entry["refund_total"]) for entry in item.get("refund_tax", ())), Decimal(0))
        items[str(item["id"])] = (item["quantity"], parse_decimal(item["refund_total"]), tax)
    return items


def _answered_items(refund: Mapping[str, Any]) -> _Items:
    """The same of a refund in the store, where all of these are negative. Raises `BadAmount`."""
    items: _Items = {}
    for key in ("line_items", "shipping_lines", "fee_lines"):
        for item in objects(refund, key):
            units = quantity(item, "quantity") if key == "line_items" else 0
            net, tax = parse_decimal(item.get("total", "")), parse_decimal(item.get("total_tax", ""))
            items[refunded_item_id(item) or ""] = (-units, -net, -tax)
    return items


def _lines_as_sent(prepared: PreparedRefund, refund: Mapping[str, Any]) -> bool:
    try:
        return _sent_items(prepared.payload) == _answered_items(refund)
    except BadAmount:
        return False


def _is_id(value: Any) -> bool:
    return isinstance(value, int) and not isinstance(value, bool) and value > 0


def _message(reply: Reply) -> str:
    """The store's or gateway's own words, without mark-up and what could be an address or a card number."""
    said = reply.body.get("message") if isinstance(reply.body, dict) else None
    words = _PRIVATE.sub("…", said[:200]) if isinstance(said, str) else ""
    return f"The store refused the refund: {words or reply.code}"
