"""Thanking after a return: once for each request, with a coupon that is made once, whatever the store does."""

from __future__ import annotations

import asyncio
from dataclasses import replace
from datetime import timedelta
from pathlib import Path
from typing import Any
from uuid import UUID

import pytest
from sqlalchemy import select

from app.cases.models import Case
from app.orders.models import Order
from app.sandbox.faults import Fault, FaultKind
from app.sandbox.woocommerce.model import NewLine, NewOrder
from app.thanks import service as thanks
from app.thanks.models import Thanks
from tests.e2e.stage import SHOP, SITE, Stage
from tests.e2e.test_stories import lamp, shopify_order, woo_order

POLICY = """
name = "kind"
version = "1"
[returnless]
reasons = ["damaged_in_transit"]
up_to = { EUR = "500.00" }
[thanks]
"""
CREATE = "discountCodeBasicCreate"
PERCENT, AMOUNT = 'coupon_percent = "10"', 'coupon_amount = { EUR = "5.00" }'
DAMAGED = {"quantity": 1, "reason": "damaged_in_transit"}


def kind(stage: Stage, folder: Path, rules: str) -> None:
    """Both stores thank by these rules from now on."""
    file = folder / f"kind-{abs(hash(rules))}.toml"
    file.write_text(POLICY + rules, encoding="utf-8")
    for store in (SHOP, SITE):
        stage.runtime.settings.stores[store].policy = str(file)


async def resolved(stage: Stage, store: str = SHOP, **more: Any) -> dict[str, Any]:
    """A case whose goods the customer keeps: approved and refunded at once."""
    if store == SHOP:
        order, _ = await shopify_order(stage, [lamp()], **more)
        (case,) = await stage.ask(store, order, [{"sku": "LAMP-01", **DAMAGED}])
    else:
        order, _ = await woo_order(stage, NewOrder([NewLine("Mug", "17.99", 1, sku="ACME-MUG")]))
        (case,) = await stage.ask(store, order, [{"sku": "ACME-MUG", **DAMAGED}])
    assert case["state"] == "resolved", case
    return case


async def thank_yous(stage: Stage, case: dict[str, Any]) -> list[dict[str, Any]]:
    found = (await stage.get("/messages", case=case["id"]))["items"]
    return [one for one in found if one["kind"] == "thank_you"]


async def row_of(stage: Stage, case: dict[str, Any]) -> Thanks:
    async with stage.runtime.work() as work:
        statement = select(Thanks).where(Thanks.case_id == UUID(case["id"]))
        return (await work.session.scalars(statement)).one()


async def test_a_customer_is_thanked_some_days_later_and_asked_how_it_went(stage: Stage, tmp_path: Path) -> None:
    kind(stage, tmp_path, "")
    case = await resolved(stage)
    await stage.asleep(days=2)
    assert await thank_yous(stage, case) == []
    await stage.asleep(days=2)
    (mail,) = await thank_yous(stage, case)
    assert "/returns/alpha/survey/" in mail["text"]
    assert "THANKS-" not in mail["text"]
    assert stage.world.shop.discounts.made == {}
    await stage.asleep(days=40)
    assert len(await thank_yous(stage, case)) == 1


async def test_a_policy_may_leave_it_all_out(stage: Stage, tmp_path: Path) -> None:
    kind(stage, tmp_path, "mail = false")
    case = await resolved(stage)
    await stage.asleep(days=10)
    assert await thank_yous(stage, case) == []


async def test_shopify_makes_one_discount_code_and_the_customer_is_told_it(stage: Stage, tmp_path: Path) -> None:
    kind(stage, tmp_path, PERCENT)
    case = await resolved(stage)
    await stage.asleep(days=4)
    (made,) = stage.world.shop.discounts.made.values()
    assert made.asked["customerGets"]["value"] == {"percentage": 0.1}
    assert (made.asked["usageLimit"], made.asked["context"]) == (1, {"all": "ALL"})
    (mail,) = await thank_yous(stage, case)
    assert made.code in mail["text"]
    assert "10\xa0%" in mail["text"]


async def test_woocommerce_makes_one_coupon_for_this_customer_alone(stage: Stage, tmp_path: Path) -> None:
    kind(stage, tmp_path, AMOUNT)
    case = await resolved(stage, SITE)
    await stage.asleep(days=4)
    (made,) = stage.world.site.coupons.coupons
    assert (made.discount_type, made.amount, made.usage_limit) == ("fixed_cart", "5.00", 1)
    assert made.email_restrictions == ("zoe@example.test",)
    (mail,) = await thank_yous(stage, case)
    assert made.code.upper() in mail["text"]
    assert "€5.00" in mail["text"]


@pytest.mark.parametrize("lost", [FaultKind.DROP_AFTER, FaultKind.STATUS_AFTER, FaultKind.DROP_BEFORE])
@pytest.mark.parametrize("store", [SHOP, SITE])
async def test_a_lost_answer_makes_no_second_coupon(stage: Stage, tmp_path: Path, store: str, lost: FaultKind) -> None:
    kind(stage, tmp_path, PERCENT)
    case = await resolved(stage, store)
    faults, operation = (
        (stage.world.shop.faults, CREATE) if store == SHOP else (stage.world.site.faults, "POST /coupons")
    )
    faults.add(operation, Fault(lost))
    await stage.asleep(days=4)
    assert await thank_yous(stage, case) == []
    await stage.asleep(hours=1)
    (mail,) = await thank_yous(stage, case)
    made = [one.code for one in stage.world.shop.discounts.made.values()]
    made += [one.code.upper() for one in stage.world.site.coupons.coupons]
    assert len(made) == 1
    assert made[0] in mail["text"]
    assert (await row_of(stage, case)).attempts == 2


