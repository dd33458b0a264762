"""What no machine can know is finished by a person, audited; and what a bank decides days later is believed."""

from __future__ import annotations

import pytest

from app.refunds.reconcile import KEY_LIFETIME
from app.sandbox.faults import Fault, FaultKind
from tests.e2e.outcomes import PASS, UNIT, WHOLE, Play, Row, begin, half_an_hour, play_rows, stand_still
from tests.e2e.stage import SHOP, SITE, Stage
from tests.e2e.test_outcomes import NEVER_AGAIN

PREVIOUS = Fault(FaultKind.REFUSE, text="IDEMPOTENCY_PREVIOUS_ATTEMPT_FAILED")
IN_DOUBT = {SHOP: PREVIOUS, SITE: Fault(FaultKind.DROP_BEFORE)}


async def check_trail(play: Play, outcome: str) -> None:
    """Who settled it and why is in the case's trail, once; a second settling is refused."""
    trail = await play.stage.get(f"/cases/{play.case_id}/events", limit=200)
    (note,) = [row for row in trail["items"] if row["data"].get("outcome")]
    refund_id = (await play.refund())["id"]
    assert (note["actor"], note["data"]["outcome"]) == ("operator:ops", outcome)
    assert (note["data"]["reason"], note["data"]["refund_id"]) == ("seen at the gateway", refund_id)
    told = await play.settle(outcome, 409)
    assert told["code"] == "refund_not_movable"


@pytest.mark.parametrize("store", [SHOP, SITE])
async def test_settled_both_ways(stage: Stage, monkeypatch: pytest.MonkeyPatch, store: str) -> None:
    rows = [Row(name, IN_DOUBT[store], NEVER_AGAIN) for name in ("succeeded", "not_made")]
    plays = await play_rows(stage, store, rows, monkeypatch)
    await half_an_hour(stage)
    for outcome, play in plays.items():
        assert (await play.refund())["status"] == "needs_review"
        assert (await play.money())[1] == UNIT[store]
        await play.settle(outcome)
        await check_trail(play, outcome)
    paid, denied = plays["succeeded"], plays["not_made"]
    assert (await paid.case())["state"] == "resolved"
    assert await paid.money() == (UNIT[store], "0.00", UNIT[store])
    assert (await stage.mails(paid.case_id)).count("refund_sent") == 1
    case = await denied.case()
    assert case["state"] == "contested"
    assert await denied.money() == ("0.00", "0.00", WHOLE[store])
    await stage.act(case, "absorb", reason="pay it now")
    assert (await denied.case())["state"] == "resolved"
    assert (len(denied.sent()), denied.made()) == (2, 1)
    assert (await stage.mails(denied.case_id)).count("refund_sent") == 1
    assert (len(paid.sent()), paid.made()) == (1, 0)


async def test_what_the_store_shows_as_failed_may_be_denied_and_paid_anew(
    stage: Stage, monkeypatch: pytest.MonkeyPatch
) -> None:
    rows = [Row(name, Fault(FaultKind.FAIL_LATER), NEVER_AGAIN) for name in ("succeeded", "not_made")]
    plays = await play_rows(stage, SHOP, rows, monkeypatch)
    await half_an_hour(stage)
    for outcome, play in plays.items():
        await play.settle(outcome)
        await check_trail(play, outcome)
    # Paid another way, as the person says: that its payment in the store failed is no news.
    case = await plays["succeeded"].case()
    assert (case["state"], case["attention"]) == ("resolved", [])
    case = await plays["not_made"].case()
    case = await stage.act(case, "absorb", reason="the customer's card works again")
    assert (case["state"], str(plays["not_made"].paid())) == ("resolved", UNIT[SHOP])


async def test_a_payment_that_pends_is_told_of_by_webhook(stage: Stage) -> None:
    for ok, status in ((True, "succeeded"), (False, "needs_review")):
        play = await begin(stage, SHOP)
        play.fault(Fault(FaultKind.PENDING))
        await play.confirm()
        refund = await play.refund()
        assert refund["status"] == "unknown"
        stage.world.shop.settle_pending(refund["store_refund_id"], ok)
        await stage.settle()
        assert (await play.refund())["status"] == status
        assert (len(play.sent()), play.made()) == (1, 1)


