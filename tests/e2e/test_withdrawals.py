"""Withdrawals from declaration to money, by our page and by WooCommerce's own form."""

from __future__ import annotations

from datetime import datetime, timedelta
from decimal import Decimal
from typing import Any

from app.sandbox.woocommerce.model import NewLine, NewOrder
from tests.e2e.stage import SHOP, SITE, Stage
from tests.e2e.test_stories import lamp, shopify_order, woo_order
from tests.withdrawals.kit import Visitor


async def only(stage: Stage, **wanted: str) -> dict[str, Any]:
    (found,) = (await stage.get("/withdrawals", **wanted))["items"]
    told: dict[str, Any] = found
    return told


async def cases_of(stage: Stage, withdrawal: dict[str, Any]) -> list[dict[str, Any]]:
    request = await stage.get(f"/return-requests/{withdrawal['request_id']}")
    return [await stage.case(case["id"]) for case in request["cases"]]


async def test_a_declaration_ends_in_a_refund_of_everything(stage: Stage) -> None:
    order_id, _ = await shopify_order(stage, [lamp(2)], shipping="4.96")
    order = await stage.get(f"/orders/{SHOP}/{order_id}")
    ours = {"name": "Ann", "order": order["number"], "email": order["email"]}
    assert (await Visitor(stage.http, SHOP).declare(ours)).status_code == 200
    await stage.settle()
    (case,) = await cases_of(stage, await only(stage, status="matched"))
    assert case["legal"]["cites"][0]["right"] == "withdrawal"
    assert case["state"] == "awaiting_shipment"
    stage.world.suppliers["acme"].receive(case["id"])
    stage.world.suppliers["acme"].confirm(case["id"])
    await stage.settle()
    assert (await stage.case(case["id"]))["state"] == "resolved"
    assert stage.world.shop.refunded_total(order_id) == Decimal("44.94")
    assert len(stage.world.shop.money_calls) == 1


async def test_the_stores_own_form_is_taken_in_once(stage: Stage) -> None:
    """By webhook, however often the store goes on to tell of the order; the store has sent the receipt itself."""
    order_id, _ = await woo_order(stage, NewOrder([NewLine("Mug", "20.00", 2, "ACME-MUG")]))
    before = stage.clock.now()
    stage.world.site.withdraw(int(order_id))
    await stage.settle()
    stage.clock.move(timedelta(minutes=1))
    stage.world.site.touch(int(order_id))
    await stage.settle()
    declared = await only(stage, status="matched")
    assert (declared["origin"], declared["receipt_id"], declared["goods"]) == ("woocommerce", None, None)
    assert abs(stage_time(declared["declared_at"]) - before.timestamp()) < 60
    (case,) = await cases_of(stage, declared)
    assert [(line["sku"], line["quantity"]) for line in case["lines"]] == [("ACME-MUG", 2)]
    kinds = [one["kind"] for one in (await stage.get("/messages", limit=200))["items"]]
    assert "withdrawal_receipt" not in kinds


async def test_what_the_stores_form_says_of_a_part_is_for_a_person(stage: Stage) -> None:
    order_id, _ = await woo_order(stage, NewOrder([NewLine("Mug", "20.00", 2, "ACME-MUG")]))
    stage.world.site.withdraw(int(order_id), "one of the mugs")
    await stage.settle()
    declared = await only(stage, status="unclear", store=SITE)
    assert (declared["goods"], declared["order"]["id"]) == ("one of the mugs", order_id)


async def test_a_lost_webhook_loses_no_withdrawal(polling: Stage) -> None:
    stage = polling
    order_id, _ = await woo_order(stage, NewOrder([NewLine("Mug", "20.00", 1, "ACME-MUG")]))
    for hook in stage.world.site.webhooks.hooks.values():
        hook.status = "disabled"
    stage.world.site.withdraw(int(order_id))
    await stage.later(minutes=12)
    assert (await only(stage))["status"] == "matched"


def stage_time(told: str) -> float:
    """Seconds of an instant as the API writes it."""
    return datetime.fromisoformat(told).timestamp()