async def test_a_store_that_makes_no_coupon_is_shown_on_the_case_and_the_customer_is_thanked(
    stage: Stage, tmp_path: Path
) -> None:
    kind(stage, tmp_path, PERCENT)
    case = await resolved(stage)
    stage.world.shop.faults.stand(CREATE, Fault(FaultKind.STATUS_BEFORE, status=403))
    await stage.asleep(days=4)
    (mail,) = await thank_yous(stage, case)
    assert "THANKS-" not in mail["text"]
    case = await stage.case(case["id"])
    assert case["needs_attention"]
    assert any("coupon" in why for why in case["attention_why"])
    assert (await row_of(stage, case)).coupon == "refused"


async def test_a_store_that_is_down_for_long_is_given_up(stage: Stage, tmp_path: Path) -> None:
    kind(stage, tmp_path, PERCENT)
    case = await resolved(stage)
    stage.world.shop.faults.stand(CREATE, Fault(FaultKind.DROP_BEFORE))
    await stage.asleep(days=4)
    for _ in range(7):
        assert await thank_yous(stage, case) == []
        await stage.asleep(days=4)
    assert len(await thank_yous(stage, case)) == 1
    assert (await row_of(stage, case)).attempts == 8
    assert stage.world.shop.discounts.made == {}


async def test_a_dry_run_writes_nothing_and_shows_what_would_be_written(stage: Stage, tmp_path: Path) -> None:
    kind(stage, tmp_path, PERCENT)
    case = await resolved(stage)
    stage.runtime.settings.stores[SHOP].dry_run = True
    await stage.asleep(days=4)
    assert stage.world.shop.discounts.made == {}
    (mail,) = await thank_yous(stage, case)
    assert mail["status"] == "stored"
    assert (await row_of(stage, case)).code in mail["text"]


async def test_two_workers_make_one_coupon_and_one_mail(stage: Stage, tmp_path: Path) -> None:
    kind(stage, tmp_path, PERCENT)
    case = await resolved(stage)
    stage.clock.move(timedelta(days=4))
    row = (await row_of(stage, case)).id

    async def once() -> None:
        async with stage.runtime.work() as work:
            offer = await thanks.begin(work, row)
        if offer is not None:
            await stage.runtime.stores.get(SHOP).create_coupon(offer.wish)
            async with stage.runtime.work() as work:
                await thanks.coupon_made(work, row)

    await asyncio.gather(once(), once(), once())
    assert len(stage.world.shop.discounts.made) == 1
    assert len(await thank_yous(stage, case)) == 1


async def test_a_request_over_two_suppliers_is_thanked_for_when_both_are_done(stage: Stage, tmp_path: Path) -> None:
    kind(stage, tmp_path, PERCENT)
    bulb = lamp(vendor="By Hand")
    order, lines = await shopify_order(stage, [lamp(), replace(bulb, sku="BH-BULB")])
    wanted = [
        {"sku": "LAMP-01", **DAMAGED},
        {"line_id": lines["BH-BULB"], "quantity": 1, "reason": "changed_mind"},
    ]
    one, other = await stage.ask(SHOP, order, wanted)
    assert {one["state"], other["state"]} == {"resolved", "authorizing"}
    waiting = one if one["state"] == "authorizing" else other
    await stage.asleep(days=2)
    await stage.asleep(days=2)
    assert await thank_yous(stage, one) == []
    await stage.act(waiting, "cancel")
    await stage.asleep(days=2)
    assert len(await thank_yous(stage, one)) == 1
    assert len(stage.world.shop.discounts.made) == 1


async def test_who_was_forgotten_is_not_thanked(stage: Stage, tmp_path: Path) -> None:
    kind(stage, tmp_path, PERCENT)
    case = await resolved(stage)
    async with stage.runtime.work() as work:
        stored = await work.session.get_one(Case, UUID(case["id"]))
        (await work.session.get_one(Order, stored.order_pk)).redacted_at = work.now
    await stage.asleep(days=4)
    assert await thank_yous(stage, case) == []
    assert stage.world.shop.discounts.made == {}
    assert (await row_of(stage, case)).status == "dropped"


async def test_the_reason_may_decide_whether_there_is_an_offer(stage: Stage, tmp_path: Path) -> None:
    kind(stage, tmp_path, f'{PERCENT}\ncoupon_reasons = ["lost"]')
    case = await resolved(stage)
    await stage.asleep(days=4)
    assert len(await thank_yous(stage, case)) == 1
    assert stage.world.shop.discounts.made == {}


def test_a_code_is_the_same_each_time_and_another_for_another_request() -> None:
    codes = {thanks.code_of(UUID(int=number)) for number in range(500)}
    assert len(codes) == 500
    assert thanks.code_of(UUID(int=7)) == thanks.code_of(UUID(int=7))
    assert all(len(code) == 17 and code.isascii() and code.isupper() for code in codes)
