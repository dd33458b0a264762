"""Coupons in Shopify: discount codes that are made once, however often they are asked for."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

from app.orders.reading import child, objects, text
from app.stores.asked import CouponWish
from app.stores.base import StoreRefused
from app.stores.shopify_client import ShopifyClient
from app.stores.shopify_shop_documents import DISCOUNT_BY_CODE, DISCOUNT_CREATE

# The code's uniqueness is what makes asking again safe; the enum is DiscountErrorCode.
_TAKEN = "TAKEN"


async def create_coupon(client: ShopifyClient, wish: CouponWish) -> None:
    """Makes a discount code for one order; one that is there already counts as made.

    Raises `StoreUnavailable` for trouble on the way (asking again is harmless) and `StoreRefused`.
    """
    outcome = await client.ask(DISCOUNT_CREATE, {"basicCodeDiscount": _input(wish)}) or {}
    errors = objects(outcome, "userErrors")
    if not errors and child(outcome, "codeDiscountNode"):
        return
    # The error's code for a code that exists is second-hand, so any refusal is checked by looking.
    if await client.ask(DISCOUNT_BY_CODE, {"code": wish.code}) is not None:
        return
    said = "; ".join(text(each, "message", 200) or text(each, "code", 60) or _TAKEN for each in errors[:3])
    raise StoreRefused(f"Shopify refuses the discount code: {said or 'it does not say why'}")


def _input(wish: CouponWish) -> dict[str, Any]:
    value: dict[str, Any]
    if wish.amount is not None:
        value = {"discountAmount": {"amount": wish.amount.text, "appliesOnEachItem": False}}
    else:
        # A share of one, not a number of per cent.
        value = {"percentage": float((wish.percent or Decimal(0)) / 100)}
    return {
        "title": wish.title,
        "code": wish.code,
        "startsAt": f"{wish.starts_at:%Y-%m-%dT%H:%M:%SZ}",
        "endsAt": f"{wish.ends_at:%Y-%m-%dT%H:%M:%SZ}",
        "usageLimit": 1,
        "appliesOncePerCustomer": True,
        # Makegood keeps no customer ids; nobody finds the code who was not told it.
        "context": {"all": "ALL"},
        "customerGets": {"items": {"all": True}, "value": value},
    }
