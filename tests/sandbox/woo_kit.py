"""A WooCommerce site on loopback with a receiver of its webhooks, for the tests of the sandbox."""

from __future__ import annotations

import json
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from decimal import Decimal
from pathlib import Path
from typing import Any

import httpx
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Mount, Route
from woocommerce import API

from app.http import tls_context
from app.sandbox.delivery import Courier
from app.sandbox.server import LoopbackServer
from app.sandbox.woocommerce.model import NewCoupon, NewExtra, NewLine, NewOrder, TaxRate
from app.sandbox.woocommerce.site import WooSite

CONSUMER_KEY, CONSUMER_SECRET = "ck_sandbox", "cs_sandbox"
CAPTURES = Path(__file__).parent.parent / "data" / "woocommerce"
GERMAN_RATES = (
    TaxRate(1, "DE-MWST-1", "MwSt", Decimal(19)),
    TaxRate(2, "DE-MWST ERMäßIGT-1", "MwSt ermäßigt", Decimal(7)),
)
CAPTURED_ORDER = NewOrder(
    [
        NewLine("Mug", "19.99", 3, "LAB-MUG", 10),
        NewLine("Shirt «Größe L»", "25.00", 1, "LAB-SHIRT", 11),
        NewLine("Book", "33.33", 2, "LAB-BOOK", 12, rates=(2,), tax_class="reduced-rate"),
    ],
    shipping=[NewExtra("Flat", "4.90")],
    fees=[NewExtra("Gift wrap", "2.00")],
    coupon=NewCoupon("ten", 10),
    gateway="bacs",
    meta_data={"_ext_ref": "abc/1"},
)
"""The order of the captures: three lines with two tax rates, shipping, a fee and a coupon; 163.42 in all."""

ONE_MUG = NewOrder([NewLine("Mug", "10.00", 2)])
"""Two mugs of 10.00 with 19 % tax: 23.80, paid through a gateway that refunds."""


def capture(name: str) -> dict[str, Any]:
    """A captured request or answer."""
    loaded: dict[str, Any] = json.loads((CAPTURES / name).read_text())
    return loaded


@dataclass
class Receiver:
    """Keeps what is posted to it and answers `statuses` in turn, then 200."""

    statuses: list[int] = field(default_factory=list)
    got: list[tuple[dict[str, str], bytes]] = field(default_factory=list)
    lock: threading.Lock = field(default_factory=threading.Lock)

    async def receive(self, request: Request) -> Response:
        """Serves one POST."""
        body = await request.body()
        with self.lock:
            self.got.append((dict(request.headers), body))
            status = self.statuses.pop(0) if self.statuses else 200
        return Response(status_code=status, headers={"Location": "/elsewhere"} if 300 <= status < 400 else None)

    def deliveries(self) -> list[tuple[str, Any]]:
        """Topic and body of everything but pings."""
        return [(head["x-wc-webhook-topic"], json.loads(body)) for head, body in self.got if "x-wc-webhook-id" in head]


@dataclass
class Shop:
    """The site, its address, and the address that its webhooks go to."""

    site: WooSite
    base: str
    hook_url: str
    receiver: Receiver
    courier: Courier

    def api(self, **options: Any) -> API:
        """The client that Makegood uses."""
        return API(self.base, CONSUMER_KEY, CONSUMER_SECRET, wp_api=True, version="wc/v3", **options)

    def post_refund(self, order_id: int, body: Any) -> httpx.Response:
        """A refund POST with httpx and Basic; `body` is sent as JSON, or as it is when it is text."""
        content = body if isinstance(body, str) else json.dumps(body)
        return self.call("POST", f"orders/{order_id}/refunds", content=content)

    def call(self, method: str, path: str, **options: Any) -> httpx.Response:
        """Any call with httpx and Basic."""
        with httpx.Client(
            auth=(CONSUMER_KEY, CONSUMER_SECRET), timeout=10, trust_env=False, verify=tls_context()
        ) as client:
            return client.request(method, f"{self.base}/wp-json/wc/v3/{path}", **options)

    def subscribe(self, *topics: str) -> None:
        """Webhooks with the secret `plain`."""
        for topic in topics:
            self.site.add_webhook(topic, self.hook_url, "plain")


@contextmanager
def open_shop(**options: Any) -> Iterator[Shop]:
    """A shop on loopback; `options` go to the site."""
    receiver = Receiver()
    with Courier() as courier:
        site = WooSite("alpha", CONSUMER_KEY, CONSUMER_SECRET, courier=courier, rates=GERMAN_RATES, **options)
        app = Starlette(
            routes=[
                Mount("/woo/alpha", routes=site.routes()),
                Route("/hook", receiver.receive, methods=["POST"]),
            ]
        )
        with LoopbackServer(app) as url:
            yield Shop(site, f"{url}/woo/alpha", f"{url}/hook", receiver, courier)
