"""Coupons of the sandbox's WooCommerce site: made once by their code, found by it."""

from __future__ import annotations

from dataclasses import dataclass
from decimal import Decimal
from typing import Any

from starlette.routing import Route

from app.sandbox.faults import FaultKind
from app.sandbox.woocommerce.errors import RestError, invalid_param
from app.sandbox.woocommerce.rest import Answer, Call, RestApi
from app.sandbox.woocommerce.state import WooState

_TYPES = ("percent", "fixed_cart", "fixed_product")


@dataclass(frozen=True, slots=True)
class Coupon:
    """A coupon. The site writes codes in small letters; `sent` is the body that made it."""

    coupon_id: int
    code: str
    discount_type: str
    amount: str
    usage_limit: int | None
    email_restrictions: tuple[str, ...]
    sent: dict[str, Any]

    @property
    def shown(self) -> dict[str, Any]:
        """As REST shows it."""
        return {
            "id": self.coupon_id,
            "code": self.code,
            "discount_type": self.discount_type,
            "amount": self.amount,
            "usage_limit": self.usage_limit,
            "usage_count": 0,
            "email_restrictions": list(self.email_restrictions),
            "date_expires_gmt": self.sent.get("date_expires_gmt"),
            "description": self.sent.get("description", ""),
        }


def _misread(call: Call) -> dict[str, Any]:
    body, kind = call.body(), call.fault.kind if call.fault else None
    if kind is FaultKind.REFUSE:
        raise RestError(403, "woocommerce_rest_cannot_create", "Sorry, you are not allowed to create resources.")
    if kind is FaultKind.MISBOOKED:
        return {**body, "amount": f"{Decimal(body['amount']) / 2:.2f}"}
    return body


class CouponBook:
    """The site's coupons, behind the site's lock."""

    def __init__(self, state: WooState) -> None:
        self._state = state
        self._coupons: dict[str, Coupon] = {}
        self._stale = 0

    def switch_off(self) -> None:
        """The merchant does without coupons: those that are there cannot be used."""
        with self._state.lock:
            self._state.coupons_enabled = False

    def hide_once(self) -> None:
        """The next list is an old one and shows no coupon, as from a cache."""
        with self._state.lock:
            self._stale += 1

    @property
    def coupons(self) -> list[Coupon]:
        """Every coupon, oldest first."""
        with self._state.lock:
            return list(self._coupons.values())

    def routes(self, api: RestApi) -> list[Route]:
        """The coupons' routes, relative to the mount of the site."""
        return [api.route("GET", "/coupons", self._list), api.route("POST", "/coupons", self._post)]

    async def _list(self, call: Call) -> Answer:
        wanted = call.query.get("code", "").lower()
        with self._state.lock:
            if self._stale:
                self._stale -= 1
                return Answer([])
        return Answer([one.shown for one in self.coupons if wanted in ("", one.code)])

    async def _post(self, call: Call) -> Answer:
        """MISBOOKED: half of the amount. REFUSE: none is made."""
        body = _misread(call)
        code, kind = str(body.get("code", "")).strip().lower(), str(body.get("discount_type", "fixed_cart"))
        if not code:
            raise RestError(400, "woocommerce_rest_empty_coupon_code", "The coupon code cannot be empty.")
        if kind not in _TYPES:
            raise invalid_param("discount_type", f"discount_type is not one of {', '.join(_TYPES)}.")
        with self._state.lock:
            if code in self._coupons:
                raise RestError(400, "woocommerce_rest_coupon_code_already_exists", "The coupon code already exists")
            restrictions = tuple(str(one) for one in body.get("email_restrictions") or ())
            made = Coupon(
                next(self._state.post_ids), code, kind, str(body.get("amount", "0")), body.get("usage_limit"),
                restrictions, body,
            )  # fmt: skip
            self._coupons[code] = made
            return Answer(made.shown, 201)
