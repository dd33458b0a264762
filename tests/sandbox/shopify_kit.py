"""A sandbox Shopify shop on loopback with a client and a place that takes its webhooks."""

from __future__ import annotations

import json
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any

import httpx
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Mount, Route

from app.http import tls_context
from app.sandbox.server import LoopbackServer
from app.sandbox.shopify.book import LineSpec, PaymentSpec
from app.sandbox.shopify.shop import ShopifyShop
from app.sandbox.shopify.state import Order
from app.sandbox.shopify.values import gid

SECRET = "sandbox-client-secret"
STATIC_TOKEN = "shpat_static_for_tests"
MONEY = "{ shopMoney { amount currencyCode } presentmentMoney { amount currencyCode } }"
LAMP = LineSpec(sku="LAMP-01", title="Lamp", vendor="Acme", price="10.00", quantity=2, tax_rate="0.20")
BULB = LineSpec(sku="BULB-01", title="Bulb", vendor="Bright", price="5.00")

REFUND_CREATE = f"""
mutation Pay($input: RefundInput!, $key: String!) {{
  refundCreate(input: $input) @idempotent(key: $key) {{
    refund {{
      id note totalRefundedSet {MONEY}
      transactions(first: 10) {{ nodes {{ id kind status gateway errorCode amountSet {MONEY} }} }}
    }}
    order {{ id displayFinancialStatus }}
    userErrors {{ field message }}
  }}
}}"""

Json = dict[str, Any]


@dataclass(slots=True)
class Hook:
    """A webhook that arrived."""

    headers: dict[str, str]
    raw: bytes

    @property
    def topic(self) -> str:
        return self.headers["x-shopify-topic"]

    @property
    def body(self) -> Any:
        return json.loads(self.raw)


@dataclass(slots=True)
class Inbox:
    """Takes webhooks and answers `status`."""

    status: int = 200
    hooks: list[Hook] = field(default_factory=list)
    lock: threading.Lock = field(default_factory=threading.Lock)

    async def take(self, request: Request) -> Response:
        hook = Hook(dict(request.headers), await request.body())
        with self.lock:
            self.hooks.append(hook)
        return Response(status_code=self.status)

    def topics(self) -> list[str]:
        with self.lock:
            return [hook.topic for hook in self.hooks]

    def last(self, topic: str) -> Hook:
        with self.lock:
            return next(hook for hook in reversed(self.hooks) if hook.topic == topic)


@dataclass(slots=True)
class World:
    """The shop, a client that knows its address, and the inbox."""

    shop: ShopifyShop
    client: httpx.Client
    inbox: Inbox
    hook_url: str
    token: str = STATIC_TOKEN

    def post(self, query: str, variables: Json | None = None, version: str = "2026-10") -> httpx.Response:
        return self.client.post(
            f"/admin/api/{version}/graphql.json",
            json={"query": query, "variables": variables or {}},
            headers={"X-Shopify-Access-Token": self.token},
        )

    def run(self, query: str, variables: Json | None = None) -> Json:
        """The body of an answer that must be HTTP 200."""
        answer = self.post(query, variables)
        assert answer.status_code == 200, answer.text
        body: Json = answer.json()
        return body

    def data(self, query: str, variables: Json | None = None) -> Any:
        """The data of an answer without errors."""
        body = self.run(query, variables)
        assert "errors" not in body, body["errors"]
        return body["data"]

    def pay(self, input: Json, key: str) -> Json:
        return self.run(REFUND_CREATE, {"input": input, "key": key})

    def subscribe(self, *topics: str) -> None:
        for topic in topics:
            self.shop.subscribe(topic, self.hook_url)

    def delivered(self) -> list[str]:
        """The topics that arrived so far."""
        self.shop.courier.flush()
        return self.inbox.topics()


def line_input(order: Order, index: int = 0, quantity: int = 1) -> Json:
    return {
        "lineItemId": gid("LineItem", order.lines[index].id),
        "quantity": quantity,
        "restockType": "NO_RESTOCK",
    }


def money_input(order: Order, amount: str, payment: int = 0, **changes: Any) -> Json:
    transaction = order.transactions[payment]
    return {
        "orderId": order.gid,
        "parentId": gid("OrderTransaction", transaction.id),
        "gateway": transaction.gateway,
        "kind": "REFUND",
        "amount": amount,
        **changes,
    }


def refund_input(order: Order, amount: str, **changes: Any) -> Json:
    """A refund of one unit of the first line."""
    return {
        "orderId": order.gid,
        "currency": order.currencies.presentment,
        "note": "[makegood:test] refund",
        "refundLineItems": [line_input(order)],
        "transactions": [money_input(order, amount)],
        **changes,
    }


@contextmanager
def served(**options: Any) -> Iterator[World]:
    """A shop `alpha` served on loopback; `options` go to `ShopifyShop`."""
    inbox = Inbox()
    options = {"access_token": STATIC_TOKEN, **options}
    with ShopifyShop("alpha", "alpha.myshopify.com", "client-1", SECRET, **options) as shop:
        app = Starlette(
            routes=[Route("/hooks", inbox.take, methods=["POST"]), Mount("/shopify/alpha", routes=shop.routes())]
        )
        with (
            LoopbackServer(app) as url,
            httpx.Client(base_url=f"{url}/shopify/alpha", trust_env=False, verify=tls_context()) as client,
        ):
            yield World(shop, client, inbox, f"{url}/hooks")


def two_payments() -> list[PaymentSpec]:
    """A card for what a gift card of 10.00 leaves."""
    return [PaymentSpec(), PaymentSpec(gateway="gift_card", amount="10.00")]


def wait_until(true: Callable[[], bool], seconds: float = 10.0) -> None:
    """Looks again and again until `true` holds; fails after `seconds`."""
    deadline = time.monotonic() + seconds
    while not true():
        assert time.monotonic() < deadline, "it did not happen in time"
        threading.Event().wait(0.01)


def made(body: Json) -> Any:
    """The refund of an answer that made one."""
    assert "errors" not in body, body["errors"]
    assert body["data"]["refundCreate"]["userErrors"] == []
    return body["data"]["refundCreate"]["refund"]


def refused(body: Json) -> Any:
    """The one user error of an answer that made no refund."""
    assert body["data"]["refundCreate"]["refund"] is None
    (error,) = body["data"]["refundCreate"]["userErrors"]
    return error