async def test_a_payment_that_pends_is_read_when_its_webhook_is_lost(stage: Stage) -> None:
    ends = {"succeeded": await begin(stage, SHOP), "needs_review": await begin(stage, SHOP)}
    for play in ends.values():
        play.fault(Fault(FaultKind.PENDING))
        await play.confirm()
    stage.world.courier.hold()
    for status, play in ends.items():
        stage.world.shop.settle_pending((await play.refund())["store_refund_id"], status == "succeeded")
    await stage.settle()
    assert [(await play.refund())["status"] for play in ends.values()] == ["unknown", "unknown"]
    await stage.later(minutes=11)
    assert [(await play.refund())["status"] for play in ends.values()] == list(ends)
    stage.world.courier.release()
    await stage.settle()
    for status, play in ends.items():
        assert ((await play.refund())["status"], len(play.sent()), play.made()) == (status, 1, 1)


async def test_a_payment_that_pends_holds_up_nothing_else(stage: Stage) -> None:
    play = await begin(stage, SHOP)
    wish = [{"sku": "LAMP-01", "quantity": 1, "reason": "changed_mind"}]
    (second,) = await stage.ask(SHOP, play.order_id, wish)
    play.fault(Fault(FaultKind.PENDING))
    await play.confirm()
    stage.world.suppliers["acme"].confirm(second["id"])
    await stage.settle()
    assert (await stage.case(second["id"]))["state"] == "resolved"
    assert await play.money() == (UNIT[SHOP], UNIT[SHOP], "0.00")
    for _ in range(9):
        await stage.later(days=1)
    assert (await play.refund())["status"] == "needs_review"
    assert "problem:refund_needs_review" in (await play.case())["attention"]
    assert (len(play.sent()), str(stage.world.shop.pending_total(play.order_id))) == (2, UNIT[SHOP])


async def test_a_key_is_used_for_twelve_hours_and_the_tries_become_rarer(
    stage: Stage, monkeypatch: pytest.MonkeyPatch
) -> None:
    play = await begin(stage, SHOP)
    stand_still(stage, monkeypatch)
    play.fault(*[Fault(FaultKind.STATUS_BEFORE, 502)] * 20)
    await play.confirm()
    for seconds in (5, 10, 15, 20, 31, 61):
        await stage.later(seconds=seconds)
    early = len(play.sent())
    assert early == 5
    for _ in range(6):
        await stage.later(hours=3)
    calls = stage.world.shop.money_calls
    assert max(call.at for call in calls) - calls[0].at < KEY_LIFETIME
    assert len(calls) > early
    assert ((await play.end()).status, play.made()) == ("needs_review", 0)
    assert (await play.money())[1] == UNIT[SHOP]


DOWN = [Fault(FaultKind.STATUS_BEFORE, 503), Fault(FaultKind.HTML_BEFORE, 200), Fault(FaultKind.DROP_BEFORE)]


async def lose_sight(play: Play) -> None:
    """The refund is made, its answer is lost, and from then on the store cannot be asked about the order."""
    play.fault(Fault(FaultKind.DROP_AFTER))
    # The reading before the call, and at Shopify the suggestion, still get through.
    play.fault_reading(*[PASS] * (2 if play.store == SHOP else 1), *DOWN * 40)
    await play.confirm()


