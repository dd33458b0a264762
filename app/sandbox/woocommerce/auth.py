"""Who may call the sandbox's WooCommerce REST API: OAuth 1.0a in the query (as over plain http), or Basic.

A real site ignores Basic over plain http; the sandbox accepts it on loopback so that any HTTP client can look around.
"""

from __future__ import annotations

import base64
import binascii
import hashlib
import hmac
import threading
import time
from collections.abc import Mapping
from dataclasses import dataclass
from urllib.parse import quote, unquote

from app.sandbox.woocommerce.errors import RestError

_TIMESTAMP_WINDOW = 15 * 60
"""Seconds; from experience with WooCommerce, not from its source."""

_READING = frozenset({"GET", "HEAD", "OPTIONS"})
_NOT_ALLOWED = {
    "POST": ("woocommerce_rest_cannot_create", "Sorry, you are not allowed to create resources."),
    "PUT": ("woocommerce_rest_cannot_edit", "Sorry, you are not allowed to edit this resource."),
    "DELETE": ("woocommerce_rest_cannot_delete", "Sorry, you are not allowed to delete this resource."),
}
_CANNOT_VIEW = ("woocommerce_rest_cannot_view", "Sorry, you cannot list resources.")


@dataclass(frozen=True, slots=True)
class ApiKey:
    """A REST key of the site. `permission` is `read`, `write` or `read_write`."""

    consumer_key: str
    consumer_secret: str
    permission: str = "read_write"


def _denied(message: str) -> RestError:
    return RestError(401, "woocommerce_rest_authentication_error", message)


def _anonymous(method: str) -> RestError:
    return RestError(401, *_NOT_ALLOWED.get(method, _CANNOT_VIEW))


def sign(method: str, url: str, query: Mapping[str, str], consumer_secret: str) -> str:
    """The OAuth 1.0a signature (HMAC-SHA256, no token) that WooCommerce expects for this call; `url` has no query."""
    pairs = [
        "%3D".join(quote(unquote(part), safe="").replace("%", "%25") for part in (name, query[name]))
        for name in sorted(query)
        if name != "oauth_signature"
    ]
    text = f"{method}&{quote(url, safe='')}&{'%26'.join(pairs)}"
    mac = hmac.new(f"{consumer_secret}&".encode(), text.encode(), hashlib.sha256)
    return base64.b64encode(mac.digest()).decode()


class KeyRing:
    """The site's keys. Every failure is HTTP 401; an unknown key answers as if there were none."""

    def __init__(self, *keys: ApiKey) -> None:
        self._keys = {key.consumer_key: key for key in keys}
        self._nonces: set[tuple[str, str]] = set()
        self._lock = threading.Lock()

    def add(self, key: ApiKey) -> None:
        """Adds a key, or replaces the one of the same name."""
        self._keys[key.consumer_key] = key

    def check(self, method: str, url: str, query: Mapping[str, str], authorization: str) -> None:
        """Lets the call pass. Raises `RestError` 401 with WooCommerce's codes otherwise."""
        if "oauth_consumer_key" in query:
            key = self._by_oauth(method, url, query)
        elif authorization.lower().startswith("basic "):
            key = self._by_basic(method, authorization[6:])
        else:
            raise _anonymous(method)
        if method in _READING and key.permission == "write":
            raise _denied("The API key provided does not have read permissions.")
        if method not in _READING and key.permission == "read":
            raise _denied("The API key provided does not have write permissions.")

    def _known(self, method: str, consumer_key: str) -> ApiKey:
        key = self._keys.get(consumer_key)
        if key is None:
            raise _anonymous(method)
        return key

    def _by_basic(self, method: str, encoded: str) -> ApiKey:
        try:
            name, _, secret = base64.b64decode(encoded, validate=True).decode().partition(":")
        except (binascii.Error, UnicodeDecodeError) as error:
            raise _anonymous(method) from error
        key = self._known(method, name)
        if not hmac.compare_digest(key.consumer_secret.encode(), secret.encode()):
            raise _denied("Consumer secret is invalid.")
        return key

    def _by_oauth(self, method: str, url: str, query: Mapping[str, str]) -> ApiKey:
        key = self._known(method, query["oauth_consumer_key"])
        wanted = sign(method, url, query, key.consumer_secret)
        if query.get("oauth_signature_method") != "HMAC-SHA256":
            raise _denied("Invalid signature - signature method is invalid.")
        if not hmac.compare_digest(wanted.encode(), query.get("oauth_signature", "").encode()):
            raise _denied("Invalid signature - provided signature does not match.")
        timestamp = query.get("oauth_timestamp", "")
        if not timestamp.isdecimal() or abs(time.time() - int(timestamp)) > _TIMESTAMP_WINDOW:
            raise _denied("Invalid timestamp.")
        used = (key.consumer_key, query.get("oauth_nonce", ""))
        with self._lock:
            if used in self._nonces:
                raise _denied("Invalid nonce - nonce has already been used.")
            self._nonces.add(used)
        return key
