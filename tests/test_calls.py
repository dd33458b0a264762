"""Calls are counted by operation and outcome, whatever comes back."""

from __future__ import annotations

import asyncio

import httpx
import pytest
import respx
from prometheus_client import REGISTRY

from app import calls
from app.outcomes import Unknown
from app.stores.base import StoreUnavailable
from app.stores.shopify import ShopifyStore
from app.stores.shopify_documents import ORDER
from app.stores.woocommerce_client import CallFailed
from app.suppliers.http import HttpSupplier

GRAPHQL = "https://counted.myshopify.com/admin/api/2026-10/graphql.json"
THROTTLED = {
    "errors": [{"message": "Throttled", "extensions": {"code": "THROTTLED"}}],
    "extensions": {"cost": {"requestedQueryCost": 10, "throttleStatus": {"currentlyAvailable": 0, "restoreRate": 50}}},
}


def counted(name: str, **labels: str) -> float:
    return REGISTRY.get_sample_value(name, labels) or 0.0


@pytest.mark.parametrize(
    ("status", "told", "outcome"),
    [
        (200, {}, "ok"),
        (201, {}, "ok"),
        (200, {"throttled": True, "failed": True}, "throttled"),
        (200, {"failed": True}, "errors"),
        (429, {}, "throttled"),
        (404, {}, "http_4xx"),
        (503, {}, "http_5xx"),
    ],
)
def test_an_answer_has_an_outcome(status: int, told: dict[str, bool], outcome: str) -> None:
    call = calls.Call()
    call.answered(status, **told)
    assert call.outcome == outcome


@pytest.mark.parametrize(
    ("error", "outcome"),
    [
        (CallFailed("The connection to the store failed", sent=True), "interrupted"),
        (CallFailed("The connection to the store failed", sent=False), "not_sent"),
        (TimeoutError("of ann@example.com"), "timeout_error"),
        (asyncio.CancelledError(), "cancelled_error"),
    ],
)
def test_an_error_has_an_outcome_and_goes_on(error: BaseException, outcome: str) -> None:
    labels = {"store": "of-a-test", "operation": "GET orders/{id}", "outcome": outcome}
    before = counted("makegood_store_calls_total", **labels)
    with pytest.raises(type(error)), calls.to_store("of-a-test", calls.operation_of("GET", "orders/5196695273621")):
        raise error
    assert counted("makegood_store_calls_total", **labels) == before + 1
    assert counted("makegood_store_call_seconds_count", store="of-a-test", operation="GET orders/{id}") > 0


def test_an_operation_holds_no_id() -> None:
    assert calls.operation_of("POST", "orders/17/refunds") == "POST orders/{id}/refunds"
    assert calls.operation_of("GET", "webhooks") == "GET webhooks"


@respx.mock
async def test_every_try_at_a_store_that_throttles_is_counted() -> None:
    """Shopify throttles with HTTP 200."""
    respx.post(GRAPHQL).mock(return_value=httpx.Response(200, json=THROTTLED))

    async def sleep(_seconds: float) -> None:
        return

    store = ShopifyStore(
        "counted", domain="counted.myshopify.com", client_secret="s", access_token="shpat_0123", sleep=sleep
    )
    labels = {"store": "counted", "operation": ORDER.name, "outcome": "throttled"}
    with pytest.raises(StoreUnavailable):
        await store.read_order("1")
    assert counted("makegood_store_calls_total", **labels) == len(respx.calls) == 4
    await store.aclose()


@respx.mock
async def test_a_supplier_that_does_not_answer_is_counted_without_its_id() -> None:
    respx.get("https://acme.example/returns/0199f5a2-0000-7000-8000-000000000006").mock(side_effect=httpx.ReadTimeout)
    secret = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw"
    supplier = HttpSupplier("silent", base_url="https://acme.example", api_token="t", webhook_secret=secret)
    answer = await supplier.poll("0199f5a2-0000-7000-8000-000000000006")
    assert isinstance(answer, Unknown)
    labels = {"supplier": "silent", "operation": "GET /returns/{id}", "outcome": "supplier_no_answer"}
    assert counted("makegood_supplier_calls_total", **labels) == 1
    await supplier.aclose()
