"""What `makegood doctor` looks at in a Shopify store."""

from __future__ import annotations

from collections.abc import Iterator

from app.errors import AppError
from app.orders.reading import child, objects, text
from app.stores.base import Finding, StoreUnavailable
from app.stores.shopify_client import ShopifyClient, error_path
from app.stores.shopify_shop_documents import NEWEST_ORDER, SHOP
from app.stores.shopify_token import TokenRefused, TokenUnavailable
from app.stores.shopify_transport import Interrupted, NotSent, ShopifyTransport
from app.stores.shopify_webhooks import granted_scopes

# Nothing works without these; each with what is lost without it.
_NEEDED = {
    "read_orders": "orders cannot be read and their webhooks cannot be subscribed",
    "write_orders": "no refund can be made",
    "read_returns": "returns that customers ask for on Shopify's own pages are not seen",
    "write_returns": "Shopify's own returns cannot be approved, declined or closed",
    "read_fulfillments": "what was shipped and delivered is not told, and windows are counted from the wrong day",
}
REQUIRED_SCOPES = tuple(_NEEDED)
# Reported like an advised one; whoever asks knows whether it is wanted.
COUPON_SCOPE = "write_discounts"
ADVISED_SCOPES = {
    COUPON_SCOPE: "without it the coupons that the policy promises with its thanks cannot be made",
    "read_all_orders": "without it Shopify shows only the orders of the last 60 days; ask for it in the app's settings",
    "read_shopify_payments_disputes": "without it a chargeback is seen only when the order is read, not when it opens",
}
_GRANT = "Add it to the app's version in the Dev Dashboard (or the store's app settings), release and install that."


async def check(key: str, client: ShopifyClient, transport: ShopifyTransport) -> list[Finding]:
    """Credentials, shop, API version, scopes, customer data. Never raises for what the store or the network does."""
    subject = f"store {key}"
    try:
        scopes = await granted_scopes(client)
        shop = text(await client.ask(SHOP, {}) or {}, "myshopifyDomain", 200)
    except StoreUnavailable as error:
        mend = "Check DOMAIN, the network and Shopify's status page, then run this again."
        return [Finding(f"{subject}: credentials", False, error.detail, mend, "store_unreachable")]
    except AppError as error:
        mend = "Check DOMAIN and ACCESS_TOKEN (or CLIENT_ID and CLIENT_SECRET), and that the app is installed."
        return [Finding(f"{subject}: credentials", False, error.detail, mend, "credentials_refused")]
    return [
        Finding(f"{subject}: credentials", True, "Shopify accepts them"),
        *_another(subject, shop, transport.domain),
        _version(subject, transport),
        *_required(subject, scopes),
        *(_advised(subject, scope, scopes) for scope in ADVISED_SCOPES),
        *await _customer_data(subject, scopes, transport),
    ]


def _another(subject: str, shop: str | None, domain: str) -> Iterator[Finding]:
    if shop is not None and shop.casefold() != domain:
        mend = "Set DOMAIN, ACCESS_TOKEN (or CLIENT_ID and CLIENT_SECRET) and API_URL of one and the same shop."
        yield Finding(f"{subject}: shop", False, f"{shop} answers, and DOMAIN is {domain}", mend, "another_shop")


def _version(subject: str, transport: ShopifyTransport) -> Finding:
    asked, used = transport.api_version, transport.version_used
    if used in (None, asked):
        return Finding(f"{subject}: API version", True, asked)
    mend = "Leave API_VERSION unset. If it is unset, Shopify has retired that version: install a newer Makegood."
    detail = f"asked for {asked}, answered with {used}"
    return Finding(f"{subject}: API version", False, detail, mend, "api_version_retired")


def _required(subject: str, scopes: set[str]) -> Iterator[Finding]:
    missing = [scope for scope in REQUIRED_SCOPES if scope not in scopes]
    if not missing:
        yield Finding(f"{subject}: scopes", True, "all that are needed")
    for scope in missing:
        detail = f"not granted: {_NEEDED[scope]}"
        yield Finding(f"{subject}: scope {scope}", False, detail, _GRANT, "scope_missing")


def _advised(subject: str, scope: str, scopes: set[str]) -> Finding:
    if scope in scopes:
        return Finding(f"{subject}: scope {scope}", True, "granted")
    mend = f"Advised: {ADVISED_SCOPES[scope]}."
    return Finding(f"{subject}: scope {scope}", True, "not granted", mend, "scope_advised")


async def _customer_data(subject: str, scopes: set[str], transport: ShopifyTransport) -> list[Finding]:
    """Whether Shopify shows who bought: without that no customer can be written to, whatever the scopes are."""
    if "read_orders" not in scopes:
        return []
    about = f"{subject}: customer data"
    try:
        reply = await transport.execute(NEWEST_ORDER, {})
    except (NotSent, Interrupted, TokenRefused, TokenUnavailable) as error:
        return [Finding(about, True, f"could not be looked at ({type(error).__name__})")]
    if "ACCESS_DENIED" in reply.codes and any("email" in error_path(error) for error in reply.errors):
        mend = (
            "Ask for protected customer data (name, e-mail, address) under API access in the Dev Dashboard, and give "
            "handling returns as the reason."
        )
        return [Finding(about, False, "Shopify withholds who bought: no mail", mend, "customer_data_withheld")]
    orders = objects(child(reply.data, "orders"), "nodes")
    seen = any(text(order, "email", 320) for order in orders)
    return [Finding(about, True, "shown" if seen else "no order tells yet whether it is shown")]
