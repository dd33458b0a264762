"""Store credit in WooCommerce: a coupon that is made once by its code. Core has no wallet and no gift card.

The code is drawn when the refund is prepared and written down before it is sent, the same for each try; nobody knows it
who knows the refund. WooCommerce has each code once: that is what the idempotency key is elsewhere. So the coupon is
looked for before each try, and a try may follow any answer. A coupon carries no balance: what one purchase does not use
of it is gone, which the customer has to be told.
"""

from __future__ import annotations

import base64
import secrets
from collections.abc import Mapping
from typing import Any

from app.money import BadAmount, Money
from app.orders.marker import marker_for, operation_in
from app.orders.reading import child, identifier, objects, text
from app.orders.snapshot import OrderSnapshot, RefundState
from app.outcomes import Ok, Rejected, Unknown
from app.stores.asked import PreparedRefund, RefundAnswer, RefundIntent, RefundProof
from app.stores.base import RefundNotPossible, StoreRefused, StoreUnavailable
from app.stores.woocommerce_client import CallFailed, Reply, WooClient, is_missing, redirected

_CURRENCY = "settings/general/woocommerce_currency"
_LONGEST_REASON = 300
_CODE_BYTES = 10


def new_code() -> str:
    """A code for a coupon: 80 bits that nobody guesses, in letters that are read out and typed without mistakes."""
    letters = base64.b32encode(secrets.token_bytes(_CODE_BYTES)).decode().lower()
    return "-".join(["mg", *(letters[start : start + 4] for start in range(0, len(letters), 4))])


def is_credit(payload: Mapping[str, Any]) -> bool:
    """Whether a prepared refund is a coupon rather than a refund of the order."""
    return "code" in payload


async def prepare_credit(client: WooClient, intent: RefundIntent, order: OrderSnapshot) -> PreparedRefund:
    """The coupon without its owner, whose address is read when it is sent.

    A coupon is always in the store's own currency. Raises `RefundNotPossible` for an order in another one, and
    `StoreUnavailable` or `StoreRefused` when the store does not tell its currency.
    """
    amount = intent.amount
    if (intent.order_id, amount.currency, amount.exponent) != (order.order_id, order.currency, order.exponent):
        raise RefundNotPossible(f"{amount} is not an amount of order {order.order_id} in {order.currency}")
    left = order.total - sum(seen.amount for seen in order.refunds or ())
    if not 0 < amount.minor <= left:
        raise RefundNotPossible(f"{amount} cannot be given back: {amount.with_minor(left)} is left of the order")
    if not order.taxes_included and any(line.tax for line in order.lines):
        raise RefundNotPossible(
            "The store's prices are without tax, so that a coupon of the amount would be worth more than it: "
            "a person decides what the customer gets instead"
        )
    own = text((await client.read(_CURRENCY)).found or {}, "value", 10)
    if own != order.currency:
        raise RefundNotPossible(f"The store's coupons are in {own or 'an unknown currency'}, not in {order.currency}")
    payload = {
        "code": new_code(),
        "discount_type": "fixed_cart",
        "amount": amount.text,
        "usage_limit": 1,
        "individual_use": False,
        "description": f"{marker_for(intent.refund_id)} {intent.reason}"[:_LONGEST_REASON].strip(),
    }
    return PreparedRefund(intent.refund_id, order.order_id, amount, payload)


async def send_credit(client: WooClient, prepared: PreparedRefund) -> RefundAnswer:
    """Makes the coupon where there is none. Never raises for the store; a look that fails is no sending."""
    try:
        found = await _look(client, prepared)
        email = None if found is not None else await _email(client, prepared.order_id)
    except StoreUnavailable as error:
        return Rejected(
            "not_sent", f"{error.detail}; no coupon was sent", retryable=True, retry_after=error.retry_after
        )
    except StoreRefused as error:
        return Rejected("not_sent", f"{error.detail}; no coupon was sent")
    if found is not None:
        return found
    if email is None:
        return Rejected("no_email", "The order has no e-mail address to which the coupon could be bound; none was sent")
    try:
        reply = await client.call("POST", "coupons", data={**prepared.payload, "email_restrictions": [email]})
    except CallFailed as failure:
        if failure.sent:
            return Unknown("no_answer", f"{failure.detail} after the coupon was sent")
        return Rejected("not_sent", f"{failure.detail} before anything was sent", retryable=True)
    return await _judge(client, prepared, reply)


