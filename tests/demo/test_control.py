"""The sandbox played by hand: its control API and what it prints for a person."""

from __future__ import annotations

import json
import shlex
from collections.abc import Iterator
from typing import Any

import httpx
import pytest
from woocommerce import API

from app.errors import ConfigError
from app.outcomes import Ok
from app.sandbox.run import guide, run_sandbox
from app.sandbox.world import CONSUMER_KEY, CONSUMER_SECRET, SHOP, SITE, World
from app.settings import Settings
from app.settings_supplier import SupplierSettings
from app.suppliers.base import SupplierOutcome
from app.suppliers.registry import SupplierRegistry


@pytest.fixture
def world() -> Iterator[World]:
    with World() as world:
        yield world


def control(world: World, path: str, body: Any = None) -> httpx.Response:
    """A POST to the control API, as curl sends it."""
    content = body if isinstance(body, str) else "" if body is None else json.dumps(body)
    return httpx.post(f"{world.url}/control{path}", content=content)


def told(world: World) -> list[str]:
    """The topics and event types that were sent so far."""
    world.courier.flush()
    return [
        attempt.headers.get("X-Shopify-Topic") or attempt.headers.get("X-WC-Webhook-Topic") or _type_of(attempt.body)
        for attempt in world.courier.attempts
    ]


def _type_of(body: bytes) -> str:
    return str(json.loads(body)["type"])


async def ask_supplier(world: World, return_id: str = "r-1") -> SupplierOutcome:
    """Makegood's own call to the supplier acme."""
    suppliers = SupplierRegistry({"acme": SupplierSettings(**world.supplier_settings()["acme"])})
    body = {
        "return_id": return_id,
        "reference": "MG-7K3F9QXY",
        "route": "return",
        "store": SHOP,
        "order": {"number": "#1106", "placed_at": "2026-11-02T08:14:05Z"},
        "lines": [{"line_id": "11", "sku": "LAMP-01", "title": "Lamp", "quantity": 2, "reason": "defective"}],
        "callback_url": f"{world.url}/nowhere",
    }
    try:
        return await suppliers.get("acme").open_return(body, return_id)
    finally:
        await suppliers.aclose()


def test_a_sample_order_on_the_shop_is_sent_delivered_and_announced(world: World) -> None:
    world.shop.subscribe("ORDERS_CREATE", f"{world.url}/nowhere")
    world.shop.subscribe("FULFILLMENTS_UPDATE", f"{world.url}/nowhere")
    answer = control(world, "/orders", {"store": SHOP})
    assert answer.status_code == 201
    [made] = answer.json()["orders"]
    order = world.shop.order(made["order"])
    assert made["number"] == order.name
    assert made["lines"][0] == {"line_id": str(order.lines[0].id), "sku": "LAMP-01", "quantity": 2}
    assert all(parcel.delivered_at for parcel in order.parcels)
    assert told(world) == ["orders/create", "fulfillments/update"]


def test_a_sample_order_on_the_site_is_completed_and_announced(world: World) -> None:
    world.site.webhooks.create({"topic": "order.created", "delivery_url": f"{world.url}/nowhere", "secret": "s"})
    [made] = control(world, "/orders", {"store": SITE}).json()["orders"]
    assert world.site.order(int(made["order"]))["status"] == "completed"
    assert made["lines"] == [{"line_id": "1", "sku": "ACME-MUG", "quantity": 3}]
    assert told(world) == ["order.created"]


def test_without_a_store_there_are_two_orders_on_each(world: World) -> None:
    made = control(world, "/orders").json()["orders"]
    assert sorted(order["store"] for order in made) == [SHOP, SHOP, SITE, SITE]
    assert len({(order["store"], order["order"]) for order in made}) == 4


def test_the_ledger_shows_every_money_call_and_what_was_paid(world: World) -> None:
    assert httpx.get(f"{world.url}/control/ledger").json() == {
        SHOP: {"money_calls": [], "store_credits": [], "new_orders": []},
        SITE: {"money_calls": [], "gateway_payouts": [], "coupons": [], "new_orders": []},
    }
    [made] = control(world, "/orders", {"store": SITE}).json()["orders"]
    asked = {"amount": "5.00", "reason": "by hand", "api_refund": True, "api_restock": False}
    api = API(f"{world.url}/woo/{SITE}", CONSUMER_KEY, CONSUMER_SECRET, version="wc/v3", timeout=5)
    assert api.post(f"orders/{made['order']}/refunds", asked).status_code == 201
    shown = httpx.get(f"{world.url}/control/ledger").json()[SITE]
    [call] = shown["money_calls"]
    assert (call["order"], call["outcome"], call["asked"]) == (made["order"], "created", asked)
    assert shown["gateway_payouts"] == [{"order": made["order"], "amount": "5.00"}]


