"""Webhooks in: who is let in, what is stored, what is seen as the same, and that a bad one holds nobody back."""

from __future__ import annotations

import base64
import hashlib
import hmac
import json
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from httpx import AsyncClient, Response
from sqlalchemy import func, select, text
from standardwebhooks.webhooks import Webhook

from app.errors import ConfigError
from app.orders.models import ObservedRefund, Order
from app.orders.service import snapshot_of
from app.runtime import Runtime
from app.settings_load import load_settings
from app.webhooks.intake import Intake
from app.webhooks.models import Delivery
from app.webhooks.reading import MOST_DEATHS
from app.worker import run_until_idle
from tests.orders.woo_captures import capture, raw_body

SUPPLIER_SECRET = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw"
ORDER: dict[str, Any] = {
    "id": 5196695273621,
    "admin_graphql_api_id": "gid://shopify/Order/5196695273621",
    "name": "#1106",
    "email": "ana@example.com",
    "created_at": "2026-11-02T09:14:05+01:00",
    "updated_at": "2026-11-20T10:00:00+01:00",
    "cancelled_at": None,
    "currency": "EUR",
    "presentment_currency": "EUR",
    "financial_status": "paid",
    "taxes_included": True,
    "total_price": "44.94",
    "line_items": [{"id": 12695210000533, "sku": "LAMP-01", "title": "Lamp", "quantity": 2, "price": "19.99"}],
    "shipping_lines": [{"id": 1, "title": "Standard", "price": "4.96"}],
    "fulfillments": [],
    "refunds": [],
}


def sign(secret: str, body: bytes) -> str:
    return base64.b64encode(hmac.new(secret.encode(), body, hashlib.sha256).digest()).decode()


async def shopify(
    client: AsyncClient, body: bytes, *, topic: str = "orders/updated", webhook_id: str = "w1", **changes: str
) -> Response:
    headers = {
        "content-type": "application/json",
        "x-shopify-topic": topic,
        "x-shopify-shop-domain": "alpha.myshopify.com",
        "x-shopify-webhook-id": webhook_id,
        "x-shopify-hmac-sha256": sign("alpha-secret", body),
        **{name.replace("_", "-"): value for name, value in changes.items()},
    }
    return await client.post("/webhooks/shopify/alpha", content=body, headers=headers)


async def deliveries(runtime: Runtime) -> list[Delivery]:
    async with runtime.work() as work:
        return list(await work.session.scalars(select(Delivery).order_by(Delivery.id)))


def body_of(**changes: Any) -> bytes:
    return json.dumps({**ORDER, **changes}).encode()


async def test_a_signed_order_is_stored_raw_and_becomes_a_snapshot(client: AsyncClient, runtime: Runtime) -> None:
    body = body_of()
    assert (await shopify(client, body)).status_code == 200
    (stored,) = await deliveries(runtime)
    assert (stored.body, stored.status, stored.topic, stored.webhook_id) == (body, "pending", "orders/updated", "w1")
    assert "x-shopify-hmac-sha256" not in stored.headers
    await run_until_idle(runtime)
    (stored,) = await deliveries(runtime)
    assert (stored.status, stored.error) == ("processed", None)
    async with runtime.work() as work:
        order = (await work.session.execute(select(Order))).scalar_one()
    assert (order.store, order.number, order.captured) == ("alpha", "#1106", 4494)
    assert snapshot_of(order).lines[0].total == 3998


@pytest.mark.parametrize(
    "signature", ["", "x", sign("wrong", body_of()), "sch\u00f6n", sign("alpha-secret", b"other"), "\x00"]
)
async def test_a_wrong_signature_is_refused_and_stores_nothing(
    client: AsyncClient, runtime: Runtime, signature: str
) -> None:
    headers = [(b"x-shopify-hmac-sha256", signature.encode("latin-1")), (b"x-shopify-topic", b"orders/updated")]
    answer = await client.post("/webhooks/shopify/alpha", content=body_of(), headers=headers)
    assert answer.status_code == 401
    assert answer.json()["code"] == "bad_signature"
    assert await deliveries(runtime) == []


async def test_no_signature_and_an_empty_body_are_refused(client: AsyncClient, runtime: Runtime) -> None:
    assert (await client.post("/webhooks/shopify/alpha", content=body_of())).status_code == 401
    assert (await client.post("/webhooks/shopify/alpha", content=b"")).status_code == 401
    assert await deliveries(runtime) == []


