"""Which words labels may be: a sender must not be able to make time series without end."""

from __future__ import annotations

from collections.abc import Iterable

OTHER = "other"
# Topics that something is done with (a test compares them with the handlers), and all that suppliers may send.
TOPICS = frozenset(
    {
        "orders/create", "orders/updated", "orders/cancelled", "orders/paid", "orders/fulfilled",
        "orders/partially_fulfilled", "orders/edited", "refunds/create", "order_transactions/create",
        "fulfillments/create", "fulfillments/update", "fulfillment_events/create", "returns/request",
        "returns/approve", "returns/decline", "returns/cancel", "disputes/create", "disputes/update",
        "app/uninstalled", "customers/data_request", "customers/redact", "shop/redact",
        "order.created", "order.updated", "order.restored", "order.deleted",
        "action.woocommerce_order_refunded", "action.woocommerce_order_fully_refunded",
        "action.woocommerce_order_partially_refunded",
        "return.authorized", "return.refused", "return.received", "return.confirmed", "return.rejected",
        "return.credited",
    }
)  # fmt: skip
_sources: set[str] = set()


def allow_sources(keys: Iterable[str]) -> None:
    """From now on these keys of stores and suppliers stand in labels as they are."""
    _sources.update(keys)


def source_label(key: str) -> str:
    """The key of a configured store or supplier; `other` for one that is configured no more."""
    return key if key in _sources else OTHER


def topic_label(topic: str) -> str:
    """A topic that is known; `other` for any that a sender made up."""
    return topic if topic in TOPICS else OTHER
