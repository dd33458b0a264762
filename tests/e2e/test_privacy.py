"""A customer's data is shown and erased in the middle of a return, and the money still goes out once."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

from app.sandbox.faults import Fault, FaultKind
from app.sandbox.woocommerce.model import Customer, NewLine, NewOrder
from tests.e2e.personal import ADMIN, DOMAIN, customer_payload, found_anywhere, ledger, trail, webhook
from tests.e2e.stage import SHOP, SITE, Stage
from tests.e2e.test_stories import lamp, shopify_order, woo_order

EMAIL = "zelda.quux@mail.test"
NEEDLES = [EMAIL, "Quux", "+33611223344", "7 Elm Street", "TRK-PERSON-1"]
SAYS = "Zelda Quux, 7 Elm Street, +33611223344"


async def told_everything(stage: Stage, store: str, order_id: str, sku: str) -> dict[str, Any]:
    """A return whose customer leaves traces wherever one can: request, notes, evidence, tracking, operator's texts."""
    line = {"sku": sku, "quantity": 1, "reason": "changed_mind", "note": SAYS}
    body = {"store": store, "order": order_id, "remedy": "refund", "email": EMAIL, "lines": [line]}
    answer = await stage.http.post("/api/v1/return-requests", json=body, headers={"Idempotency-Key": f"k{store}"})
    assert answer.status_code == 201, answer.text
    await stage.settle()
    (case,) = answer.json()["cases"]
    told = {"links": ["https://photos.test/zelda-quux.jpg"], "answers": [SAYS]}
    await stage.post(f"/cases/{case['id']}/evidence", told, 201)
    await stage.act(case, "note", text=f"called {SAYS}")
    await stage.act(case, "hold", kind="merchant", reason=f"ask {SAYS}")
    await stage.act(case, "lift-hold", note=SAYS)
    return await stage.act(case, "record-tracking", tracking_number="TRK-PERSON-1", carrier="Post")


async def asked(stage: Stage, path: str = "") -> Any:
    answer = await stage.http.get(f"/api/v1/privacy-requests{path}", headers=ADMIN)
    assert answer.status_code == 200, answer.text
    return answer.json()


async def test_shopify_shows_and_erases_and_the_refund_goes_out_once(stage: Stage) -> None:
    order_id, lines = await shopify_order(stage, [lamp(2)], email=EMAIL)
    case = await told_everything(stage, SHOP, order_id, "LAMP-01")
    assert set(found_anywhere(stage.runtime, [EMAIL])) >= {f"orders.email: {EMAIL}", f"deliveries.body: {EMAIL}"}
    await webhook(stage, "customers/data_request", customer_payload(order_id, EMAIL, erase=False))
    (request,) = (await asked(stage))["items"]
    assert (request["kind"], request["result"]["orders"], request["done_at"] is not None) == ("data_request", 1, True)
    data = (await asked(stage, f"/{request['id']}"))["data"]
    assert data["orders"][0]["email"] == data["return_requests"][0]["email"] == EMAIL
    assert data["cases"][0]["lines"][0]["note"] == SAYS
    assert {one["topic"] for one in data["deliveries"]} >= {"orders/create"}
    before = trail(stage.runtime), ledger(stage.runtime)

    await webhook(stage, "customers/redact", customer_payload(order_id, EMAIL, erase=True))
    assert found_anywhere(stage.runtime, NEEDLES) == []
    after = trail(stage.runtime)
    assert after[: len(before[0])] == before[0]
    assert [row[2] for row in after[len(before[0]) :]] == ["note_added"]
    assert ledger(stage.runtime) == before[1]
    newest = (await asked(stage))["items"][0]
    assert (newest["kind"], newest["result"]["cases"], newest["done_at"] is not None) == ("redact", 1, True)
    case = await stage.case(case["id"])
    assert (case["state"], case["lines"][0]["note"]) == ("in_transit", "[redacted]")

    stage.world.suppliers["acme"].confirm(case["id"], {lines["LAMP-01"]: 1})
    await stage.settle()
    assert (await stage.case(case["id"]))["state"] == "resolved"
    assert stage.world.shop.refunded_total(order_id) == Decimal("19.99")
    assert len(stage.world.shop.money_calls) == 1
    assert sum(row[4] for row in ledger(stage.runtime)) == 0
    # The shop of this test erased nothing itself and told of the refund with the customer in it: still nothing is kept.
    assert found_anywhere(stage.runtime, NEEDLES) == []


