"""Calls to Shopify that may be repeated: reading, and changes that are safe to make twice. Never money."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping
from typing import Any

from app.orders.reading import child, objects, text
from app.stores.base import StoreRefused, StoreUnavailable
from app.stores.shopify_documents import Document
from app.stores.shopify_token import TokenRefused, TokenUnavailable
from app.stores.shopify_transport import Interrupted, NotNow, NotSent, Reply, ShopifyTransport

Sleep = Callable[[float], Awaitable[None]]

_TRIES = 4
_LONGEST_WAIT = 20.0

# What these statuses mean to a person; none of them goes away by itself.
REFUSALS: Mapping[int, str] = {
    401: "Shopify does not accept the access token",
    402: "The shop is frozen for want of payment",
    403: "Shopify does not allow this app to do that",
    404: "Shopify knows no such shop or API version",
    423: "The shop is locked",
}

# Error codes with which Shopify turns a document down before it runs (recorded from a live development store).
NEVER_RAN = frozenset(
    {
        "BAD_REQUEST",
        "INVALID_VARIABLE",
        "RESOURCE_NOT_FOUND",
        "ACCESS_DENIED",
        "CURRENCY_CODE_INVALID",
        "MAX_COST_EXCEEDED",
        "argumentNotAccepted",
        "argumentLiteralsIncompatible",
        "missingRequiredArguments",
        "undefinedField",
        "undefinedType",
        "variableMismatch",
        "parseError",
    }
)

# Personal data is withheld from apps without access to it; the order is usable without.
_MAY_BE_WITHHELD = frozenset(
    {
        "email", "customer", "customerLocale", "shippingAddress", "billingAddress", "countryCodeV2", "provinceCode",
        "company",
    }
)  # fmt: skip


def describe(errors: list[dict[str, Any]]) -> str:
    """The messages of top-level errors, with the scope that Shopify says is missing."""
    parts = []
    for error in errors[:3]:
        scope = text(child(error, "extensions"), "requiredAccess", 200)
        parts.append((text(error, "message", 200) or "no message") + (f" (needs {scope})" if scope else ""))
    return "; ".join(parts) or "errors that cannot be read"


def error_path(error: Mapping[str, Any]) -> list[Any]:
    """Where in the answer a top-level error arose; empty when it concerns the whole document."""
    path = error.get("path")
    return path if isinstance(path, list) else []


def _only_withheld(reply: Reply) -> bool:
    return reply.codes == {"ACCESS_DENIED"} and all(
        _MAY_BE_WITHHELD.intersection(str(part) for part in error_path(error)) for error in reply.errors
    )


class ShopifyClient:
    """Asks a store, waiting and repeating while it throttles. `sleep` takes seconds."""

    def __init__(self, transport: ShopifyTransport, sleep: Sleep) -> None:
        self._transport = transport
        self._sleep = sleep

    async def ask(self, document: Document, variables: Mapping[str, Any], tries: int = _TRIES) -> dict[str, Any] | None:
        """The value of the document's root field; None when Shopify says there is no such thing.

        With `tries` 1 a store that throttles is left alone at once. Raises `StoreUnavailable` for trouble on the way
        and `StoreRefused` when somebody has to change something.
        """
        wait = 0.0
        for left in reversed(range(tries)):
            reply = await self._reply(document, variables)
            if reply.status == 429:
                wait = reply.retry_after if reply.retry_after is not None else 1.0
            elif reply.status == 200 and reply.throttled:
                wait = reply.wait
            else:
                return _value(document, reply)
            if left and wait <= _LONGEST_WAIT:
                await self._sleep(wait)
            elif left:
                break
        raise StoreUnavailable("Shopify throttles this app", retry_after=wait)

    async def _reply(self, document: Document, variables: Mapping[str, Any]) -> Reply:
        try:
            return await self._transport.execute(document, variables)
        except TokenRefused as error:
            raise StoreRefused(f"Shopify gives no access token for the client id and secret: {error}") from error
        except TokenUnavailable as error:
            raise StoreUnavailable(f"Shopify gives no access token now: {error}") from error
        except NotNow as error:
            raise StoreUnavailable(f"Shopify is not asked now: {error}", retry_after=error.wait) from error
        except (NotSent, Interrupted) as error:
            raise StoreUnavailable(f"Shopify cannot be reached: {error}") from error


def _value(document: Document, reply: Reply) -> dict[str, Any] | None:
    if reply.status in REFUSALS:
        raise StoreRefused(f"{REFUSALS[reply.status]} (HTTP {reply.status})")
    if reply.status != 200:
        hint = "; a redirect is never followed" if 300 <= reply.status < 400 else ""
        raise StoreUnavailable(f"Shopify answered HTTP {reply.status}{hint}", retry_after=reply.retry_after)
    if reply.body is None:
        raise StoreUnavailable("Shopify's answer is not JSON")
    value = reply.data.get(document.root)
    if reply.failed and not (value and _only_withheld(reply)):
        what = f"{document.name}: {describe(reply.errors)}"
        if reply.codes and reply.codes <= NEVER_RAN:
            raise StoreRefused(f"Shopify refuses {what}")
        raise StoreUnavailable(f"Shopify failed at {what}")
    if document.root not in reply.data:
        raise StoreUnavailable(f"Shopify's answer to {document.name} has no {document.root!r}")
    if value is not None and not isinstance(value, dict):
        raise StoreUnavailable(f"Shopify's answer to {document.name} has another shape than its schema")
    return value


async def every_page(
    client: ShopifyClient, document: Document, variables: Mapping[str, Any], key: str | None, after: str | None = None
) -> tuple[dict[str, Any] | None, list[dict[str, Any]]]:
    """The first page's root value, and the nodes of its connection `key` over all pages from the cursor `after` on.

    With `key` None the root field is the connection itself. Without the root there are no nodes.
    """
    first: dict[str, Any] | None = None
    found: list[dict[str, Any]] = []
    while True:
        value = await client.ask(document, {**variables, "after": after})
        if value is None:
            return None, []
        first = first or value
        connection = child(value, key) if key else value
        found.extend(objects(connection, "nodes"))
        page = child(connection, "pageInfo")
        cursor = text(page, "endCursor", 2000)
        if page.get("hasNextPage") is not True or cursor is None or cursor == after:
            return first, found
        after = cursor
