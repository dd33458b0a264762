"""What the store shows counts: refunds by hand, deleted refunds, deleted orders, and money that no gateway sends."""

from __future__ import annotations

from datetime import timedelta
from decimal import Decimal

from app.sandbox.faults import Fault, FaultKind
from app.sandbox.woocommerce.model import NewExtra, NewLine, NewOrder
from tests.e2e.stage import SHOP, SITE, Stage
from tests.e2e.test_stories import lamp, shopify_order, woo_order

ONE_MUG = [{"sku": "ACME-MUG", "quantity": 1, "reason": "changed_mind"}]


async def test_each_refund_mail_names_its_own_units(stage: Stage) -> None:
    order_id, lines = await shopify_order(stage, [lamp(3)])
    (case,) = await stage.ask(SHOP, order_id, [{"sku": "LAMP-01", "quantity": 3, "reason": "changed_mind"}])
    stage.world.suppliers["acme"].confirm(case["id"], {lines["LAMP-01"]: 2})
    await stage.settle()
    await stage.act(case, "absorb", reason="a good customer")
    found = (await stage.get("/messages", case=case["id"]))["items"]
    sent = [message["text"] for message in reversed(found) if message["kind"] == "refund_sent"]
    assert ["2 \u00d7 Lamp" in sent[0], "1 \u00d7 Lamp" in sent[1]] == [True, True]


async def test_a_bank_transfer_is_booked_and_somebody_is_told_to_pay(stage: Stage) -> None:
    order_id, _ = await woo_order(stage, NewOrder([NewLine("Mug", "20.00", 1, "ACME-MUG")], gateway="bacs"))
    (case,) = await stage.ask(SITE, order_id, ONE_MUG)
    stage.world.suppliers["acme"].confirm(case["id"])
    await stage.settle()
    case = await stage.case(case["id"])
    assert (case["state"], case["attention"]) == ("resolved", ["problem:pay_by_hand"])
    assert stage.world.site.money_calls[0].body["api_refund"] is False
    assert stage.world.site.gateway_payouts == []
    (mail,) = [one for one in (await stage.get("/messages", case=case["id"]))["items"] if one["kind"] == "refund_sent"]
    assert "we send it to you ourselves" in mail["text"]


async def test_a_whole_woocommerce_order_goes_back_with_shipping_and_fee(stage: Stage) -> None:
    order_id, _ = await woo_order(
        stage,
        NewOrder(
            [NewLine("Mug", "19.99", 3, "ACME-MUG")],
            shipping=[NewExtra("Flat", "4.90")],
            fees=[NewExtra("Gift wrap", "2.00")],
        ),
    )
    wish = [{"sku": "ACME-MUG", "quantity": 3, "reason": "changed_mind"}]
    (case,) = await stage.ask(SITE, order_id, wish)
    stage.world.suppliers["acme"].confirm(case["id"])
    await stage.settle()
    assert stage.world.site.paid_out(int(order_id)) == Decimal(stage.world.site.order(int(order_id))["total"])


async def test_a_redirected_refund_is_looked_up_and_not_sent_again(stage: Stage) -> None:
    order_id, _ = await woo_order(stage, NewOrder([NewLine("Mug", "20.00", 1, "ACME-MUG")]))
    (case,) = await stage.ask(SITE, order_id, ONE_MUG)
    stage.world.site.faults.add("POST /orders/refunds", Fault(FaultKind.REDIRECT))
    stage.world.suppliers["acme"].confirm(case["id"])
    await stage.settle()
    await stage.later(minutes=5)
    (refund,) = (await stage.case(case["id"]))["refunds"]
    assert refund["status"] == "unknown"
    await stage.later(minutes=12)
    (refund,) = (await stage.case(case["id"]))["refunds"]
    assert (refund["status"], len(stage.world.site.money_calls)) == ("needs_review", 1)


