"""What `makegood doctor` asks of a WooCommerce site."""

from __future__ import annotations

import html
from collections.abc import Iterator
from typing import Any
from urllib.parse import urlsplit

from app.errors import AppError
from app.money import currency_exponent
from app.orders.reading import child, text
from app.stores.base import Finding
from app.stores.woocommerce_client import CallFailed, Reply, WooClient, redirected, require_success

# What Makegood reads of a site's own report; the report has more, and costs the site more, than is needed here.
_REPORT = {"_fields": "environment,settings"}
_READ_WRITE = "Give the key the permission Read/Write in WooCommerce > Settings > Advanced > REST API"
_NEW_KEY = (
    "Create a key with Read/Write for a user who manages WooCommerce, and set both its parts; if that is not it, let "
    "the web server pass Authorization on (Apache: CGIPassAuth On)"
)
_PERMALINKS = (
    "Set WordPress > Settings > Permalinks to anything but Plain, and open the store's URL with /wp-json/wc/v3 in a "
    "browser"
)


async def check_site(client: WooClient, webhook_secret: str) -> list[Finding]:
    """Address, key, what the key may do, version, decimals and the webhook secret. Never raises for an answer."""
    findings = [_secret(webhook_secret)]
    try:
        reading = await client.call("GET", "orders", params={"per_page": "1"})
        # No order has the id 0, so this changes nothing; a key that may not write is refused before the id matters.
        writing = await client.call("PUT", "orders/0", data={})
    except CallFailed as failure:
        mend = "Check the store's URL, its name in DNS and its certificate (CA_FILE for a private authority)"
        return [Finding("address", False, f"{client.url}: {failure.detail}", mend, "store_unreachable"), *findings]
    findings = [*access(reading, writing), *findings]
    if not all(finding.ok for finding in findings[:3]):
        return findings
    return [*findings, *await _report(client), *await _decimals(client)]


def access(reading: Reply, writing: Reply) -> list[Finding]:
    """Address and key, judged by the answers to a read and to a harmless write.

    WooCommerce answers a wrong secret and a missing permission with the same code and a translated message; only the
    two answers together tell them apart.
    """
    if 300 <= reading.status < 400:
        mend = "Set the URL to the address that it redirects to (https, with or without www)"
        return [Finding("address", False, redirected(reading), mend, "store_redirects")]
    may_read, may_write = reading.status != 401, writing.status not in (401, 403)
    if not may_read and may_write:
        return [Finding("key", False, "The key may write but not read", _READ_WRITE, "key_write_only")]
    if not may_read and reading.code == "woocommerce_rest_authentication_error":
        mend = "Set CONSUMER_SECRET to the key's secret"
        return [Finding("key", False, "The consumer secret is wrong", mend, "key_secret_wrong")]
    if not may_read:
        detail = (
            f"The consumer key is unknown, or its user may not see orders, or a proxy before the store takes the "
            f"Authorization header away ({reading.code or 'HTTP 401'})"
        )
        return [Finding("key", False, detail, _NEW_KEY, "key_not_seen")]
    try:
        require_success(reading)
    except AppError as error:
        plain = reading.status == 404
        mend = _PERMALINKS if plain else "Open the store's URL with /wp-json/wc/v3 in a browser"
        code = "store_no_rest_api" if plain else "store_blocked" if reading.status == 403 else "store_in_trouble"
        return [Finding("address", False, error.detail, mend, code)]
    if not may_write:
        detail = f"The key may read but not write ({writing.code})"
        return [Finding("key", False, detail, _READ_WRITE, "key_read_only")]
    return [Finding("address", True, "The store answers"), Finding("key", True, "The key may read and write")]


def _secret(secret: str) -> Finding:
    """WooCommerce signs with the secret *after* decoding HTML entities in it, so such a secret never verifies."""
    mend = "Set WEBHOOK_SECRET to 32 or more letters and digits, then run `makegood webhooks sync`"
    if not secret:
        return Finding("webhook secret", False, "There is no webhook secret", mend, "webhook_secret_missing")
    if html.unescape(secret) != secret:
        detail = "The webhook secret contains an HTML entity"
        return Finding("webhook secret", False, detail, mend, "webhook_secret_entity")
    return Finding("webhook secret", True, "The webhook secret can be used")


async def _report(client: WooClient) -> list[Finding]:
    """Version, home address and WP-Cron, from WooCommerce's system status (fields from experience, not from source)."""
    try:
        reply = await client.read("system_status", _REPORT)
    except AppError:
        return [Finding("version", True, "The key's user may not read the system status; the version is not known")]
    environment = child(reply.found or {}, "environment")
    version = text(environment, "version", 30)
    return [
        Finding("version", True, f"WooCommerce {version or 'of unknown version'}"),
        *_home(client.url, environment),
        *_cron(environment),
    ]


def _home(url: str, environment: dict[str, Any]) -> Iterator[Finding]:
    """A copy of a shop answers for itself, with the same keys, webhooks and orders as the shop."""
    named = {urlsplit(text(environment, name, 300) or url).hostname for name in ("home_url", "site_url")}
    if urlsplit(url).hostname not in named:
        detail = f"The site at {url} says that its home is {', '.join(sorted(name or '?' for name in named))}"
        mend = "Set URL to the shop's own address: a staging copy has the same keys, and refunds made there pay nobody"
        yield Finding("home", False, detail, mend, "store_clone")


def _cron(environment: dict[str, Any]) -> Iterator[Finding]:
    if environment.get("wp_cron") is False:
        detail = "WP-Cron is off (DISABLE_WP_CRON): webhooks are sent only when something else runs wp-cron.php"
        mend = "Let the host's cron call wp-cron.php every minute; until then events are found by polling"
        yield Finding("cron", True, detail, mend, "wp_cron_off")


async def _decimals(client: WooClient) -> list[Finding]:
    try:
        reply = await client.read("settings/general/woocommerce_price_num_decimals")
        money = await client.read("settings/general/woocommerce_currency")
    except AppError:
        return [Finding("decimals", True, "The key's user may not read the settings; the decimals are not known")]
    value = text(reply.found or {}, "value", 10) or ""
    currency = text(money.found or {}, "value", 3) or ""
    detail = f"The store writes money with {value or 'an unknown number of'} decimals"
    digits = currency_exponent(currency) if currency else 0
    if value.isdecimal() and int(value) < digits:
        mend = "Raise the number of decimals in WooCommerce > Settings > General: the store rounds refunds to it"
        detail = f"{detail}, and {currency} has {digits}"
        return [Finding("decimals", True, detail, mend, "decimals_few")]
    return [Finding("decimals", True, detail)]
