"""Money that was meant to go out and must not any more, money that turns up late, and cases nobody would look at."""

from __future__ import annotations

from collections.abc import Callable
from decimal import Decimal

import pytest

from app import worker
from app.outcomes import Unknown
from app.runtime import Runtime
from app.sandbox.faults import Fault, FaultKind
from app.sandbox.woocommerce.model import NewLine, NewOrder
from app.stores.asked import PreparedRefund, RefundAnswer
from tests.e2e.stage import SHOP, SITE, Stage
from tests.e2e.test_crashes import ONE_LAMP, ONE_MUG
from tests.e2e.test_stories import lamp, shopify_order, woo_order

THROTTLED = Fault(FaultKind.THROTTLE, seconds=60)


def answer_lost(
    stage: Stage, key: str, monkeypatch: pytest.MonkeyPatch
) -> tuple[list[PreparedRefund], Callable[[], None]]:
    """Refund calls of the store end without an answer and do not arrive; answers what was sent, and an end to it."""
    store, held = stage.runtime.stores.get(key), list[PreparedRefund]()
    send = store.send_refund

    async def lost(prepared: PreparedRefund) -> RefundAnswer:
        held.append(prepared)
        return Unknown("timeout", "no answer")

    monkeypatch.setattr(store, "send_refund", lost)
    return held, lambda: monkeypatch.setattr(store, "send_refund", send)


async def test_throttled_then_charged_back(stage: Stage) -> None:
    order_id, _ = await shopify_order(stage, [lamp()])
    (case,) = await stage.ask(SHOP, order_id, ONE_LAMP)
    stage.world.shop.faults.add("refundCreate", THROTTLED)
    stage.world.suppliers["acme"].confirm(case["id"])
    await stage.settle()
    stage.world.shop.open_dispute(int(order_id))
    await stage.settle()
    await stage.later(days=20)
    stage.world.shop.close_dispute(int(order_id), "LOST")
    await stage.settle()
    await stage.later(hours=1)
    assert (await stage.case(case["id"]))["state"] == "superseded"
    assert stage.world.shop.refunded_total(order_id) == 0


async def test_throttled_then_refunded_by_hand(stage: Stage) -> None:
    order_id, lines = await shopify_order(stage, [lamp(2)])
    (case,) = await stage.ask(SHOP, order_id, ONE_LAMP)
    stage.world.shop.faults.add("refundCreate", THROTTLED)
    stage.world.suppliers["acme"].confirm(case["id"])
    await stage.settle()
    stage.world.shop.refund_by_hand(int(order_id), {int(lines["LAMP-01"]): 1})
    await stage.settle()
    await stage.later(minutes=3)
    case = await stage.case(case["id"])
    assert (case["state"], [one["status"] for one in case["refunds"]]) == ("superseded", ["void"])
    assert stage.world.shop.refunded_total(order_id) == Decimal("19.99")


async def test_throttled_then_cancelled(stage: Stage) -> None:
    order_id, lines = await shopify_order(stage, [lamp(2)])
    (case,) = await stage.ask(SHOP, order_id, [{"sku": "LAMP-01", "quantity": 2, "reason": "lost"}])
    stage.world.shop.faults.add("refundCreate", THROTTLED)
    stage.world.suppliers["acme"].confirm(case["id"], {lines["LAMP-01"]: 1})
    await stage.settle()
    case = await stage.act(case, "cancel", reason="the parcel turned up")
    await stage.later(minutes=3)
    assert (await stage.case(case["id"]))["state"] == "cancelled"
    assert stage.world.shop.refunded_total(order_id) == 0


async def test_nobody_cancels_while_money_is_in_doubt(stage: Stage, monkeypatch: pytest.MonkeyPatch) -> None:
    order_id, lines = await shopify_order(stage, [lamp(2)])
    (case,) = await stage.ask(SHOP, order_id, [{"sku": "LAMP-01", "quantity": 2, "reason": "lost"}])
    answer_lost(stage, SHOP, monkeypatch)
    stage.world.suppliers["acme"].confirm(case["id"], {lines["LAMP-01"]: 1})
    await stage.settle()
    told = await stage.post(f"/cases/{case['id']}/cancel", {}, 409)
    assert told["code"] == "refund_in_doubt"


