"""What the merchant's own system hears of whole stories: over real HTTP, signed, in sequence, and nothing personal."""

from __future__ import annotations

import base64
import hmac
import json
from collections.abc import Sequence
from typing import Any
from uuid import UUID

from sqlalchemy import func, select

from app.messages.models import Message, MessageStatus
from app.outbound.models import OutboundEvent
from app.sandbox.faults import Fault, FaultKind
from app.sandbox.receiver import TakenEvent
from app.sandbox.woocommerce.model import NewLine, NewOrder
from app.sandbox.world import CLIENT_SECRET
from tests.e2e.conftest import staged
from tests.e2e.stage import SHOP, SITE, Stage
from tests.e2e.test_stories import lamp, shopify_order, woo_order
from tests.leaks import PERSONAL
from tests.outbound.kit import BY_NAME


def told(stage: Stage) -> list[TakenEvent]:
    """What came, in order. Each is as documented, came once, and holds nothing of the customer."""
    taken = stage.world.crm.taken
    assert len({one.id for one in taken}) == len(taken)
    assert stage.world.crm.refused == 0
    for one in taken:
        assert set(one.body) == {"id", "type", "timestamp", "sequence", "data"}
        assert one.body["id"] == one.id
        BY_NAME[one.type].model_validate_json(json.dumps(one.body["data"]))
        assert not [value for value in PERSONAL if value in json.dumps(one.body, ensure_ascii=False)]
    return taken


def names(events: Sequence[TakenEvent]) -> list[str]:
    """Types; for a change of state with where it went."""
    return [
        f"{one.type} {one.body['data']['to_state']}" if "to_state" in one.body["data"] else one.type for one in events
    ]


async def test_a_whole_return_is_told_step_by_step(stage: Stage) -> None:
    order_id, _ = await shopify_order(stage, [lamp(2)])
    (case,) = await stage.ask(SHOP, order_id, [{"sku": "LAMP-01", "quantity": 2, "reason": "changed_mind"}])
    await stage.act(case, "record-tracking", tracking_number="TR1", carrier="Post")
    acme = stage.world.suppliers["acme"]
    for step in (acme.receive, acme.confirm, acme.credit):
        step(case["id"])
        await stage.settle()
    events = told(stage)
    assert names(events) == [
        "case.created", "case.state_changed authorizing", "case.state_changed awaiting_shipment",
        "case.state_changed in_transit", "case.state_changed inspecting", "case.state_changed resolving",
        "credit.expected", "refund.planned", "refund.succeeded", "case.state_changed resolved", "credit.paid",
        "case.state_changed closed",
    ]  # fmt: skip
    sequences = [one.body["sequence"] for one in events]
    assert sequences == sorted(sequences)
    of_case = {key: events[0].body["data"]["case"][key] for key in ("id", "reference", "store", "supplier", "order")}
    number = (await stage.get(f"/orders/{SHOP}/{order_id}"))["number"]
    assert of_case == {
        "id": case["id"], "reference": case["reference"], "store": SHOP, "supplier": "acme",
        "order": {"id": order_id, "number": number},
    }  # fmt: skip
    moved = events[5].body["data"]
    assert (moved["from_state"], moved["event"], moved["actor"]) == ("inspecting", "supplier_confirmed", "supplier")
    (paid,) = [one.body["data"]["refund"] for one in events if one.type == "refund.succeeded"]
    assert (paid["amount"], paid["ground"]) == ({"amount": "39.98", "currency": "EUR"}, "supplier")
    assert paid["store_refund_id"]


async def test_an_outcome_in_doubt_is_told_as_such(stage: Stage) -> None:
    order_id, _ = await woo_order(stage, NewOrder([NewLine("Mug", "12.50", 1, "ACME-MUG")]))
    stage.world.site.faults.add("POST /orders/refunds", Fault(FaultKind.DROP_BEFORE))
    (case,) = await stage.ask(SITE, order_id, [{"sku": "ACME-MUG", "quantity": 1, "reason": "changed_mind"}])
    stage.world.suppliers["acme"].confirm(case["id"])
    await stage.settle()
    await stage.later(hours=1)
    (refund,) = (await stage.case(case["id"]))["refunds"]
    await stage.post(f"/refunds/{refund['id']}/settle", {"outcome": "not_made", "reason": "looked in the gateway"})
    await stage.settle()
    of_refund = [name for name in names(told(stage)) if name.startswith("refund.")]
    assert of_refund == ["refund.planned", "refund.unknown", "refund.needs_review", "refund.rejected"]
    asked = [one.body["data"]["new"] for one in told(stage) if one.type == "case.needs_attention"]
    assert ["problem:refund_needs_review"] in asked


