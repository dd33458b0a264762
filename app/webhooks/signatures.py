"""Is a webhook really from whom it says? Pure: no clock, no database. Every comparison takes constant time."""

from __future__ import annotations

import base64
import hashlib
import hmac
import html
import re
from collections.abc import Mapping, Sequence
from datetime import datetime

# Standard Webhooks: a message older or newer than this may be a replay.
TOLERANCE_SECONDS = 5 * 60

_PING = re.compile(rb"webhook_id=\d{1,20}")
_TIMESTAMP = re.compile(r"\d{1,12}", re.ASCII)
_FORM = "application/x-www-form-urlencoded"


def verify_hmac(secrets: Sequence[str], raw: bytes, signature: str | None) -> bool:
    """True when `signature` is the base64 HMAC-SHA256 of the raw body under one of the secrets.

    This is Shopify's scheme (`X-Shopify-Hmac-Sha256`; the key is the app's client secret). After a rotation deliveries
    may use either secret for an hour, hence several. Empty secrets sign nothing; without any secret nothing is true.
    """
    if not signature or not signature.isascii():
        return False
    given = signature.encode("ascii")
    return any(hmac.compare_digest(_signed(secret.encode(), raw), given) for secret in secrets if secret)


def verify_woocommerce(secrets: Sequence[str], raw: bytes, signature: str | None) -> bool:
    """`verify_hmac` for `X-WC-Webhook-Signature`, where the key is the secret *after* HTML entity decoding.

    WooCommerce 11.0.1 signs with `a&b` when the secret was entered as `a&amp;b`. Both readings are tried.
    """
    return verify_hmac([*secrets, *(html.unescape(secret) for secret in secrets)], raw, signature)


def is_woocommerce_ping(content_type: str | None, raw: bytes, headers: Mapping[str, str]) -> bool:
    """True for the unsigned `webhook_id=7` that WooCommerce sends when a webhook is made; it must be answered 200."""
    is_form = (content_type or "").split(";")[0].strip().lower() == _FORM
    return is_form and _PING.fullmatch(raw) is not None and _header(headers, "x-wc-webhook-signature") is None


def verify_standard_webhook(secret: str, raw: bytes, headers: Mapping[str, str], now: datetime) -> bool:
    """True for a message signed as Standard Webhooks has it (`webhook-id`, `webhook-timestamp`, `webhook-signature`).

    `secret` is `whsec_` and base64; one that cannot be read verifies nothing. `now` is timezone-aware; a timestamp more
    than five minutes off either way is refused. The header may list several signatures while a key is being rotated.
    The package `standardwebhooks` signs the same way but verifies by the machine's clock only, so it is not used here.
    """
    key = _standard_key(secret)
    message_id, timestamp, signatures = (
        _header(headers, name) for name in ("webhook-id", "webhook-timestamp", "webhook-signature")
    )
    if not (key and message_id and signatures and timestamp and _TIMESTAMP.fullmatch(timestamp)):
        return False
    if abs(now.timestamp() - int(timestamp)) > TOLERANCE_SECONDS:
        return False
    expected = b"v1," + _signed(key, f"{message_id}.{timestamp}.".encode("utf-8", "replace"), raw)
    given = [entry.encode("ascii") for entry in signatures.split(" ") if entry.isascii()]
    return any(hmac.compare_digest(expected, entry) for entry in given)


def _signed(key: bytes, *content: bytes) -> bytes:
    """Of the pieces as if they were one, which they need not become: a body may be megabytes."""
    mac = hmac.new(key, digestmod=hashlib.sha256)
    for piece in content:
        mac.update(piece)
    return base64.b64encode(mac.digest())


def _standard_key(secret: str) -> bytes:
    # Padding is often lost when a secret is copied; surplus padding does no harm.
    try:
        return base64.b64decode(secret.removeprefix("whsec_") + "==")
    except ValueError:
        return b""


def _header(headers: Mapping[str, str], name: str) -> str | None:
    return next((value for key, value in headers.items() if key.lower() == name), None)
