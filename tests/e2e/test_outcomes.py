"""Every fault of a money call, on both platforms, and what it comes to: proof, or a person with the money reserved."""

from __future__ import annotations

import pytest

from app.sandbox.faults import Fault, FaultKind
from app.sandbox.woocommerce.refunds import UNFINISHED
from tests.e2e.outcomes import UNIT, WHOLE, End, Play, Row, half_an_hour, play_rows
from tests.e2e.stage import SHOP, SITE, Stage

AGAIN = End("succeeded", ["unknown", "ok"], 2, 1)
FOUND = End("succeeded", ["unknown"], 1, 1)
LATER = End("succeeded", ["not_sent", "ok"], 2, 1)
NEVER_AGAIN = End("needs_review", ["unknown"], 1, 0, "nothing")

SHOPIFY = (
    # The answer is lost or spoilt.
    Row("the connection drops before it ran", Fault(FaultKind.DROP_BEFORE), AGAIN),
    Row("the connection drops after it ran", Fault(FaultKind.DROP_AFTER), FOUND),
    Row("502 before it ran", Fault(FaultKind.STATUS_BEFORE, 502), AGAIN),
    Row("502 after it ran", Fault(FaultKind.STATUS_AFTER, 502), FOUND),
    Row("503 after it ran", Fault(FaultKind.STATUS_AFTER, 503), FOUND),
    Row("504 after it ran", Fault(FaultKind.STATUS_AFTER, 504), FOUND),
    Row("a page with 200 in place of running it", Fault(FaultKind.HTML_BEFORE), AGAIN),
    Row("a page with 200 after it ran", Fault(FaultKind.HTML_AFTER), FOUND),
    Row("half a JSON", Fault(FaultKind.TRUNCATE_AFTER), FOUND),
    Row("a redirect, not followed", Fault(FaultKind.REDIRECT), AGAIN),
    Row("errors beside data", Fault(FaultKind.ERRORS_WITH_DATA), FOUND),
    # The store says no.
    Row("throttled", Fault(FaultKind.THROTTLE, seconds=60), LATER),
    Row("429 with Retry-After", Fault(FaultKind.STATUS_BEFORE, 429, seconds=60), LATER),
    Row("the token dies in mid-call", Fault(FaultKind.TOKEN_EXPIRED), End("succeeded", ["ok"], 2, 1)),
    Row("userErrors", Fault(FaultKind.REFUSE), End("rejected", ["rejected"], 1, 0, "nothing")),
    Row("userErrors although it was made", Fault(FaultKind.REFUSE_AFTER),
        End("succeeded", ["rejected"], 1, 1)),
    Row("the shop is locked", Fault(FaultKind.STATUS_BEFORE, 423),
        End("rejected", ["rejected"], 1, 0, "nothing")),
    Row("the key is known with another request",
        Fault(FaultKind.REFUSE, text="IDEMPOTENCY_KEY_PARAMETER_MISMATCH"), NEVER_AGAIN),
    Row("an earlier try with the key failed",
        Fault(FaultKind.REFUSE, text="IDEMPOTENCY_PREVIOUS_ATTEMPT_FAILED"), NEVER_AGAIN),
    # The store says yes, and what became of the money is another matter.
    Row("the payment stays pending", Fault(FaultKind.PENDING), End("unknown", ["ok"], 1, 1, "nothing")),
    Row("the payment fails later", Fault(FaultKind.FAIL_LATER), End("needs_review", ["ok"], 1, 1, "nothing")),
    Row("another amount", Fault(FaultKind.MISBOOKED), End("needs_review", ["ok"], 1, 1, "else")),
    Row("a refund without money", Fault(FaultKind.NO_MONEY), End("needs_review", ["ok"], 1, 1, "nothing")),
)  # fmt: skip

