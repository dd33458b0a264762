"""Where the access token of a Shopify store comes from.

A legacy custom app has a static token that never expires. An app of the Dev Dashboard exchanges its client id and
secret for a token of about 24 hours; there is no refresh token, so a new one is simply asked for.
"""

from __future__ import annotations

import asyncio
import re
import time
from collections.abc import Callable
from typing import Protocol

import httpx

from app.orders.reading import UnreadablePayload, parse_object, quantity, text

# The share of a token's life after which it is renewed.
_RENEW_AT = 0.8
# Assumed when the answer does not tell the life (it says about 86399); seconds.
_SHORT_LIFE = 3600


class TokenRefused(Exception):
    """The store does not accept the client id and secret; somebody has to change something."""


class TokenUnavailable(Exception):
    """The token could not be asked for now; asking again later is right."""


class TokenSource(Protocol):
    """Gives access tokens. Raises `TokenRefused` or `TokenUnavailable`."""

    async def current(self) -> str:
        """A token that should be valid."""
        ...

    async def renewed(self, stale: str) -> str | None:
        """Another token, after the store refused `stale`; None when there can be no other."""
        ...


class StaticToken:
    """The token of a legacy custom app."""

    def __init__(self, token: str) -> None:
        self._token = token

    async def current(self) -> str:
        """The token."""
        return self._token

    async def renewed(self, stale: str) -> str | None:
        """None: a static token that is refused stays refused."""
        del stale
        return None


class ClientCredentials:
    """Tokens by the client credentials grant, kept until 80 % of their life is over."""

    def __init__(
        self,
        client: httpx.AsyncClient,
        url: str,
        client_id: str,
        client_secret: str,
        *,
        monotonic: Callable[[], float] = time.monotonic,
    ) -> None:
        self._client = client
        self._url = url
        self._form = {"grant_type": "client_credentials", "client_id": client_id, "client_secret": client_secret}
        self._monotonic = monotonic
        self._lock = asyncio.Lock()
        self._token: str | None = None
        self._renew_at = 0.0

    async def current(self) -> str:
        """The kept token, or a new one when none is kept or its time has come."""
        async with self._lock:
            if self._token is None or self._monotonic() >= self._renew_at:
                await self._fetch()
            assert self._token is not None
            return self._token

    async def renewed(self, stale: str) -> str | None:
        """A new token, unless another call has renewed `stale` meanwhile."""
        async with self._lock:
            if self._token is None or self._token == stale:
                await self._fetch()
            return self._token

    async def _fetch(self) -> None:
        self._token = None
        try:
            response = await self._client.post(self._url, data=self._form, headers={"Accept": "application/json"})
        except httpx.HTTPError as error:
            raise TokenUnavailable(f"no answer to the token request ({type(error).__name__})") from error
        if response.status_code in (400, 401, 403, 404):
            raise TokenRefused(f"HTTP {response.status_code}{_reason(response.content)}")
        if response.status_code != 200:
            raise TokenUnavailable(f"HTTP {response.status_code} to the token request")
        try:
            answer = parse_object(response.content)
        except UnreadablePayload as error:
            raise TokenUnavailable("the answer to the token request cannot be read") from error
        token = text(answer, "access_token")
        if token is None:
            raise TokenUnavailable("the answer to the token request has no token")
        self._token = token
        self._renew_at = self._monotonic() + _RENEW_AT * quantity(answer, "expires_in", _SHORT_LIFE)


def _reason(body: bytes) -> str:
    """OAuth's error word (`invalid_client`), which holds no secret; anything else is left out."""
    try:
        word = text(parse_object(body), "error", 60)
    except UnreadablePayload:
        return ""
    return f" {word}" if word and re.fullmatch(r"[a-z_]+", word) else ""
