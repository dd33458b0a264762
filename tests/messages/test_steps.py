"""What a customer is told on the way of a return, step by step, and that each mail leads to their page."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from app import links
from app.links import LinkPurpose
from tests.e2e.stage import SHOP, Stage
from tests.e2e.test_stories import lamp, shopify_order
from tests.thanks.test_thanks import DAMAGED, kind


async def told(stage: Stage, case: dict[str, Any]) -> list[dict[str, Any]]:
    """The mails about a case, oldest first."""
    found: list[dict[str, Any]] = (await stage.get("/messages", case=case["id"]))["items"]
    return found[::-1]


async def asked(stage: Stage, quantity: int, reason: str, **more: Any) -> tuple[dict[str, Any], dict[str, str]]:
    order, lines = await shopify_order(stage, [lamp(quantity)], locale="en", **more)
    (case,) = await stage.ask(SHOP, order, [{"sku": "LAMP-01", "quantity": quantity, "reason": reason}])
    return case, lines


async def test_goods_that_may_be_kept(stage: Stage, tmp_path: Path) -> None:
    kind(stage, tmp_path, "mail = false")
    order, _ = await shopify_order(stage, [lamp()], locale="en")
    (case,) = await stage.ask(SHOP, order, [{"sku": "LAMP-01", **DAMAGED}])
    mails = await told(stage, case)
    assert [mail["kind"] for mail in mails] == ["receipt", "approved", "refund_sent"]
    assert "You need not send anything back" in mails[1]["text"]
    assert mails[1]["subject"].endswith("is approved")


async def test_a_lost_parcel_is_taken_up_with_the_supplier_and_nothing_is_promised(stage: Stage) -> None:
    case, _ = await asked(stage, 1, "lost")
    mails = await told(stage, case)
    assert [mail["kind"] for mail in mails][:2] == ["receipt", "approved"]
    assert "approved" not in mails[1]["subject"] + mails[1]["text"]
    assert "There is nothing to send back" in mails[1]["text"]


async def test_a_part_is_accepted(stage: Stage) -> None:
    case, lines = await asked(stage, 3, "not_as_described")
    acme = stage.world.suppliers["acme"]
    acme.receive(case["id"])
    acme.confirm(case["id"], {lines["LAMP-01"]: 2})
    await stage.settle()
    mails = await told(stage, case)
    assert [mail["kind"] for mail in mails] == ["receipt", "rma_issued", "received", "verdict", "refund_sent"]
    arrived, verdict = mails[2:4]
    assert "- 3 " in arrived["text"]
    accepted, _, declined = verdict["text"].partition("Not accepted")
    assert "- 2 " in accepted
    assert "- 1 " in declined
    assert verdict["subject"].endswith("accepted in part")


async def test_nothing_is_accepted(stage: Stage) -> None:
    case, lines = await asked(stage, 1, "not_as_described")
    stage.world.suppliers["acme"].confirm(case["id"], {lines["LAMP-01"]: 0})
    await stage.settle()
    verdict = (await told(stage, case))[-1]
    assert verdict["kind"] == "verdict"
    assert "not our last word" in verdict["text"]
    assert "refund" not in verdict["text"]


async def test_every_mail_leads_to_the_requests_own_page(stage: Stage) -> None:
    case, _ = await asked(stage, 1, "changed_mind")
    stage.world.suppliers["acme"].confirm(case["id"])
    await stage.settle()
    settings = stage.runtime.settings
    for mail in await told(stage, case):
        [link] = [word for word in mail["text"].split() if word.startswith(f"{settings.public_url}/returns/alpha/r/")]
        token = link.rpartition("/")[2]
        assert links.read(settings, LinkPurpose.REQUEST, token, stage.clock.now()) == mail["request_id"]
        assert f'href="{link}"' in mail["html"]