async def test_woocommerce_erases_through_the_api_while_a_refund_is_under_way(stage: Stage) -> None:
    who = Customer("Zelda", "Quux", EMAIL, "7 Elm Street", phone="+33611223344")
    order_id, _ = await woo_order(stage, NewOrder([NewLine("Mug", "20.00", 2, "ACME-MUG")], customer=who))
    other_id, _ = await woo_order(stage, NewOrder([NewLine("Mug", "20.00", 1, "ACME-MUG")]))
    case = await told_everything(stage, SITE, order_id, "ACME-MUG")
    stage.world.site.faults.add("POST /orders/refunds", Fault(FaultKind.DROP_AFTER))
    stage.world.suppliers["acme"].confirm(case["id"])
    await stage.settle()
    body = {"store": SITE, "kind": "redact", "email": EMAIL.upper()}
    denied = await stage.http.post("/api/v1/privacy-requests", json=body)
    assert denied.status_code == 403
    made = await stage.http.post("/api/v1/privacy-requests", json=body, headers={**ADMIN, "Idempotency-Key": "p1"})
    assert made.status_code == 202, made.text
    await stage.settle()
    assert found_anywhere(stage.runtime, NEEDLES) == []
    for _ in range(4):
        await stage.later(minutes=3)
    case = await stage.case(case["id"])
    assert (case["state"], [one["status"] for one in case["refunds"]]) == ("resolved", ["succeeded"])
    assert len(stage.world.site.money_calls) == len(stage.world.site.gateway_payouts) == 1
    assert found_anywhere(stage.runtime, NEEDLES) == []
    # Somebody else's order, whose id is a short number too, keeps its customer and its webhooks.
    assert (await stage.get(f"/orders/{SITE}/{other_id}"))["email"] == "zoe@example.test"
    kept = (await stage.get("/deliveries", store=SITE))["items"]
    assert any(one["erased_at"] is None for one in kept)


async def test_a_body_that_was_erased_cannot_be_replayed(stage: Stage) -> None:
    order_id, _ = await shopify_order(stage, [lamp()], email=EMAIL)
    await webhook(stage, "customers/redact", customer_payload(order_id, EMAIL, erase=True))
    (delivery,) = (await stage.get("/deliveries", topic="orders/create"))["items"]
    assert delivery["erased_at"] is not None
    assert (await stage.get(f"/deliveries/{delivery['id']}"))["body"] is None
    told = await stage.post(f"/deliveries/{delivery['id']}/replay", {}, 409)
    assert told["code"] == "body_erased"


async def test_a_whole_store_is_erased_and_the_other_is_not(stage: Stage) -> None:
    order_id, _ = await shopify_order(stage, [lamp(2)], email=EMAIL)
    case = await told_everything(stage, SHOP, order_id, "LAMP-01")
    woo_id, _ = await woo_order(stage, NewOrder([NewLine("Mug", "20.00", 1, "ACME-MUG")]))
    await webhook(stage, "shop/redact", {"shop_id": 1, "shop_domain": DOMAIN})
    assert found_anywhere(stage.runtime, [*NEEDLES, "ana"[:3] + "@example.com"]) == []
    assert (await stage.get(f"/orders/{SITE}/{woo_id}"))["email"] == "zoe@example.test"
    assert (await stage.case(case["id"]))["state"] == "in_transit"


async def test_a_topic_that_does_not_fit_its_body_erases_nothing(stage: Stage) -> None:
    """Topics are not signed: whoever has a signed body must not be able to turn it into an order to erase."""
    order_id, _ = await shopify_order(stage, [lamp()], email=EMAIL)
    shows = customer_payload(order_id, EMAIL, erase=False)
    await webhook(stage, "customers/redact", shows)
    await webhook(stage, "shop/redact", shows)
    await webhook(stage, "shop/redact", {"shop_id": 1, "shop_domain": "other.myshopify.com"})
    assert (await asked(stage))["items"] == []
    assert len((await stage.get("/deliveries", status="failed"))["items"]) == 3
    assert (await stage.get(f"/orders/{SHOP}/{order_id}"))["email"] == EMAIL
