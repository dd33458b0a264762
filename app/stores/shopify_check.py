"""What `makegood doctor` looks at in a Shopify store."""

from __future__ import annotations

from app.errors import AppError
from app.stores.base import Finding, StoreUnavailable
from app.stores.shopify_client import ShopifyClient
from app.stores.shopify_transport import ShopifyTransport
from app.stores.shopify_webhooks import granted_scopes

REQUIRED_SCOPES = ("read_orders", "write_orders", "read_returns", "write_returns", "read_fulfillments")
# Reported like an advised one; whoever asks knows whether it is wanted.
COUPON_SCOPE = "write_discounts"
ADVISED_SCOPES = {
    COUPON_SCOPE: "without it the coupons that the policy promises with its thanks cannot be made",
    "read_all_orders": "without it Shopify shows only the orders of the last 60 days; ask for it in the app's settings",
    "read_shopify_payments_disputes": "without it a chargeback is seen only when the order is read, not when it opens",
}


async def check(key: str, client: ShopifyClient, transport: ShopifyTransport) -> list[Finding]:
    """Credentials, API version and scopes. Never raises for what the store or the network does."""
    subject = f"store {key}"
    try:
        scopes = await granted_scopes(client)
    except StoreUnavailable as error:
        mend = "Check DOMAIN, the network and Shopify's status page, then run this again."
        return [Finding(f"{subject}: credentials", False, error.detail, mend)]
    except AppError as error:
        mend = "Check DOMAIN and ACCESS_TOKEN (or CLIENT_ID and CLIENT_SECRET), and that the app is installed."
        return [Finding(f"{subject}: credentials", False, error.detail, mend)]
    return [
        Finding(f"{subject}: credentials", True, "Shopify accepts them"),
        _version(subject, transport),
        _required(subject, scopes),
        *(
            Finding(
                f"{subject}: scope {scope}",
                True,
                "granted" if scope in scopes else "not granted",
                _advice(scope, scopes),
            )
            for scope in ADVISED_SCOPES
        ),
    ]


def _advice(scope: str, scopes: set[str]) -> str:
    return "" if scope in scopes else f"Advised: {ADVISED_SCOPES[scope]}."


def _version(subject: str, transport: ShopifyTransport) -> Finding:
    asked, used = transport.api_version, transport.version_used
    if used in (None, asked):
        return Finding(f"{subject}: API version", True, asked)
    mend = f"Makegood was made for {asked}, which Shopify has retired: install a newer Makegood."
    return Finding(f"{subject}: API version", False, f"asked for {asked}, answered with {used}", mend)


def _required(subject: str, scopes: set[str]) -> Finding:
    missing = [scope for scope in REQUIRED_SCOPES if scope not in scopes]
    if not missing:
        return Finding(f"{subject}: scopes", True, "all that are needed")
    mend = "Grant them to the app in the Dev Dashboard (or the store's app settings) and install the new version."
    return Finding(f"{subject}: scopes", False, f"missing: {', '.join(missing)}", mend)