async def test_the_previous_secret_still_counts(client: AsyncClient, runtime: Runtime) -> None:
    from pydantic import SecretStr

    runtime.settings.stores["alpha"].previous_client_secret = SecretStr("older-secret")
    body = body_of()
    answer = await shopify(client, body, x_shopify_hmac_sha256=sign("older-secret", body))
    assert answer.status_code == 200


@pytest.mark.parametrize(
    "path",
    ["/webhooks/shopify/nobody", "/webhooks/shopify/beta", "/webhooks/woocommerce/alpha", "/webhooks/suppliers/alpha",
     "/webhooks/suppliers/byhand"],
)  # fmt: skip
async def test_unknown_sources_are_not_found(client: AsyncClient, path: str) -> None:
    assert (await client.post(path, content=b"{}")).status_code == 404


async def test_a_body_over_five_mebibytes_is_refused(client: AsyncClient, runtime: Runtime) -> None:
    body = b" " * (5 * 1024 * 1024 + 1)
    assert (await shopify(client, body)).status_code == 413

    async def chunks() -> Any:
        for _ in range(6):
            yield b" " * 1024 * 1024

    assert (await client.post("/webhooks/shopify/alpha", content=chunks())).status_code == 413
    assert await deliveries(runtime) == []


async def test_a_repeat_is_counted_and_not_read_again(client: AsyncClient, runtime: Runtime) -> None:
    for _ in range(3):
        assert (await shopify(client, body_of())).status_code == 200
    await run_until_idle(runtime)
    assert (await shopify(client, body_of())).status_code == 200
    (stored,) = await deliveries(runtime)
    assert (stored.duplicates, stored.status, stored.attempts) == (3, "processed", 1)


async def test_one_event_on_two_topics_is_two_deliveries(client: AsyncClient, runtime: Runtime) -> None:
    await shopify(client, body_of(), webhook_id="w1", x_shopify_event_id="e1")
    await shopify(client, body_of(), webhook_id="w2", topic="orders/paid", x_shopify_event_id="e1")
    assert [row.event_id for row in await deliveries(runtime)] == ["e1", "e1"]


async def test_older_news_never_overwrites_newer(client: AsyncClient, runtime: Runtime) -> None:
    await shopify(client, body_of(updated_at="2026-11-20T12:00:00Z", email="new@example.com"), webhook_id="w1")
    await run_until_idle(runtime)
    await shopify(client, body_of(updated_at="2026-11-20T11:00:00Z", email="old@example.com"), webhook_id="w2")
    await run_until_idle(runtime)
    async with runtime.work() as work:
        order = (await work.session.execute(select(Order))).scalar_one()
    assert order.email == "new@example.com"
    assert (await deliveries(runtime))[1].status == "ignored"


@pytest.mark.parametrize(
    ("body", "says"),
    [
        (b"\xff\xfe", "unreadable_payload"),
        (b"[1, 2]", "not an object"),
        (b'{"id": null}', "unreadable_payload"),
        (b'{"a": ' * 5000 + b"1" + b"}" * 5000, "unreadable_payload"),
        (b'{"id": 1, "n": NaN}', "NaN"),
        (b'{"id": ' + b"9" * 5000 + b"}", "unreadable_payload"),
    ],
)
async def test_a_signed_body_that_cannot_be_read_is_kept_and_shown(
    client: AsyncClient, runtime: Runtime, body: bytes, says: str
) -> None:
    assert (await shopify(client, body, webhook_id="bad")).status_code == 200
    assert (await shopify(client, body_of(), webhook_id="good")).status_code == 200
    await run_until_idle(runtime)
    bad, good = await deliveries(runtime)
    assert (bad.status, bad.body, good.status) == ("failed", body, "processed")
    assert says in (bad.error or "")


async def test_missing_and_null_fields_are_no_failure(client: AsyncClient, runtime: Runtime) -> None:
    bare = {name: ORDER[name] for name in ("id", "name", "currency", "created_at", "updated_at")}
    await shopify(client, json.dumps(bare).encode(), webhook_id="bare")
    nulls = {name: None for name in ORDER if name not in bare}
    await shopify(client, json.dumps({**bare, **nulls}).encode(), webhook_id="nulls")
    await run_until_idle(runtime)
    assert all(row.status in ("processed", "ignored") for row in await deliveries(runtime))


