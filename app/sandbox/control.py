"""A small HTTP API to play the sandbox by hand: sample orders, the ledger, what suppliers do, and faults.

It is for a person with curl, on loopback only, and asks for no token: nothing behind it is real.
"""

from __future__ import annotations

import json
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from app.sandbox.delivery import NotLoopback
from app.sandbox.faults import Fault, FaultKind, FaultPlan
from app.sandbox.receiver import EventReceiver
from app.sandbox.shopify.book import LineSpec
from app.sandbox.shopify.shop import ShopifyShop
from app.sandbox.suppliers.bot import SupplierBot
from app.sandbox.woocommerce.model import NewExtra, NewLine, NewOrder
from app.sandbox.woocommerce.site import WooSite

_SHOP_SAMPLES = (
    (
        LineSpec(sku="LAMP-01", title="Lamp", price="39.90", quantity=2, vendor="Acme", tax_rate="0.2"),
        LineSpec(sku="SHADE-01", title="Shade", price="12.50", vendor="Slowpoke", tax_rate="0.2"),
    ),
    (LineSpec(sku="DESK-01", title="Desk lamp", price="59.00", quantity=3, vendor="Halfway", tax_rate="0.2"),),
)
_SITE_SAMPLES = (
    NewOrder([NewLine("Mug", "12.50", 3, "ACME-MUG")], shipping=[NewExtra("Flat rate", "4.90")]),
    NewOrder([NewLine("Bowl", "8.00", 2, "BH-BOWL"), NewLine("Plate", "6.00", 1, "NONO-PLATE")]),
)
_ACTIONS: Mapping[str, Callable[[SupplierBot, str], None]] = {
    "authorize": lambda bot, return_id: bot.authorize(return_id),
    "refuse": lambda bot, return_id: bot.refuse(return_id),
    "receive": lambda bot, return_id: bot.receive(return_id),
    "confirm": lambda bot, return_id: bot.confirm(return_id),
    "reject": lambda bot, return_id: bot.reject(return_id),
    "credit": lambda bot, return_id: bot.credit(return_id),
}
_OPERATION = "_makegood_operation"
_FAULT_FIELDS = frozenset({"service", "operation", "kind", "status", "seconds", "text", "times"})


class _Wrong(Exception):
    """What was asked cannot be done; the text says why."""

    def __init__(self, status: int, text: str) -> None:
        super().__init__(text)
        self.status = status