async def test_a_removed_app_and_a_webhook_that_cannot_be_read_are_told(stage: Stage) -> None:
    await shopify_order(stage, [lamp(1)])
    body = b'{"id": "no order"}'
    headers = {
        "X-Shopify-Hmac-Sha256": base64.b64encode(hmac.digest(CLIENT_SECRET.encode(), body, "sha256")).decode(),
        "X-Shopify-Topic": "orders/updated",
        "X-Shopify-Webhook-Id": "w-1",
    }
    assert (await stage.http.post(f"/webhooks/shopify/{SHOP}", content=body, headers=headers)).status_code == 200
    await stage.settle()
    (broken,) = [one.body["data"]["delivery"] for one in told(stage) if one.type == "delivery.failed"]
    (shown,) = (await stage.get("/deliveries", status="failed"))["items"]
    assert (broken["id"], broken["store"], broken["topic"]) == (shown["id"], SHOP, "orders/updated")
    stage.world.shop.uninstall()
    await stage.settle()
    (gone,) = [one for one in told(stage) if one.type == "store.uninstalled"]
    assert gone.body["data"]["store"] == {"key": SHOP, "platform": "shopify"}


async def test_a_credit_that_does_not_come_and_a_mail_that_comes_back_are_told(stage: Stage) -> None:
    order_id, _ = await shopify_order(stage, [lamp(1)])
    (case,) = await stage.ask(SHOP, order_id, [{"sku": "LAMP-01", "quantity": 1, "reason": "changed_mind"}])
    stage.world.suppliers["acme"].confirm(case["id"])
    await stage.settle()
    await stage.later(days=60)
    (overdue,) = [one.body["data"] for one in told(stage) if one.type == "credit.overdue"]
    assert (overdue["case"]["id"], overdue["credit"]["status"]) == (case["id"], "overdue")
    async with stage.runtime.work() as work:
        mail = await work.session.scalar(select(Message).where(Message.case_id == UUID(case["id"])).limit(1))
        assert mail is not None
        mail.status = MessageStatus.SENT
    for _ in range(2):
        await stage.post(f"/messages/{mail.id}/bounced", {"detail": "no such box"})
    await stage.settle()
    (back,) = [one.body["data"] for one in told(stage) if one.type == "message.failed"]
    assert back["message"] == {"id": str(mail.id), "kind": mail.kind, "status": "bounced"}
    assert back["case"]["id"] == case["id"]
    assert ["problem:mail_bounced"] in [one.body["data"].get("new") for one in told(stage)]


async def test_a_planned_refund_that_is_not_wanted_any_more_is_told(stage: Stage) -> None:
    order_id, lines = await shopify_order(stage, [lamp(1)])
    (case,) = await stage.ask(SHOP, order_id, [{"sku": "LAMP-01", "quantity": 1, "reason": "changed_mind"}])
    stage.world.shop.faults.stand("order", Fault(FaultKind.STATUS_BEFORE, 503))
    stage.world.suppliers["acme"].confirm(case["id"])
    await stage.settle()
    stage.world.shop.faults.clear()
    stage.world.shop.refund_by_hand(order_id, {int(lines["LAMP-01"]): 1})
    await stage.settle()
    await stage.later(hours=1)
    of_refund = [name for name in names(told(stage)) if name.startswith("refund.")]
    assert of_refund == ["refund.planned", "refund.voided"]
    assert (await stage.case(case["id"]))["state"] == "superseded"


async def test_a_receiver_hears_only_what_it_wants(database_url: str, settings: Any) -> None:
    async with staged(database_url, told={"types": ["refund.*", "case.created"], "stores": [SITE.upper()]}) as stage:
        for order, store in (
            ((await shopify_order(stage, [lamp(1)]))[0], SHOP),
            ((await woo_order(stage, NewOrder([NewLine("Mug", "12.50", 1, "ACME-MUG")])))[0], SITE),
        ):
            sku = "LAMP-01" if store == SHOP else "ACME-MUG"
            (case,) = await stage.ask(store, order, [{"sku": sku, "quantity": 1, "reason": "changed_mind"}])
            stage.world.suppliers["acme"].confirm(case["id"])
            await stage.settle()
        assert names(told(stage)) == ["case.created", "refund.planned", "refund.succeeded"]
        assert {one.body["data"]["case"]["store"] for one in told(stage)} == {SITE}


async def test_without_a_receiver_nothing_is_written(database_url: str, settings: Any) -> None:
    async with staged(database_url) as stage:
        order_id, _ = await shopify_order(stage, [lamp(1)])
        await stage.ask(SHOP, order_id, [{"sku": "LAMP-01", "quantity": 1, "reason": "changed_mind"}])
        async with stage.runtime.work() as work:
            assert await work.session.scalar(select(func.count()).select_from(OutboundEvent)) == 0
        assert stage.world.crm.taken == []
