"""OAuth, transport and the layers of errors of the sandbox's Shopify shop."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import httpx
import pytest

from app.clock import MovableClock
from app.sandbox.faults import Fault, FaultKind
from tests.sandbox.shopify_kit import LAMP, SECRET, World, served

GRANT = {"grant_type": "client_credentials", "client_id": "client-1", "client_secret": SECRET}
SHOP = "{ shop { name currencyCode } }"


def grant(world: World, **changes: str) -> httpx.Response:
    return world.client.post("/admin/oauth/access_token", json={**GRANT, **changes})


def test_grants_a_token_for_a_form_and_for_json() -> None:
    with served(access_token=None) as world:
        form = world.client.post("/admin/oauth/access_token", data=GRANT)
        assert form.status_code == 200
        assert form.json()["expires_in"] == 86399
        assert "read_orders" not in form.json()["scope"].split(",")
        world.token = form.json()["access_token"]
        assert world.data(SHOP) == {"shop": {"name": "Alpha", "currencyCode": "EUR"}}
        world.token = grant(world).json()["access_token"]
        assert world.post(SHOP).status_code == 200


@pytest.mark.parametrize(
    ("changes", "error"),
    [
        ({"client_secret": "wrong"}, "invalid_client"),
        ({"client_id": "wrong"}, "invalid_client"),
        ({"grant_type": "password"}, "unsupported_grant_type"),
    ],
)
def test_refuses_wrong_credentials(changes: dict[str, str], error: str) -> None:
    with served() as world:
        answer = grant(world, **changes)
        assert (answer.status_code, answer.json()) == (400, {"error": error})


def test_unreadable_grant_is_refused() -> None:
    with served() as world:
        for body in (b"\xff\xfe", b"[1]", b"{"):
            answer = world.client.post(
                "/admin/oauth/access_token", content=body, headers={"Content-Type": "application/json"}
            )
            assert answer.status_code == 400


def test_tokens_expire_and_a_static_one_does_not() -> None:
    clock = MovableClock()
    with served(clock=clock) as world:
        granted = grant(world).json()["access_token"]
        clock.move(timedelta(hours=25))
        assert world.post(SHOP).status_code == 200
        world.token = granted
        assert world.post(SHOP).status_code == 401


def test_token_faults() -> None:
    with served() as world:
        world.shop.faults.add("access_token", Fault(FaultKind.REFUSE), Fault(FaultKind.TOKEN_EXPIRED))
        assert grant(world).json() == {"error": "invalid_client"}
        world.token = grant(world).json()["access_token"]
        assert world.post(SHOP).status_code == 401
        world.token = grant(world).json()["access_token"]
        assert world.post(SHOP).status_code == 200
        world.shop.faults.add("shop", Fault(FaultKind.TOKEN_EXPIRED))
        assert [world.post(SHOP).status_code for _ in range(2)] == [401, 401]
        world.token = grant(world).json()["access_token"]
        world.shop.expire_tokens()
        assert world.post(SHOP).status_code == 401


def test_uninstalled_app_has_no_token_left() -> None:
    with served() as world:
        world.subscribe("APP_UNINSTALLED")
        world.shop.uninstall()
        assert world.delivered() == ["app/uninstalled"]
        assert world.shop.subscriptions == []
        assert world.post(SHOP).status_code == 401
        assert grant(world).json() == {"error": "invalid_client"}


def test_no_token_and_wrong_token_are_401() -> None:
    with served() as world:
        bare = world.client.post("/admin/api/2026-10/graphql.json", json={"query": SHOP})
        world.token = "shpat_wrong"
        for answer in (bare, world.post(SHOP)):
            assert answer.status_code == 401
            assert "Invalid API key" in answer.json()["errors"]


def test_headers_versions_and_cost() -> None:
    with served() as world:
        answer = world.post(SHOP)
        assert answer.headers["X-Shopify-API-Version"] == "2026-10"
        assert answer.headers["X-Request-Id"]
        assert answer.json()["extensions"]["cost"]["throttleStatus"]["restoreRate"] == 100.0
        assert world.post(SHOP, version="2024-10").headers["X-Shopify-API-Version"] == "2026-04"
        assert [world.post(SHOP, version=version).status_code for version in ("2026-13", "2027-01", "x")] == [404] * 3


def test_a_body_without_a_query_is_400() -> None:
    with served() as world:
        for body in ({}, {"query": 1}, [1]):
            answer = world.client.post(
                "/admin/api/2026-10/graphql.json", json=body, headers={"X-Shopify-Access-Token": world.token}
            )
            assert answer.status_code == 400


def test_errors_before_anything_runs() -> None:
    with served() as world:
        unknown = world.run("{ shop { nome } }")
        assert unknown["errors"][0]["extensions"]["code"] == "undefinedField"
        assert "data" not in unknown
        argument = world.run('{ shop(id: "x") { name } }')
        assert argument["errors"][0]["extensions"]["code"] == "argumentNotAccepted"
        missing = world.run("query Q($id: ID!) { order(id: $id) { id } }")
        assert missing["errors"][0]["extensions"]["code"] == "INVALID_VARIABLE"
        assert "data" not in missing
        assert "Syntax Error" in world.run("{ shop {")["errors"][0]["message"]
        assert world.run("fragment F on Shop { name }")["errors"]


def test_scopes_are_checked_and_shown() -> None:
    with served(scopes=["read_orders", "write_returns"]) as world:
        shown = world.data("{ currentAppInstallation { accessScopes { handle } } }")
        handles = [scope["handle"] for scope in shown["currentAppInstallation"]["accessScopes"]]
        assert handles == ["read_orders", "read_returns", "write_returns"]
        body = world.run('mutation { refundCreate(input: {orderId: "gid://shopify/Order/1"}) { refund { id } } }')
        assert body["errors"][0]["extensions"]["code"] == "ACCESS_DENIED"
        assert body["data"] == {"refundCreate": None}


def test_old_orders_need_their_own_scope() -> None:
    old = datetime.now(UTC) - timedelta(days=61)
    query = "query Q($id: ID!) { order(id: $id) { id } orders(first: 5) { nodes { id } } }"
    with served(scopes=["read_orders"]) as world:
        order = world.shop.create_order([LAMP], created_at=old)
        assert world.data(query, {"id": order.gid}) == {"order": None, "orders": {"nodes": []}}
    with served(scopes=["read_orders", "read_all_orders"]) as world:
        order = world.shop.create_order([LAMP], created_at=old)
        assert world.data(query, {"id": order.gid})["order"] == {"id": order.gid}
