"""Scopes and settings are asked for where the policy offers a remedy that needs them, and nowhere else."""

from __future__ import annotations

import httpx
import respx

from app.sandbox.faults import Fault, FaultKind
from app.sandbox.woocommerce.site import WooSite
from app.stores.base import Feature, Finding
from app.stores.shopify_check import ADVISED_SCOPES, REQUIRED_SCOPES
from app.stores.woocommerce import WooStore
from tests.stores.shopify_shop import Shop, data, make_store

ALL = frozenset(Feature)
DOMAIN = "alpha.myshopify.com"


def granted(*more: str) -> dict[str, object]:
    handles = [{"handle": scope} for scope in (*REQUIRED_SCOPES, *ADVISED_SCOPES, *more)]
    return {"id": "gid://shopify/AppInstallation/1", "accessScopes": handles}


def shop_with(router: respx.MockRouter, *more: str) -> Shop:
    """A shop that the doctor finds in order, with these scopes granted too."""
    shop = Shop(router).on("GrantedScopes", data("currentAppInstallation", granted(*more)))
    shop.on("ShopOfToken", data("shop", {"id": "gid://shopify/Shop/1", "myshopifyDomain": DOMAIN}))
    return shop.on("NewestOrder", data("orders", {"nodes": []}))


def faults(findings: list[Finding]) -> list[str]:
    return [f"{finding.code}: {finding.subject}: {finding.detail}" for finding in findings if not finding.ok]


@respx.mock
async def test_shopify_needs_no_scope_for_what_is_not_offered(respx_mock: respx.MockRouter) -> None:
    shop_with(respx_mock)

    findings = await make_store().check()

    assert not [finding for finding in findings if "draft" in finding.subject or "credit" in finding.subject]


@respx.mock
async def test_shopify_names_the_scopes_of_new_orders(respx_mock: respx.MockRouter) -> None:
    shop_with(respx_mock, "read_products")

    findings = await make_store().check(frozenset({Feature.NEW_ORDERS}))

    assert faults(findings) == [
        "scope_missing: store alpha: scope write_draft_orders: not granted: no replacement can be ordered"
    ]
    advised = [finding for finding in findings if finding.subject.endswith("read_customers")]
    assert [(finding.ok, finding.code, finding.mend[:7]) for finding in advised] == [(True, "scope_advised", "Advised")]
    assert not [finding for finding in findings if "store_credit" in finding.subject]


@respx.mock
async def test_shopify_is_content_when_all_is_granted(respx_mock: respx.MockRouter) -> None:
    more = ("write_draft_orders", "read_products", "read_customers", "write_store_credit_account_transactions")
    shop_with(respx_mock, *more)

    findings = await make_store().check(ALL)

    assert faults(findings) == []
    assert {finding.subject.rsplit(" ", 1)[-1] for finding in findings if not finding.mend} >= set(more)


@respx.mock
async def test_shopify_scopes_that_cannot_be_read_again_are_one_finding(respx_mock: respx.MockRouter) -> None:
    """Read for what every store needs, and refused when they are read for the remedies."""
    asked = shop_with(respx_mock)
    asked.on("GrantedScopes", data("currentAppInstallation", granted()), httpx.Response(401))

    findings = await make_store().check(ALL)

    assert [(one.code, one.subject, one.mend) for one in findings if not one.ok] == [
        ("scopes_unread", "store alpha: remedies", "Check the store's credentials first.")
    ]
    assert not [one for one in findings if "draft" in one.subject]
    assert len(asked.asked("GrantedScopes")) == 2


async def test_woocommerce_is_asked_only_for_what_is_offered(site: WooSite, woo: WooStore) -> None:
    site.coupons.switch_off()

    without, with_orders = await woo.check(), await woo.check(frozenset({Feature.NEW_ORDERS}))

    assert faults(without) == faults(with_orders) == []
    assert [finding.subject for finding in with_orders if finding not in without] == ["products"]


async def test_woocommerce_without_coupons_has_no_store_credit(site: WooSite, woo: WooStore) -> None:
    assert faults(await woo.check(ALL)) == []
    site.coupons.switch_off()

    assert faults(await woo.check(ALL)) == [
        "coupons_off: coupons: Store credit is a coupon here, and coupons are switched off",
    ]


async def test_woocommerce_products_that_cannot_be_read_are_a_fault(site: WooSite, woo: WooStore) -> None:
    site.faults.add("GET /products", Fault(FaultKind.STATUS_BEFORE, status=403))

    (found,) = faults(await woo.check(frozenset({Feature.NEW_ORDERS})))

    assert found.startswith("products_unread: products: Products cannot be read")


async def test_coupons_that_cannot_be_looked_at_are_a_fault(site: WooSite, woo: WooStore) -> None:
    site.faults.stand("GET /settings", Fault(FaultKind.STATUS_BEFORE, status=403))

    (found,) = [one for one in await woo.check(frozenset({Feature.STORE_CREDIT})) if one.subject == "coupons"]

    assert (found.ok, found.code, found.mend) == (False, "coupons_unread", "Use a shop manager's key.")
    assert found.detail.startswith("The settings cannot be read: ")
    assert "coupons_unread" not in {one.code for one in await woo.check(frozenset({Feature.NEW_ORDERS}))}
