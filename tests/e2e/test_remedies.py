"""Remedies other than money back, from signed webhook to what the store made of them, on both platforms."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from dataclasses import dataclass
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest

from app.crashpoints import Point, hooked
from app.sandbox.faults import Fault, FaultKind, Gate
from app.sandbox.woocommerce.model import NewLine, NewOrder
from app.stores.shopify_orders import tag_for
from app.stores.woocommerce_orders import OPERATION
from tests.e2e.stage import SHOP, SITE, Stage
from tests.e2e.test_policy import use_policy
from tests.e2e.test_stories import keys_sent, lamp, shopify_order, woo_order

POLICY = """
name = "every"
version = "1"
[remedies]
offered = ["replacement", "exchange", "store_credit", "keep_item", "refund"]
keep_item_percent = 40
"""
BOTH = pytest.mark.parametrize("key", [SHOP, SITE])
Case = dict[str, Any]


@pytest.fixture
def every(stage: Stage, tmp_path: Path) -> None:
    """Both stores offer every remedy."""
    file = tmp_path / "every.toml"
    file.write_text(POLICY, encoding="utf-8")
    for store in (SHOP, SITE):
        use_policy(stage, store, str(file))


@dataclass(frozen=True, slots=True)
class Bought:
    """Three lamps at 20.00 with tax, or three mugs at 20.00 without, in one of the stores."""

    key: str
    order_id: str
    sku: str

    def wants(self, remedy: str, quantity: int = 1, reason: str = "defective", **more: Any) -> dict[str, Any]:
        """A request for some of them."""
        return {"lines": [{"sku": self.sku, "quantity": quantity, "reason": reason, **more}], "remedy": remedy}


async def bought(stage: Stage, key: str, *, taxed: bool = True) -> Bought:
    if key == SHOP:
        order_id, _ = await shopify_order(stage, [lamp(3, price="20.00")])
        return Bought(key, order_id, "LAMP-01")
    order_id, _ = await woo_order(
        stage, NewOrder([NewLine("Mug", "20.00", 3, "ACME-MUG", 93, rates=(1,) if taxed else ())])
    )
    return Bought(key, order_id, "ACME-MUG")


async def asked(stage: Stage, one: Bought, remedy: str, **more: Any) -> Case:
    """The case of a request for one unit."""
    (case,) = await stage.ask(one.key, one.order_id, **one.wants(remedy, **more))
    return case


async def confirmed(stage: Stage, case: Case) -> Case:
    """After the supplier has accepted everything."""
    stage.world.suppliers["acme"].confirm(case["id"])
    await stage.settle()
    return await stage.case(case["id"])


def orders_made(stage: Stage, key: str, replacement: Mapping[str, Any]) -> int:
    """How many orders the store has with the replacement's marker."""
    if key == SITE:
        return len(stage.world.site.orders_noted(OPERATION, str(replacement["id"])))
    return len(stage.world.shop.office.orders_tagged(tag_for(replacement["id"])))


def refunds_sent(stage: Stage) -> int:
    return len(stage.world.shop.money_calls) + len(stage.world.site.money_calls)


async def looked_for(stage: Stage) -> None:
    """An hour, in which what is in doubt is looked for again and again."""
    for _ in range(6):
        await stage.later(minutes=10)


@BOTH
async def test_a_replacement_is_one_new_order_and_no_money(stage: Stage, every: None, key: str) -> None:
    one = await bought(stage, key)
    case = await asked(stage, one, "replacement", quantity=2)
    assert (case["state"], case["remedy"]) == ("awaiting_shipment", "replacement")
    case = await confirmed(stage, case)
    assert case["state"] == "resolved"
    (made,) = case["replacements"]
    assert (made["status"], made["ground"], len(made["attempts"])) == ("made", "supplier", 1)
    assert orders_made(stage, key, made) == 1
    assert made["order_name"]
    assert (case["refunds"], refunds_sent(stage)) == ([], 0)
    assert (case["lines"][0]["replaced"], case["lines"][0]["refunded"]) == (2, 0)
    assert (await stage.events(case["id"]))[-2:] == ["replacement_made", "remedy_done"]
    assert "replacement_sent" in await stage.mails(case["id"])
    assert case["credit"]["status"] == "expected"
    order = await stage.get(f"/orders/{key}/{one.order_id}")
    assert [line["refundable_quantity"] for line in order["lines"]] == [1]
    assert (await stage.get("/replacements", case=case["reference"], status="made"))["items"] == [made]
    assert (await stage.get("/replacements", case="MG-NOBODYS"))["items"] == []
    assert await stage.get(f"/replacements/{made['id']}") == made
    # Its own webhook makes it an order like any other, and nothing else comes of it.
    assert (await stage.get(f"/orders/{key}/{made['store_order_id']}"))["total"]["amount"] == "0.00"


