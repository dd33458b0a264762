"""The law opens the gate: the date comes, is announced, is stopped by holds in the open, and moves with the facts."""

from __future__ import annotations

import asyncio
from datetime import datetime, timedelta
from decimal import Decimal
from typing import Any

import pytest
from sqlalchemy import delete, null, select, update

from app.cases.models import Case
from app.ledger.models import Account, LedgerEntry
from app.policy.law.calendar import add_days, local_day, start_of
from app.runtime import build_runtime
from app.sandbox.woocommerce.model import NewLine, NewOrder
from app.timers.models import LEGAL_KINDS, Timer
from app.worker import run_until_idle
from tests.e2e.stage import SHOP, SITE, Stage
from tests.e2e.test_stories import lamp, shopify_order, woo_order

CRD = "Directive 2011/83/EU art. 13"
MIND = [{"sku": "LAMP-01", "quantity": 1, "reason": "changed_mind"}]
MUG = [{"sku": "ACME-MUG", "quantity": 1, "reason": "changed_mind"}]


async def until(stage: Stage, moment: datetime | str, *, minutes: int = 1) -> None:
    """Time passes until some minutes after `moment`, and what is due happens."""
    at = datetime.fromisoformat(moment) if isinstance(moment, str) else moment
    await stage.later(seconds=(at - stage.clock.now() + timedelta(minutes=minutes)).total_seconds())


def due_of(case: dict[str, Any]) -> datetime:
    return datetime.fromisoformat(case["legal"]["due_at"])


def day_of(case: dict[str, Any], country: str) -> datetime:
    """The first instant of the day on which the refund is due: then it goes out."""
    return start_of(country, local_day(country, due_of(case)))


async def alarms(stage: Stage, case: dict[str, Any]) -> list[str]:
    """The operator's warnings about the case, as the trail has them; there is one message for each."""
    rows = (await stage.get(f"/cases/{case['id']}/events", limit=200))["items"]
    found = [row["data"]["legal_warning"] for row in rows if "legal_warning" in row["data"]]
    assert (await stage.mails(case["id"])).count("legal_alarm") == len(found)
    return found


async def sent_back(stage: Stage, platform: str = SHOP) -> dict[str, Any]:
    """A case whose goods are on their way to a supplier that will say nothing."""
    if platform == SHOP:
        order_id, _ = await shopify_order(stage, [lamp()], shipping="4.96")
        (case,) = await stage.ask(SHOP, order_id, MIND)
    else:
        order_id, _ = await woo_order(stage, NewOrder([NewLine("Mug", "20.00", 1, "ACME-MUG")]))
        (case,) = await stage.ask(SITE, order_id, MUG)
    assert case["legal"]["due_at"] is None
    assert case["legal"]["waits_for"] == ["dispatch_proved", "goods_back"]
    return await stage.act(case, "record-tracking", tracking_number="TR1")


async def postings(stage: Stage, case: dict[str, Any]) -> list[tuple[str, int, bool]]:
    async with stage.runtime.work() as work:
        rows = await work.session.scalars(select(LedgerEntry).where(LedgerEntry.case_id == case["id"]))
        return sorted((row.account, row.amount, row.ahead_of_supplier) for row in rows)


@pytest.mark.parametrize(("platform", "country", "paid"), [(SHOP, "FR", "24.95"), (SITE, "DE", "23.80")])
async def test_the_supplier_is_silent_and_the_law_comes_first(
    stage: Stage, platform: str, country: str, paid: str
) -> None:
    case = await sent_back(stage, platform)
    declared = datetime.fromisoformat(case["created_at"])
    assert due_of(case) == add_days(country, declared, 14, roll=False)
    assert case["legal"]["due_start"] == "declared"
    assert any(CRD in cite["article"] for cite in case["legal"]["cites"] if cite["sets"] == "due_at")
    money = stage.world.shop.money_calls if platform == SHOP else stage.world.site.money_calls
    await until(stage, day_of(case, country), minutes=-10)
    case = await stage.case(case["id"])
    assert (case["state"], money) == ("in_transit", [])
    await until(stage, day_of(case, country))
    case = await stage.case(case["id"])
    assert case["state"] == "resolved"
    money = stage.world.shop.money_calls if platform == SHOP else stage.world.site.money_calls
    assert len(money) == 1
    (refund,) = case["refunds"]
    assert (refund["ground"], refund["amount"]["amount"], refund["status"]) == ("law", paid, "succeeded")
    assert case["gate"]["ground"] == "law"
    assert any(CRD in article for article in case["gate"]["articles"])
    assert case["gate"]["law_version"] == case["legal"]["law_version"]
    assert case["gate"]["due_start"] == "declared"
    assert "due until" in case["gate"]["reason"]
    assert datetime.fromisoformat(refund["settled_at"]) <= due_of(case)
    assert not any(word.startswith("legal") for word in case["attention"])
    # The merchant's money is out before the supplier has said anything, and its ledger says so.
    assert case["credit"]["ahead_of_supplier"] is True
    minor = int(Decimal(paid) * 100)
    assert await postings(stage, case) == [
        (Account.RECOVERY_EXPECTED, minor, True), (Account.REFUNDS_PAID, -minor, True),
    ]  # fmt: skip
    await stage.later(days=40)
    money = stage.world.shop.money_calls if platform == SHOP else stage.world.site.money_calls
    assert len(money) == 1