async def test_a_refund_that_turns_up_after_it_was_denied_is_counted(
    stage: Stage, monkeypatch: pytest.MonkeyPatch
) -> None:
    order_id, _ = await woo_order(stage, NewOrder([NewLine("Mug", "20.00", 2, "ACME-MUG")]))
    (case,) = await stage.ask(SITE, order_id, ONE_MUG)
    held, back = answer_lost(stage, SITE, monkeypatch)
    stage.world.suppliers["acme"].confirm(case["id"])
    await stage.settle()
    for _ in range(5):
        await stage.later(minutes=5)
    back()
    (refund,) = (await stage.case(case["id"]))["refunds"]
    await stage.post(f"/refunds/{refund['id']}/settle", {"outcome": "not_made", "reason": "nothing is there"})
    await stage.settle()
    await stage.runtime.stores.get(SITE).send_refund(held[0])
    await stage.settle()
    assert (await stage.case(case["id"]))["state"] == "superseded"
    assert stage.world.site.paid_out(int(order_id)) == Decimal("23.80")


async def test_a_key_that_may_have_expired_is_never_sent_again(stage: Stage) -> None:
    order_id, _ = await shopify_order(stage, [lamp()])
    (case,) = await stage.ask(SHOP, order_id, ONE_LAMP)
    stage.world.shop.faults.add("refundCreate", Fault(FaultKind.DROP_BEFORE))
    stage.world.suppliers["acme"].confirm(case["id"])
    await stage.settle()
    case = await stage.act(case, "hold", kind="merchant", reason="look first")
    await stage.later(seconds=30)
    await stage.later(days=3)
    case = await stage.act(case, "lift-hold")
    await stage.later(hours=1)
    (refund,) = (await stage.case(case["id"]))["refunds"]
    assert (refund["status"], len(refund["attempts"])) == ("needs_review", 1)


async def test_a_first_call_executed_late_is_found_pending(stage: Stage, monkeypatch: pytest.MonkeyPatch) -> None:
    order_id, _ = await shopify_order(stage, [lamp()])
    (case,) = await stage.ask(SHOP, order_id, ONE_LAMP)
    held, back = answer_lost(stage, SHOP, monkeypatch)
    stage.world.suppliers["acme"].confirm(case["id"])
    await stage.settle()
    await stage.act(case, "hold", kind="merchant", reason="keeps it planned")
    await stage.later(seconds=30)
    back()
    stage.world.shop.faults.add("refundCreate", Fault(FaultKind.PENDING))
    await stage.runtime.stores.get(SHOP).send_refund(held[0])
    await stage.settle()
    await stage.later(hours=1)
    assert (await stage.case(case["id"]))["refunds"][0]["status"] == "unknown"


async def test_shipping_refunded_by_hand_is_not_the_goods(stage: Stage) -> None:
    lines = [lamp(price="4.00"), lamp(sku="B", title="B", price="50.00")]
    order_id, _ = await shopify_order(stage, lines, shipping="4.96")
    (case,) = await stage.ask(SHOP, order_id, ONE_LAMP)
    stage.world.shop.refund_by_hand(int(order_id), shipping="4.96")
    await stage.settle()
    assert (await stage.case(case["id"]))["state"] == "awaiting_shipment"


async def test_an_order_that_cannot_be_read_any_more_is_shown(stage: Stage) -> None:
    order_id, _ = await woo_order(stage, NewOrder([NewLine("Mug", "20.00", 1, "ACME-MUG")]))
    (case,) = await stage.ask(SITE, order_id, ONE_MUG)
    stage.world.site.erase(int(order_id))
    stage.world.suppliers["acme"].confirm(case["id"])
    await stage.settle()
    await stage.later(days=3)
    case = await stage.case(case["id"])
    assert "problem:order_not_readable" in case["attention"]
    assert [one["status"] for one in case["refunds"]] == ["planned"]


async def test_reopened_and_refused_again_comes_to_an_end(stage: Stage) -> None:
    order_id, lines = await shopify_order(stage, [lamp(3)])
    (case,) = await stage.ask(SHOP, order_id, [{"sku": "LAMP-01", "quantity": 3, "reason": "not_as_described"}])
    acme = stage.world.suppliers["acme"]
    acme.confirm(case["id"], {lines["LAMP-01"]: 2})
    await stage.settle()
    await stage.act(case, "reject", reason="worn", override=True)
    acme.credit(case["id"])
    await stage.settle()
    await stage.act(case, "reopen", reason="the customer insists")
    await stage.act(case, "approve", route="claim")
    acme.send(case["id"], "return.rejected", {"lines": [], "reason": "no"})
    await stage.settle()
    case = await stage.act(case, "reject", reason="still no", override=True)
    assert case["state"] == "resolved"
    assert stage.world.shop.refunded_total(order_id) == Decimal("39.98")


