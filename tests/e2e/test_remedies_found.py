"""Faults that were found in remedies, each as a story that went wrong before it was mended."""

from __future__ import annotations

from tests.e2e.stage import SHOP, Stage
from tests.e2e.test_remedies import BOTH, asked, bought, confirmed, every, orders_made, refunds_sent

__all__ = ["every"]


async def test_a_refund_by_hand_that_no_webhook_told_stops_a_replacement(stage: Stage, every: None) -> None:
    """The order is read right before goods are ordered, as before money is sent."""
    one = await bought(stage, SHOP)
    case = await asked(stage, one, "replacement", quantity=3)
    line = stage.world.shop.order(one.order_id).lines[0]
    stage.world.courier.misbehave(1, lose=1.0)
    stage.world.shop.refund_by_hand(one.order_id, {line.id: 3})
    stage.world.courier.behave()
    case = await confirmed(stage, case)
    (stopped,) = case["replacements"]
    assert (case["state"], stopped["status"], stopped["attempts"]) == ("superseded", "void", [])
    assert orders_made(stage, SHOP, stopped) == 0


@BOTH
async def test_money_refunded_by_amount_leaves_a_replacement_to_a_person(stage: Stage, every: None, key: str) -> None:
    """No line is named, so no unit is gone; but the customer has more of the money than the goods leave."""
    one = await bought(stage, key)
    case = await asked(stage, one, "replacement", quantity=3)
    if key == SHOP:
        stage.world.shop.refund_by_hand(one.order_id, amount="50.00")
    else:
        stage.world.site.refund_by_hand(int(one.order_id), amount="50.00")
    await stage.settle()
    case = await confirmed(stage, case)
    (stopped,) = case["replacements"]
    assert (case["state"], stopped["status"], stopped["attempts"]) == ("contested", "rejected", [])
    assert "problem:replacement_rejected" in case["attention"]
    assert (orders_made(stage, key, stopped), refunds_sent(stage)) == (0, 0)
