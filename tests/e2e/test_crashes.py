"""A process that dies between begin and settle leaves a row that is found, and never a second refund."""

from __future__ import annotations

from decimal import Decimal
from uuid import UUID

import pytest
from sqlalchemy import text

from app.cases import service as cases
from app.cases.refunding import plan_refund
from app.db.work import Work
from app.refunds.models import Refund
from app.sandbox.woocommerce.model import NewLine, NewOrder
from app.stores.asked import PreparedRefund, RefundAnswer
from app.stores.registry import StoreRegistry
from tests.e2e.stage import SHOP, SITE, Stage
from tests.e2e.test_stories import lamp, shopify_order, woo_order

ONE_LAMP = [{"sku": "LAMP-01", "quantity": 1, "reason": "changed_mind"}]
ONE_MUG = [{"sku": "ACME-MUG", "quantity": 1, "reason": "changed_mind"}]


def die_once(stores: StoreRegistry, key: str, monkeypatch: pytest.MonkeyPatch, *, after_call: bool) -> None:
    """The next refund call of the store ends in death, before or after the store has executed it."""
    store = stores.get(key)
    send = store.send_refund

    async def dying(prepared: PreparedRefund) -> RefundAnswer:
        monkeypatch.setattr(store, "send_refund", send)
        if after_call:
            await send(prepared)
        raise RuntimeError("the process died here")

    monkeypatch.setattr(store, "send_refund", dying)


@pytest.mark.parametrize("after_call", [False, True])
async def test_shopify_is_looked_up_and_sent_again_with_the_same_key(
    stage: Stage, monkeypatch: pytest.MonkeyPatch, after_call: bool
) -> None:
    order_id, _ = await shopify_order(stage, [lamp()])
    (case,) = await stage.ask(SHOP, order_id, ONE_LAMP)
    die_once(stage.runtime.stores, SHOP, monkeypatch, after_call=after_call)
    stage.world.suppliers["acme"].confirm(case["id"])
    await stage.settle()
    (refund,) = (await stage.case(case["id"]))["refunds"]
    assert refund["status"] == "submitting"
    await stage.later(seconds=160)
    await stage.later(seconds=60)
    case = await stage.case(case["id"])
    assert (case["state"], case["refunds"][0]["status"]) == ("resolved", "succeeded")
    assert len(stage.world.shop.money_calls) == 1
    assert stage.world.shop.refunded_total(order_id) == Decimal("19.99")
    attempts = case["refunds"][0]["attempts"]
    assert [attempt["outcome"] for attempt in attempts] == ([None] if after_call else [None, "ok"])


async def test_woocommerce_is_looked_up_and_found(stage: Stage, monkeypatch: pytest.MonkeyPatch) -> None:
    order_id, _ = await woo_order(stage, NewOrder([NewLine("Mug", "20.00", 1, "ACME-MUG")]))
    (case,) = await stage.ask(SITE, order_id, ONE_MUG)
    die_once(stage.runtime.stores, SITE, monkeypatch, after_call=True)
    stage.world.suppliers["acme"].confirm(case["id"])
    await stage.settle()
    await stage.later(seconds=160)
    assert (await stage.case(case["id"]))["state"] == "resolved"
    assert len(stage.world.site.money_calls) == 1


async def test_woocommerce_is_never_sent_again_and_goes_to_a_person(
    stage: Stage, monkeypatch: pytest.MonkeyPatch
) -> None:
    order_id, _ = await woo_order(stage, NewOrder([NewLine("Mug", "20.00", 1, "ACME-MUG")]))
    (case,) = await stage.ask(SITE, order_id, ONE_MUG)
    die_once(stage.runtime.stores, SITE, monkeypatch, after_call=False)
    stage.world.suppliers["acme"].confirm(case["id"])
    await stage.settle()
    for _ in range(6):
        await stage.later(minutes=5)
    case = await stage.case(case["id"])
    (refund,) = case["refunds"]
    assert refund["status"] == "needs_review"
    assert "problem:refund_needs_review" in case["attention"]
    assert stage.world.site.money_calls == []
    await stage.post(f"/refunds/{refund['id']}/settle", {"outcome": "not_made", "reason": "the gateway shows nothing"})
    await stage.settle()
    case = await stage.case(case["id"])
    assert case["state"] == "contested"
    case = await stage.act(case, "absorb", reason="pay it now")
    assert case["state"] == "resolved"
    assert len(stage.world.site.money_calls) == 1
    assert stage.world.site.paid_out(int(order_id)) == Decimal("23.80")


def die_once_at_planning(monkeypatch: pytest.MonkeyPatch) -> None:
    """The next refund's plan is not made; those after it are."""

    async def dying(work: Work, case_id: UUID) -> Refund | None:
        monkeypatch.setattr("app.refunds.tasks.plan_refund", plan_refund)
        raise RuntimeError("the process died here")

    monkeypatch.setattr("app.refunds.tasks.plan_refund", dying)


async def test_a_plan_whose_job_failed_is_made_by_the_sweeper(stage: Stage, monkeypatch: pytest.MonkeyPatch) -> None:
    order_id, _ = await shopify_order(stage, [lamp()])
    (case,) = await stage.ask(SHOP, order_id, ONE_LAMP)
    die_once_at_planning(monkeypatch)
    stage.world.suppliers["acme"].confirm(case["id"])
    await stage.settle()
    case = await stage.case(case["id"])
    assert (case["state"], case["refunds"]) == ("resolving", [])
    await stage.later(seconds=70)
    assert (await stage.case(case["id"]))["state"] == "resolved"
    assert len(stage.world.shop.money_calls) == 1


async def test_a_chargeback_whose_webhook_was_lost_is_seen_before_money_moves(stage: Stage) -> None:
    order_id, _ = await shopify_order(stage, [lamp()])
    (case,) = await stage.ask(SHOP, order_id, ONE_LAMP)
    stage.world.courier.hold()
    stage.world.shop.open_dispute(int(order_id))
    case = await stage.act(
        case, "record-verdict", lines=[{"line_id": case["lines"][0]["line_id"], "accepted_quantity": 1}]
    )
    assert (case["state"], case["holds"]) == ("resolving", ["chargeback"])
    assert stage.world.shop.money_calls == []


async def test_a_supplier_that_cannot_be_asked_does_not_make_a_lost_plan_be_forgotten(
    stage: Stage, monkeypatch: pytest.MonkeyPatch
) -> None:
    order_id, _ = await shopify_order(stage, [lamp()])
    (case,) = await stage.ask(SHOP, order_id, ONE_LAMP)
    die_once_at_planning(monkeypatch)
    stage.world.suppliers["acme"].confirm(case["id"])
    await stage.settle()
    async with stage.runtime.work() as work:
        locked = await cases.lock(work, UUID(case["id"]))
        await cases.add_problem(work, locked, "supplier_call_failed", "The supplier could not be asked (poll)")
        await work.session.execute(text("DELETE FROM procrastinate_jobs"))
    await stage.later(seconds=70)
    assert (await stage.case(case["id"]))["state"] == "resolved"
    assert len(stage.world.shop.money_calls) == 1
