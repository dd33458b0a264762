"""The one place that talks to a WooCommerce site: the `woocommerce` package, contained.

What the package does by itself and must not: time out after 5 seconds (gateways take longer, money moves meanwhile),
follow redirects (a redirected POST arrives as a GET that answers 200), and choose Basic or OAuth by how the URL begins.
It is synchronous and raises nothing of its own; each call is one `requests` call on a connection of its own.
"""

from __future__ import annotations

import asyncio
import functools
import http.client
import ipaddress
import ssl
from collections.abc import Callable, Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from contextlib import AbstractAsyncContextManager
from dataclasses import dataclass
from typing import Any
from urllib.parse import urlsplit, urlunsplit

import requests
import urllib3.exceptions
from woocommerce import API

from app import calls
from app.errors import ConfigError
from app.orders.reading import UnreadablePayload, parse_json
from app.pace.base import NOTHING_TOLD, NoTurn, Pace, Told, Unpaced
from app.stores.base import StoreRefused, StoreUnavailable

_PAGE = 100
_MOST_PAGES = 50
_FAILURES = (
    requests.RequestException,
    urllib3.exceptions.HTTPError,
    http.client.HTTPException,
    OSError,
    UnicodeError,
)
_NEVER_SENT = (
    requests.ConnectTimeout,
    requests.exceptions.InvalidURL,
    urllib3.exceptions.NewConnectionError,
    urllib3.exceptions.ConnectTimeoutError,
    urllib3.exceptions.LocationParseError,
    ssl.SSLCertVerificationError,
)


class CallFailed(Exception):
    """No answer came. `sent` False proves that the request never left; otherwise it may have been executed.

    `wait` is in how many seconds it is our turn to ask, where that was the reason.
    """

    def __init__(self, detail: str, *, sent: bool, wait: float | None = None) -> None:
        super().__init__(detail)
        self.detail = detail
        self.sent = sent
        self.wait = wait
        self.code = "interrupted" if sent else "not_sent"


@dataclass(frozen=True, slots=True)
class Reply:
    """An HTTP answer. `body` means something only when `is_json`; `retry_after` is in seconds."""

    status: int
    is_json: bool
    body: Any = None
    total_pages: int = 0
    retry_after: float | None = None
    location: str = ""

    @property
    def code(self) -> str:
        """The error code of WordPress's error object (messages are translated, codes are not); "" without one."""
        code = self.body.get("code") if isinstance(self.body, dict) else None
        return code[:80] if isinstance(code, str) else ""

    @property
    def found(self) -> dict[str, Any] | None:
        """The JSON object of a success; None for any other answer."""
        return self.body if self.is_json and 200 <= self.status < 300 and isinstance(self.body, dict) else None


def normalised_url(url: str) -> str:
    """`url` with lower-case scheme and host and no slash at the end.

    Raises `ConfigError` for anything but https, or http on a loopback host: over plain http the package signs with
    OAuth 1.0a and repeats the parameters.
    """
    try:
        parts = urlsplit(url.strip())
        host, port = parts.hostname or "", parts.port
    except ValueError as error:
        raise ConfigError("The store's URL cannot be read") from error
    if parts.username or parts.password or parts.query or parts.fragment or not host:
        raise ConfigError("The store's URL must be like https://shop.example.com, without credentials or parameters")
    if parts.scheme != "https" and not (parts.scheme == "http" and _is_loopback(host)):
        raise ConfigError("The store's URL must begin with https://")
    place = f"[{host}]" if ":" in host else host
    return urlunsplit((parts.scheme, f"{place}:{port}" if port else place, parts.path.rstrip("/"), "", ""))


def _is_loopback(host: str) -> bool:
    try:
        return host == "localhost" or ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False


