"""Customers at real browsers choose what they get: what it costs and brings, another variant, another choice later."""

from __future__ import annotations

from decimal import Decimal
from pathlib import Path

import pytest

from app.stores.shopify_orders import tag_for
from tests.e2e.stage import SHOP, Stage
from tests.e2e.test_stories import lamp
from tests.pages.browser import Device
from tests.pages.conftest import Visit
from tests.pages.customer.test_in_browser import WALKERS, Customer, ordered

POLICY = """
name = "every"
version = "1"
[remedies]
offered = ["refund", "replacement", "exchange", "store_credit", "keep_item"]
keep_item_percent = 40
"""


@pytest.fixture(autouse=True)
def every(stage: Stage, tmp_path: Path) -> None:
    """The shop offers every remedy."""
    file = tmp_path / "every.toml"
    file.write_text(POLICY, encoding="utf-8")
    stage.runtime.settings.stores[SHOP].policy = str(file)


async def _to_remedies(customer: Customer, number: str) -> None:
    await customer.find(number)
    await customer.pick("Return it?", "Yes")
    await customer.press("Go on")
    await customer.pick("Reason", "It does not work")
    await customer.press("Go on")


@pytest.mark.parametrize(("language", "device", "scripts"), [WALKERS[0], WALKERS[1], WALKERS[3]])
async def test_choosing_a_replacement(stage: Stage, visit: Visit, language: str, device: Device, scripts: bool) -> None:
    number = await ordered(stage, [lamp()])
    async with visit(language=language, device=device, scripts=scripts) as visitor:
        customer = Customer(visitor, language)
        await _to_remedies(customer, number)
        assert await customer.data("remedy") == ["refund", "replacement", "exchange", "store_credit", "keep_item"]
        assert await customer.data("brings") == ["19.99", "0.00", "0.00", "19.99", "7.99"]
        await visitor.tick(customer.say("The same article again"))
        await customer.press("Go on")
        await customer.sees("The same article once more, at no cost.")
        await customer.press("Send the request")
        await customer.follow("Follow your return")
        status = visitor.page.url
        await stage.settle()
        (case,) = (await stage.get("/cases"))["items"]
        stage.world.suppliers["acme"].confirm(case["id"])
        await stage.settle()
        await visitor.open(status)
        assert await customer.data("state") == ["resolved"]
        await customer.sees("Done: it is ordered for you")
        (made,) = (await stage.case(case["id"]))["replacements"]
        assert await customer.data("sent") == [made["order_name"]]
    assert len(stage.world.shop.office.orders_tagged(tag_for(made["id"]))) == 1
    assert stage.world.shop.money_calls == []


async def test_choosing_another_variant_and_changing_the_mind(stage: Stage, visit: Visit) -> None:
    number = await ordered(stage, [lamp()])
    order_id = (await stage.get(f"/orders/{SHOP}/{number.lstrip('#')}"))["id"]
    blue = stage.world.shop.office.add_variant(order_id, 0, "Blue", "15.00")
    stage.world.shop.office.add_variant(order_id, 0, "Gold", "99.00")
    async with visit() as visitor:
        customer = Customer(visitor, "en")
        await _to_remedies(customer, number)
        await visitor.tick("Another article instead")
        await customer.press("Go on")
        # What costs more than was paid is not on offer.
        offered = await customer.data("variant")
        assert str(blue) in offered
        assert len(offered) == 2
        await customer.press("Go on", status=422)
        await visitor.tick("Blue")
        await customer.press("Go on")
        await customer.sees("Blue")
        await customer.press("Send the request")
        await customer.follow("Follow your return")
        status = visitor.page.url
        await stage.settle()
        (case,) = (await stage.get("/cases"))["items"]
        assert (case["remedy"], case["lines"][0]["variant_id"]) == ("exchange", str(blue))
        await visitor.open(status)
        await customer.follow("Choose something else")
        assert await customer.data("remedy") == ["refund", "replacement", "store_credit", "keep_item"]
        await customer.press("Change my choice", status=422)
        await visitor.tick("Credit in the shop")
        await customer.press("Change my choice")
        assert await customer.data("done") == ["remedy"]
        stage.world.suppliers["acme"].confirm(case["id"])
        await stage.settle()
        await visitor.open(status)
        await customer.sees("Done: you have your credit")
        assert "Choose something else" not in await visitor.text()
    assert stage.world.shop.office.credited_total(order_id) == Decimal("19.99")
    assert stage.world.shop.office.drafts == []


async def test_an_exchange_is_ordered_as_the_variant_that_was_chosen(stage: Stage) -> None:
    """Through the API, and refused when the variant has become dearer since."""
    number = await ordered(stage, [lamp(2)])
    order_id = (await stage.get(f"/orders/{SHOP}/{number.lstrip('#')}"))["id"]
    blue = stage.world.shop.office.add_variant(order_id, 0, "Blue", "15.00")
    line = {"sku": "LAMP-01", "quantity": 1, "reason": "wrong_variant"}
    bare = await stage.ask(SHOP, number, [line], remedy="exchange")
    assert bare[0]["state"] == "under_review"
    await stage.act(bare[0], "cancel")
    (case,) = await stage.ask(SHOP, number, [{**line, "variant_id": str(blue)}], remedy="exchange")
    assert case["state"] == "awaiting_shipment"
    stage.world.suppliers["acme"].confirm(case["id"])
    await stage.settle()
    case = await stage.case(case["id"])
    assert case["state"] == "resolved"
    (made,) = stage.world.shop.office.orders_tagged(tag_for(case["replacements"][0]["id"]))
    assert [str(one.variant_id) for one in made.lines] == [str(blue)]
    (other,) = await stage.ask(SHOP, number, [{**line, "variant_id": str(blue)}], remedy="exchange")
    stage.world.shop.office.sell_out(blue)
    stage.world.suppliers["acme"].confirm(other["id"])
    await stage.settle()
    other = await stage.case(other["id"])
    assert (other["state"], other["replacements"][0]["status"]) == ("contested", "rejected")