async def test_what_the_supplier_confirmed_is_not_ahead_of_it(stage: Stage) -> None:
    case = await sent_back(stage)
    stage.world.suppliers["acme"].confirm(case["id"])
    await stage.settle()
    case = await stage.case(case["id"])
    assert case["credit"]["ahead_of_supplier"] is False
    assert {ahead for _, _, ahead in await postings(stage, case)} == {False}


async def test_proof_of_dispatch_releases_what_the_goods_would_release_later(stage: Stage) -> None:
    order_id, _ = await shopify_order(stage, [lamp(2)])
    (sent,) = await stage.ask(SHOP, order_id, MIND)
    (kept,) = await stage.ask(SHOP, order_id, MIND)
    await stage.act(sent, "record-tracking", tracking_number="TR1")
    # Neither the supplier nor the second customer's parcel is heard of for long.
    await stage.later(days=13)
    due = due_of(await stage.case(sent["id"]))
    assert (await stage.case(kept["id"]))["legal"]["due_at"] is None
    stage.world.suppliers["acme"].receive(sent["id"])
    await stage.settle()
    assert due_of(await stage.case(sent["id"])) == due
    await until(stage, day_of(await stage.case(sent["id"]), "FR"))
    assert (await stage.case(sent["id"]))["refunds"][0]["ground"] == "law"
    assert (await stage.case(kept["id"]))["refunds"] == []


async def test_proof_that_comes_late_is_acted_on_at_once(stage: Stage) -> None:
    order_id, _ = await woo_order(stage, NewOrder([NewLine("Mug", "20.00", 1, "MUTE-MUG")]))
    (case,) = await stage.ask(SITE, order_id, [{"sku": "MUTE-MUG", "quantity": 1, "reason": "changed_mind"}])
    await stage.later(days=20)
    case = await stage.case(case["id"])
    assert (case["state"], case["legal"]["due_at"]) == ("contested", None)
    assert case["legal"]["alive"] is True
    # The supplier gave no number, and the customer sends the goods all the same.
    case = await stage.act(case, "record-tracking", tracking_number="TR1")
    assert case["state"] == "resolved"
    assert case["gate"]["due_start"] == "dispatch_proved"
    assert len(stage.world.site.money_calls) == 1
    assert await alarms(stage, case) == []


async def test_each_alarm_is_given_once(stage: Stage) -> None:
    case = await sent_back(stage)
    day = day_of(case, "FR")
    await until(stage, day - timedelta(days=3), minutes=-10)
    assert await alarms(stage, case) == []
    await until(stage, day - timedelta(days=3))
    case = await stage.case(case["id"])
    assert await alarms(stage, case) == ["due_in_3_days"]
    assert "legal:due_in_3_days" in case["attention"]
    assert (await stage.get("/cases", needs_attention="true"))["items"][0]["id"] == case["id"]
    await stage.later(hours=5)
    await until(stage, day - timedelta(days=1))
    case = await stage.case(case["id"])
    assert await alarms(stage, case) == ["due_in_3_days", "due_in_1_day"]
    assert [word for word in case["attention"] if word.startswith("legal")] == ["legal:due_in_1_day"]
    message = next(one for one in (await stage.get("/messages", case=case["id"]))["items"] if "legal" in one["kind"])
    assert (message["recipient"], message["status"]) == ("operator", "stored")
    assert case["reference"] in message["subject"]
    assert CRD in message["text"]


