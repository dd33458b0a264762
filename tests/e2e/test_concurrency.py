"""Several workers at once: each outside event takes effect once, and the calls for one order never overlap."""

from __future__ import annotations

import asyncio
from decimal import Decimal

from app.runtime import build_runtime
from app.sandbox.woocommerce.model import NewLine, NewOrder
from app.worker import run_until_idle
from tests.e2e.stage import SHOP, SITE, Stage
from tests.e2e.test_stories import lamp, shopify_order, woo_order


async def with_three_workers(stage: Stage) -> None:
    """Everything that waits is worked off by three workers at once."""
    others = [build_runtime(stage.runtime.settings, stage.runtime.database.url, pool_size=4) for _ in range(2)]
    for other in others:
        other.clock = stage.clock
    stage.world.courier.flush()
    await asyncio.gather(*(run_until_idle(runtime) for runtime in [stage.runtime, *others]))
    for other in others:
        await other.aclose()
    await stage.settle()


async def test_twenty_identical_confirmations_pay_once(stage: Stage) -> None:
    order_id, _ = await shopify_order(stage, [lamp(2)])
    (case,) = await stage.ask(SHOP, order_id, [{"sku": "LAMP-01", "quantity": 1, "reason": "changed_mind"}])
    for _ in range(20):
        stage.world.suppliers["acme"].confirm(case["id"])
    await with_three_workers(stage)
    case = await stage.case(case["id"])
    assert case["state"] == "resolved"
    assert len({call.key for call in stage.world.shop.money_calls}) == 1
    assert len(stage.world.shop.refunds(order_id)) == 1
    assert stage.world.shop.refunded_total(order_id) == Decimal("19.99")
    assert (await stage.events(case["id"])).count("supplier_confirmed") == 1


async def test_many_cases_of_one_woocommerce_order_are_paid_one_after_another(stage: Stage) -> None:
    lines = [NewLine(f"Mug {index}", "10.00", 1, f"ACME-{index}") for index in range(4)]
    order_id, _ = await woo_order(stage, NewOrder(lines))
    cases = []
    for index in range(4):
        cases += await stage.ask(SITE, order_id, [{"sku": f"ACME-{index}", "quantity": 1, "reason": "changed_mind"}])
    for case in cases:
        stage.world.suppliers["acme"].confirm(case["id"])
    await with_three_workers(stage)
    for _ in range(4):
        await stage.later(seconds=70)
    assert {(await stage.case(case["id"]))["state"] for case in cases} == {"resolved"}
    calls = stage.world.site.money_calls
    assert len(calls) == 4
    assert not any(call.overlapped for call in calls)
    assert stage.world.site.paid_out(int(order_id)) == Decimal("47.60")


async def test_two_cases_whose_sum_exceeds_what_is_left(stage: Stage) -> None:
    order_id, _ = await shopify_order(stage, [lamp(2)])
    wish = [{"sku": "LAMP-01", "quantity": 1, "reason": "changed_mind"}]
    cases = [*await stage.ask(SHOP, order_id, wish), *await stage.ask(SHOP, order_id, wish)]
    # The merchant gives a goodwill refund of an amount, which leaves less than the two cases are worth.
    stage.world.shop.refund_by_hand(int(order_id), amount="10.00")
    for case in cases:
        stage.world.suppliers["acme"].confirm(case["id"])
    await with_three_workers(stage)
    for _ in range(3):
        await stage.later(seconds=70)
    assert stage.world.shop.refunded_total(order_id) == Decimal("39.98")
    ours = [refund for refund in stage.world.shop.refunds(order_id) if "[makegood:" in (refund.note or "")]
    assert len(ours) == 2
