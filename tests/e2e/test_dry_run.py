"""A dry run: everything is decided and recorded, nothing is written to the store, the supplier or a mailbox."""

from __future__ import annotations

from decimal import Decimal

from tests.e2e.stage import SHOP, Stage
from tests.e2e.test_stories import lamp, shopify_order


async def test_a_dry_run_decides_and_writes_nothing(stage: Stage) -> None:
    stage.runtime.settings.stores[SHOP].dry_run = True
    order_id, lines = await shopify_order(stage, [lamp()])
    asked = stage.world.shop.request_return(int(order_id), {int(lines["LAMP-01"]): 1})
    await stage.settle()
    (case,) = (await stage.get("/cases", order=order_id))["items"]
    assert case["state"] == "authorizing"
    assert "problem:dry_run" in case["attention"]
    assert stage.world.suppliers["acme"].calls == []
    assert str(asked.status).upper() == "REQUESTED"
    case = await stage.act(case, "record-rma", rma_number="R-1")
    line_id = case["lines"][0]["line_id"]
    case = await stage.act(case, "record-verdict", lines=[{"line_id": line_id, "accepted_quantity": 1}])
    assert case["state"] == "resolving"
    assert "problem:dry_run" in case["attention"]
    (refund,) = case["refunds"]
    assert (refund["status"], refund["amount"]) == ("planned", {"amount": "19.99", "currency": "EUR"})
    assert stage.world.shop.money_calls == []
    assert stage.world.shop.refunded_total(order_id) == Decimal(0)
    notes = (await stage.get(f"/cases/{case['id']}/events", limit=200))["items"]
    said = [note["data"]["text"] for note in notes if note["type"] == "note_added"]
    assert any("19.99 EUR would have been refunded" in text for text in said)
    messages = (await stage.get("/messages", case=case["id"]))["items"]
    assert {message["status"] for message in messages} == {"stored"}