WOOCOMMERCE = (
    # The answer is lost or spoilt.
    Row("the connection drops before it ran", Fault(FaultKind.DROP_BEFORE), NEVER_AGAIN),
    Row("the connection drops after it ran", Fault(FaultKind.DROP_AFTER), FOUND),
    Row("503 before it ran", Fault(FaultKind.STATUS_BEFORE, 503), NEVER_AGAIN),
    Row("502 after it ran", Fault(FaultKind.STATUS_AFTER, 502), FOUND),
    Row("504 of a proxy after it ran", Fault(FaultKind.STATUS_AFTER, 504), FOUND),
    Row("a maintenance page with 200", Fault(FaultKind.HTML_BEFORE, 200), NEVER_AGAIN),
    Row("a page with 200 after it ran", Fault(FaultKind.HTML_AFTER, 200), FOUND),
    Row("a firewall's page with 403", Fault(FaultKind.HTML_BEFORE, 403), NEVER_AGAIN),
    Row("half a JSON", Fault(FaultKind.TRUNCATE_AFTER), FOUND),
    Row("a redirect, not followed", Fault(FaultKind.REDIRECT), NEVER_AGAIN),
    Row("429", Fault(FaultKind.THROTTLE, seconds=60), NEVER_AGAIN),
    Row("404 of something else", Fault(FaultKind.STATUS_BEFORE, 404), NEVER_AGAIN),
    # The store says no.
    Row("401", Fault(FaultKind.STATUS_BEFORE, 401), End("rejected", ["rejected"], 1, 0, "nothing")),
    Row("the general refusal", Fault(FaultKind.REFUSE), NEVER_AGAIN),
    Row("an error although it was made", Fault(FaultKind.REFUSE_AFTER), FOUND),
    Row("paid, then deleted", Fault(FaultKind.DELETED_AFTER), End("needs_review", ["unknown"], 1, 0)),
    Row("no gateway asked, and the booking failed", Fault(FaultKind.DELETED_AFTER),
        End("succeeded", ["rejected", "ok"], 2, 1, "nothing"), gateway="bacs"),
    # The store says yes, and what became of the money is another matter.
    Row("the gateway did not confirm", Fault(FaultKind.PENDING),
        End("needs_review", ["ok"], 1, 1, "nothing")),
    Row("paid, and PHP died before it said so", Fault(FaultKind.DROP_AFTER, text=UNFINISHED),
        End("needs_review", ["unknown"], 1, 1)),
    Row("another amount", Fault(FaultKind.MISBOOKED), End("needs_review", ["ok"], 1, 1, "else")),
    Row("the lines are dropped", Fault(FaultKind.MISBOOKED, text="lines"),
        End("needs_review", ["ok"], 1, 1)),
)  # fmt: skip

MATRIX = {SHOP: SHOPIFY, SITE: WOOCOMMERCE}
STATE = {"succeeded": "resolved", "rejected": "contested"}
PROBLEM = {"needs_review": "problem:refund_needs_review", "rejected": "problem:refund_rejected"}


async def check_around(play: Play, row: Row) -> None:
    """The order's money, the case, its attention and its mails say the same as the refund."""
    refund, case = await play.refund(), await play.case()
    unit, status = UNIT[play.store], refund["status"]
    refunded, reserved, refundable = await play.money()
    rest = unit if status != "rejected" else WHOLE[play.store]
    wanted = (unit, "0.00") if status == "succeeded" else ("0.00", "0.00" if status == "rejected" else unit)
    assert (refunded, reserved, refundable) == (*wanted, rest), row.name
    assert case["state"] == STATE.get(status, "resolving"), row.name
    told = [one for one in case["attention"] if one.startswith("problem:refund_")]
    assert told == ([PROBLEM[status]] if status in PROBLEM else []), row.name
    mails = await play.stage.mails(play.case_id)
    assert mails.count("refund_sent") == (1 if status == "succeeded" else 0), row.name


@pytest.mark.parametrize("store", [SHOP, SITE])
async def test_the_matrix(stage: Stage, monkeypatch: pytest.MonkeyPatch, store: str) -> None:
    rows = MATRIX[store]
    plays = await play_rows(stage, store, rows, monkeypatch)
    for row in rows:
        if (await plays[row.name].refund())["status"] != "succeeded":
            await check_around(plays[row.name], row)
    await half_an_hour(stage)
    found = {row.name: await plays[row.name].end() for row in rows}
    assert found == {row.name: row.end for row in rows}
    for row in rows:
        await check_around(plays[row.name], row)
    assert not any(call.overlapped for call in stage.world.site.money_calls)