async def test_a_failed_delivery_can_be_replayed(client: AsyncClient, runtime: Runtime) -> None:
    await shopify(client, b"[]", webhook_id="bad")
    await run_until_idle(runtime)
    (bad,) = await deliveries(runtime)
    assert bad.status == "failed"
    answer = await client.post(f"/api/v1/deliveries/{bad.id}/replay")
    assert answer.status_code in (200, 202)
    await run_until_idle(runtime)
    (again,) = await deliveries(runtime)
    assert (again.status, again.attempts) == ("failed", 2)


async def test_nothing_is_acknowledged_without_a_database(client: AsyncClient, runtime: Runtime) -> None:
    runtime.intake = Intake("postgresql://nobody@127.0.0.1:9/none")
    answer = await shopify(client, body_of())
    assert (answer.status_code, answer.json()["code"], answer.headers["retry-after"]) == (503, "not_stored", "5")


def woo_headers(recorded: dict[str, str]) -> dict[str, str]:
    return {name: value for name, value in recorded.items() if name.lower() not in ("host", "content-length")}


async def woo(client: AsyncClient, name: str, secret: str, runtime: Runtime) -> Response:
    """Delivers a capture as it was recorded; its own secret is the site's."""
    from pydantic import SecretStr

    runtime.settings.stores["beta"].webhook_secret = SecretStr(secret)
    headers = woo_headers(capture(name)["headers"])
    return await client.post("/webhooks/woocommerce/beta", content=raw_body(name), headers=headers)


async def test_the_captures_verify_are_stored_and_give_the_right_snapshots(
    client: AsyncClient, runtime: Runtime
) -> None:
    assert (await woo(client, "webhook-order.created", "plain-secret-1", runtime)).status_code == 200
    await run_until_idle(runtime)
    async with runtime.work() as work:
        order = (await work.session.execute(select(Order))).scalar_one()
    snapshot = snapshot_of(order)
    assert (order.number, order.captured, snapshot.exponent, snapshot.country) == ("14", 16342, 2, "DE")
    assert [(line.sku, line.quantity, line.total, line.tax) for line in snapshot.lines] == [
        ("LAB-MUG", 3, 6424, 1026),
        ("LAB-SHIRT", 1, 2678, 428),
        ("LAB-BOOK", 2, 6419, 420),
    ]
    assert (
        await woo(client, "webhook-order.updated-after-partial-refund", "plain-secret-2", runtime)
    ).status_code == 200
    await run_until_idle(runtime)
    async with runtime.work() as work:
        seen = (await work.session.execute(select(ObservedRefund))).scalar_one()
    assert (seen.store_refund_id, seen.amount, seen.operation_id) == ("16", 2141, None)


async def test_a_capture_with_the_wrong_secret_is_refused(client: AsyncClient, runtime: Runtime) -> None:
    assert (await woo(client, "webhook-order.created", "plain-secret-2", runtime)).status_code == 401


async def test_the_ping_is_answered_and_not_stored(client: AsyncClient, runtime: Runtime) -> None:
    assert (await woo(client, "webhook-ping", "plain-secret-1", runtime)).status_code == 200
    assert await deliveries(runtime) == []
    form = {"content-type": "application/x-www-form-urlencoded"}
    for body in (b"webhook_id=", b"webhook_id=1&x=2", b"id=1"):
        answer = await client.post("/webhooks/woocommerce/beta", content=body, headers=form)
        assert answer.status_code == 401, body


async def test_a_signed_error_object_is_kept_as_a_failure(client: AsyncClient, runtime: Runtime) -> None:
    assert (await woo(client, "webhook-order.created-error-body", "plain-secret-1", runtime)).status_code == 200
    await run_until_idle(runtime)
    (stored,) = await deliveries(runtime)
    assert stored.status == "failed"
    assert "woocommerce_rest_shop_order_invalid_id" in (stored.error or "")


async def test_equal_delivery_ids_within_a_second_are_different_deliveries(
    client: AsyncClient, runtime: Runtime
) -> None:
    recorded = json.loads(raw_body("webhook-order.created"))
    for number in (14, 15):
        body = json.dumps({**recorded, "id": number, "number": str(number)}).encode()
        headers = {
            "x-wc-webhook-topic": "order.created",
            "x-wc-webhook-id": "1",
            "x-wc-webhook-delivery-id": "8ec0d2a37da73dd7e8dd8289cd670556",
            "x-wc-webhook-signature": sign("plain-secret-1", body),
        }
        assert (await client.post("/webhooks/woocommerce/beta", content=body, headers=headers)).status_code == 200
    await run_until_idle(runtime)
    assert len(await deliveries(runtime)) == 2
    async with runtime.work() as work:
        assert await work.session.scalar(select(func.count()).select_from(Order)) == 2


