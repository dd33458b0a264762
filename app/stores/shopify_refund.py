"""A refund in Shopify's words: the exact request, and what an answer proves. No HTTP."""

from __future__ import annotations

from dataclasses import dataclass
from decimal import ROUND_DOWN, Decimal
from typing import Any

from app.money import Money, significant_decimals
from app.orders.marker import marker_for
from app.orders.normalise_shopify_api import movements_in, nodes
from app.orders.normalise_shopify_money import exponent_for, is_currency, money_moved, refund_state
from app.orders.reading import amount, child, identifier, objects, text
from app.orders.snapshot import OrderSnapshot, RefundState
from app.outcomes import Ok, Rejected, Unknown
from app.stores.asked import PreparedRefund, RefundAnswer, RefundIntent, RefundMethod, RefundProof
from app.stores.base import RefundNotPossible
from app.stores.shopify_answers import complaints, judge_errors, judge_status
from app.stores.shopify_client import describe
from app.stores.shopify_documents import REFUND_CREATE, gid
from app.stores.shopify_transport import Reply

_LONGEST_NOTE = 255


@dataclass(slots=True)
class _Parent:
    """A payment that money can go back to: how much Shopify suggests, and how much it would take at most."""

    parent_id: str
    gateway: str
    suggested: int
    most: int


def suggestion_variables(intent: RefundIntent, order: OrderSnapshot) -> dict[str, Any]:
    """The variables of `SUGGESTED_REFUND`. Raises `RefundNotPossible` for ids or a currency that cannot be right.

    A refund of an amount alone asks for the full refund, because only that surely names the payments.
    """
    order_gid = gid("Order", intent.order_id)
    lines = _lines(intent, order)
    if order_gid is None or intent.order_id != order.order_id:
        raise RefundNotPossible("The refund names another order than the one that was read")
    if (intent.amount.currency, intent.amount.exponent) != (order.currency, order.exponent):
        raise RefundNotPossible(f"The order was paid in {order.currency} and can only be refunded in it")
    shipping = _shipping(intent, order)
    return {
        "orderId": order_gid,
        "lines": lines,
        "shippingAmount": shipping.text,
        "alloc": "STORE_CREDIT" if intent.method is RefundMethod.STORE_CREDIT else "ORIGINAL_PAYMENT_METHODS",
        "full": not lines and shipping.minor == 0,
    }


def prepare(
    intent: RefundIntent, order: OrderSnapshot, answer: dict[str, Any] | None, *, notify: bool
) -> PreparedRefund:
    """The exact request, for the intent's amount or the most that Shopify will refund, whichever is less.

    `answer` is the order with its `suggestedRefund`. Raises `RefundNotPossible` when nothing can be refunded.
    """
    variables = suggestion_variables(intent, order)
    suggestion = child(answer or {}, "suggestedRefund")
    refund = intent.amount.with_minor(min(intent.amount.minor, _minor(suggestion, "maximumRefundableSet", order)))
    request: dict[str, Any] = {
        "orderId": variables["orderId"],
        "currency": order.currency,
        "note": f"{marker_for(intent.refund_id)} {intent.reason}".strip()[:_LONGEST_NOTE],
        "notify": notify,
    }
    if intent.method is RefundMethod.STORE_CREDIT:
        refund = _as_credit(suggestion, refund, order)
        credit = {"amount": refund.text, "currencyCode": order.currency}
        request["refundMethods"] = [{"storeCreditRefund": {"amount": credit}}]
    else:
        parents = _parents(suggestion, objects(answer or {}, "transactions"), order)
        _check_payments(refund, parents)
        request["transactions"] = _transactions(variables["orderId"], refund, parents)
    if variables["lines"]:
        request["refundLineItems"] = variables["lines"]
    if _shipping(intent, order).minor:
        request["shipping"] = {"amount": variables["shippingAmount"]}
    payload = {"input": request, "idempotencyKey": str(intent.refund_id)}
    prepared = PreparedRefund(intent.refund_id, intent.order_id, refund, payload)
    if not adds_up(prepared):
        raise RefundNotPossible("The payments suggested by Shopify do not add up to the refund")
    return prepared


def _check_payments(refund: Money, parents: list[_Parent]) -> None:
    """Raises `RefundNotPossible` when the payments do not take the whole."""
    named = sum(parent.most for parent in parents)
    if min(refund.minor, named) <= 0:
        raise RefundNotPossible("Shopify has no payment on this order that can still be refunded")
    if named < refund.minor:
        # Less would go out and count as the whole: a person decides instead.
        short = f"Shopify names payments for {refund.with_minor(named)} of {refund}"
        raise RefundNotPossible(f"{short}; refund it in the store's admin")