@BOTH
async def test_store_credit_goes_out_once_and_its_customer_is_told(stage: Stage, every: None, key: str) -> None:
    one = await bought(stage, key, taxed=False)
    case = await confirmed(stage, await asked(stage, one, "store_credit"))
    assert case["state"] == "resolved"
    (credit,) = case["refunds"]
    assert (credit["status"], credit["method"], credit["amount"]["amount"]) == ("succeeded", "store_credit", "20.00")
    assert "credit_sent" in await stage.mails(case["id"])
    if key == SHOP:
        assert keys_sent(stage) == [credit["id"]]
        assert stage.world.shop.office.credited_total(one.order_id) == Decimal("20.00")
        return
    assert credit["credit_code"]
    assert (stage.world.site.calls["POST /coupons"], stage.world.site.money_calls) == (1, [])
    mails = (await stage.get("/messages", case=case["id"]))["items"]
    told = await stage.get(f"/messages/{next(one['id'] for one in mails if one['kind'] == 'credit_sent')}")
    assert credit["credit_code"] in told["text"]


@BOTH
async def test_store_credit_whose_answer_is_lost_is_given_once(stage: Stage, every: None, key: str) -> None:
    one = await bought(stage, key, taxed=False)
    case = await asked(stage, one, "store_credit")
    if key == SHOP:
        stage.world.shop.faults.add("refundCreate", Fault(FaultKind.DROP_AFTER))
    else:
        stage.world.site.faults.add("POST /coupons", Fault(FaultKind.DROP_AFTER))
    case = await confirmed(stage, case)
    await looked_for(stage)
    case = await stage.case(case["id"])
    (credit,) = case["refunds"]
    assert (case["state"], credit["status"], credit["method"]) == ("resolved", "succeeded", "store_credit")
    if key == SHOP:
        assert stage.world.shop.office.credited_total(one.order_id) == Decimal("20.00")
    else:
        assert (stage.world.site.calls["POST /coupons"], bool(credit["credit_code"])) == (1, True)


@BOTH
async def test_who_keeps_the_goods_gets_a_part_at_once(stage: Stage, every: None, key: str) -> None:
    one = await bought(stage, key)
    case = await asked(stage, one, "keep_item")
    assert (case["state"], case["route"]) == ("resolved", "returnless")
    (refund,) = case["refunds"]
    part = "8.00" if key == SHOP else "9.52"
    assert (refund["status"], refund["keeps_goods"], refund["amount"]["amount"]) == ("succeeded", True, part)
    assert refunds_sent(stage) == 1
    assert case["lines"][0]["refunded"] == 1
    order = await stage.get(f"/orders/{key}/{one.order_id}")
    assert [line["refundable_quantity"] for line in order["lines"]] == [2]


@BOTH
async def test_an_answer_that_is_lost_is_found_and_nothing_is_made_twice(stage: Stage, every: None, key: str) -> None:
    one = await bought(stage, key)
    case = await asked(stage, one, "replacement")
    faults, call = new_order_faults(stage, key)
    faults.add(call, Fault(FaultKind.DROP_AFTER))
    case = await confirmed(stage, case)
    (made,) = case["replacements"]
    assert made["status"] == "unknown"
    await stage.later(seconds=30)
    case = await stage.case(case["id"])
    (made,) = case["replacements"]
    assert (case["state"], made["status"], orders_made(stage, key, made)) == ("resolved", "made", 1)


@BOTH
async def test_what_cannot_be_known_is_settled_by_a_person(stage: Stage, every: None, key: str) -> None:
    one = await bought(stage, key)
    case = await asked(stage, one, "replacement")
    faults, call = new_order_faults(stage, key)
    faults.add(call, Fault(FaultKind.DROP_BEFORE))
    case = await confirmed(stage, case)
    await looked_for(stage)
    case = await stage.case(case["id"])
    (lost,) = case["replacements"]
    assert (lost["status"], orders_made(stage, key, lost)) == ("needs_review", 0)
    assert "problem:replacement_needs_review" in case["attention"]
    # Units in doubt are no units to refund.
    order = await stage.get(f"/orders/{key}/{one.order_id}")
    assert [line["refundable_quantity"] for line in order["lines"]] == [2]
    await stage.post(f"/cases/{case['id']}/change-remedy", {"remedy": "refund"}, 409)
    told = {"outcome": "not_made", "reason": "No such order in the list."}
    await stage.post(f"/replacements/{lost['id']}/settle", told)
    await stage.settle()
    case = await stage.case(case["id"])
    assert case["state"] == "contested"
    case = await stage.act(case, "change-remedy", remedy="refund")
    assert (case["state"], case["remedy"], refunds_sent(stage)) == ("resolved", "refund", 1)