@dataclass(slots=True)
class Control:
    """Steers one shop, one site, their suppliers and the receiver of events over HTTP."""

    shop: ShopifyShop
    site: WooSite
    suppliers: Mapping[str, SupplierBot]
    crm: EventReceiver

    def routes(self) -> list[Route]:
        """The control API's paths, relative to wherever it is mounted."""
        return [
            Route("/orders", _answered(self._orders), methods=["POST"]),
            Route("/ledger", _answered(self._ledger)),
            Route("/suppliers/{key}/{return_id}/{action}", _answered(self._supplier), methods=["POST"]),
            Route("/events", _answered(self._events)),
            Route("/faults", _answered(self._faults), methods=["POST"]),
        ]

    async def _orders(self, request: Request) -> tuple[int, Any]:
        """`{"store": "alpha"}`: one sent and delivered order there. Without a store: two on each."""
        store = (await _body(request)).get("store")
        if store not in (None, self.shop.key, self.site.key):
            raise _Wrong(404, f"There is no store {store!r}; there are {self.shop.key} and {self.site.key}")
        made = []
        for turn in range(2 if store is None else 1):
            made += [self._shop_order(turn)] if store in (None, self.shop.key) else []
            made += [self._site_order(turn)] if store in (None, self.site.key) else []
        return 201, {"orders": made}

    def _shop_order(self, turn: int) -> dict[str, Any]:
        order = self.shop.create_order(_SHOP_SAMPLES[turn], shipping="4.90")
        self.shop.fulfil(order.id)
        self.shop.deliver(order.id)
        lines = [{"line_id": str(line.id), "sku": line.sku, "quantity": line.quantity} for line in order.lines]
        return {"store": self.shop.key, "order": str(order.id), "number": order.name, "lines": lines}

    def _site_order(self, turn: int) -> dict[str, Any]:
        number = self.site.create_order(_SITE_SAMPLES[turn])
        self.site.complete(number)
        order = self.site.order(number)
        lines = [
            {"line_id": str(line["id"]), "sku": line["sku"], "quantity": line["quantity"]}
            for line in order["line_items"]
        ]
        return {"store": self.site.key, "order": str(number), "number": order["number"], "lines": lines}

    async def _ledger(self, _request: Request) -> tuple[int, Any]:
        """Every refund call that the stores received, what the site's gateways paid, credits and free orders."""
        of_shop = [
            {"at": _time(call.at), "outcome": call.outcome, "asked": call.variables} for call in self.shop.money_calls
        ]
        of_site = [
            {"at": _time(call.at), "outcome": call.outcome, "order": str(call.order_id), "asked": call.body}
            for call in self.site.money_calls
        ]
        paid = [{"order": str(out.order_id), "amount": f"{out.amount}"} for out in self.site.gateway_payouts]
        free_at_shop = [
            {"order": str(draft.order.id), "tags": draft.tags} for draft in self.shop.office.drafts if draft.order
        ]
        free_at_site = [
            {"order": str(order["id"]), "operation": operation}
            for operation, orders in self.site.orders_with(_OPERATION).items()
            for order in orders
        ]
        coupons = [{"code": coupon.code, "amount": coupon.amount} for coupon in self.site.coupons.coupons]
        return 200, {
            self.shop.key: {
                "money_calls": of_shop,
                "store_credits": self.shop.office.credits,
                "new_orders": free_at_shop,
            },
            self.site.key: {
                "money_calls": of_site,
                "gateway_payouts": paid,
                "coupons": coupons,
                "new_orders": free_at_site,
            },
        }

    async def _events(self, _request: Request) -> tuple[int, Any]:
        """Every event that the receiver took, oldest first."""
        return 200, {"refused": self.crm.refused, "taken": [one.body for one in self.crm.taken]}

    async def _supplier(self, request: Request) -> tuple[int, Any]:
        """A supplier does something about a return, which is named by Makegood's case id."""
        key, return_id, action = (request.path_params[name] for name in ("key", "return_id", "action"))
        bot = self.suppliers.get(key)
        if bot is None:
            raise _Wrong(404, f"There is no supplier {key!r}; there are {', '.join(sorted(self.suppliers))}")
        if action not in _ACTIONS:
            raise _Wrong(404, f"A supplier cannot {action!r}; it can {', '.join(_ACTIONS)}")
        if return_id not in bot.returns:
            raise _Wrong(404, f"{key} has not been asked about {return_id!r}; a return is named by its case id")
        try:
            _ACTIONS[action](bot, return_id)
        except NotLoopback as error:
            raise _Wrong(409, f"{error}") from None
        return 200, {"supplier": key, "return_id": return_id, "status": bot.returns[return_id].status}

    async def _faults(self, request: Request) -> tuple[int, Any]:
        """Plans a fault for the next calls of one operation (or `*`) of a store or supplier."""
        body = await _body(request)
        if unknown := sorted(set(body) - _FAULT_FIELDS):
            raise _Wrong(422, f"Unknown: {', '.join(unknown)}; known are {', '.join(sorted(_FAULT_FIELDS))}")
        plans: dict[str, FaultPlan] = {self.shop.key: self.shop.faults, self.site.key: self.site.faults}
        plans |= {key: bot.faults for key, bot in self.suppliers.items()} | {"crm": self.crm.faults}
        plan = plans.get(body.get("service", ""))
        if plan is None:
            raise _Wrong(404, f"`service` must be one of {', '.join(sorted(plans))}")
        try:
            fault = Fault(
                FaultKind(body["kind"]),
                int(body.get("status", 502)),
                float(body.get("seconds", 0)),
                str(body.get("text", "")),
            )
            operation, times = str(body["operation"]), int(body.get("times", 1))
        except (KeyError, ValueError, TypeError):
            kinds = ", ".join(FaultKind)
            raise _Wrong(422, f"A fault needs `operation` and a `kind`: {kinds}") from None
        plan.add(operation, *[fault] * times)
        return 201, {"service": body["service"], "operation": operation, "kind": fault.kind, "times": times}


_Handler = Callable[[Request], Awaitable[tuple[int, Any]]]


def _answered(handler: _Handler) -> Callable[[Request], Awaitable[Response]]:
    async def serve(request: Request) -> Response:
        try:
            status, payload = await handler(request)
        except _Wrong as wrong:
            status, payload = wrong.status, {"error": f"{wrong}"}
        return JSONResponse(payload, status)

    return serve


async def _body(request: Request) -> dict[str, Any]:
    raw = await request.body()
    try:
        body = json.loads(raw) if raw.strip() else {}
    except ValueError:
        body = None
    if not isinstance(body, dict):
        raise _Wrong(422, "The body must be a JSON object")
    return body


def _time(moment: datetime) -> str:
    return f"{moment:%Y-%m-%dT%H:%M:%SZ}"
