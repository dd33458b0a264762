"""The merchant removes the app: nothing is asked of the store, nothing is lost, and all goes on when it is back."""

from __future__ import annotations

from datetime import timedelta
from decimal import Decimal
from typing import Any

import pytest

from app.outcomes import Rejected
from app.sandbox.faults import Fault, FaultKind
from tests.e2e.personal import ADMIN, DOMAIN, customer_payload, webhook
from tests.e2e.stage import SHOP, Stage
from tests.e2e.test_crashes import ONE_LAMP
from tests.e2e.test_stories import keys_sent, lamp, shopify_order

SHOP_OBJECT = {"name": SHOP, "domain": DOMAIN, "myshopify_domain": DOMAIN}


@pytest.fixture
def calls(stage: Stage, monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """The operations that reach the shop, by name."""
    reached: list[str] = []
    take = stage.world.shop.faults.take

    def counted(operation: str, about: str | None = None) -> Fault | None:
        reached.append(operation)
        return take(operation, about)

    monkeypatch.setattr(stage.world.shop.faults, "take", counted)
    return reached


async def uninstall(stage: Stage) -> None:
    stage.world.shop.uninstall()
    await stage.settle()


async def reinstall(stage: Stage) -> None:
    """As the merchant and then `makegood webhooks sync`'s calls do; what follows in Makegood is each test's own."""
    stage.world.shop.install()
    store = stage.runtime.stores.get(SHOP)
    await store.sync_subscriptions(f"{stage.runtime.settings.public_url}/webhooks/shopify/{SHOP}")


async def state(stage: Stage) -> Any:
    items = (await stage.get("/stores"))["items"]
    return next(one["uninstalled_at"] for one in items if one["key"] == SHOP)


async def test_a_planned_refund_waits_and_goes_out_once_after_a_resume(stage: Stage, calls: list[str]) -> None:
    order_id, _ = await shopify_order(stage, [lamp()])
    (case,) = await stage.ask(SHOP, order_id, ONE_LAMP)
    await uninstall(stage)
    assert await state(stage) is not None
    calls.clear()
    stage.world.suppliers["acme"].confirm(case["id"])
    await stage.settle()
    await stage.later(hours=5)
    case = await stage.case(case["id"])
    assert (case["state"], case["attention"]) == ("resolving", ["problem:app_uninstalled"])
    assert [one["status"] for one in case["refunds"]] == ["planned"]
    unknown = {"store": SHOP, "order": "999999", "lines": [{"sku": "A", "quantity": 1, "reason": "late"}]}
    assert (await stage.post("/return-requests", unknown, 502))["code"] == "app_uninstalled"
    assert calls == []

    await reinstall(stage)
    await stage.post(f"/stores/{SHOP}/resume", {}, 403)
    resumed = await stage.http.post(f"/api/v1/stores/{SHOP}/resume", headers=ADMIN)
    assert resumed.json() == {"key": SHOP, "uninstalled_at": None}
    await stage.settle()
    case = await stage.case(case["id"])
    assert (case["state"], case["attention"]) == ("resolved", [])
    assert len(keys_sent(stage)) == 1
    assert stage.world.shop.refunded_total(order_id) == Decimal("19.99")


async def test_a_refund_in_doubt_stays_reserved_and_is_looked_up_later(stage: Stage, calls: list[str]) -> None:
    order_id, _ = await shopify_order(stage, [lamp(2)])
    (case,) = await stage.ask(SHOP, order_id, ONE_LAMP)
    stage.world.shop.faults.add("refundCreate", Fault(FaultKind.DROP_AFTER))
    stage.world.suppliers["acme"].confirm(case["id"])
    # The refund's own webhook would settle it at once.
    stage.world.courier.drop_next(20)
    await stage.settle()
    await webhook(stage, "app/uninstalled", SHOP_OBJECT)
    calls.clear()
    await stage.later(hours=2)
    case = await stage.case(case["id"])
    assert [one["status"] for one in case["refunds"]] == ["unknown"]
    assert case["attention"] == ["problem:app_uninstalled", "problem:refund_out_of_sight"]
    assert (await stage.get(f"/orders/{SHOP}/{order_id}"))["reserved"]["amount"] == "19.99"
    assert calls == []
    await stage.http.post(f"/api/v1/stores/{SHOP}/resume", headers=ADMIN)
    await stage.settle()
    case = await stage.case(case["id"])
    assert (case["state"], [one["status"] for one in case["refunds"]]) == ("resolved", ["succeeded"])
    assert len(keys_sent(stage)) == 1


async def test_a_webhook_triggered_later_resumes_and_older_or_privacy_news_does_not(stage: Stage) -> None:
    order_id, _ = await shopify_order(stage, [lamp()])
    await uninstall(stage)
    old = (stage.clock.now() - timedelta(minutes=5)).isoformat()
    stage.clock.move(timedelta(hours=1))
    late = {"id": 1, "order_id": int(order_id), "status": "delivered"}
    await webhook(stage, "fulfillment_events/create", late, **{"X-Shopify-Triggered-At": old})
    await webhook(stage, "customers/data_request", customer_payload(order_id, "nobody@mail.test", erase=False))
    assert await state(stage) is not None
    failed = (await stage.get("/deliveries", status="failed"))["items"]
    assert [one["error"][:15] for one in failed] == ["app_uninstalled"]
    await reinstall(stage)
    stage.world.shop.fulfil(stage.world.shop.create_order([lamp()]).id)
    await stage.settle()
    assert await state(stage) is None
    # What was refused meanwhile is read now.
    assert (await stage.get("/deliveries", status="failed"))["items"] == []
    # The news of the removal comes once more, late: the app is installed again.
    await webhook(stage, "app/uninstalled", SHOP_OBJECT, **{"X-Shopify-Triggered-At": old})
    assert await state(stage) is None


async def test_the_stores_own_return_is_told_after_the_resume(stage: Stage, calls: list[str]) -> None:
    order_id, lines = await shopify_order(stage, [lamp()])
    asked = stage.world.shop.request_return(int(order_id), {int(lines["LAMP-01"]): 1})
    await stage.settle()
    (case,) = (await stage.get("/cases", order=order_id))["items"]
    await webhook(stage, "app/uninstalled", SHOP_OBJECT)
    calls.clear()
    case = await stage.act(case, "cancel")
    assert (case["state"], case["attention"]) == ("cancelled", ["problem:app_uninstalled"])
    assert calls == []
    await stage.http.post(f"/api/v1/stores/{SHOP}/resume", headers=ADMIN)
    await stage.settle()
    assert (await stage.case(case["id"]))["attention"] == []
    assert asked.status == "CLOSED"


async def test_only_the_shops_own_removal_counts(stage: Stage) -> None:
    await webhook(stage, "app/uninstalled", {"name": "other", "myshopify_domain": "other.myshopify.com"})
    assert await state(stage) is None


async def test_behind_the_closed_gate_no_refund_is_sent(stage: Stage, calls: list[str]) -> None:
    """Also one that was begun a moment before: it is proven not to be sent."""
    await webhook(stage, "app/uninstalled", SHOP_OBJECT)
    calls.clear()
    answer = await stage.runtime.stores.get(SHOP).send_refund(None)  # type: ignore[arg-type]
    assert isinstance(answer, Rejected)
    assert (answer.code, answer.retryable, calls) == ("app_uninstalled", True, [])