async def test_a_person_cannot_deny_what_the_store_shows(stage: Stage, every: None) -> None:
    one = await bought(stage, SITE)
    case = await asked(stage, one, "replacement")
    stage.world.site.hold_lists()
    stage.world.site.faults.add("POST /orders", Fault(FaultKind.DROP_AFTER))
    case = await confirmed(stage, case)
    await looked_for(stage)
    case = await stage.case(case["id"])
    (lost,) = case["replacements"]
    assert lost["status"] == "needs_review"
    stage.world.site.release_lists()
    denied = {"outcome": "not_made", "reason": "I saw none."}
    answer = await stage.post(f"/replacements/{lost['id']}/settle", denied, 409)
    assert answer["code"] == "store_shows_order"
    made = {"outcome": "made", "order_name": "#wrong", "reason": "It is in the list."}
    settled = await stage.post(f"/replacements/{lost['id']}/settle", made)
    # What the store shows is believed before what is typed.
    assert (settled["status"], settled["order_name"] != "#wrong") == ("made", True)
    await stage.settle()
    assert (await stage.case(case["id"]))["state"] == "resolved"


@BOTH
async def test_what_is_sold_out_is_refunded_instead(stage: Stage, every: None, key: str) -> None:
    one = await bought(stage, key)
    case = await asked(stage, one, "replacement")
    _sell_out(stage, one)
    case = await confirmed(stage, case)
    assert (case["state"], case["replacements"][0]["status"]) == ("contested", "rejected")
    assert "problem:replacement_rejected" in case["attention"]
    case = await stage.act(case, "change-remedy", remedy="refund")
    assert (case["state"], refunds_sent(stage)) == ("resolved", 1)


@BOTH
async def test_a_hold_stops_a_replacement_and_its_end_lets_it_go(stage: Stage, every: None, key: str) -> None:
    case = await asked(stage, await bought(stage, key), "replacement")
    await stage.act(case, "hold", kind="fraud", reason="look at it")
    case = await confirmed(stage, case)
    assert (case["state"], case["replacements"]) == ("resolving", [])
    case = await stage.act(case, "lift-hold")
    assert (case["state"], case["replacements"][0]["status"]) == ("resolved", "made")


async def test_a_dry_run_orders_nothing(stage: Stage, every: None) -> None:
    for key in (SHOP, SITE):
        case = await asked(stage, await bought(stage, key), "replacement")
        stage.runtime.settings.stores[key].dry_run = True
        stage.runtime.settings.suppliers["acme"].requires_rma = True
        case = await stage.act(case, "record-verdict", lines=_all_accepted(case))
        (planned,) = case["replacements"]
        assert (planned["status"], planned["attempts"], orders_made(stage, key, planned)) == ("planned", [], 0)
        assert "problem:dry_run" in case["attention"]


@BOTH
async def test_another_remedy_takes_back_what_was_only_planned(stage: Stage, every: None, key: str) -> None:
    """What is held up by a store that cannot be read was never sent."""
    one = await bought(stage, key, taxed=False)
    case = await asked(stage, one, "replacement")
    case = await stage.act(case, "change-remedy", remedy="store_credit", agreed=True)
    assert (case["state"], case["remedy"]) == ("awaiting_shipment", "store_credit")
    case = await confirmed(stage, case)
    assert (case["state"], case["replacements"]) == ("resolved", [])
    assert case["refunds"][0]["method"] == "store_credit"


@BOTH
async def test_the_legal_date_gives_money_for_what_was_not_replaced(stage: Stage, every: None, key: str) -> None:
    one = await bought(stage, key)
    case = await asked(stage, one, "replacement", reason="changed_mind")
    case = await stage.act(case, "record-tracking", tracking_number="TR12345")
    assert case["legal"]["due_at"]
    await stage.later(days=20)
    case = await stage.case(case["id"])
    assert (case["remedy"], case["gate"]["ground"], case["replacements"]) == ("refund", "law", [])
    assert ([refund["status"] for refund in case["refunds"]], refunds_sent(stage)) == (["succeeded"], 1)


@BOTH
async def test_goods_in_doubt_are_not_paid_beside_and_are_paid_as_soon_as_they_are_free(
    stage: Stage, every: None, key: str
) -> None:
    """The legal date comes while nobody knows whether the replacement was ordered."""
    one = await bought(stage, key)
    case = await asked(stage, one, "replacement", reason="changed_mind")
    case = await stage.act(case, "record-tracking", tracking_number="TR12345")
    faults, call = new_order_faults(stage, key)
    faults.add(call, Fault(FaultKind.DROP_BEFORE))
    await confirmed(stage, case)
    await looked_for(stage)
    await stage.later(days=20)
    case = await stage.case(case["id"])
    assert (case["state"], case["remedy"], refunds_sent(stage)) == ("resolving", "refund", 0)
    assert "legal:late" in case["attention"]
    (lost,) = case["replacements"]
    told = {"outcome": "not_made", "reason": "No such order in the list."}
    await stage.post(f"/replacements/{lost['id']}/settle", told)
    await stage.settle()
    case = await stage.case(case["id"])
    assert (case["state"], refunds_sent(stage)) == ("resolved", 1)


