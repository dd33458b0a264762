"""Bugs that the campaign found, each played again by itself."""

from __future__ import annotations

from datetime import timedelta
from decimal import Decimal

from app.sandbox.faults import Fault, FaultKind
from app.sandbox.shopify.book import LineSpec
from app.sandbox.woocommerce.model import NewLine, NewOrder
from tests.e2e.stage import SHOP, SITE, Stage
from tests.e2e.test_crashes import ONE_LAMP, ONE_MUG
from tests.e2e.test_stories import lamp, shopify_order, woo_order

DENIED = {"outcome": "not_made", "reason": "the gateway shows nothing"}


async def test_units_of_a_refund_whose_payment_failed_can_still_be_paid(stage: Stage) -> None:
    order_id, _ = await shopify_order(stage, [lamp()], shipping="4.96")
    (case,) = await stage.ask(SHOP, order_id, ONE_LAMP)
    stage.world.shop.faults.add("refundCreate", Fault(FaultKind.FAIL_LATER))
    stage.world.suppliers["acme"].confirm(case["id"])
    await stage.settle()
    (refund,) = (await stage.case(case["id"]))["refunds"]
    assert refund["status"] == "needs_review"
    await stage.post(f"/refunds/{refund['id']}/settle", DENIED)
    await stage.settle()
    # Shopify counts the lamp and the shipping as refunded; only an amount can be asked for.
    case = await stage.act(case, "absorb", reason="pay it again")
    assert case["state"] == "resolved"
    assert stage.world.shop.refunded_total(order_id) == Decimal("24.95")
    assert "refundLineItems" not in stage.world.shop.money_calls[-1].variables


async def test_a_refund_that_nobody_announced_cannot_be_denied_and_its_deletion_is_seen(stage: Stage) -> None:
    order_id, _ = await woo_order(stage, NewOrder([NewLine("Mug", "20.00", 1, "ACME-MUG")]))
    (case,) = await stage.ask(SITE, order_id, ONE_MUG)
    stage.world.site.faults.add("POST /orders/refunds", Fault(FaultKind.PENDING))
    stage.world.suppliers["acme"].confirm(case["id"])
    stage.world.courier.flush()
    stage.world.courier.hold()
    await stage.settle()
    (refund,) = (await stage.case(case["id"]))["refunds"]
    assert refund["status"] == "needs_review"
    told = await stage.post(f"/refunds/{refund['id']}/settle", DENIED, 409)
    assert told["code"] == "store_shows_refund"
    stage.world.site.delete_refund(int(order_id), int(refund["store_refund_id"]))
    await stage.post(f"/refunds/{refund['id']}/settle", DENIED)
    await stage.settle()
    case = await stage.act(case, "absorb", reason="pay it now")
    assert case["state"] == "resolved"
    assert stage.world.site.paid_out(int(order_id)) == Decimal("23.80")


async def test_units_that_were_refunded_long_before_unheard_are_not_paid_again(stage: Stage) -> None:
    order_id, _ = await shopify_order(
        stage, [lamp(), LineSpec(sku="DESK-01", title="Desk", price="90.00", vendor="Acme")]
    )
    stage.world.courier.misbehave(1, lose=1.0)
    line = stage.world.shop.order(int(order_id)).lines[0]
    stage.world.shop.refund_by_hand(int(order_id), {line.id: 1})
    stage.world.courier.behave()
    stage.clock.move(timedelta(days=1))
    (case,) = await stage.ask(SHOP, order_id, ONE_LAMP)
    stage.world.suppliers["acme"].confirm(case["id"])
    await stage.settle()
    # Enough of the order's money is left; the lamp's own is not.
    case = await stage.case(case["id"])
    assert (case["state"], [one["status"] for one in case["refunds"]]) == ("contested", ["void"])
    assert "problem:nothing_left_to_refund" in case["attention"]
    assert stage.world.shop.money_calls == []
