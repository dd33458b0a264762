"""Coupons in WooCommerce: made once by their code, however often they are asked for."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

from app.stores.asked import CouponWish
from app.stores.base import StoreUnavailable
from app.stores.woocommerce_client import CallFailed, WooClient, require_success

_EXISTS = "woocommerce_rest_coupon_code_already_exists"


async def create_coupon(client: WooClient, wish: CouponWish) -> None:
    """Makes a coupon for one order of this customer; one that is there already counts as made.

    Raises `StoreUnavailable` for trouble on the way (asking again is harmless) and `StoreRefused`.
    """
    try:
        reply = await client.call("POST", "coupons", data=_body(wish))
    except CallFailed as failure:
        raise StoreUnavailable(failure.detail) from failure
    if reply.status == 201 and reply.found is not None:
        return
    # The error's code is second-hand, so any clean refusal is checked by looking; codes are written small there.
    if reply.code == _EXISTS or 400 <= reply.status < 500:
        listed = await client.read("coupons", {"code": wish.code.lower()})
        codes = [str(one.get("code", "")).lower() for one in listed.body or [] if isinstance(one, dict)]
        if wish.code.lower() in codes:
            return
    require_success(reply)
    raise StoreUnavailable("The store did not say what became of the coupon")


def _body(wish: CouponWish) -> dict[str, Any]:
    off = wish.amount.text if wish.amount is not None else f"{(wish.percent or Decimal(0)).normalize():f}"
    return {
        "code": wish.code,
        "discount_type": "percent" if wish.amount is None else "fixed_cart",
        "amount": off,
        "usage_limit": 1,
        "usage_limit_per_user": 1,
        "individual_use": False,
        "email_restrictions": [wish.email] if wish.email else [],
        "date_expires_gmt": f"{wish.ends_at:%Y-%m-%dT%H:%M:%S}",
        "description": wish.title,
    }