class WooClient:
    """Calls `/wp-json/wc/v3/` of one site, which is the store `store`, from worker threads of its own.

    Time-outs are in seconds. The package's read time-out counts per socket read, so the whole call has a limit of
    twice their sum as well. A call that is given up or cancelled goes on in its thread: what it does is unknown.
    """

    def __init__(
        self,
        url: str,
        consumer_key: str,
        consumer_secret: str,
        *,
        store: str,
        ca_file: str | None,
        connect_timeout: float,
        read_timeout: float,
        pace: Pace | None = None,
        parallel: int = 4,
    ) -> None:
        self._pace = pace or Unpaced()
        self.url = normalised_url(url)
        self._store = store
        # `verify_ssl` is handed to requests' `verify`, which takes the path of a CA bundle too.
        self._api = API(
            self.url,
            consumer_key,
            consumer_secret,
            timeout=(connect_timeout, read_timeout),
            verify_ssl=ca_file or True,
        )
        self._limit = 2 * (connect_timeout + read_timeout)
        self._executor = ThreadPoolExecutor(parallel, thread_name_prefix="woocommerce")

    async def call(
        self,
        method: str,
        path: str,
        *,
        params: Mapping[str, str] | None = None,
        data: Mapping[str, Any] | None = None,
    ) -> Reply:
        """One HTTP call, when it is our turn, never repeated. Raises `CallFailed` when no whole answer came."""
        try:
            turn = await self._pace.take()
        except NoTurn as no:
            raise CallFailed(f"The store is not asked now: {no}", sent=False, wait=no.wait) from no
        told = NOTHING_TOLD
        try:
            reply = await self._answered(method, path, params, data)
            told = _told(reply)
        finally:
            await turn.end(told)
        return reply

    def ahead(self, calls: int) -> AbstractAsyncContextManager[None]:
        """A place and turns for so many calls, taken before the block begins. Raises `NoTurn`."""
        return self._pace.ahead(calls)

    async def _answered(
        self, method: str, path: str, params: Mapping[str, str] | None, data: Mapping[str, Any] | None
    ) -> Reply:
        work = functools.partial(self._call, method, path, dict(params or {}), data)
        with calls.to_store(self._store, calls.operation_of(method, path)) as call:
            reply = await self._in_thread(work)
            call.answered(reply.status)
            return reply

    async def _in_thread(self, work: Callable[[], Reply]) -> Reply:
        try:
            return await asyncio.wait_for(
                asyncio.get_running_loop().run_in_executor(self._executor, work), timeout=self._limit
            )
        except TimeoutError as error:
            raise CallFailed("The store took too long to answer", sent=True) from error

    def _call(self, method: str, path: str, params: dict[str, str], data: Mapping[str, Any] | None) -> Reply:
        arguments: dict[str, Any] = {"params": params, "allow_redirects": False}
        if data is not None:
            arguments["data"] = data
        try:
            return _reply(getattr(self._api, method.lower())(path, **arguments))
        except _FAILURES as error:
            # The error's text can hold the whole URL, and over plain http that holds the signature.
            sent = not any(isinstance(cause, _NEVER_SENT) for cause in _causes(error))
            raise CallFailed(f"The connection to the store failed ({type(error).__name__})", sent=sent) from None

    async def read(self, path: str, params: Mapping[str, str] | None = None) -> Reply:
        """GETs JSON. Raises `StoreUnavailable` or `StoreRefused` for anything but a success or a "no such id"."""
        try:
            reply = await self.call("GET", path, params=params)
        except CallFailed as failure:
            raise StoreUnavailable(failure.detail, failure.wait) from failure
        if not is_missing(reply):
            require_success(reply)
        return reply

    async def read_list(self, path: str, params: Mapping[str, str] | None = None) -> list[dict[str, Any]] | None:
        """Every object of a list, page by page (WordPress gives at most 100 at once); None for "no such id"."""
        found: list[dict[str, Any]] = []
        for page in range(1, _MOST_PAGES + 1):
            reply = await self.read(path, {**(params or {}), "per_page": str(_PAGE), "page": str(page)})
            if is_missing(reply):
                return None
            if not isinstance(reply.body, list):
                raise StoreUnavailable("The store did not answer with a list")
            found += [item for item in reply.body if isinstance(item, dict)]
            if page >= reply.total_pages and len(reply.body) < _PAGE:
                return found
        raise StoreRefused(f"The store lists more than {_MOST_PAGES * _PAGE} entries")

    def close(self) -> None:
        """Takes no more calls; those under way end by themselves."""
        self._executor.shutdown(wait=False)