async def test_each_alarm_is_given_once_by_two_workers_after_a_long_pause(stage: Stage) -> None:
    case = await sent_back(stage)
    stage.clock.move(day_of(case, "FR") - stage.clock.now() - timedelta(hours=1))
    others = [build_runtime(stage.runtime.settings, stage.runtime.database.url, pool_size=4) for _ in range(2)]
    for other in others:
        other.clock = stage.clock
    await asyncio.gather(*(run_until_idle(runtime) for runtime in [stage.runtime, *others]))
    for other in others:
        await other.aclose()
    await stage.settle()
    case = await stage.case(case["id"])
    assert sorted(await alarms(stage, case)) == ["due_in_1_day", "due_in_3_days"]
    assert case["refunds"] == []


async def test_a_worker_that_slept_over_everything_warns_and_pays_once(stage: Stage) -> None:
    case = await sent_back(stage)
    await until(stage, due_of(case) + timedelta(days=2))
    case = await stage.case(case["id"])
    assert await alarms(stage, case) == ["due_in_3_days", "due_in_1_day"]
    assert [refund["ground"] for refund in case["refunds"]] == ["law"]
    assert len(stage.world.shop.money_calls) == 1


@pytest.mark.parametrize("kind", ["fraud", "merchant", "data"])
async def test_a_hold_stops_the_money_and_shows_the_conflict(stage: Stage, kind: str) -> None:
    case = await sent_back(stage)
    await stage.act(case, "hold", kind=kind, reason="look at it")
    await until(stage, day_of(case, "FR"))
    case = await stage.case(case["id"])
    assert stage.world.shop.money_calls == []
    assert f"legal_conflict:{kind}" in case["attention"]
    assert case["legal"]["conflict"] == [kind]
    rows = (await stage.get(f"/cases/{case['id']}/events", limit=200))["items"]
    (told,) = [row for row in rows if "legal_conflict" in row["data"]]
    assert CRD in told["data"]["text"]
    await stage.later(hours=3)
    case = await stage.act(case, "lift-hold", kind=kind, reason="it is in order")
    assert case["state"] == "resolved"
    assert len(stage.world.shop.money_calls) == 1
    assert (case["refunds"][0]["ground"], case["legal"]["conflict"]) == ("law", [])


async def test_a_chargeback_at_the_date_pays_nothing_until_it_is_won(stage: Stage) -> None:
    order_id, _ = await shopify_order(stage, [lamp()])
    (case,) = await stage.ask(SHOP, order_id, MIND)
    await stage.act(case, "record-tracking", tracking_number="TR1")
    stage.world.shop.open_dispute(order_id)
    await stage.settle()
    case = await stage.case(case["id"])
    await until(stage, day_of(case, "FR"))
    case = await stage.case(case["id"])
    assert (case["state"], case["holds"]) == ("in_transit", ["chargeback"])
    assert "legal_conflict:chargeback" in case["attention"]
    await until(stage, due_of(case) + timedelta(days=3))
    case = await stage.case(case["id"])
    assert stage.world.shop.money_calls == []
    assert "legal:late" in case["attention"]
    stage.world.shop.close_dispute(order_id)
    await stage.settle()
    case = await stage.case(case["id"])
    assert case["state"] == "resolved"
    assert [refund["ground"] for refund in case["refunds"]] == ["law"]
    assert len(stage.world.shop.money_calls) == 1


async def test_a_lost_chargeback_pays_nothing_by_law(stage: Stage) -> None:
    order_id, _ = await shopify_order(stage, [lamp()])
    (case,) = await stage.ask(SHOP, order_id, MIND)
    await stage.act(case, "record-tracking", tracking_number="TR1")
    stage.world.shop.open_dispute(order_id)
    await stage.settle()
    await until(stage, day_of(await stage.case(case["id"]), "FR"))
    stage.world.shop.close_dispute(order_id, "LOST")
    await stage.settle()
    await stage.later(days=40)
    case = await stage.case(case["id"])
    assert (case["state"], stage.world.shop.money_calls) == ("superseded", [])
    assert case["attention"] == []