async def test_what_the_store_shows_cannot_be_settled_as_not_made(stage: Stage) -> None:
    order_id, _ = await woo_order(stage, NewOrder([NewLine("Mug", "20.00", 2, "ACME-MUG")]))
    (case,) = await stage.ask(SITE, order_id, ONE_MUG)
    stage.world.site.faults.add("POST /orders/refunds", Fault(FaultKind.PENDING))
    stage.world.suppliers["acme"].confirm(case["id"])
    await stage.settle()
    (refund,) = (await stage.case(case["id"]))["refunds"]
    assert refund["status"] == "needs_review"
    denied = {"outcome": "not_made", "reason": "the gateway shows nothing"}
    # The store's webhook about our refund has been read: it is there, with our marker.
    told = await stage.post(f"/refunds/{refund['id']}/settle", denied, 409)
    assert told["code"] == "store_shows_refund"
    await stage.post(f"/refunds/{refund['id']}/settle", {**denied, "store_refund_id": "5"}, 422)
    stage.world.site.delete_refund(int(order_id), int(refund["store_refund_id"]))
    stage.world.site.touch(int(order_id))
    await stage.settle()
    await stage.post(f"/refunds/{refund['id']}/settle", denied)
    await stage.settle()
    assert (await stage.case(case["id"]))["state"] == "contested"


async def test_a_deleted_refund_is_found_when_newer_news_leaves_it_out(stage: Stage) -> None:
    order_id, lines = await woo_order(stage, NewOrder([NewLine("Mug", "20.00", 1, "ACME-MUG")]))
    (case,) = await stage.ask(SITE, order_id, ONE_MUG)
    made = stage.world.site.refund_by_hand(int(order_id), lines={int(lines["ACME-MUG"]): 1})
    await stage.settle()
    assert (await stage.case(case["id"]))["state"] == "superseded"
    stage.clock.move(timedelta(seconds=2))
    stage.world.site.delete_refund(int(order_id), made)
    stage.world.site.touch(int(order_id))
    await stage.settle()
    case = await stage.case(case["id"])
    assert case["state"] == "contested"
    assert "problem:external_refund_removed" in case["attention"]
    assert (await stage.get(f"/orders/{SITE}/{order_id}"))["refundable"]["amount"] == "23.80"


async def test_an_order_in_the_trash_does_not_end_the_case_unpaid(stage: Stage) -> None:
    order_id, _ = await woo_order(stage, NewOrder([NewLine("Mug", "20.00", 1, "ACME-MUG")]))
    (case,) = await stage.ask(SITE, order_id, ONE_MUG)
    stage.world.site.trash(int(order_id))
    await stage.settle()
    case = await stage.case(case["id"])
    assert case["state"] == "awaiting_shipment"
    assert "problem:order_cancelled" in case["attention"]


async def test_units_refunded_before_the_request_cannot_be_approved(stage: Stage) -> None:
    order_id, lines = await shopify_order(stage, [lamp(2)])
    stage.world.shop.refund_by_hand(int(order_id), {int(lines["LAMP-01"]): 1})
    await stage.settle()
    (case,) = await stage.ask(SHOP, order_id, [{"sku": "LAMP-01", "quantity": 2, "reason": "changed_mind"}])
    assert case["state"] == "under_review"
    told = await stage.post(f"/cases/{case['id']}/approve", {}, 409)
    assert (told["code"], told["free"]) == ("quantity_not_free", 1)
    case = await stage.act(case, "approve", lines=[{"line_id": lines["LAMP-01"], "quantity": 1}])
    assert case["state"] == "awaiting_shipment"


async def test_judged_goods_were_sent_and_received(stage: Stage) -> None:
    order_id, _ = await shopify_order(stage, [lamp(2)])
    (case,) = await stage.ask(SHOP, order_id, [{"sku": "LAMP-01", "quantity": 2, "reason": "changed_mind"}])
    stage.world.suppliers["acme"].confirm(case["id"])
    await stage.settle()
    (line,) = (await stage.case(case["id"]))["lines"]
    counters = [line[name] for name in ("requested", "approved", "shipped", "received", "accepted", "refunded")]
    assert counters == [2, 2, 2, 2, 2, 2]
