"""What a store must allow for the remedies that its policy offers, for `makegood doctor`."""

from __future__ import annotations

from dataclasses import dataclass

from app.errors import AppError
from app.orders.reading import text
from app.stores.base import Feature, Finding
from app.stores.shopify_client import ShopifyClient
from app.stores.shopify_webhooks import granted_scopes
from app.stores.woocommerce_client import WooClient

_GRANT = "Grant it to the app in the Dev Dashboard (or the store's app settings) and install the new version"


@dataclass(frozen=True, slots=True)
class _Scope:
    """A scope and what fails without it; `sure` False where Shopify does not say that it asks for it."""

    handle: str
    lost: str
    sure: bool = True


_SCOPES = {
    Feature.NEW_ORDERS: (
        _Scope("write_draft_orders", "no replacement can be ordered"),
        _Scope("read_products", "nobody can tell what is still on sale, so nothing can be replaced or exchanged"),
        _Scope(
            "read_customers", "a replacement goes to the address alone and not to the customer's account", sure=False
        ),
    ),
    Feature.STORE_CREDIT: (
        _Scope("write_store_credit_account_transactions", "Shopify may refuse store credit", sure=False),
    ),
}


async def check_shopify(key: str, client: ShopifyClient, wanted: frozenset[Feature]) -> list[Finding]:
    """One finding for each scope that the offered remedies need. Never raises for a store's answer."""
    if not wanted:
        return []
    try:
        scopes = await granted_scopes(client)
    except AppError as error:
        return [
            Finding(
                f"store {key}: remedies", False, error.detail, "Check the store's credentials first.", "scopes_unread"
            )
        ]
    needed = [scope for feature, listed in _SCOPES.items() if feature in wanted for scope in listed]
    return [_scope(key, scope, scope.handle in scopes) for scope in needed]


def _scope(key: str, scope: _Scope, granted: bool) -> Finding:
    subject = f"store {key}: scope {scope.handle}"
    if granted:
        return Finding(subject, True, "granted")
    mend = f"{_GRANT}, or take the remedy out of the policy." if scope.sure else f"Advised: {_GRANT}."
    code = "scope_missing" if scope.sure else "scope_advised"
    return Finding(subject, not scope.sure, f"not granted: {scope.lost}", mend, code)


async def check_woocommerce(client: WooClient, wanted: frozenset[Feature]) -> list[Finding]:
    """Whether coupons can be used and products be read where the policy needs it. Never raises for an answer."""
    asked = {Feature.STORE_CREDIT: _coupons, Feature.NEW_ORDERS: _products}
    return [await ask(client) for feature, ask in asked.items() if feature in wanted]


async def _coupons(client: WooClient) -> Finding:
    mend = (
        "Switch on 'Enable the use of coupon codes' in WooCommerce > Settings > General, or take it out of the policy."
    )
    try:
        reply = await client.read("settings/general/woocommerce_enable_coupons")
    except AppError as error:
        detail = f"The settings cannot be read: {error.detail}"
        return Finding("coupons", False, detail, "Use a shop manager's key.", "coupons_unread")
    if text(reply.found or {}, "value", 10) != "yes":
        return Finding(
            "coupons", False, "Store credit is a coupon here, and coupons are switched off", mend, "coupons_off"
        )
    return Finding("coupons", True, "Coupons can be used")


async def _products(client: WooClient) -> Finding:
    try:
        await client.read("products", {"per_page": "1"})
    except AppError as error:
        mend = "Use a key of a user who manages WooCommerce, or take replacement and exchange out of the policy."
        return Finding("products", False, f"Products cannot be read: {error.detail}", mend, "products_unread")
    return Finding("products", True, "Products can be read")
