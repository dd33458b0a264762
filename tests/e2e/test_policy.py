"""Policy files at work, from signed webhook to money: evidence asked and given, returnless, a kind refusal, pinning."""

from __future__ import annotations

from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest

from app.sandbox.woocommerce.model import NewLine, NewOrder
from tests.e2e.stage import SHOP, SITE, Stage
from tests.e2e.test_stories import lamp, shopify_order, woo_order

CHEAP = """
name = "cheap"
version = "1"
[returnless]
reasons = ["damaged_in_transit"]
up_to = { EUR = "25.00" }
[[evidence]]
id = "photo_of_damage"
reasons = ["damaged_in_transit"]
[[evidence]]
id = "what_is_wrong"
kind = "answer"
reasons = ["damaged_in_transit"]
"""
DAMAGED = [{"sku": "LAMP-01", "quantity": 1, "reason": "damaged_in_transit"}]


def use_policy(stage: Stage, store: str, named: str) -> None:
    """The store's policy from now on, as if the service had been started with it."""
    stage.runtime.settings.stores[store].policy = named


@pytest.fixture
def cheap(stage: Stage, tmp_path: Path) -> str:
    """Both stores refund cheap damaged goods at once, for a photo and a sentence."""
    file = tmp_path / "cheap.toml"
    file.write_text(CHEAP, encoding="utf-8")
    for store in (SHOP, SITE):
        use_policy(stage, store, str(file))
    return str(file)


async def give(stage: Stage, case: dict[str, Any], status: int = 201, **evidence: list[str]) -> dict[str, Any]:
    """Evidence of the customer; answers the case after everything has come to rest."""
    await stage.post(f"/cases/{case['id']}/evidence", evidence, status)
    await stage.settle()
    return await stage.case(case["id"])


async def test_evidence_is_asked_until_it_is_complete_and_then_the_money_goes_at_once(stage: Stage, cheap: str) -> None:
    order_id, _ = await shopify_order(stage, [lamp()], locale="fr")
    (case,) = await stage.ask(SHOP, order_id, DAMAGED)
    assert case["state"] == "evidence_needed"
    assert [one["item"] for one in case["decision"]["evidence"]] == ["photo_of_damage", "what_is_wrong"]
    asked = (await stage.get(f"/cases/{case['id']}/events"))["items"][-1]
    # In the customer's language.
    assert asked["data"]["items"] == ["Une photo du dommage", "Ce qui ne va pas, et depuis quand"]
    case = await give(stage, case, links=["https://photos.example/1.jpg"])
    assert case["state"] == "evidence_needed"
    # Only what is still missing is asked for.
    assert [one["item"] for one in case["decision"]["evidence"]] == ["what_is_wrong"]
    assert stage.world.shop.money_calls == []
    case = await give(stage, case, answers=["The shade is broken."])
    assert (case["state"], case["route"], case["gate"]["ground"]) == ("resolved", "returnless", "policy")
    (call,) = stage.world.shop.money_calls
    assert (call.key, stage.world.shop.refunded_total(order_id)) == (case["refunds"][0]["id"], Decimal("19.99"))
    assert await stage.events(case["id"]) == [
        "request_submitted", "policy_needs_evidence", "evidence_added", "policy_needs_evidence", "evidence_added",
        "approved", "refund_succeeded", "remedy_done",
    ]  # fmt: skip


async def test_beside_a_returnless_refund_the_claim_is_filed_and_its_credit_collected(stage: Stage, cheap: str) -> None:
    order_id, _ = await shopify_order(stage, [lamp()])
    (case,) = await stage.ask(SHOP, order_id, DAMAGED)
    case = await give(stage, case, links=["https://photos.example/1.jpg"], answers=["Broken."])
    acme = stage.world.suppliers["acme"]
    assert list(acme.returns) == [case["id"]]
    assert case["credit"]["status"] == "expected"
    acme.confirm(case["id"])
    acme.credit(case["id"])
    await stage.settle()
    case = await stage.case(case["id"])
    assert (case["state"], case["credit"]["status"]) == ("closed", "paid")
    assert len(stage.world.shop.money_calls) == 1


