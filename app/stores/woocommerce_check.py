"""What `makegood doctor` asks of a WooCommerce site."""

from __future__ import annotations

import html

from app.errors import AppError
from app.orders.reading import child, text
from app.stores.base import Finding
from app.stores.woocommerce_client import CallFailed, Reply, WooClient, redirected, require_success

_READ_WRITE = "Give the key the permission Read/Write in WooCommerce > Settings > Advanced > REST API"
_NEW_KEY = "Create a key with Read/Write for a user who manages WooCommerce, and set both its parts"


async def check_site(client: WooClient, webhook_secret: str) -> list[Finding]:
    """Address, key, what the key may do, version, decimals and the webhook secret. Never raises for an answer."""
    findings = [_secret(webhook_secret)]
    try:
        reading = await client.call("GET", "orders", params={"per_page": "1"})
        # No order has the id 0, so this changes nothing; a key that may not write is refused before the id matters.
        writing = await client.call("PUT", "orders/0", data={})
    except CallFailed as failure:
        mend = "Check the store's URL, its name in DNS and its certificate (CA_FILE for a private authority)"
        return [Finding("address", False, f"{client.url}: {failure.detail}", mend), *findings]
    findings = [*access(reading, writing), *findings]
    if not all(finding.ok for finding in findings[:3]):
        return findings
    return [*findings, await _version(client), await _decimals(client)]


def access(reading: Reply, writing: Reply) -> list[Finding]:
    """Address and key, judged by the answers to a read and to a harmless write.

    WooCommerce answers a wrong secret and a missing permission with the same code and a translated message; only the
    two answers together tell them apart.
    """
    if 300 <= reading.status < 400:
        return [Finding("address", False, redirected(reading), "Set the URL to the address that it redirects to")]
    may_read, may_write = reading.status != 401, writing.status not in (401, 403)
    if not may_read and may_write:
        return [Finding("key", False, "The key may write but not read", _READ_WRITE)]
    if not may_read and reading.code == "woocommerce_rest_authentication_error":
        return [Finding("key", False, "The consumer secret is wrong", "Set CONSUMER_SECRET to the key's secret")]
    if not may_read:
        detail = f"The consumer key is unknown or its user may not see orders ({reading.code or 'HTTP 401'})"
        return [Finding("key", False, detail, _NEW_KEY)]
    try:
        require_success(reading)
    except AppError as error:
        return [Finding("address", False, error.detail, "Open the store's URL with /wp-json/wc/v3 in a browser")]
    if not may_write:
        return [Finding("key", False, f"The key may read but not write ({writing.code})", _READ_WRITE)]
    return [Finding("address", True, "The store answers"), Finding("key", True, "The key may read and write")]


def _secret(secret: str) -> Finding:
    """WooCommerce signs with the secret *after* decoding HTML entities in it, so such a secret never verifies."""
    mend = "Set WEBHOOK_SECRET to 32 or more letters and digits, then run `makegood webhooks sync`"
    if not secret:
        return Finding("webhook secret", False, "There is no webhook secret", mend)
    if html.unescape(secret) != secret:
        return Finding("webhook secret", False, "The webhook secret contains an HTML entity", mend)
    return Finding("webhook secret", True, "The webhook secret can be used")


async def _version(client: WooClient) -> Finding:
    try:
        reply = await client.read("system_status", {"_fields": "environment"})
    except AppError:
        return Finding("version", True, "The key's user may not read the system status; the version is not known")
    version = text(child(reply.found or {}, "environment"), "version", 30)
    return Finding("version", True, f"WooCommerce {version or 'of unknown version'}")


async def _decimals(client: WooClient) -> Finding:
    try:
        reply = await client.read("settings/general/woocommerce_price_num_decimals")
    except AppError:
        return Finding("decimals", True, "The key's user may not read the settings; the decimals are not known")
    value = text(reply.found or {}, "value", 10) or "an unknown number of"
    return Finding("decimals", True, f"The store writes money with {value} decimals")