async def credit_traces(client: WooClient, prepared: PreparedRefund) -> str | None:
    """The coupon with the code in words, whatever it is worth. Raises `StoreUnavailable` and `StoreRefused`."""
    found = await _look(client, prepared)
    if found is None:
        return None
    return found.detail if isinstance(found, Unknown) else f"the coupon {prepared.payload['code']}"


async def _look(client: WooClient, prepared: PreparedRefund) -> RefundAnswer | None:
    """What the coupon with the code proves, if there is one. Codes are kept in small letters."""
    listed = await client.read("coupons", {"code": prepared.payload["code"]})
    if not isinstance(listed.body, list):
        raise StoreUnavailable("The store did not answer with a list")
    coupons = objects({"coupons": listed.body}, "coupons")
    same = [one for one in coupons if (text(one, "code", 200) or "").lower() == prepared.payload["code"]]
    return _compare(prepared, same[0]) if same else None


def _compare(prepared: PreparedRefund, coupon: Mapping[str, Any]) -> RefundAnswer:
    """Ok only for a coupon that is ours and worth what was promised."""
    amount, doubts = prepared.amount, []
    try:
        worth = Money.parse(coupon.get("amount", ""), amount.currency, amount.exponent)
    except BadAmount:
        worth = amount.with_minor(0)
    if worth != amount:
        doubts.append(f"it is worth {str(coupon.get('amount'))[:30]!r} instead of {amount}")
    if coupon.get("discount_type") != prepared.payload["discount_type"]:
        doubts.append("it is no fixed amount off a cart")
    if operation_in(text(coupon, "description", 2000)) != str(prepared.refund_id):
        doubts.append("it does not carry the refund's marker")
    coupon_id = identifier(coupon, "id")
    if coupon_id is None:
        doubts.append("it has no id")
    if doubts or coupon_id is None:
        return Unknown("coupon_differs", f"The store's coupon {prepared.payload['code']}: {'; '.join(doubts)}")
    return Ok(RefundProof(coupon_id, worth, RefundState.SUCCEEDED, code=prepared.payload["code"]))


async def _email(client: WooClient, order_id: str) -> str | None:
    reply = await client.read(f"orders/{order_id}")
    if is_missing(reply):
        raise StoreRefused(f"The store has no order {order_id}")
    if reply.found is None:
        raise StoreUnavailable("The store did not answer with an object")
    return text(child(reply.found, "billing"), "email", 320)


async def _judge(client: WooClient, prepared: PreparedRefund, reply: Reply) -> RefundAnswer:
    """What the answer to the POST proves. A clean refusal is believed when the code is not there afterwards."""
    if reply.status == 201 and reply.found is not None:
        return _compare(prepared, reply.found)
    if 300 <= reply.status < 400:
        return Unknown("redirected", redirected(reply))
    if reply.status == 401:
        return Rejected(reply.code or "unauthorized", "The store does not accept the key, or the key may not write")
    if not (reply.is_json and reply.code and 400 <= reply.status < 500):
        return Unknown(f"http_{reply.status}", f"The store answered HTTP {reply.status}, which proves nothing")
    try:
        found = await _look(client, prepared)
    except (StoreUnavailable, StoreRefused) as error:
        return Unknown(reply.code, f"The store refused the coupon and could not be read back: {error.detail}")
    if found is not None:
        return found
    if reply.code.endswith("_already_exists"):
        return Unknown(reply.code, "The store says that the code exists, and does not show it")
    busy = reply.status == 429
    said = f"The store refused the coupon ({reply.code})"
    return Rejected(reply.code, said, retryable=busy, retry_after=reply.retry_after)
