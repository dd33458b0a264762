"""One call to Shopify that must not be repeated blindly, and what an answer to such a call proves."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from app.orders.reading import objects, text
from app.outcomes import Rejected, Unknown
from app.stores.shopify_client import NEVER_RAN, REFUSALS, describe, error_path
from app.stores.shopify_documents import Document
from app.stores.shopify_token import TokenRefused, TokenUnavailable
from app.stores.shopify_transport import Interrupted, NotNow, NotSent, Reply, ShopifyTransport


async def send_once(
    transport: ShopifyTransport, document: Document, variables: Mapping[str, Any]
) -> Reply | Rejected | Unknown:
    """Sends the mutation once; only a 401 is followed by a second call, because nothing ran.

    Never raises for the store or the network.
    """
    try:
        return await transport.execute(document, variables)
    except TokenRefused as error:
        return Rejected("token_refused", f"Shopify gives no access token: {error}")
    except TokenUnavailable as error:
        return Rejected("token_unavailable", f"Shopify gives no access token now: {error}", retryable=True)
    except NotNow as error:
        return Rejected("not_sent", str(error), retryable=True, retry_after=error.wait)
    except NotSent as error:
        return Rejected("not_sent", str(error), retryable=True)
    except Interrupted as error:
        return Unknown(error.code, error.detail)


def judge_status(reply: Reply) -> Rejected | Unknown | None:
    """What an answer proves that holds no GraphQL result; None when there is one to look at."""
    if reply.status == 200:
        return None if reply.body is not None else Unknown("unreadable_answer", "Shopify's answer is not whole JSON")
    if reply.status == 429:
        return Rejected("throttled", "Shopify takes no calls now", retryable=True, retry_after=reply.retry_after)
    if reply.status in REFUSALS:
        return Rejected(f"http_{reply.status}", REFUSALS[reply.status])
    if 300 <= reply.status < 400:
        return Unknown("redirected", f"Shopify answered with a redirect (HTTP {reply.status}), which is not followed")
    return Unknown(f"http_{reply.status}", f"Shopify answered HTTP {reply.status}")


def judge_errors(reply: Reply) -> Rejected | Unknown:
    """Errors beside data prove nothing, nor does one from inside the mutation: it may have run."""
    said = describe(reply.errors)
    if any(reply.data.values()):
        return Unknown("errors_with_data", said)
    if reply.throttled:
        return Rejected("throttled", "Shopify throttles this app", retryable=True, retry_after=reply.wait)
    outside = all(len(error_path(error)) <= 1 for error in reply.errors)
    if reply.codes and reply.codes <= NEVER_RAN and outside:
        return Rejected(sorted(reply.codes)[0].lower(), said)
    return Unknown("graphql_error", said)


def complaints(outcome: Mapping[str, Any]) -> str:
    """The mutation's `userErrors` with the fields that they are about; empty when there are none."""
    return "; ".join(
        f"{_field(each)}{text(each, 'message', 200) or 'no message'}" for each in objects(outcome, "userErrors")[:5]
    )


def _field(complaint: Mapping[str, Any]) -> str:
    field = complaint.get("field")
    return ".".join(str(part) for part in field) + ": " if isinstance(field, list) else ""
