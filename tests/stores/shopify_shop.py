"""A Shopify store on paper: an adapter, and answers by the root field or name of the operation."""

from __future__ import annotations

import json
from typing import Any
from uuid import UUID

import httpx
import respx

from app.money import Money
from app.orders.normalise_shopify_api import order_from_api
from app.orders.snapshot import OrderSnapshot
from app.stores.asked import PreparedRefund, RefundExtra, RefundIntent, RefundLine
from app.stores.shopify import ShopifyStore
from tests.orders.shopify_bodies import bag, order_node

BASE = "https://alpha.myshopify.com"
GRAPHQL = f"{BASE}/admin/api/2026-10/graphql.json"
OAUTH = f"{BASE}/admin/oauth/access_token"
REFUND_ID = UUID("0199aa00-0000-7000-8000-000000000001")
ORDER_GID = "gid://shopify/Order/5196695273621"
LINE = "12695210000533"

Answer = httpx.Response | Exception


class Naps:
    """A sleep that only remembers."""

    def __init__(self) -> None:
        self.taken: list[float] = []

    async def __call__(self, seconds: float) -> None:
        self.taken.append(seconds)


def make_store(**changes: Any) -> ShopifyStore:
    """A store with a static token, unless told otherwise."""
    settings: dict[str, Any] = {
        "domain": "alpha.myshopify.com",
        "client_secret": "hush",
        "access_token": "shpat_static",
        **changes,
    }
    return ShopifyStore("alpha", **settings)


def data(root: str, value: Any) -> httpx.Response:
    """A good answer."""
    return httpx.Response(200, json={"data": {root: value}})


def errors(*codes: str, data: Any = None, path: list[Any] | None = None, message: str = "No") -> httpx.Response:
    """An answer with top-level errors."""
    listed = [{"message": message, "path": path, "extensions": {"code": code}} for code in codes]
    return httpx.Response(200, json={"data": data, "errors": listed})


def throttled(requested: int = 700, available: int = 100, rate: int = 100) -> httpx.Response:
    """Shopify's throttling: HTTP 200 and no data."""
    cost = {
        "requestedQueryCost": requested,
        "throttleStatus": {"currentlyAvailable": float(available), "restoreRate": float(rate)},
    }
    listed = [{"message": "Throttled", "extensions": {"code": "THROTTLED"}}]
    return httpx.Response(200, json={"errors": listed, "extensions": {"cost": cost}})


class Shop:
    """Answers calls by operation name, each answer once and the last one again and again; keeps what was asked."""

    def __init__(self, router: respx.Router, url: str = GRAPHQL) -> None:
        self.calls: list[dict[str, Any]] = []
        self.requests: list[httpx.Request] = []
        self._answers: dict[str, list[Answer]] = {}
        router.post(url).mock(side_effect=self._answer)

    def on(self, operation: str, *answers: Answer) -> Shop:
        """The next calls of `operation` get these answers."""
        self._answers[operation] = list(answers)
        return self

    def asked(self, operation: str) -> list[dict[str, Any]]:
        """The variables of each call of `operation`."""
        return [call["variables"] for call in self.calls if call["operationName"] == operation]

    def _answer(self, request: httpx.Request) -> httpx.Response:
        call = json.loads(request.content)
        self.calls.append(call)
        self.requests.append(request)
        waiting = self._answers[call["operationName"]]
        answer = waiting.pop(0) if len(waiting) > 1 else waiting[0]
        if isinstance(answer, Exception):
            raise answer
        return answer


def an_order(**changes: Any) -> OrderSnapshot:
    """The order that refunds are made on: 43.29 USD captured, one line of two lamps."""
    return order_from_api(order_node(**changes))


def an_intent(minor: int = 1896, *, quantity: int = 1, shipping: int = 0, tax: int = 0, **changes: Any) -> RefundIntent:
    """A refund of that many cents."""
    extras = (RefundExtra("1", "shipping", shipping, tax),) if shipping else ()
    values: dict[str, Any] = {
        "refund_id": REFUND_ID,
        "order_id": "5196695273621",
        "amount": Money(minor, "USD", 2),
        "lines": (RefundLine(LINE, quantity, minor),),
        "extras": extras,
        "reason": "supplier confirmed",
        "notify": True,
        **changes,
    }
    return RefundIntent(**values)


def payment(number: int, suggested: str, most: str | None, gateway: str | None = "shopify_payments") -> dict[str, Any]:
    """A suggested transaction."""
    return {
        "gateway": gateway,
        "amountSet": bag(suggested, suggested),
        "maximumRefundableSet": bag(most, most) if most is not None else None,
        "parentTransaction": {"id": f"gid://shopify/OrderTransaction/{number}", "gateway": "parents_own"},
    }


def suggestion(most: str, *payments: dict[str, Any]) -> httpx.Response:
    """The answer to the question what Shopify would refund."""
    suggested = {"maximumRefundableSet": bag(most, most), "suggestedTransactions": list(payments)}
    return data("order", {"id": ORDER_GID, "suggestedRefund": suggested})


def prepared(text: str = "18.96", minor: int = 1896) -> PreparedRefund:
    """A refund ready to be sent."""
    request = {
        "orderId": ORDER_GID,
        "currency": "USD",
        "transactions": [{"parentId": "gid://shopify/OrderTransaction/1", "kind": "REFUND", "amount": text}],
    }
    payload = {"input": request, "idempotencyKey": str(REFUND_ID)}
    return PreparedRefund(REFUND_ID, "5196695273621", Money(minor, "USD", 2), payload)


def refunded(*movements: tuple[str, str], complaints: tuple[str, ...] = (), **refund: Any) -> dict[str, Any]:
    """`refundCreate`'s value, with a transaction for each (status, amount)."""
    nodes = [
        {"kind": "REFUND", "status": status, "errorCode": None, "amountSet": bag(amount, amount)}
        for status, amount in movements
    ]
    made = {"id": "gid://shopify/Refund/77", "transactions": {"nodes": nodes}, **refund}
    return {"refund": made, "userErrors": [{"field": None, "message": each} for each in complaints]}