@pytest.mark.parametrize("store", [SHOP, SITE])
async def test_looks_that_fail_in_a_row_conclude_nothing(
    stage: Stage, monkeypatch: pytest.MonkeyPatch, store: str
) -> None:
    play, blind = await begin(stage, store), await begin(stage, store)
    stand_still(stage, monkeypatch)
    await lose_sight(play)
    for seconds in (15, 70, 400, 800):
        await stage.later(seconds=seconds)
    assert (await play.refund())["status"] == "unknown"
    assert (await play.case())["attention"] == ["problem:refund_out_of_sight"]
    assert (await play.money())[1] == UNIT[store]
    clear_faults(stage)
    await stage.later(minutes=31)
    assert ((await play.refund())["status"], len(play.sent()), play.made()) == ("succeeded", 1, 1)
    assert (await play.case())["attention"] == []
    await lose_sight(blind)
    for hours in (1, 10, 14):
        await stage.later(hours=hours)
    assert ((await blind.refund())["status"], (await blind.money())[1]) == ("needs_review", UNIT[store])
    assert "problem:refund_needs_review" in (await blind.case())["attention"]
    clear_faults(stage)
    await blind.settle("succeeded")
    assert ((await blind.case())["state"], len(blind.sent()), blind.made()) == ("resolved", 1, 1)


def clear_faults(stage: Stage) -> None:
    """The stores are well again."""
    stage.world.site.faults.clear()
    stage.world.shop.faults.clear()


@pytest.mark.parametrize("store", [SHOP, SITE])
async def test_trouble_before_the_call_sends_nothing(stage: Stage, monkeypatch: pytest.MonkeyPatch, store: str) -> None:
    play = await begin(stage, store)
    stand_still(stage, monkeypatch)
    play.fault_reading(Fault(FaultKind.THROTTLE, seconds=120), *DOWN)
    await play.confirm()
    told = (await play.refund())["detail"]
    await stage.later(seconds=119)
    assert ((await play.refund())["status"], (await play.refund())["detail"]) == ("planned", told)
    for seconds in (2, 61, 121):
        await stage.later(seconds=seconds)
        assert ((await play.refund())["status"], play.sent()) == ("planned", [])
    assert (await play.refund())["detail"] != told
    await stage.later(seconds=241)
    assert ((await play.refund())["status"], len(play.sent())) == ("succeeded", 1)


async def test_trouble_between_the_suggestion_and_the_call(stage: Stage, monkeypatch: pytest.MonkeyPatch) -> None:
    play = await begin(stage, SHOP)
    stand_still(stage, monkeypatch)
    play.fault_reading(PASS, Fault(FaultKind.THROTTLE, seconds=50), PASS, Fault(FaultKind.TRUNCATE_AFTER))
    await play.confirm()
    assert ((await play.refund())["status"], (await play.refund())["attempts"]) == ("planned", [])
    await stage.later(seconds=49)
    assert (await play.refund())["status"] == "planned"
    await stage.later(seconds=2)
    play.fault(Fault(FaultKind.TOKEN_EXPIRED))
    stage.world.shop.faults.add("access_token", Fault(FaultKind.STATUS_BEFORE, 503))
    for seconds in (61, 11):
        await stage.later(seconds=seconds)
    end = await play.end()
    assert (end.status, end.attempts, end.calls, end.made) == ("succeeded", ["not_sent", "ok"], 2, 1)


async def test_what_becomes_untrue_or_double_after_its_proof_is_shown(stage: Stage) -> None:
    twice, failed = await begin(stage, SHOP), await begin(stage, SHOP)
    for play in (twice, failed):
        await play.confirm()
        assert (await play.case())["attention"] == []
    marker = f"copied by hand [makegood:{twice.refund_id}]"
    stage.world.shop.refund_by_hand(int(twice.order_id), {int(twice.line_id): 1}, note=marker)
    with stage.world.shop.lock:
        (made,) = stage.world.shop.refunds(failed.order_id)
        made.transactions[0].status = "PENDING"
        stage.world.shop.settle_pending(made.id, ok=False)
    await stage.settle()
    assert (await twice.case())["attention"] == ["problem:refund_twice"]
    assert await twice.money() == (WHOLE[SHOP], "0.00", "0.00")
    assert (await failed.case())["attention"] == ["problem:refund_failed_later"]
    assert await failed.money() == (UNIT[SHOP], "0.00", UNIT[SHOP])