@BOTH
async def test_a_made_replacement_settles_the_legal_date(stage: Stage, every: None, key: str) -> None:
    one = await bought(stage, key)
    case = await asked(stage, one, "replacement", reason="changed_mind")
    case = await stage.act(case, "record-tracking", tracking_number="TR12345")
    case = await confirmed(stage, case)
    assert case["state"] == "resolved"
    await stage.later(days=30)
    case = await stage.case(case["id"])
    assert (case["refunds"], refunds_sent(stage), len(case["replacements"])) == ([], 0, 1)


async def test_what_the_law_gives_is_replaced_by_nothing_that_nobody_agreed_to(stage: Stage, every: None) -> None:
    one = await bought(stage, SHOP)
    case = await asked(stage, one, "refund", reason="changed_mind")
    told = await stage.post(f"/cases/{case['id']}/change-remedy", {"remedy": "store_credit"}, 409)
    assert told["code"] == "remedy_needs_consent"
    case = await stage.act(case, "change-remedy", remedy="store_credit", agreed=True)
    assert case["remedy"] == "store_credit"


@BOTH
async def test_a_refund_by_hand_and_a_replacement_are_never_both(stage: Stage, every: None, key: str) -> None:
    """All the units are refunded in the store while the supplier still has the case."""
    one = await bought(stage, key)
    case = await asked(stage, one, "replacement", quantity=3)
    if key == SHOP:
        line = stage.world.shop.order(one.order_id).lines[0]
        stage.world.shop.refund_by_hand(one.order_id, {line.id: 3})
    else:
        stage.world.site.refund_by_hand(int(one.order_id))
    await stage.settle()
    case = await confirmed(stage, case)
    assert (case["state"], case["replacements"]) == ("superseded", [])


async def test_two_cases_of_the_same_units_get_one_remedy(stage: Stage, every: None) -> None:
    """One plans a refund while the other's replacement is under way: the units are reserved by whoever was first."""
    one = await bought(stage, SHOP)
    case = await asked(stage, one, "replacement", quantity=3)
    gate = Gate()
    stage.world.shop.faults.add("draftOrderCreate", Fault(FaultKind.SLOW_BEFORE, gate=gate))
    sending = asyncio.create_task(confirmed(stage, case))
    await gate.reached()
    refused = await stage.post(f"/cases/{case['id']}/change-remedy", {"remedy": "refund"}, 409)
    assert refused["code"] == "refund_in_doubt"
    order = await stage.get(f"/orders/{SHOP}/{one.order_id}")
    assert [line["refundable_quantity"] for line in order["lines"]] == [0]
    gate.open()
    case = await sending
    assert (case["state"], refunds_sent(stage), len(case["replacements"])) == ("resolved", 0, 1)


_POINTS = [point for point in Point if point.startswith("replacement.")]


@pytest.mark.parametrize("point", _POINTS)
@BOTH
async def test_death_at_any_point_makes_one_order_at_most(stage: Stage, every: None, key: str, point: Point) -> None:
    one = await bought(stage, key)
    case = await asked(stage, one, "replacement")
    if point is Point.REPLACEMENT_LOOKED:
        faults, call = new_order_faults(stage, key)
        faults.add(call, Fault(FaultKind.DROP_AFTER))
    deaths = [point]

    def die(at: Point) -> None:
        if at in deaths:
            deaths.remove(at)
            raise RuntimeError("the process died here")

    with hooked(die):
        await confirmed(stage, case)
        await looked_for(stage)
    assert not deaths
    case = await stage.case(case["id"])
    (made,) = case["replacements"]
    # Of an attempt that was written down nobody knows whether it went out: that is for a person.
    review = point is Point.REPLACEMENT_BEGUN
    assert (made["status"], orders_made(stage, key, made)) == (("needs_review", 0) if review else ("made", 1))
    assert case["state"] == ("resolving" if review else "resolved")


def new_order_faults(stage: Stage, key: str) -> tuple[Any, str]:
    if key == SHOP:
        return stage.world.shop.faults, "draftOrderCreate"
    return stage.world.site.faults, "POST /orders"


def _sell_out(stage: Stage, one: Bought) -> None:
    if one.key == SHOP:
        stage.world.shop.office.sell_out(stage.world.shop.order(one.order_id).lines[0].variant_id or 0)
    else:
        stage.world.site.products.sell_out(93)


def _all_accepted(case: Case) -> list[dict[str, Any]]:
    return [{"line_id": line["line_id"], "accepted_quantity": line["approved"]} for line in case["lines"]]