def _as_credit(suggestion: dict[str, Any], refund: Money, order: OrderSnapshot) -> Money:
    """What may become store credit, which must be the whole; where Shopify does not say how much, its answer will."""
    offered = [_minor(each, "maximumRefundable", order) for each in objects(suggestion, "suggestedRefundMethods")]
    credit = refund.with_minor(min([refund.minor, *offered]))
    if credit.minor <= 0:
        raise RefundNotPossible("Shopify has nothing on this order that could still become store credit")
    if credit.minor < refund.minor:
        # Less would go out and count as the whole: a person decides instead.
        raise RefundNotPossible(f"Shopify lets {credit} of {refund} become store credit")
    return credit


def adds_up(prepared: PreparedRefund) -> bool:
    """Whether transactions and store credit to be sent are exactly the amount: money moves by them alone."""
    request = child(prepared.payload, "input")
    credits = [child(child(each, "storeCreditRefund"), "amount") for each in objects(request, "refundMethods")]
    parts = [amount(each, "amount") for each in [*objects(request, "transactions"), *credits]]
    whole = sum((part for part in parts if part is not None), Decimal(0))
    return bool(parts) and None not in parts and whole == Decimal(prepared.amount.text)


def _lines(intent: RefundIntent, order: OrderSnapshot) -> list[dict[str, Any]]:
    """The units to name. Units in an earlier refund are used up there, even when its payment failed or moved nothing:
    naming them again is refused, so their money goes back as an amount alone."""
    lines = []
    for line in intent.lines:
        line_gid = gid("LineItem", line.line_id)
        if line_gid is None:
            raise RefundNotPossible(f"{line.line_id!r} is not the id of an order line")
        ordered = order.line(line.line_id)
        named = sum((seen.lines or {}).get(line.line_id, 0) for seen in order.refunds or ())
        units = min(line.quantity, ordered.quantity - named) if ordered else line.quantity
        if units > 0:
            lines.append({"lineItemId": line_gid, "quantity": units, "restockType": "NO_RESTOCK"})
    return lines


def _shipping(intent: RefundIntent, order: OrderSnapshot) -> Money:
    """Shipping to name, with tax only where the order's prices include it; else Shopify adds the tax itself.

    As for units: shipping that an earlier refund names is used up, whatever became of its payment.
    """
    left = {extra.line_id: extra.total for extra in order.extras}
    for seen in order.refunds or ():
        for line_id, minor in (seen.extras or {}).items():
            left[line_id] = left.get(line_id, 0) - minor
    free = [one for one in intent.extras if one.kind == "shipping" and one.total <= left.get(one.line_id, one.total)]
    minor = sum(extra.total if order.taxes_included else extra.total - extra.tax for extra in free)
    return intent.amount.with_minor(max(0, minor))


def _minor(container: dict[str, Any], key: str, order: OrderSnapshot) -> int:
    return _in_minor(child(child(container, key), "presentmentMoney"), order)


def _in_minor(money: dict[str, Any], order: OrderSnapshot) -> int:
    value = amount(money, "amount") or Decimal(0)
    return max(0, int(value.scaleb(order.exponent).to_integral_value(rounding=ROUND_DOWN)))


def _parents(suggestion: dict[str, Any], transactions: list[dict[str, Any]], order: OrderSnapshot) -> list[_Parent]:
    """The payments suggested, and then all others: what is used up by a failed refund is no more suggested for."""
    parents: dict[str, _Parent] = {}
    for each in objects(suggestion, "suggestedTransactions"):
        parent = child(each, "parentTransaction")
        parent_id, number = text(parent, "id"), identifier(parent, "id")
        gateway = text(each, "gateway") or text(parent, "gateway")
        if parent_id is None or number is None or gateway is None:
            continue
        suggested = _minor(each, "amountSet", order)
        most = _minor(each, "maximumRefundableSet", order) if child(each, "maximumRefundableSet") else suggested
        parents.setdefault(number, _Parent(parent_id, gateway, min(suggested, most), most))
    for each in transactions:
        parent_id, number, gateway = text(each, "id"), identifier(each, "id"), text(each, "gateway")
        left = child(each, "maximumRefundableV2")
        came_in = text(each, "kind", 40) in ("SALE", "CAPTURE") and text(each, "status", 40) == "SUCCESS"
        if parent_id and number and gateway and came_in and text(left, "currencyCode", 3) == order.currency:
            parents.setdefault(number, _Parent(parent_id, gateway, 0, _in_minor(left, order)))
    return list(parents.values())


