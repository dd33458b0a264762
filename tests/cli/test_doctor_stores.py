"""What `makegood doctor` finds at stores: the faults are made in the sandbox, and found over HTTP."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import pytest
from pydantic import SecretStr
from starlette.applications import Starlette

from app.doctor import code_of, level_of
from app.doctor_outside import check_stores, needed_topics
from app.orders.snapshot import Platform
from app.sandbox.faults import Fault, FaultKind
from app.sandbox.server import LoopbackServer
from app.sandbox.shopify.shop import ShopifyShop
from app.sandbox.woocommerce.auth import ApiKey
from app.sandbox.woocommerce.model import NewLine, NewOrder
from app.sandbox.world import CLIENT_ID, CLIENT_SECRET, World
from app.settings import Settings
from app.settings_store import StoreSettings
from app.stores.base import Finding, Subscription
from app.stores.callbacks import callback_url, missing_topics
from app.stores.registry import StoreRegistry
from tests.cli.command import SECRET


@pytest.fixture
def world() -> Iterator[World]:
    with World() as running:
        yield running


@pytest.fixture
def connected(settings: Settings, world: World) -> Settings:
    """The settings of a Makegood whose webhooks are all there."""
    found = {"stores": world.stores(), "suppliers": world.supplier_settings()}
    made = Settings(secret_key=[SecretStr(SECRET)], **found)  # type: ignore[arg-type]
    asyncio.run(sync(made))
    return made


async def sync(settings: Settings) -> None:
    stores = StoreRegistry(settings.stores)
    for store in stores:
        await store.sync_subscriptions(callback_url(settings, store.key))
    await stores.aclose()


def found_at(settings: Settings, key: str, **changes: Any) -> list[Finding]:
    """What is found at one store, whose settings are those of the sandbox with changes."""
    values = {**settings.stores[key].model_dump(exclude_unset=True), **changes}
    alone = settings.model_copy(update={"stores": {key: StoreSettings(**values)}})
    findings = asyncio.run(check_stores(alone))
    assert all(one.mend for one in findings if not one.ok)
    assert all(one.subject.startswith(f"store {key}: ") for one in findings)
    return findings


def codes(findings: list[Finding], level: str = "fault") -> list[str]:
    return [code_of(one) for one in findings if level_of(one) == level]


def test_nothing_is_wrong_with_what_was_connected(connected: Settings) -> None:
    for key in ("alpha", "beta"):
        found = found_at(connected, key)
        assert codes(found) == codes(found, "warning") == []


@pytest.mark.parametrize(
    ("key", "changes", "code"),
    [
        ("alpha", {"client_secret": "hush-hush"}, "credentials_refused"),
        ("alpha", {"access_token": "shpat_hushhush"}, "credentials_refused"),
        ("alpha", {"api_url": "http://127.0.0.1:1"}, "store_unreachable"),
        ("alpha", {"domain": "other.myshopify.com"}, "another_shop"),
        ("beta", {"consumer_secret": "hush-hush"}, "key_secret_wrong"),
        ("beta", {"consumer_key": "ck_hushhush"}, "key_not_seen"),
        ("beta", {"url": "http://127.0.0.1:1"}, "store_unreachable"),
        ("beta", {"webhook_secret": "a&amp;b-hush-hush"}, "webhook_secret_entity"),
    ],
)
def test_settings_that_do_not_fit_the_store(connected: Settings, key: str, changes: dict[str, Any], code: str) -> None:
    found = found_at(connected, key, **changes)
    assert codes(found) == [code]
    assert "hush" not in str(found)


def test_permalinks_that_are_plain(connected: Settings, world: World) -> None:
    found = found_at(connected, "beta", url=f"{world.url}/nothing-here")
    assert codes(found) == ["store_no_rest_api"]
    assert "Permalinks" in found[0].mend


def test_a_site_that_redirects(connected: Settings, world: World) -> None:
    world.site.faults.add("GET /orders", Fault(FaultKind.REDIRECT))
    assert codes(found_at(connected, "beta")) == ["store_redirects"]


def test_a_firewall_before_the_site(connected: Settings, world: World) -> None:
    world.site.faults.add("GET /orders", Fault(FaultKind.STATUS_BEFORE, 403))
    assert codes(found_at(connected, "beta")) == ["store_blocked"]


def test_a_site_in_trouble(connected: Settings, world: World) -> None:
    world.site.faults.add("GET /orders", Fault(FaultKind.STATUS_BEFORE, 503))
    assert codes(found_at(connected, "beta")) == ["store_in_trouble"]


def test_webhooks_that_may_not_be_looked_at(connected: Settings, world: World) -> None:
    world.site.faults.add("GET /webhooks", Fault(FaultKind.STATUS_BEFORE, 403))
    assert codes(found_at(connected, "beta")) == ["webhooks_hidden"]


@pytest.mark.parametrize(("permission", "code"), [("read", "key_read_only"), ("write", "key_write_only")])
def test_a_key_with_half_its_rights(connected: Settings, world: World, permission: str, code: str) -> None:
    world.site.keys.add(ApiKey("ck_half", "cs_half", permission))
    assert codes(found_at(connected, "beta", consumer_key="ck_half", consumer_secret="cs_half")) == [code]


NEEDED = ("write_orders", "read_returns", "write_returns", "read_fulfillments")


@contextmanager
def shop_with(*scopes: str) -> Iterator[str]:
    """A shop whose app was granted these scopes."""
    shop = ShopifyShop("alpha", "alpha.myshopify.com", CLIENT_ID, CLIENT_SECRET, scopes=scopes)
    with shop, LoopbackServer(Starlette(routes=shop.routes())) as url:
        yield url


@pytest.mark.parametrize("missing", NEEDED)
def test_a_scope_that_was_forgotten(connected: Settings, missing: str) -> None:
    # A scope to write brings the one to read with it: read_returns is missing only without write_returns.
    left = [scope for scope in NEEDED if scope != missing and (missing, scope) != ("read_returns", "write_returns")]
    with shop_with("read_orders", *left, "read_all_orders") as url:
        found = found_at(connected, "alpha", api_url=url)
    wrong = {one.subject.rpartition(" ")[2]: one for one in found if one.code == "scope_missing"}
    assert set(wrong) == set(NEEDED) - set(left)
    assert all(one.detail.startswith("not granted: ") and "Dev Dashboard" in one.mend for one in wrong.values())
    assert codes(found) == ["scope_missing"] * len(wrong)


def test_scopes_that_are_advised(connected: Settings) -> None:
    with shop_with(*NEEDED) as url:
        found = found_at(connected, "alpha", api_url=url)
    advised = {one.subject.rpartition(" ")[2] for one in found if one.code == "scope_advised" and one.ok}
    # The default policy promises no coupon, so nobody is bothered for its scope.
    assert advised == {"read_all_orders", "read_shopify_payments_disputes"}


@pytest.mark.parametrize(("secret", "level"), [(CLIENT_SECRET, "ok"), ("hush-hush", "warning")])
def test_a_client_secret_beside_a_static_token(connected: Settings, secret: str, level: str) -> None:
    shop = ShopifyShop("alpha", "alpha.myshopify.com", CLIENT_ID, CLIENT_SECRET, access_token="shpat_static1")
    with shop, LoopbackServer(Starlette(routes=shop.routes())) as url:
        found = found_at(connected, "alpha", api_url=url, access_token="shpat_static1", client_secret=secret)
    [told] = [one for one in found if one.subject == "store alpha: client secret"]
    assert level_of(told) == level
    assert code_of(told) == ("client_secret_doubtful" if level == "warning" else "ok")
    assert "hush" not in str(told)


def test_webhooks_that_are_missing(connected: Settings) -> None:
    elsewhere = connected.model_copy(update={"public_url": "http://127.0.0.1:7"})
    for key, topic in (("alpha", "refunds/create"), ("beta", "order.updated")):
        found = {one.code: one for one in found_at(elsewhere, key) if one.code}
        assert not found["webhooks_missing"].ok
        assert topic in found["webhooks_missing"].detail
        # The address that they still go to, at the same path, may be ours from before.
        assert found["webhooks_elsewhere"].ok
        assert "127.0.0.1:8000" in found["webhooks_elsewhere"].detail
    asyncio.run(sync(elsewhere))
    assert codes(found_at(elsewhere, "alpha")) == []


def test_a_webhook_that_failures_have_switched_off(connected: Settings, world: World) -> None:
    hook = next(hook for hook in world.site.webhooks.hooks.values() if hook.topic == "order.updated")
    order = world.site.create_order(NewOrder([NewLine("Mug", "20.00", 1, "ACME-MUG")]))
    while hook.status == "active":
        world.site.complete(order)
        world.courier.flush()
    found = {one.code: one for one in found_at(connected, "beta") if one.code}
    assert found["webhooks_inactive"].detail.endswith(": order.updated")
    assert "order.created" not in found["webhooks_inactive"].detail
    assert "webhooks_missing" not in found


def test_a_webhook_that_is_there_twice(connected: Settings, world: World) -> None:
    url = callback_url(connected, "beta")
    world.site.webhooks.create({"topic": "order.updated", "delivery_url": url, "secret": "another1"})
    found = {one.code: one for one in found_at(connected, "beta") if one.code}
    assert found["webhooks_duplicate"].ok
    assert "order.updated" in found["webhooks_duplicate"].detail


def test_no_store_at_all(settings: Settings) -> None:
    [found] = asyncio.run(check_stores(settings.model_copy(update={"stores": {}})))
    assert (found.code, level_of(found)) == ("store_none", "warning")


def test_a_webhook_that_is_switched_off_or_goes_elsewhere_is_missing() -> None:
    url = "https://returns.example/webhooks/woocommerce/beta"

    def there(**change: Any) -> list[Subscription]:
        topics = ["order.created", "order.updated", "order.deleted", "order.restored"]
        last = {"topic": "action.woocommerce_order_refunded", "url": url, "active": True, **change}
        return [*(Subscription("1", topic, url, True) for topic in topics), Subscription("2", **last)]

    assert missing_topics(needed_topics(Platform.WOOCOMMERCE), there(), url) == []
    missing = ["action.woocommerce_order_refunded"]
    assert missing_topics(needed_topics(Platform.WOOCOMMERCE), there(active=False), url) == missing
    assert missing_topics(needed_topics(Platform.WOOCOMMERCE), there(url="https://old.example"), url) == missing
