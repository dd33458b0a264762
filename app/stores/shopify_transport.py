"""One GraphQL call to Shopify: what was sent, what came back, and whether it can have run.

ShopifyAPI supplies the session (version, endpoint, headers). Its own GraphQL client has no time-out, prints bodies and
reads a session from class globals that leak between shops; here a session is built for each call, nothing is
activated, and httpx carries the request.
"""

from __future__ import annotations

import asyncio
import ipaddress
import re
from collections.abc import Mapping
from contextlib import AbstractAsyncContextManager
from dataclasses import dataclass
from decimal import Decimal
from typing import Any
from urllib.parse import urlsplit

import httpx
import shopify
import structlog

from app import calls
from app.errors import ConfigError
from app.orders.reading import UnreadablePayload, amount, child, objects, parse_object, text
from app.pace.base import NOTHING_TOLD, NoTurn, Pace, Told, Unpaced
from app.stores.shopify_documents import Document
from app.stores.shopify_token import TokenSource

_log = structlog.get_logger(__name__)
_DOMAIN = re.compile(r"[a-z0-9][a-z0-9-]*\.myshopify\.com", re.ASCII)
_LONGEST_RETRY_AFTER = 3600.0


# Points, until an answer has told what a document costs. A mutation costs ten; what is read is nested.
_CHANGE_COSTS, _READING_COSTS = 10.0, 50.0


class NotSent(Exception):
    """The request never reached the store: no connection was made."""


class NotNow(NotSent):
    """It is not our turn to ask; `wait` is in how many seconds it may be."""

    def __init__(self, detail: str, wait: float) -> None:
        super().__init__(detail)
        self.wait = wait


class Interrupted(Exception):
    """The request may have reached the store and there is no whole answer. `code` is stable."""

    def __init__(self, code: str, detail: str) -> None:
        super().__init__(detail)
        self.code = code
        self.detail = detail


@dataclass(frozen=True, slots=True)
class Reply:
    """An HTTP answer; `body` is None when it is not a JSON object. `retry_after` is in seconds."""

    status: int
    body: dict[str, Any] | None
    retry_after: float | None = None

    @property
    def data(self) -> dict[str, Any]:
        """`data`, empty when it is null or missing."""
        return child(self.body or {}, "data")

    @property
    def failed(self) -> bool:
        """Whether there are top-level errors, readable or not."""
        return bool((self.body or {}).get("errors"))

    @property
    def errors(self) -> list[dict[str, Any]]:
        """The top-level errors that can be read."""
        return objects(self.body or {}, "errors")

    @property
    def codes(self) -> set[str]:
        """`extensions.code` of each error; an empty text for an error without one."""
        return {text(child(error, "extensions"), "code", 80) or "" for error in self.errors}

    @property
    def throttled(self) -> bool:
        """Shopify throttles with HTTP 200 and no data: nothing ran."""
        return self.failed and not any(self.data.values()) and self.codes == {"THROTTLED"}

    @property
    def told(self) -> Told:
        """What it says of the shop's cost points."""
        cost = child(child(self.body or {}, "extensions"), "cost")
        status = child(cost, "throttleStatus")
        spent = amount(cost, "actualQueryCost")
        return Told(
            cost=0.0 if self.throttled else _number(spent),
            available=_number(amount(status, "currentlyAvailable")),
            burst=_number(amount(status, "maximumAvailable")),
            rate=_number(amount(status, "restoreRate")),
            hold=self.retry_after if self.status == 429 else None,
            throttled=self.status == 429 or self.throttled,
        )

    @property
    def asked(self) -> float | None:
        """Points that must be there before the document runs; None when the answer does not say."""
        return _number(amount(child(child(self.body or {}, "extensions"), "cost"), "requestedQueryCost"))

    @property
    def wait(self) -> float:
        """Seconds until Shopify will have restored enough points for this query; 1 when it does not say."""
        cost = child(child(self.body or {}, "extensions"), "cost")
        status = child(cost, "throttleStatus")
        asked, there = amount(cost, "requestedQueryCost"), amount(status, "currentlyAvailable")
        rate = amount(status, "restoreRate")
        if asked is None or there is None or not rate or rate < 0:
            return 1.0
        return float(max(Decimal("0.1"), (asked - there) / rate))


def base_url(domain: str, api_url: str | None) -> str:
    """The address that paths are added to. Raises `ConfigError` for a domain or URL that must not get a token."""
    if api_url is not None:
        parts = urlsplit(api_url)
        if _is_loopback(parts.hostname) and parts.scheme in ("http", "https"):
            return api_url.rstrip("/")
        if parts.scheme != "https" or not parts.hostname:
            raise ConfigError("API_URL of a Shopify store must be https:// (http:// only on loopback)")
    if not _DOMAIN.fullmatch(domain):
        raise ConfigError("DOMAIN of a Shopify store must look like my-store.myshopify.com, in lower case")
    return (api_url or f"https://{domain}").rstrip("/")


def is_loopback_url(url: str) -> bool:
    """Whether the URL's host is this machine."""
    return _is_loopback(urlsplit(url).hostname)


