"""The paths that must work, from signed webhook to money, one test for each story."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

from app.sandbox.faults import Fault, FaultKind
from app.sandbox.shopify.book import LineSpec
from app.sandbox.woocommerce.model import NewCoupon, NewExtra, NewLine, NewOrder
from tests.e2e.stage import SHOP, SITE, Stage


def lamp(quantity: int = 1, vendor: str = "Acme", **more: Any) -> LineSpec:
    values: dict[str, Any] = {"sku": "LAMP-01", "title": "Lamp", "price": "19.99", "quantity": quantity}
    return LineSpec(**{**values, "vendor": vendor, **more})


async def shopify_order(stage: Stage, lines: list[LineSpec], **more: Any) -> tuple[str, dict[str, str]]:
    """An order that was paid, sent and delivered: its id, and line ids by SKU."""
    order = stage.world.shop.create_order(lines, **more)
    stage.world.shop.fulfil(order.id)
    stage.world.shop.deliver(order.id)
    await stage.settle()
    return str(order.id), {line.sku: str(line.id) for line in order.lines}


async def woo_order(stage: Stage, new: NewOrder) -> tuple[str, dict[str, str]]:
    """A completed order: its id, and line ids by SKU."""
    order_id = stage.world.site.create_order(new)
    stage.world.site.complete(order_id)
    await stage.settle()
    items = stage.world.site.order(order_id)["line_items"]
    return str(order_id), {item["sku"]: str(item["id"]) for item in items}


def keys_sent(stage: Stage) -> list[str | None]:
    return [call.key for call in stage.world.shop.money_calls]


async def test_changed_mind_goes_back_and_is_refunded_once(stage: Stage) -> None:
    order_id, lines = await shopify_order(stage, [lamp(2)], shipping="4.96")
    number = (await stage.get(f"/orders/{SHOP}/{order_id}"))["number"]
    (case,) = await stage.ask(SHOP, number, [{"sku": "LAMP-01", "quantity": 2, "reason": "changed_mind"}])
    assert (case["state"], case["route"], case["supplier"]) == ("awaiting_shipment", "return", "acme")
    assert case["rma_number"]
    assert case["return_address"]["city"] == "Rotterdam"
    case = await stage.act(case, "record-tracking", tracking_number="TR1", carrier="Post")
    assert case["state"] == "in_transit"
    acme = stage.world.suppliers["acme"]
    acme.receive(case["id"])
    await stage.settle()
    assert (await stage.case(case["id"]))["state"] == "inspecting"
    acme.confirm(case["id"])
    await stage.settle()
    case = await stage.case(case["id"])
    assert case["state"] == "resolved"
    # The whole order went back, so its shipping did too, once.
    assert stage.world.shop.refunded_total(order_id) == Decimal("44.94")
    (call,) = stage.world.shop.money_calls
    (refund,) = case["refunds"]
    assert call.key == refund["id"]
    assert f"[makegood:{refund['id']}]" in (call.note or "")
    assert refund["ground"] == "supplier"
    acme.credit(case["id"])
    await stage.settle()
    assert (await stage.case(case["id"]))["state"] == "closed"
    assert await stage.events(case["id"]) == [
        "request_submitted", "approved", "supplier_authorized", "tracking_added", "goods_received",
        "supplier_confirmed", "refund_succeeded", "remedy_done", "credit_settled",
    ]  # fmt: skip
    assert await stage.mails(case["id"]) == ["receipt", "rma_issued", "received", "verdict", "refund_sent"]
    assert lines["LAMP-01"] == case["lines"][0]["line_id"]


async def test_one_of_three_on_woocommerce_with_coupon_and_tax(stage: Stage) -> None:
    order_id, lines = await woo_order(
        stage,
        NewOrder(
            [NewLine("Mug", "19.99", 3, "ACME-MUG"), NewLine("Shirt", "25.00", 1, "ACME-SHIRT")],
            shipping=[NewExtra("Flat", "4.90")],
            coupon=NewCoupon("ten", 10),
        ),
    )
    (case,) = await stage.ask(SITE, order_id, [{"line_id": lines["ACME-MUG"], "quantity": 1, "reason": "defective"}])
    stage.world.suppliers["acme"].confirm(case["id"])
    await stage.settle()
    case = await stage.case(case["id"])
    assert case["state"] == "resolved"
    (call,) = stage.world.site.money_calls
    assert (call.outcome, call.client_errors) == ("created", ())
    assert call.body["amount"] == "21.41"
    assert call.body["line_items"] == [
        {
            "id": int(lines["ACME-MUG"]),
            "quantity": 1,
            "refund_total": "17.99",
            "refund_tax": [{"id": 1, "refund_total": "3.42"}],
        }
    ]
    assert (call.body["api_refund"], call.body["api_restock"]) == (True, False)
    assert call.body["reason"].startswith(f"[makegood:{case['refunds'][0]['id']}]")
    assert stage.world.site.paid_out(int(order_id)) == Decimal("21.41")


async def test_two_suppliers_one_order_and_shipping_once(stage: Stage) -> None:
    order_id, _ = await shopify_order(
        stage, [lamp(), lamp(vendor="By Hand", sku="VASE-1", title="Vase", price="30.00")], shipping="5.00"
    )
    cases = await stage.ask(
        SHOP,
        order_id,
        [
            {"sku": "LAMP-01", "quantity": 1, "reason": "changed_mind"},
            {"sku": "VASE-1", "quantity": 1, "reason": "changed_mind"},
        ],
    )
    by_supplier = {case["supplier"]: case for case in cases}
    assert set(by_supplier) == {"acme", "byhand"}
    assert len({case["request_id"] for case in cases}) == 1
    stage.world.suppliers["acme"].confirm(by_supplier["acme"]["id"])
    await stage.settle()
    assert stage.world.shop.refunded_total(order_id) == Decimal("19.99")
    hand = by_supplier["byhand"]
    assert hand["state"] == "authorizing"
    assert "supplier_by_hand" in hand["attention"]
    hand = await stage.act(hand, "record-rma", rma_number="BH-7", return_address={"line1": "1 Market Street"})
    assert hand["state"] == "awaiting_shipment"
    hand = await stage.act(hand, "record-receipt")
    line_id = hand["lines"][0]["line_id"]
    hand = await stage.act(
        hand,
        "record-verdict",
        lines=[{"line_id": line_id, "accepted_quantity": 1, "condition": "as new"}],
        credit={"amount": "12.00", "currency": "GBP", "reference": "CN-1"},
    )
    assert hand["state"] == "resolved"
    assert hand["credit"]["amount"] == {"amount": "12.00", "currency": "GBP"}
    assert stage.world.shop.refunded_total(order_id) == Decimal("54.99")
    assert len(stage.world.shop.money_calls) == 2


async def test_the_supplier_accepts_two_of_three(stage: Stage) -> None:
    order_id, lines = await shopify_order(stage, [lamp(3)])
    (case,) = await stage.ask(SHOP, order_id, [{"sku": "LAMP-01", "quantity": 3, "reason": "not_as_described"}])
    stage.world.suppliers["acme"].confirm(case["id"], {lines["LAMP-01"]: 2})
    await stage.settle()
    case = await stage.case(case["id"])
    assert case["state"] == "contested"
    assert case["needs_attention"] is True
    assert stage.world.shop.refunded_total(order_id) == Decimal("39.98")
    case = await stage.act(case, "absorb", reason="a good customer")
    assert case["state"] == "resolved"
    assert stage.world.shop.refunded_total(order_id) == Decimal("59.97")
    assert [refund["ground"] for refund in case["refunds"]] == ["supplier", "operator"]
    assert len(set(keys_sent(stage))) == len(keys_sent(stage)) == 2


async def test_the_rest_of_a_partial_verdict_is_refused(stage: Stage) -> None:
    order_id, lines = await shopify_order(stage, [lamp(3)])
    (case,) = await stage.ask(SHOP, order_id, [{"sku": "LAMP-01", "quantity": 3, "reason": "not_as_described"}])
    stage.world.suppliers["acme"].confirm(case["id"], {lines["LAMP-01"]: 2})
    await stage.settle()
    # The customer declared in time: only a person can refuse, and says so.
    await stage.post(f"/cases/{case['id']}/reject", {"reason": "one lamp was used for years"}, 409)
    case = await stage.act(case, "reject", reason="one lamp was used for years", override=True)
    assert case["state"] == "resolved"
    assert stage.world.shop.refunded_total(order_id) == Decimal("39.98")
    assert "refused" in await stage.mails(case["id"])


async def test_the_supplier_refuses_and_the_operator_agrees_or_pays(stage: Stage) -> None:
    order_id, _ = await shopify_order(stage, [lamp(2, vendor="Nono")])
    (case,) = await stage.ask(SHOP, order_id, [{"sku": "LAMP-01", "quantity": 1, "reason": "changed_mind"}])
    assert case["state"] == "contested"
    await stage.post(f"/cases/{case['id']}/reject", {"reason": "outside the supplier's terms"}, 409)
    case = await stage.act(case, "reject", reason="outside the supplier's terms", override=True)
    assert case["state"] == "rejected"
    assert await stage.mails(case["id"]) == ["receipt", "refused"]
    assert stage.world.shop.money_calls == []
    case = await stage.act(case, "reopen", reason="the customer appealed")
    assert case["state"] == "under_review"
    case = await stage.act(case, "approve", route="returnless")
    assert case["state"] == "resolved"
    assert stage.world.shop.refunded_total(order_id) == Decimal("19.99")


async def test_refunded_by_hand_meanwhile(stage: Stage) -> None:
    order_id, lines = await shopify_order(stage, [lamp()])
    (case,) = await stage.ask(SHOP, order_id, [{"sku": "LAMP-01", "quantity": 1, "reason": "changed_mind"}])
    stage.world.shop.refund_by_hand(int(order_id), {int(lines["LAMP-01"]): 1})
    await stage.settle()
    case = await stage.case(case["id"])
    assert case["state"] == "superseded"
    stage.world.suppliers["acme"].confirm(case["id"])
    await stage.settle()
    assert (await stage.case(case["id"]))["state"] == "superseded"
    assert stage.world.shop.money_calls == []
    assert stage.world.shop.refunded_total(order_id) == Decimal("19.99")


async def test_refunded_by_hand_and_the_webhooks_are_lost(stage: Stage) -> None:
    order_id, lines = await woo_order(stage, NewOrder([NewLine("Mug", "20.00", 1, "ACME-MUG")]))
    (case,) = await stage.ask(SITE, order_id, [{"sku": "ACME-MUG", "quantity": 1, "reason": "changed_mind"}])
    stage.world.courier.drop_next(2)
    stage.world.site.refund_by_hand(int(order_id), lines={int(lines["ACME-MUG"]): 1})
    await stage.settle()
    assert (await stage.case(case["id"]))["state"] == "awaiting_shipment"
    stage.world.suppliers["acme"].confirm(case["id"])
    await stage.settle()
    # Before money moves the order is read again, so the lost webhook costs nothing.
    case = await stage.case(case["id"])
    assert case["state"] == "superseded"
    assert stage.world.site.money_calls == []
    assert [refund["status"] for refund in case["refunds"]] == ["void"]


async def test_a_part_refunded_by_hand_shrinks_the_rest(stage: Stage) -> None:
    order_id, lines = await shopify_order(stage, [lamp(2)])
    (case,) = await stage.ask(SHOP, order_id, [{"sku": "LAMP-01", "quantity": 2, "reason": "changed_mind"}])
    stage.world.shop.refund_by_hand(int(order_id), {int(lines["LAMP-01"]): 1})
    await stage.settle()
    assert (await stage.case(case["id"]))["state"] == "awaiting_shipment"
    stage.world.suppliers["acme"].confirm(case["id"])
    await stage.settle()
    case = await stage.case(case["id"])
    assert case["state"] == "resolved"
    assert len(stage.world.shop.money_calls) == 1
    assert stage.world.shop.refunded_total(order_id) == Decimal("39.98")


async def test_a_return_asked_for_on_the_stores_own_screen(stage: Stage) -> None:
    order_id, lines = await shopify_order(stage, [lamp()])
    asked = stage.world.shop.request_return(int(order_id), {int(lines["LAMP-01"]): 1}, "DEFECTIVE", "no light")
    await stage.settle()
    (case,) = (await stage.get("/cases", order=order_id))["items"]
    assert (case["state"], case["reasons"]) == ("awaiting_shipment", ["defective"])
    assert str(asked.status).upper() == "OPEN"
    stage.world.suppliers["acme"].confirm(case["id"])
    await stage.settle()
    assert (await stage.case(case["id"]))["state"] == "resolved"
    assert str(asked.status).upper() == "CLOSED"
    assert stage.world.shop.refunded_total(order_id) == Decimal("19.99")


async def test_a_return_of_the_stores_own_screen_is_declined_there_too(stage: Stage) -> None:
    order_id, lines = await shopify_order(stage, [lamp()])
    await stage.later(days=40)
    asked = stage.world.shop.request_return(int(order_id), {int(lines["LAMP-01"]): 1})
    await stage.settle()
    (case,) = (await stage.get("/cases", order=order_id))["items"]
    assert case["state"] == "under_review"
    await stage.act(case, "reject", reason="past the window")
    assert str(asked.status).upper() == "DECLINED"


async def test_lost_parcel_is_a_claim_that_the_operator_settles(stage: Stage) -> None:
    order_id, _ = await woo_order(stage, NewOrder([NewLine("Vase", "30.00", 1, "BH-VASE")]))
    (case,) = await stage.ask(SITE, order_id, [{"sku": "BH-VASE", "quantity": 1, "reason": "lost"}])
    assert (case["state"], case["route"]) == ("claiming", "claim")
    line_id = case["lines"][0]["line_id"]
    case = await stage.act(case, "record-verdict", lines=[{"line_id": line_id, "accepted_quantity": 1}])
    assert case["state"] == "resolved"
    assert stage.world.site.paid_out(int(order_id)) == Decimal("35.70")


async def test_past_the_window_is_for_the_operator(stage: Stage) -> None:
    order_id, _ = await shopify_order(stage, [lamp()])
    await stage.later(days=31)
    (case,) = await stage.ask(SHOP, order_id, [{"sku": "LAMP-01", "quantity": 1, "reason": "changed_mind"}])
    assert (case["state"], case["needs_attention"]) == ("under_review", True)
    assert "approve" in case["allowed_actions"]
    case = await stage.act(case, "approve")
    assert case["state"] == "awaiting_shipment"


async def test_a_slow_supplier_is_asked_again_and_a_flaky_one_gets_the_same_key(stage: Stage) -> None:
    slow, _ = await shopify_order(stage, [lamp(vendor="Slowpoke")])
    (case,) = await stage.ask(SHOP, slow, [{"sku": "LAMP-01", "quantity": 1, "reason": "changed_mind"}])
    assert case["state"] == "authorizing"
    slowpoke = stage.world.suppliers["slowpoke"]
    stage.world.courier.drop_next(1)
    slowpoke.authorize(case["id"])
    await stage.settle()
    assert (await stage.case(case["id"]))["state"] == "authorizing"
    await stage.later(minutes=1)
    assert (await stage.case(case["id"]))["state"] == "awaiting_shipment"
    flaky, _ = await shopify_order(stage, [lamp(vendor="Flaky")])
    (case,) = await stage.ask(SHOP, flaky, [{"sku": "LAMP-01", "quantity": 1, "reason": "changed_mind"}])
    for _ in range(4):
        await stage.later(minutes=2)
    assert (await stage.case(case["id"]))["state"] == "awaiting_shipment"
    opened = [call for call in stage.world.suppliers["flaky"].calls if call.path.endswith("/returns")]
    assert len(opened) >= 2
    assert {call.idempotency_key for call in opened} == {case["id"]}


async def test_a_silent_supplier_becomes_the_operators_choice(stage: Stage) -> None:
    order_id, _ = await shopify_order(stage, [lamp(vendor="Mute")])
    (case,) = await stage.ask(SHOP, order_id, [{"sku": "LAMP-01", "quantity": 1, "reason": "changed_mind"}])
    assert case["state"] == "authorizing"
    assert case["due"]["kind"] == "rma"
    # Three working days, whichever day it is.
    await stage.later(days=6)
    case = await stage.case(case["id"])
    assert (case["state"], case["needs_attention"]) == ("contested", True)
    case = await stage.act(case, "absorb", reason="we cannot wait")
    assert case["state"] == "resolved"
    assert stage.world.shop.refunded_total(order_id) == Decimal("19.99")


async def test_nonsense_from_a_supplier_becomes_a_note(stage: Stage) -> None:
    order_id, lines = await shopify_order(stage, [lamp(2)])
    (case,) = await stage.ask(SHOP, order_id, [{"sku": "LAMP-01", "quantity": 1, "reason": "changed_mind"}])
    acme = stage.world.suppliers["acme"]
    acme.send(case["id"], "return.confirmed", {"lines": [{"line_id": lines["LAMP-01"], "accepted_quantity": 9}]})
    await stage.settle()
    case = await stage.case(case["id"])
    # More than was asked for counts as what was asked for.
    assert case["state"] == "resolved"
    assert stage.world.shop.refunded_total(order_id) == Decimal("19.99")
    acme.send(case["id"], "return.exploded", {})
    await stage.settle()
    failed = await stage.get("/deliveries", supplier="acme", status="failed")
    assert failed["items"][0]["topic"] == "return.exploded"
    assert "unknown" in failed["items"][0]["error"]


async def test_a_lost_answer_is_found_by_its_marker(stage: Stage) -> None:
    order_id, _ = await shopify_order(stage, [lamp()])
    (case,) = await stage.ask(SHOP, order_id, [{"sku": "LAMP-01", "quantity": 1, "reason": "changed_mind"}])
    stage.world.shop.faults.add("refundCreate", Fault(FaultKind.DROP_AFTER))
    stage.world.suppliers["acme"].confirm(case["id"])
    await stage.settle()
    await stage.later(seconds=30)
    case = await stage.case(case["id"])
    assert case["state"] == "resolved"
    assert case["refunds"][0]["status"] == "succeeded"
    assert len(stage.world.shop.money_calls) == 1
    assert stage.world.shop.refunded_total(order_id) == Decimal("19.99")


async def test_a_call_that_never_arrived_is_sent_again_with_the_same_key(stage: Stage) -> None:
    order_id, _ = await shopify_order(stage, [lamp()])
    (case,) = await stage.ask(SHOP, order_id, [{"sku": "LAMP-01", "quantity": 1, "reason": "changed_mind"}])
    stage.world.shop.faults.add(
        "refundCreate", Fault(FaultKind.DROP_BEFORE), Fault(FaultKind.STATUS_BEFORE, status=502)
    )
    stage.world.suppliers["acme"].confirm(case["id"])
    await stage.settle()
    for _ in range(4):
        await stage.later(seconds=60)
    case = await stage.case(case["id"])
    assert case["state"] == "resolved"
    assert len(set(keys_sent(stage))) == 1
    assert stage.world.shop.refunded_total(order_id) == Decimal("19.99")
    assert len(stage.world.shop.refunds(order_id)) == 1
    assert [attempt["outcome"] for attempt in case["refunds"][0]["attempts"]] == ["unknown", "unknown", "ok"]


async def test_woocommerce_after_a_lost_answer_is_only_looked_at(stage: Stage) -> None:
    order_id, _ = await woo_order(stage, NewOrder([NewLine("Mug", "20.00", 1, "ACME-MUG")]))
    (case,) = await stage.ask(SITE, order_id, [{"sku": "ACME-MUG", "quantity": 1, "reason": "changed_mind"}])
    stage.world.site.faults.add("POST /orders/refunds", Fault(FaultKind.DROP_AFTER))
    stage.world.suppliers["acme"].confirm(case["id"])
    await stage.settle()
    await stage.later(minutes=1)
    case = await stage.case(case["id"])
    assert case["state"] == "resolved"
    assert len(stage.world.site.money_calls) == 1


async def test_woocommerce_paid_and_deleted_is_for_a_person(stage: Stage) -> None:
    order_id, _ = await woo_order(stage, NewOrder([NewLine("Mug", "20.00", 1, "ACME-MUG")]))
    (case,) = await stage.ask(SITE, order_id, [{"sku": "ACME-MUG", "quantity": 1, "reason": "changed_mind"}])
    stage.world.site.faults.add("POST /orders/refunds", Fault(FaultKind.DELETED_AFTER))
    stage.world.suppliers["acme"].confirm(case["id"])
    await stage.settle()
    for _ in range(8):
        await stage.later(minutes=5)
    case = await stage.case(case["id"])
    (refund,) = case["refunds"]
    assert refund["status"] == "needs_review"
    assert case["needs_attention"] is True
    assert len(stage.world.site.money_calls) == 1
    order = await stage.get(f"/orders/{SITE}/{order_id}")
    assert order["refundable"]["amount"] == "0.00"
    await stage.post(
        f"/refunds/{refund['id']}/settle",
        {"outcome": "succeeded", "store_refund_id": "gateway-77", "reason": "seen at the gateway"},
    )
    await stage.settle()
    case = await stage.case(case["id"])
    assert (case["state"], case["refunds"][0]["status"]) == ("resolved", "succeeded")
    assert len(stage.world.site.money_calls) == 1


async def test_a_store_that_refuses_leaves_the_choice_to_the_operator(stage: Stage) -> None:
    order_id, _ = await shopify_order(stage, [lamp()])
    (case,) = await stage.ask(SHOP, order_id, [{"sku": "LAMP-01", "quantity": 1, "reason": "changed_mind"}])
    stage.world.shop.faults.add("refundCreate", Fault(FaultKind.REFUSE))
    stage.world.suppliers["acme"].confirm(case["id"])
    await stage.settle()
    await stage.later(seconds=30)
    case = await stage.case(case["id"])
    assert (case["state"], case["refunds"][0]["status"]) == ("contested", "rejected")
    assert stage.world.shop.refunded_total(order_id) == Decimal("0")
    case = await stage.act(case, "absorb", reason="try again")
    assert case["state"] == "resolved"
    assert len(set(keys_sent(stage))) == 2
    assert stage.world.shop.refunded_total(order_id) == Decimal("19.99")


async def test_pending_money_is_watched_until_it_is_there(stage: Stage) -> None:
    order_id, _ = await shopify_order(stage, [lamp()])
    (case,) = await stage.ask(SHOP, order_id, [{"sku": "LAMP-01", "quantity": 1, "reason": "changed_mind"}])
    stage.world.shop.faults.add("refundCreate", Fault(FaultKind.PENDING))
    stage.world.suppliers["acme"].confirm(case["id"])
    await stage.settle()
    await stage.later(minutes=10)
    case = await stage.case(case["id"])
    assert (case["state"], case["refunds"][0]["status"]) == ("resolving", "unknown")
    stage.world.shop.settle_pending(case["refunds"][0]["store_refund_id"], ok=True)
    await stage.settle()
    assert (await stage.case(case["id"]))["state"] == "resolved"
    assert len(stage.world.shop.money_calls) == 1


async def test_the_customers_own_currency_is_refunded(stage: Stage) -> None:
    order_id, _ = await shopify_order(
        stage, [lamp(price="2500", quantity=3, discount="500")], currency="JPY", rate="160"
    )
    (case,) = await stage.ask(SHOP, order_id, [{"sku": "LAMP-01", "quantity": 1, "reason": "changed_mind"}])
    stage.world.suppliers["acme"].confirm(case["id"])
    await stage.settle()
    case = await stage.case(case["id"])
    assert case["refunds"][0]["amount"] == {"amount": "2333", "currency": "JPY"}
    (call,) = stage.world.shop.money_calls
    assert call.variables["currency"] == "JPY"
    assert [one["amount"] for one in call.variables["transactions"]] == ["2333"]


async def test_tax_on_top_and_three_decimals(stage: Stage) -> None:
    order_id, _ = await shopify_order(
        stage, [lamp(price="3.335", quantity=2, tax_rate="0.1")], currency="KWD", taxes_included=False, shipping="1.000"
    )
    (case,) = await stage.ask(SHOP, order_id, [{"sku": "LAMP-01", "quantity": 2, "reason": "changed_mind"}])
    stage.world.suppliers["acme"].confirm(case["id"])
    await stage.settle()
    case = await stage.case(case["id"])
    assert case["state"] == "resolved"
    assert stage.world.shop.refunded_total(order_id) == Decimal("8.337")


async def test_a_hold_stops_the_money_until_it_is_lifted(stage: Stage) -> None:
    order_id, _ = await shopify_order(stage, [lamp()])
    (case,) = await stage.ask(SHOP, order_id, [{"sku": "LAMP-01", "quantity": 1, "reason": "changed_mind"}])
    case = await stage.act(case, "hold", kind="fraud", reason="looks odd")
    stage.world.suppliers["acme"].confirm(case["id"])
    await stage.settle()
    case = await stage.case(case["id"])
    assert (case["state"], case["refunds"]) == ("resolving", [])
    case = await stage.act(case, "lift-hold")
    assert case["state"] == "resolved"
    assert len(stage.world.shop.money_calls) == 1


async def test_a_chargeback_holds_and_a_lost_one_supersedes(stage: Stage) -> None:
    order_id, _ = await shopify_order(stage, [lamp()])
    (case,) = await stage.ask(SHOP, order_id, [{"sku": "LAMP-01", "quantity": 1, "reason": "changed_mind"}])
    stage.world.shop.open_dispute(int(order_id))
    await stage.settle()
    assert (await stage.case(case["id"]))["holds"] == ["chargeback"]
    stage.world.suppliers["acme"].confirm(case["id"])
    await stage.settle()
    assert stage.world.shop.money_calls == []
    stage.world.shop.close_dispute(int(order_id), "LOST")
    await stage.settle()
    assert (await stage.case(case["id"]))["state"] == "superseded"
    assert stage.world.shop.money_calls == []


async def test_a_customer_cancels_and_the_supplier_is_told(stage: Stage) -> None:
    order_id, _ = await shopify_order(stage, [lamp()])
    (case,) = await stage.ask(SHOP, order_id, [{"sku": "LAMP-01", "quantity": 1, "reason": "changed_mind"}])
    case = await stage.act(case, "cancel")
    assert case["state"] == "cancelled"
    assert any(call.path.endswith("/cancel") for call in stage.world.suppliers["acme"].calls)
    assert await stage.mails(case["id"]) == ["receipt", "rma_issued", "cancelled"]


async def test_events_come_in_any_order_and_twice(stage: Stage) -> None:
    order_id, _ = await shopify_order(stage, [lamp()])
    (case,) = await stage.ask(SHOP, order_id, [{"sku": "LAMP-01", "quantity": 1, "reason": "changed_mind"}])
    acme = stage.world.suppliers["acme"]
    stage.world.courier.hold()
    acme.receive(case["id"])
    acme.confirm(case["id"])
    acme.confirm(case["id"])
    stage.world.courier.release(shuffle_seed=4)
    await stage.settle()
    case = await stage.case(case["id"])
    assert case["state"] == "resolved"
    assert len(stage.world.shop.money_calls) == 1
    assert stage.world.shop.refunded_total(order_id) == Decimal("19.99")


async def test_an_unknown_order_is_fetched_from_the_store(stage: Stage) -> None:
    stage.world.courier.drop_next(4)
    order = stage.world.shop.create_order([lamp()])
    stage.world.shop.fulfil(order.id)
    await stage.settle()
    (case,) = await stage.ask(SHOP, f"{order.name}", [{"sku": "LAMP-01", "quantity": 1, "reason": "changed_mind"}])
    assert case["order"]["id"] == str(order.id)