async def test_a_late_refund_in_france_is_metered_and_never_paid_silently(stage: Stage) -> None:
    case = await sent_back(stage)
    await stage.act(case, "hold", kind="fraud", reason="look at it")
    due = due_of(case)
    await until(stage, due, minutes=-10)
    case = await stage.case(case["id"])
    assert (case["legal"]["surcharge"], "legal:surcharge" in case["attention"]) == (None, False)
    await until(stage, due)
    case = await stage.case(case["id"])
    assert {"legal:late", "legal:surcharge", "legal_conflict:fraud"} <= set(case["attention"])
    assert case["legal"]["surcharge"]["amount"] == {"amount": "0.00", "currency": "EUR"}
    assert case["legal"]["surcharge"]["legal_rate"] is True
    for days, percent, amount in [(11, 5, "1.25"), (20, 5, "1.25"), (21, 10, "2.50"), (61, 50, "12.48")]:
        stage.clock.move(due - stage.clock.now() + timedelta(days=days, hours=-12))
        # Nobody works on the case: the meter is in the answer, not in a job.
        shown = (await stage.get(f"/cases/{case['id']}"))["legal"]["surcharge"]
        assert (shown["percent"], shown["amount"]["amount"], shown["days_late"]) == (percent, amount, days)
    assert "art. L242-4" in shown["articles"][0]
    case = await stage.act(case, "lift-hold", kind="fraud", reason="it is in order")
    assert stage.world.shop.refunded_total(case["order"]["id"]) == Decimal("24.95")
    # What it has come to by now stays, for a person to settle with the customer.
    await stage.later(days=20)
    case = await stage.case(case["id"])
    assert case["legal"]["surcharge"]["amount"]["amount"] == "12.48"
    assert "legal:surcharge" in case["attention"]
    assert len(stage.world.shop.money_calls) == 1


async def test_a_living_right_is_refused_only_by_a_person_who_says_why(stage: Stage) -> None:
    order_id, _ = await shopify_order(stage, [lamp(vendor="Mute")])
    (case,) = await stage.ask(SHOP, order_id, MIND)
    await stage.later(days=4)
    assert (await stage.case(case["id"]))["state"] == "contested"
    refused = await stage.post(f"/cases/{case['id']}/reject", {"reason": "we do not like it"}, 409)
    assert "legal right" in refused["detail"]
    # The right was declared in time, so it does not lapse by waiting.
    await stage.later(days=20)
    await stage.post(f"/cases/{case['id']}/reject", {"reason": "we do not like it"}, 409)
    case = await stage.act(case, "reject", reason="bespoke, sewn to measure", override=True)
    assert (case["state"], case["legal"]["due_at"]) == ("rejected", None)
    rows = (await stage.get(f"/cases/{case['id']}/events", limit=200))["items"]
    (row,) = [row for row in rows if row["type"] == "rejected"]
    assert (row["data"]["override"], row["data"]["reason"]) == (True, "bespoke, sewn to measure")
    assert row["actor"] == "operator:ops"
    await stage.later(days=40)
    assert stage.world.shop.money_calls == []


async def test_who_asks_after_the_time_has_no_right_to_lose(stage: Stage) -> None:
    order_id, _ = await shopify_order(stage, [lamp()])
    await stage.later(days=40)
    (case,) = await stage.ask(SHOP, order_id, MIND)
    assert case["legal"]["alive"] is False
    assert datetime.fromisoformat(case["legal"]["statutory_until"] or "1970-01-01T00:00:00Z") < stage.clock.now()
    assert (await stage.act(case, "reject", reason="past the window"))["state"] == "rejected"


async def test_reading_a_case_changes_nothing(stage: Stage) -> None:
    case = await sent_back(stage)

    async def stored() -> tuple[Any, ...]:
        async with stage.runtime.work() as work:
            found = (await work.session.execute(select(Case).where(Case.id == case["id"]))).scalar_one()
            return found.seq, found.legal, found.legal_due_at, found.updated_at

    before = await stored()
    stage.clock.move(timedelta(days=30))
    await stage.get(f"/cases/{case['id']}")
    await stage.get("/cases", needs_attention="true")
    assert await stored() == before


async def test_cases_from_before_legal_dates_were_kept_get_theirs(stage: Stage) -> None:
    case = await sent_back(stage)
    due = due_of(case)
    async with stage.runtime.work() as work:
        await work.session.execute(update(Case).values(legal=null(), legal_due_at=None, right_alive=False))
        await work.session.execute(delete(Timer).where(Timer.kind.in_([str(kind) for kind in LEGAL_KINDS])))
    assert (await stage.get(f"/cases/{case['id']}"))["legal"] is None
    await stage.settle()
    case = await stage.case(case["id"])
    assert (due_of(case), case["legal"]["alive"]) == (due, True)
    await until(stage, day_of(case, "FR"))
    assert [refund["ground"] for refund in (await stage.case(case["id"]))["refunds"]] == ["law"]
