"""Access tokens of the sandbox's Shopify shop: the client-credentials grant, and a static token if there is one."""

from __future__ import annotations

import hmac
import json
import secrets
from datetime import datetime, timedelta
from typing import Any
from urllib.parse import parse_qs

from app.clock import Clock


class TokenRefused(Exception):
    """An OAuth error; `code` is what the answer's `error` says."""

    def __init__(self, code: str) -> None:
        super().__init__(code)
        self.code = code


class Tokens:
    """Gives out tokens and knows which are alive. Not locked: the shop's lock is held by whoever calls."""

    def __init__(
        self, client_id: str, client_secret: str, static_token: str | None, clock: Clock, life: timedelta
    ) -> None:
        """`life` is how long a granted token lives; Shopify's lives a day. A static token never expires."""
        self._client_id = client_id
        self._client_secret = client_secret
        self._static = static_token
        self._clock = clock
        self._life = life
        self._alive: dict[str, datetime] = {}
        self._installed = True

    def grant(self, body: bytes, content_type: str) -> tuple[str, int]:
        """A new token and its life in seconds, for a form or a JSON body. Raises `TokenRefused`."""
        asked = _fields(body, content_type)
        if asked.get("grant_type") != "client_credentials":
            raise TokenRefused("unsupported_grant_type")
        right = hmac.compare_digest(str(asked.get("client_id")).encode(), self._client_id.encode())
        right &= hmac.compare_digest(str(asked.get("client_secret")).encode(), self._client_secret.encode())
        if not right or not self._installed:
            raise TokenRefused("invalid_client")
        token = f"shpat_{secrets.token_hex(16)}"
        self._alive[token] = self._clock.now() + self._life
        return token, int(self._life.total_seconds()) - 1

    def valid(self, token: str | None) -> bool:
        """Whether a call with this token may pass."""
        if token is None or not self._installed:
            return False
        if self._static is not None and hmac.compare_digest(token.encode(), self._static.encode()):
            return True
        expires = self._alive.get(token)
        return expires is not None and self._clock.now() < expires

    def expire(self, token: str | None = None) -> None:
        """Granted tokens die: one, or all of them."""
        if token is None:
            self._alive.clear()
        else:
            self._alive.pop(token, None)

    def install(self) -> None:
        """The app is installed again: tokens are given once more."""
        self._installed = True

    def uninstall(self) -> None:
        """Every token is dead, the static one too, and no new one is given."""
        self._installed = False
        self._alive.clear()


def _fields(body: bytes, content_type: str) -> dict[str, Any]:
    """The fields of a form or JSON body; none when it cannot be read."""
    try:
        if "json" in content_type:
            fields = json.loads(body)
            return fields if isinstance(fields, dict) else {}
        return {key: values[0] for key, values in parse_qs(body.decode()).items()}
    except ValueError:
        return {}
