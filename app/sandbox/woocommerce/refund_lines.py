"""The lines of a refund as WooCommerce takes them: unchecked, unknown ones dropped without a word."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from decimal import Decimal
from typing import Any

from app.sandbox.woocommerce.model import Item, Order, Refund, TaxLine, TaxRate
from app.sandbox.woocommerce.php import ZERO, decimal_text, is_numeric, rounded
from app.sandbox.woocommerce.render import meta
from app.sandbox.woocommerce.state import WooState


def _sent(value: Any) -> list[dict[str, Any]]:
    """The lines as sent. One without an `id` makes WooCommerce read the whole list in another format: all are lost."""
    if not isinstance(value, list) or any(not isinstance(line, dict) or "id" not in line for line in value):
        return []
    return value


def _number(value: Any) -> Decimal | None:
    if isinstance(value, bool) or not isinstance(value, (int, float, str)) or not is_numeric(str(value)):
        return None
    return Decimal(str(value).strip())


def _taxes(line: dict[str, Any]) -> dict[int, Decimal]:
    entries = line.get("refund_tax")
    found: dict[int, Decimal] = {}
    for entry in entries if isinstance(entries, list) else []:
        rate, amount = _number(entry.get("id")), _number(entry.get("refund_total"))
        if rate is not None and amount is not None:
            found[int(rate)] = amount
    return found


def lines_total(value: Any) -> Decimal | None:
    """The sum of all lines with tax, which is the amount when none is sent; None unless every line has a total."""
    lines = _sent(value)
    totals = [_number(line.get("refund_total")) for line in lines]
    known = [total for total in totals if total is not None]
    if not lines or len(known) != len(totals):
        return None
    return sum(known, ZERO) + sum((tax for line in lines for tax in _taxes(line).values()), ZERO)


def line_items(state: WooState, order: Order, value: Any) -> list[Item]:
    """The refund's items. No quantity, total or tax is compared with the order's."""
    by_id = {item.item_id: item for item in order.items}
    items: list[Item] = []
    for line in _sent(value):
        ordered = by_id.get(int(_number(line["id"]) or ZERO))
        quantity, total, taxes = (
            int(_number(line.get("quantity")) or ZERO),
            _number(line.get("refund_total")),
            _taxes(line),
        )
        if ordered is not None and (quantity or total is not None or taxes):
            items.append(_negative(state, order, ordered, quantity, total, taxes))
    return items


def _negative(
    state: WooState, order: Order, ordered: Item, quantity: int, total: Decimal | None, taxes: dict[int, Decimal]
) -> Item:
    net = None if total is None else -rounded(total, order.decimals)
    tax = {rate_id: -rounded(amount, order.decimals) for rate_id, amount in taxes.items()}
    return Item(
        next(state.item_ids),
        ordered.kind,
        ordered.name,
        net,
        tax,
        subtotal=net or ZERO,
        subtotal_taxes=dict(tax),
        quantity=-quantity,
        product_id=ordered.product_id,
        variation_id=ordered.variation_id,
        sku=ordered.sku,
        tax_class=ordered.tax_class,
        method_id=ordered.method_id,
        meta=[meta(next(state.meta_ids), "_refunded_item_id", str(ordered.item_id))],
    )


def tax_lines(state: WooState, items: Sequence[Item]) -> list[TaxLine]:
    """One line per rate that the items name; an unknown rate is booked as sent."""
    rates = sorted({rate_id for item in items for rate_id in item.taxes})
    return [
        TaxLine(next(state.item_ids), state.rates.get(rate_id) or TaxRate(rate_id, "", "Tax", ZERO))
        for rate_id in rates
    ]


def restock(state: WooState, order: Order, refund: Refund) -> None:
    """Puts refunded units back into stock, for lines that reduced it before; the line's meta data says how many."""
    returned = {item.meta[0]["value"]: -item.quantity for item in refund.items if item.quantity}
    for item in order.items:
        back = returned.get(str(item.item_id), 0)
        reduced = next((entry for entry in item.meta if entry["key"] == "_reduced_stock"), None)
        if back <= 0 or reduced is None:
            continue
        left = str(max(0, int(reduced["value"]) - back))
        reduced.update(value=left, display_value=left)
        item.meta.append(meta(next(state.meta_ids), "_restock_refunded_items", str(back)))


def client_errors(body: Any, decimals: int) -> tuple[str, ...]:
    """What a careful client would not have sent, though WooCommerce takes most of it."""
    if not isinstance(body, dict):
        return ("the body is not a JSON object",)
    errors = [
        f"{flag} was left out and so is true" if flag not in body else f"{flag} is not a boolean"
        for flag in ("api_refund", "api_restock")
        if not isinstance(body.get(flag), bool)
    ]
    plain = r"\d+" + (rf"\.\d{{{decimals}}}" if decimals else "")
    if not re.fullmatch(plain, str(body.get("amount")), re.ASCII):
        errors.append("amount is not a plain decimal of the site")
    return tuple(errors)


def hand_refund_body(
    order: Order, remaining: Decimal, amount: str | None, lines: Mapping[int, int] | None, reason: str
) -> dict[str, Any]:
    """What the admin's refund screen sends: units of lines, a bare amount, or all that is left. Nothing is restocked.

    Raises `KeyError` for a line that the order does not have.
    """
    by_id = {item.item_id: item for item in order.items}
    sent = [_hand_line(order, by_id[line_id], quantity) for line_id, quantity in (lines or {}).items()]
    total = lines_total(sent)
    text = amount or decimal_text(remaining if total is None else total, order.decimals)
    return {"amount": text, "reason": reason, "api_restock": False, "line_items": sent}


def _hand_line(order: Order, item: Item, quantity: int) -> dict[str, Any]:
    """`quantity` units of a line; shipping and fees have no units and go whole."""
    share = Decimal(quantity) / item.quantity if item.quantity else Decimal(1)
    taxes = [
        {"id": rate_id, "refund_total": decimal_text(tax * share, order.decimals)}
        for rate_id, tax in item.taxes.items()
    ]
    total = decimal_text((item.total or ZERO) * share, order.decimals)
    return {"id": item.item_id, "quantity": quantity, "refund_total": total, "refund_tax": taxes}