def _is_loopback(host: str | None) -> bool:
    if host is None or host == "localhost":
        return host is not None
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False


class HttpxGraphQL(shopify.GraphQL):  # type: ignore[misc]
    """ShopifyAPI's GraphQL client over httpx, for the session it is given instead of the activated one."""

    def __init__(self, session: shopify.Session, base: str, client: httpx.AsyncClient) -> None:
        self.endpoint: str = session.api_version.api_path(base) + "/graphql.json"
        self.headers: dict[str, str] = {"X-Shopify-Access-Token": session.token}
        self._client = client

    async def execute(
        self, query: str, variables: Mapping[str, Any] | None = None, operation_name: str | None = None
    ) -> httpx.Response:
        """Sends one operation and answers the response, whatever its status."""
        headers: dict[str, str] = self.merge_headers({"Accept": "application/json"}, self.headers)
        body = {"query": query, "variables": variables, "operationName": operation_name}
        return await self._client.post(self.endpoint, json=body, headers=headers)


class ShopifyTransport:
    """Sends documents to the store `key`, with a valid token. `deadline` is the longest whole call, in seconds."""

    def __init__(
        self,
        key: str,
        *,
        domain: str,
        base: str,
        api_version: str,
        tokens: TokenSource,
        client: httpx.AsyncClient,
        deadline: float,
        pace: Pace | None = None,
    ) -> None:
        self._pace = pace or Unpaced()
        self._costs: dict[str, float] = {}
        self._key = key
        self.domain = domain
        self._base = base
        self._tokens = tokens
        self._client = client
        self._deadline = deadline
        self.api_version = api_version
        self.version_used: str | None = None

    async def execute(self, document: Document, variables: Mapping[str, Any]) -> Reply:
        """Sends `document` when it is our turn. After a 401 (nothing ran) token and call are renewed, once.

        Raises `NotSent`, `Interrupted`, `TokenRefused` or `TokenUnavailable`.
        """
        try:
            turn = await self._pace.take(self._cost(document))
        except NoTurn as no:
            raise NotNow(str(no), no.wait) from no
        told = NOTHING_TOLD
        try:
            with calls.to_store(self._key, document.name) as call:
                reply = await self._execute(document, variables)
                call.answered(reply.status, throttled=reply.throttled, failed=reply.failed)
            told = reply.told
            self._costs[document.name] = reply.asked or _usual_cost(document)
        finally:
            await turn.end(told)
        return reply

    def ahead(self, *documents: Document) -> AbstractAsyncContextManager[None]:
        """Turns for one call of each, taken before the block begins. Raises `NoTurn`."""
        return self._pace.ahead(sum(map(self._cost, documents)))

    def _cost(self, document: Document) -> float:
        return self._costs.get(document.name, _usual_cost(document))

    async def _execute(self, document: Document, variables: Mapping[str, Any]) -> Reply:
        token = await self._tokens.current()
        response = await self._send(document, variables, token)
        if response.status_code == 401:
            fresh = await self._tokens.renewed(token)
            if fresh is not None:
                response = await self._send(document, variables, fresh)
        self._note_version(response, document)
        return Reply(response.status_code, _object_in(response), _retry_after(response))

    async def _send(self, document: Document, variables: Mapping[str, Any], token: str) -> httpx.Response:
        session = shopify.Session(self.domain, self.api_version, token)
        try:
            async with asyncio.timeout(self._deadline):
                return await HttpxGraphQL(session, self._base, self._client).execute(
                    document.text, variables, document.name
                )
        except (httpx.ConnectError, httpx.ConnectTimeout, httpx.PoolTimeout) as error:
            raise NotSent(f"no connection to the store ({type(error).__name__})") from error
        except (httpx.TimeoutException, TimeoutError) as error:
            raise Interrupted("timeout", "the store did not answer in time") from error
        except httpx.HTTPError as error:
            raise Interrupted("connection_lost", f"the connection broke ({type(error).__name__})") from error

    def _note_version(self, response: httpx.Response, document: Document) -> None:
        used = response.headers.get("X-Shopify-API-Version")
        _log.debug(
            "shopify_call",
            shop=self.domain,
            operation=document.name,
            status=response.status_code,
            request_id=response.headers.get("X-Request-Id"),
        )
        # Shopify falls forward to another version when the one asked for is retired.
        if used and used != self.version_used and used != self.api_version:
            _log.warning("shopify_api_version_differs", shop=self.domain, asked=self.api_version, used=used)
        self.version_used = used or self.version_used


def _usual_cost(document: Document) -> float:
    return _CHANGE_COSTS if document.text.lstrip().startswith("mutation") else _READING_COSTS


def _number(value: Decimal | None) -> float | None:
    return None if value is None else float(value)


def _object_in(response: httpx.Response) -> dict[str, Any] | None:
    try:
        return parse_object(response.content)
    except UnreadablePayload:
        return None


def _retry_after(response: httpx.Response) -> float | None:
    value = response.headers.get("Retry-After", "")
    if not re.fullmatch(r"\d{1,9}(\.\d{1,6})?", value):
        return None
    return min(float(value), _LONGEST_RETRY_AFTER)