async def test_a_second_refund_with_the_same_id_only_body_is_read_again(client: AsyncClient, runtime: Runtime) -> None:
    body = b'{"action":"woocommerce_order_refunded","arg":14}'
    headers = {
        "x-wc-webhook-topic": "action.woocommerce_order_refunded",
        "x-wc-webhook-id": "3",
        "x-wc-webhook-signature": sign("plain-secret-1", body),
    }
    await client.post("/webhooks/woocommerce/beta", content=body, headers=headers)
    async with runtime.work() as work:
        await work.session.execute(Delivery.__table__.update().values(status="processed"))  # type: ignore[attr-defined]
    await client.post("/webhooks/woocommerce/beta", content=body, headers=headers)
    (stored,) = await deliveries(runtime)
    assert (stored.duplicates, stored.status) == (1, "pending")


def supplier_headers(
    body: bytes, at: datetime, secret: str = SUPPLIER_SECRET, message_id: str = "m1"
) -> dict[str, str]:
    return {
        "webhook-id": message_id,
        "webhook-timestamp": str(int(at.timestamp())),
        "webhook-signature": Webhook(secret).sign(message_id, at, body.decode()),
    }


async def test_supplier_events_are_verified_by_standard_webhooks(client: AsyncClient, runtime: Runtime) -> None:
    body = b'{"type": "return.received", "timestamp": "2026-11-20T10:00:00Z", "data": {"return_id": "x"}}'
    now = datetime.now(UTC)
    path = "/webhooks/suppliers/acme"
    right = supplier_headers(body, now)
    assert (await client.post(path, content=body, headers=right)).status_code == 200
    assert (await client.post(path, content=body, headers=right)).status_code == 200
    for wrong in (
        supplier_headers(body, now - timedelta(minutes=6)),
        supplier_headers(body, now + timedelta(minutes=6)),
        supplier_headers(body, now, "whsec_b3RoZXItc2VjcmV0LW90aGVyLXNlY3JldA=="),
        {**right, "webhook-id": "m2"},
        {**right, "webhook-timestamp": "soon"},
        {},
    ):
        assert (await client.post(path, content=body, headers=wrong)).status_code == 401, wrong
    (stored,) = await deliveries(runtime)
    assert (stored.duplicates, stored.topic, stored.source_kind) == (1, "return.received", "supplier")
    await run_until_idle(runtime)
    (stored,) = await deliveries(runtime)
    assert stored.status == "failed"
    assert "has no return" in (stored.error or "")


def test_the_service_does_not_load_without_a_secret(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("MAKEGOOD_STORES__ALPHA__PLATFORM", "shopify")
    monkeypatch.setenv("MAKEGOOD_STORES__ALPHA__DOMAIN", "alpha.myshopify.com")
    monkeypatch.setenv("MAKEGOOD_STORES__ALPHA__ACCESS_TOKEN", "shpat_x")
    for secret in (None, "", "  "):
        if secret is not None:
            monkeypatch.setenv("MAKEGOOD_STORES__ALPHA__CLIENT_SECRET", secret)
        with pytest.raises(ConfigError, match="CLIENT_SECRET"):
            load_settings()


async def test_a_delivery_that_ends_every_process_that_reads_it_is_shown_and_can_be_replayed(
    client: AsyncClient, runtime: Runtime
) -> None:
    await shopify(client, json.dumps(ORDER).encode())
    async with runtime.work() as work:
        await work.session.execute(text(f"UPDATE deliveries SET deaths = {MOST_DEATHS}"))
    await run_until_idle(runtime)
    (shown,) = (await client.get("/api/v1/deliveries")).json()["items"]
    assert (shown["status"], shown["error"]) == ("failed", f"{MOST_DEATHS} processes ended while reading it")
    assert (await client.post(f"/api/v1/deliveries/{shown['id']}/replay")).status_code == 202
    await run_until_idle(runtime)
    (shown,) = (await client.get("/api/v1/deliveries")).json()["items"]
    assert (shown["status"], shown["error"]) == ("processed", None)