def _told(reply: Reply) -> Told:
    """A site that has enough says so with 429, or with 503 and a time."""
    enough = reply.status == 429 or (reply.status == 503 and reply.retry_after is not None)
    return Told(hold=reply.retry_after, throttled=True) if enough else NOTHING_TOLD


def _causes(error: BaseException | None) -> Iterator[BaseException]:
    """The error and what it was made from: urllib3 keeps the real one in `reason`, requests in its first argument."""
    waiting: list[Any] = [error]
    seen: list[BaseException] = []
    while waiting:
        cause = waiting.pop()
        if isinstance(cause, BaseException) and not any(cause is other for other in seen):
            seen.append(cause)
            waiting += [getattr(cause, "reason", None), cause.args[0] if cause.args else None]
            yield cause


def _reply(response: requests.Response) -> Reply:
    kind = response.headers.get("Content-Type", "").split(";")[0].strip().lower()
    body, is_json = None, False
    if kind == "application/json" or kind.endswith("+json"):
        try:
            body, is_json = parse_json(response.content), True
        except UnreadablePayload:
            is_json = False
    pages, wait = response.headers.get("X-WP-TotalPages", ""), response.headers.get("Retry-After", "")
    return Reply(
        status=response.status_code,
        is_json=is_json,
        body=body,
        total_pages=int(pages) if pages.isdecimal() and len(pages) < 7 else 0,
        retry_after=float(wait) if wait.isdecimal() and len(wait) < 7 else None,
        location=_host_of(response.headers.get("Location", "")),
    )


def _host_of(location: str) -> str:
    """Scheme and host of a redirect's target: enough to mend the setting, and no parameters with it."""
    try:
        parts = urlsplit(location)
        return f"{parts.scheme}://{parts.hostname}" if parts.hostname else "another path"
    except ValueError:
        return "an unreadable address"


def is_missing(reply: Reply) -> bool:
    """Whether WooCommerce says that there is no such order or refund (404 with `woocommerce_rest_…_invalid_id`)."""
    return reply.status == 404 and reply.is_json and reply.code.endswith("_invalid_id")


def redirected(reply: Reply) -> str:
    """What to tell the person who set the URL."""
    return f"The store's URL redirects to {reply.location}; set the address that it leads to"


def require_success(reply: Reply) -> None:
    """Raises `StoreRefused` where a person must change something, `StoreUnavailable` where waiting may help."""
    if 200 <= reply.status < 300 and reply.is_json:
        return
    if 300 <= reply.status < 400:
        raise StoreRefused(redirected(reply))
    if reply.status == 401:
        raise StoreRefused(f"The store does not accept the consumer key or secret ({reply.code or 'HTTP 401'})")
    if reply.status == 403:
        raise StoreRefused(f"The store or a firewall before it forbids the call ({reply.code or 'HTTP 403, no JSON'})")
    if reply.status == 429 or reply.status >= 500:
        raise StoreUnavailable(f"The store answered HTTP {reply.status} {reply.code}".rstrip(), reply.retry_after)
    if reply.status == 404 and reply.code in ("", "rest_no_route"):
        raise StoreRefused("There is no WooCommerce REST API at the store's URL; check the URL and its permalinks")
    if reply.status >= 400:
        raise StoreRefused(f"The store refused the call ({reply.code or f'HTTP {reply.status}'})")
    raise StoreUnavailable(f"The store answered HTTP {reply.status} with a body that is not JSON")