async def test_returnless_on_woocommerce(stage: Stage, cheap: str) -> None:
    order_id, lines = await woo_order(stage, NewOrder([NewLine("Mug", "19.99", 1, "ACME-MUG")]))
    wanted = [{"line_id": lines["ACME-MUG"], "quantity": 1, "reason": "damaged_in_transit"}]
    (case,) = await stage.ask(SITE, order_id, wanted)
    case = await give(stage, case, links=["https://photos.example/1.jpg"], answers=["Broken."])
    assert (case["state"], case["route"]) == ("resolved", "returnless")
    (refund,) = stage.world.site.refunds(int(order_id))
    # With its tax of 19 per cent.
    assert refund.amount == Decimal("23.79")


async def test_evidence_that_comes_too_late_finds_the_case_over_until_it_is_opened_again(
    stage: Stage, cheap: str
) -> None:
    # Where no right of the customer is known: one that was declared in time never ends by waiting.
    order_id, _ = await shopify_order(stage, [lamp()], country="US")
    (case,) = await stage.ask(SHOP, order_id, DAMAGED)
    assert case["legal"]["alive"] is False
    # A week that would end on a day off ends on the next working day.
    await stage.later(days=11)
    case = await stage.case(case["id"])
    assert case["state"] == "expired"
    await give(stage, case, 409, links=["https://photos.example/1.jpg"])
    case = await stage.act(case, "reopen", reason="the customer was ill")
    advice = case["decision"]
    assert (case["state"], advice["applied"]) == ("under_review", False)
    assert "newest policy" in advice["words"]["why"][0]
    assert stage.world.shop.money_calls == []


async def test_a_clear_late_change_of_mind_is_refused_kindly_in_the_customers_language(stage: Stage) -> None:
    use_policy(stage, SHOP, "eu")
    order_id, _ = await shopify_order(stage, [lamp()], country="FR", locale="fr")
    await stage.later(days=40)
    (case,) = await stage.ask(SHOP, order_id, [{"sku": "LAMP-01", "quantity": 1, "reason": "changed_mind"}])
    assert case["state"] == "rejected"
    mails = (await stage.get("/messages", case=case["id"]))["items"]
    (refused,) = [mail for mail in mails if mail["kind"] == "refused"]
    assert "le délai a pris fin le" in refused["text"]
    assert "une personne le lira" in refused["text"]
    assert stage.world.shop.money_calls == []


async def test_a_fault_after_the_window_is_never_refused_by_machine(stage: Stage) -> None:
    use_policy(stage, SHOP, "eu")
    order_id, _ = await shopify_order(stage, [lamp()], country="FR")
    await stage.later(days=729)
    (case,) = await stage.ask(SHOP, order_id, [{"sku": "LAMP-01", "quantity": 1, "reason": "missing_parts"}])
    assert case["state"] == "under_review"
    assert "a legal right is alive" in case["decision"]["words"]["why"][0]


async def test_an_open_case_stays_with_its_policy_whatever_is_written_since(stage: Stage, cheap: str) -> None:
    order_id, _ = await shopify_order(stage, [lamp()])
    (case,) = await stage.ask(SHOP, order_id, DAMAGED)
    pinned = case["policy_version"]
    stricter = Path(cheap).with_name("stricter.toml")
    stricter.write_text(CHEAP.replace('"25.00"', '"1.00"').replace('version = "1"', 'version = "2"'), encoding="utf-8")
    use_policy(stage, SHOP, str(stricter))
    case = await give(stage, case, links=["https://photos.example/1.jpg"], answers=["Broken."])
    assert (case["route"], case["policy_version"]) == ("returnless", pinned)
    seen = (await stage.get(f"/cases/{case['id']}/decisions", language="he"))["items"]
    assert [one["policy_version"] for one in seen] == [pinned, pinned]
    assert [one["outcome"] for one in seen] == ["evidence", "approve"]
    assert seen[1]["words"]["outcome"].startswith("הבקשה אושרה")
    other, _ = await shopify_order(stage, [lamp()])
    (fresh,) = await stage.ask(SHOP, other, DAMAGED)
    assert fresh["policy_version"].startswith("cheap@2+")
    fresh = await give(stage, fresh, links=["https://photos.example/2.jpg"], answers=["Broken."])
    assert fresh["route"] == "claim"


async def test_what_a_person_asked_for_is_for_that_person_to_look_at(stage: Stage, cheap: str) -> None:
    order_id, _ = await shopify_order(stage, [lamp()])
    await stage.later(days=40)
    (case,) = await stage.ask(SHOP, order_id, DAMAGED)
    assert case["state"] == "under_review"
    case = await stage.act(case, "request-evidence", items=["Show us the box, please."])
    case = await give(stage, case, links=["https://photos.example/1.jpg"], answers=["Broken."])
    assert case["state"] == "under_review"