def _transactions(order_gid: str, refund: Money, parents: list[_Parent]) -> list[dict[str, Any]]:
    """Splits the amount over the payments as suggested; what that leaves goes to those that can take more."""
    left = refund.minor
    parts = [0 for _ in parents]
    for ceiling in ([parent.suggested for parent in parents], [parent.most for parent in parents]):
        for index, most in enumerate(ceiling):
            taken = min(left, max(0, most - parts[index]))
            parts[index] += taken
            left -= taken
    return [
        {
            "orderId": order_gid,
            "parentId": parent.parent_id,
            "gateway": parent.gateway,
            "kind": "REFUND",
            "amount": refund.with_minor(part).text,
        }
        for parent, part in zip(parents, parts, strict=True)
        if part
    ]


def judge(reply: Reply, prepared: PreparedRefund) -> RefundAnswer:
    """What an answer to `REFUND_CREATE` proves."""
    early = judge_status(reply)
    if early is not None:
        return early
    outcome = child(reply.data, REFUND_CREATE.root)
    refund, said = child(outcome, "refund"), complaints(outcome)
    doubt = _idempotency_trouble(" ".join([said, describe(reply.errors), *sorted(reply.codes)]))
    if doubt is not None:
        return doubt
    if reply.failed:
        return judge_errors(reply)
    if refund and said:
        return Unknown("user_errors_with_refund", said[:300])
    if said:
        return Rejected("user_errors", said)
    if identifier(refund, "id") is None:
        return Unknown("refund_missing", "Shopify answered with neither a refund nor a reason")
    return Ok(_proof(refund, prepared))


def _idempotency_trouble(said: str) -> Unknown | None:
    """Trouble with the key, told only by words (refundCreate's errors have no code): never a proof of no refund."""
    words = said.casefold()
    if "idempotency" not in words and "currently in progress" not in words:
        return None
    if "concurrent" in words or "in progress" in words:
        return Unknown("idempotency_concurrent", "Shopify is still working on an earlier try")
    if "mismatch" in words or "different" in words:
        return Unknown("idempotency_mismatch", "Shopify knows the key with another request; a person must look")
    if "previous" in words:
        return Unknown("idempotency_previous_failed", "Shopify says that an earlier try with this key failed")
    return Unknown("idempotency_error", said.strip()[:300])


def _proof(refund: dict[str, Any], prepared: PreparedRefund) -> RefundProof:
    """Amounts come back as `"15.0"`: they are compared as decimals."""
    movements = movements_in(refund)
    state = refund_state(movements)
    asked = Decimal(prepared.amount.text)
    whole = sum((each.value for each in movements), Decimal(0))
    if movements and (whole != asked or _currencies(refund, "presentmentMoney") != {prepared.amount.currency}):
        state = RefundState.UNCLEAR
    moved = money_moved(movements)
    exponent = prepared.amount.exponent
    if significant_decimals(moved) > exponent:
        state = RefundState.UNCLEAR
    codes = sorted({code for each in nodes(refund, "transactions") if (code := text(each, "errorCode", 80))})
    return RefundProof(
        store_refund_id=identifier(refund, "id") or "",
        amount=prepared.amount.with_minor(int(moved.scaleb(exponent).to_integral_value())),
        state=state,
        shop_amount=_shop_amount(refund),
        detail=", ".join(codes) or f"{len(movements)} transaction(s) of {whole} {prepared.amount.currency}",
    )


def _currencies(refund: dict[str, Any], side: str) -> set[str | None]:
    return {
        text(child(child(each, "amountSet"), side), "currencyCode", 3)
        for each in nodes(refund, "transactions")
        if text(each, "kind", 40) == "REFUND"
    }


def _shop_amount(refund: dict[str, Any]) -> Money | None:
    moved = money_moved(movements_in(refund, "shopMoney"))
    currency = next(iter(_currencies(refund, "shopMoney")), None)
    if currency is None or not is_currency(currency):
        return None
    return Money.parse(moved, currency, max(exponent_for(currency, [moved]), significant_decimals(moved)))