async def test_a_credit_that_never_comes_is_shown(stage: Stage) -> None:
    order_id, _ = await shopify_order(stage, [lamp()])
    (case,) = await stage.ask(SHOP, order_id, ONE_LAMP)
    stage.world.suppliers["acme"].confirm(case["id"])
    await stage.settle()
    # No date was promised: 30 days, then the supplier's three working days.
    await stage.later(days=40)
    case = await stage.case(case["id"])
    assert (case["state"], case["attention"]) == ("resolved", ["problem:credit_overdue"])
    assert case["credit"]["status"] == "overdue"
    assert case["due"]["kind"] == "close"


async def test_a_credit_before_the_verdict_is_not_owed_again(stage: Stage) -> None:
    order_id, _ = await shopify_order(stage, [lamp()])
    (case,) = await stage.ask(SHOP, order_id, ONE_LAMP)
    acme = stage.world.suppliers["acme"]
    acme.credit(case["id"], "9.80")
    await stage.settle()
    acme.confirm(case["id"])
    await stage.settle()
    assert (await stage.case(case["id"]))["state"] == "resolved"
    await stage.later(days=31)
    assert (await stage.case(case["id"]))["state"] == "closed"


async def test_a_return_opened_by_the_merchant_in_the_store_becomes_a_case(stage: Stage) -> None:
    order_id, lines = await shopify_order(stage, [lamp()])
    stage.world.courier.drop_next(1)
    asked = stage.world.shop.request_return(int(order_id), {int(lines["LAMP-01"]): 1})
    await stage.settle()
    assert (await stage.get("/cases", order=order_id))["items"] == []
    with stage.world.shop.lock:
        stage.world.shop.returns.approve(asked.id)
    await stage.settle()
    (case,) = (await stage.get("/cases", order=order_id))["items"]
    assert case["state"] == "awaiting_shipment"


async def test_a_verdict_about_other_lines_is_shown_and_changes_nothing(stage: Stage) -> None:
    order_id, _ = await shopify_order(stage, [lamp()])
    (case,) = await stage.ask(SHOP, order_id, ONE_LAMP)
    news = {"lines": [{"line_id": "999", "accepted_quantity": 1}]}
    stage.world.suppliers["acme"].send(case["id"], "return.confirmed", news)
    await stage.settle()
    case = await stage.case(case["id"])
    assert (case["state"], case["attention"]) == ("awaiting_shipment", ["problem:supplier_nonsense"])


async def test_wording_that_cannot_be_rendered_does_not_undo_the_money(
    stage: Stage, monkeypatch: pytest.MonkeyPatch
) -> None:
    order_id, _ = await shopify_order(stage, [lamp()])
    (case,) = await stage.ask(SHOP, order_id, ONE_LAMP)

    def broken(*_facts: object) -> None:
        raise LookupError("a template is missing")

    monkeypatch.setattr("app.messages.service.render", broken)
    stage.world.suppliers["acme"].confirm(case["id"])
    await stage.settle()
    assert (await stage.case(case["id"]))["state"] == "resolved"
    mails = (await stage.get("/messages", case=case["id"], status="failed"))["items"]
    assert [mail["kind"] for mail in mails] == ["refund_sent", "verdict"]
    assert all("a template is missing" in mail["error"] for mail in mails)


async def test_one_broken_sweep_stops_no_other(runtime: Runtime, monkeypatch: pytest.MonkeyPatch) -> None:
    ran: list[str] = []

    async def broken(_runtime: Runtime) -> None:
        ran.append("broken")
        raise ValueError("a poisoned row")

    async def well(_runtime: Runtime) -> None:
        ran.append("well")

    monkeypatch.setattr(worker, "SWEEPS", (broken, well))
    await worker.sweep_once(runtime)
    await worker.sweep_once(runtime)
    assert ran == ["broken", "well", "broken", "well"]
