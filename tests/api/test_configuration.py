"""Stores and suppliers as they are configured, and how they fare."""

from __future__ import annotations

from httpx import AsyncClient

from app.refunds.states import RefundStatus
from app.runtime import Runtime
from app.webhooks import inbox
from app.webhooks.models import SourceKind
from tests.api.kit import V1, VIEWER, case_in, keep, order_of, refund_in, submit
from tests.webhooks.kit import received

SECRETS = ("alpha-secret", "cs_test", "ck_test", "plain-secret-1", "acme-token", "whsec_", "test-operator-key")


async def test_no_secret_is_told(client: AsyncClient) -> None:
    """Neither its value nor a part of it, anywhere in the configuration or the document of the API."""
    for path in (f"{V1}/stores", f"{V1}/suppliers", "/openapi.json", "/readyz", "/metrics"):
        told = (await client.get(path, headers=VIEWER)).text
        assert not [secret for secret in SECRETS if secret in told], path


async def test_stores(client: AsyncClient, runtime: Runtime) -> None:
    """By key, with what waits and what failed."""
    case = await case_in(client, runtime, "resolving")
    await refund_in(runtime, case, RefundStatus.NEEDS_REVIEW)
    async with runtime.work() as work:
        arrival = inbox.shopify_arrival("alpha", {"x-shopify-webhook-id": "w"}, b"{}")
        first, _ = await received(runtime, arrival)
        await inbox.failed(work, first, "broken", passing=False)
    async with runtime.work() as work:
        arrival = inbox.shopify_arrival("alpha", {"x-shopify-webhook-id": "v"}, b"{}")
        await received(runtime, arrival)
    told = (await client.get(f"{V1}/stores", headers=VIEWER)).json()
    alpha, beta = told["items"]
    assert (alpha["key"], alpha["platform"], alpha["name"]) == ("alpha", "shopify", "Alpha Lamps")
    assert (beta["key"], beta["platform"], beta["url"]) == ("beta", "woocommerce", "http://127.0.0.1:9")
    assert alpha["health"].pop("last_delivery_at").endswith("Z")
    assert alpha["health"] == {
        "deliveries_waiting": 1, "deliveries_failed": 1, "refunds_unsettled": 1, "refunds_in_review": 1,
        "poll": None, "webhooks": None, "pace": None,
    }  # fmt: skip
    assert beta["health"]["last_delivery_at"] is None
    assert told["next_cursor"] is None


async def test_suppliers(client: AsyncClient, runtime: Runtime) -> None:
    """Terms, and the cases that wait for their word."""
    await keep(runtime, order_of())
    await submit(client)
    acme, byhand = (await client.get(f"{V1}/suppliers")).json()["items"]
    assert (acme["key"], acme["channel"], acme["vendors"], acme["requires_rma"]) == ("acme", "http", ["Acme"], True)
    assert acme["health"]["cases_waiting"] == 1
    assert (byhand["channel"], byhand["sku_prefixes"], byhand["health"]["cases_waiting"]) == ("manual", ["BH-"], 0)


async def test_lists_of_configuration_page_too(client: AsyncClient) -> None:
    """As every list does."""
    for what in ("stores", "suppliers"):
        first = (await client.get(f"{V1}/{what}?limit=1")).json()
        rest = (await client.get(f"{V1}/{what}?limit=1&cursor={first['next_cursor']}")).json()
        assert first["items"][0]["key"] < rest["items"][0]["key"]
        assert rest["next_cursor"] is None


async def test_the_last_delivery_is_each_senders_own(client: AsyncClient, runtime: Runtime) -> None:
    """A supplier and a store may share a key."""
    arrival = inbox.supplier_arrival("acme", {"webhook-id": "m"}, b"{}", "return.received")
    assert arrival.source_kind is SourceKind.SUPPLIER
    await received(runtime, arrival)
    acme, byhand = (await client.get(f"{V1}/suppliers")).json()["items"]
    assert acme["health"]["last_delivery_at"] is not None
    assert byhand["health"]["last_delivery_at"] is None