def test_the_ledger_counts_credits_and_orders_that_cost_nothing(world: World) -> None:
    api = API(f"{world.url}/woo/{SITE}", CONSUMER_KEY, CONSUMER_SECRET, version="wc/v3", timeout=5)
    control(world, "/orders", {"store": SITE})
    lines = [{"product_id": 10, "quantity": 1, "subtotal": "0", "total": "0"}]
    noted = [{"key": "_makegood_operation", "value": "r-1"}]
    for _ in range(2):
        made = api.post("orders", {"status": "processing", "line_items": lines, "meta_data": noted})
        assert made.status_code == 201
    assert api.post("coupons", {"code": "MG-1", "amount": "5.00"}).status_code == 201

    shown = httpx.get(f"{world.url}/control/ledger").json()[SITE]

    assert [order["operation"] for order in shown["new_orders"]] == ["r-1", "r-1"]
    assert shown["coupons"] == [{"code": "mg-1", "amount": "5.00"}]


@pytest.mark.parametrize(
    ("action", "status"),
    [
        ("authorize", "authorized"),
        ("refuse", "refused"),
        ("receive", "received"),
        ("confirm", "confirmed"),
        ("reject", "rejected"),
        ("credit", "credited"),
    ],
)
async def test_a_supplier_does_what_it_is_told(world: World, action: str, status: str) -> None:
    assert isinstance(await ask_supplier(world), Ok)
    answer = control(world, f"/suppliers/acme/r-1/{action}")
    assert answer.status_code == 200
    assert answer.json() == {"supplier": "acme", "return_id": "r-1", "status": status}
    assert told(world) == [f"return.{status}"]


async def test_a_planned_fault_meets_the_next_calls(world: World) -> None:
    fault = {"service": "acme", "operation": "POST /returns", "kind": "status_before", "status": 503, "times": 2}
    assert control(world, "/faults", fault).status_code == 201
    outcomes = [await ask_supplier(world) for _ in range(3)]
    assert [isinstance(outcome, Ok) for outcome in outcomes] == [False, False, True]


@pytest.mark.parametrize(
    ("path", "body", "status", "word"),
    [
        ("/orders", {"store": "gamma"}, 404, "alpha"),
        ("/orders", "not json", 422, "JSON object"),
        ("/orders", "[]", 422, "JSON object"),
        ("/suppliers/nobody/r-1/confirm", None, 404, "acme"),
        ("/suppliers/acme/r-1/dance", None, 404, "authorize"),
        ("/suppliers/acme/r-1/confirm", None, 404, "case id"),
        ("/faults", {"service": "nobody", "operation": "*", "kind": "drop_after"}, 404, "alpha"),
        ("/faults", {"service": SHOP, "operation": "*", "kind": "earthquake"}, 422, "drop_after"),
        ("/faults", {"service": SHOP, "kind": "drop_after"}, 422, "operation"),
        ("/faults", {"service": SHOP, "operation": "*", "kind": "drop_after", "statsu": 500}, 422, "statsu"),
    ],
)
def test_what_cannot_be_done_is_said_with_what_can(world: World, path: str, body: Any, status: int, word: str) -> None:
    answer = control(world, path, body)
    assert answer.status_code == status
    assert word in answer.json()["error"]


def test_the_printed_lines_connect_a_makegood(
    world: World, settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    lines = [shlex.split(line) for line in guide(world).splitlines() if not line.startswith("#")]
    assert all(command == "export" for command, _ in lines)
    for _, assignment in lines:
        monkeypatch.setenv(*assignment.split("=", 1))
    connected = Settings()
    assert connected.stores[SHOP].api_url == f"{world.url}/shopify/{SHOP}"
    assert connected.stores[SITE].url == f"{world.url}/woo/{SITE}"
    assert connected.suppliers["acme"].vendors == ["Acme"]
    assert {key for key in connected.suppliers if key != "byhand"} == set(world.suppliers)


def test_a_taken_port_is_told_in_one_sentence(world: World) -> None:
    port = int(world.url.rsplit(":", 1)[1])
    with pytest.raises(ConfigError, match=rf"port {port} .*--port"):
        run_sandbox(port)
