"""Customers at real browsers: from the look-up to the refund, on phones and desks, in every language, with and without
scripts. Every page they reach is looked at (size, width, other hosts, axe-core).
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from app.pages.catalogue import translations
from app.sandbox.shopify.book import LineSpec
from tests.e2e.stage import SHOP, Stage
from tests.e2e.test_stories import lamp, shopify_order
from tests.pages.browser import DESKTOP, PHONE, Device, Visitor
from tests.pages.conftest import Visit
from tests.pages.customer.pictures import jpeg

EMAIL = "ann@example.com"
POLICY = """
name = "shown"
version = "1"
[[evidence]]
id = "photo_of_damage"
reasons = ["damaged_in_transit"]
[[evidence]]
id = "what_is_wrong"
kind = "answer"
reasons = ["damaged_in_transit"]
"""
WALKERS = [
    pytest.param("en", PHONE, True, id="en-phone"),
    pytest.param("he", PHONE, True, id="he-phone"),
    pytest.param("fr", DESKTOP, True, id="fr-desk"),
    pytest.param("fr", PHONE, False, id="fr-phone-without-scripts"),
    pytest.param("he", DESKTOP, False, id="he-desk-without-scripts"),
]


class Customer:
    """A visitor who reads the words of their language."""

    def __init__(self, visitor: Visitor, language: str) -> None:
        self.at = visitor
        self.say = translations(language).gettext

    async def press(self, name: str, status: int = 200) -> None:
        await self.at.press(self.say(name), status)

    async def follow(self, name: str) -> None:
        await self.at.follow(self.say(name))

    async def write(self, label: str, text: str) -> None:
        await self.at.write(self.say(label), text)

    async def pick(self, label: str, choice: str) -> None:
        await self.at.pick(self.say(label), self.say(choice))

    async def data(self, name: str) -> list[str]:
        """The values of an attribute `data-<name>` on the page."""
        found = await self.at.page.locator(f"[data-{name}]").all()
        return [await one.get_attribute(f"data-{name}") or "" for one in found]

    async def sees(self, text: str) -> None:
        """The page's main part says it."""
        assert self.say(text) in await self.at.text()

    async def find(self, number: str) -> None:
        """Looks the order up."""
        await self.at.open(f"/returns/{SHOP}")
        await self.write("Order number", number)
        await self.write("E-mail address", EMAIL)
        await self.press("Find my order")


async def ordered(stage: Stage, lines: list[LineSpec], **more: Any) -> str:
    """A delivered order; answers its printed number."""
    order_id, _ = await shopify_order(stage, lines, email=EMAIL, **more)
    number: str = (await stage.get(f"/orders/{SHOP}/{order_id}"))["number"]
    return number


@pytest.mark.parametrize(("language", "device", "scripts"), WALKERS)
async def test_from_the_look_up_to_the_refund(
    stage: Stage, visit: Visit, language: str, device: Device, scripts: bool
) -> None:
    number = await ordered(stage, [lamp()])
    async with visit(language=language, device=device, scripts=scripts) as visitor:
        customer = Customer(visitor, language)
        await customer.find(number)
        await customer.pick("Return it?", "Yes")
        await customer.press("Go on")
        await customer.pick("Reason", "You changed your mind")
        await customer.write("Anything you want to tell us about it", "50% zu groß / גדול מדי")
        await customer.press("Go on")
        assert await customer.data("brings") == ["19.99"]
        await customer.press("Go on")
        await customer.press("Send the request")
        await customer.sees("We have received your request")
        await customer.follow("Follow your return")
        await stage.settle()
        status = visitor.page.url
        await visitor.open(status)
        assert await customer.data("state") == ["awaiting_shipment"]
        await customer.follow("How to send it back")
        assert len(await customer.data("rma")) == 1
        await customer.follow("Back to your return")
        await customer.write("Tracking number", "JD014600003828")
        await customer.press("Save the number")
        assert await customer.data("done") == ["tracking"]
        (case,) = (await stage.get("/cases"))["items"]
        assert case["tracking"][0]["tracking_number"] == "JD014600003828"
        stage.world.suppliers["acme"].receive(case["id"])
        stage.world.suppliers["acme"].confirm(case["id"])
        await stage.settle()
        await visitor.open(status)
        assert (await customer.data("state"), await customer.data("paid")) == (["resolved"], ["19.99"])
        await customer.sees("Done: you have your money back")
    assert len(stage.world.shop.money_calls) == 1


@pytest.mark.parametrize(("language", "device", "scripts"), WALKERS[:1] + WALKERS[3:])
async def test_photos_and_answers_that_the_reason_needs(
    stage: Stage, visit: Visit, tmp_path: Path, language: str, device: Device, scripts: bool
) -> None:
    file = tmp_path / "shown.toml"
    file.write_text(POLICY, encoding="utf-8")
    stage.runtime.settings.stores[SHOP].policy = str(file)
    photo = tmp_path / "photo.jpg"
    photo.write_bytes(jpeg())
    number = await ordered(stage, [lamp(2)])
    async with visit(language=language, device=device, scripts=scripts) as visitor:
        customer = Customer(visitor, language)
        await customer.find(number)
        await customer.at.pick(customer.say("How many do you return?"), "1")
        await customer.press("Go on")
        await customer.press("Go on", status=422)
        await customer.pick("Reason", "It arrived damaged")
        await customer.press("Go on")
        await customer.press("Go on")
        assert await customer.data("wanted") == ["1"]
        await visitor.page.set_input_files("#photos-0", str(photo))
        await customer.press("Add the photos chosen")
        assert await visitor.page.locator(".photos img").evaluate_all("all => all.every(one => one.naturalWidth > 0)")
        await visitor.page.locator("textarea").fill("bent")
        await visitor.page.get_by_role("button", name=customer.say("Go on"), exact=True).scroll_into_view_if_needed()
        await customer.press("Go on")
        await customer.press("Send the request")
        await customer.follow("Follow your return")
        assert await customer.data("state") == ["claiming"]
        await customer.follow("Add photos or answers")
        await customer.write("Your answer", "and dark")
        await customer.press("Send")
        assert await customer.data("done") == ["evidence"]


@pytest.mark.parametrize(("language", "device", "scripts"), WALKERS[1:4])
async def test_correcting_cancelling_and_asking_again(
    stage: Stage, visit: Visit, language: str, device: Device, scripts: bool
) -> None:
    number = await ordered(stage, [lamp(2), lamp(vendor="By Hand", sku="VASE-1", title="Vase", price="30.00")])
    async with visit(language=language, device=device, scripts=scripts, dark=True) as visitor:
        customer = Customer(visitor, language)
        request = await stage.post(
            "/return-requests",
            {
                "store": SHOP, "order": number, "remedy": "store_credit",
                "lines": [{"sku": "LAMP-01", "quantity": 2, "reason": "changed_mind"},
                          {"sku": "VASE-1", "quantity": 1, "reason": "changed_mind"}],
            },
            201,
        )  # fmt: skip
        await customer.find(number)
        await visitor.page.locator("a[href*='/r/']").first.click()
        await visitor.look()
        status = visitor.page.url
        assert await customer.data("state") == ["under_review", "under_review"]
        change = customer.say("Change the request")
        await visitor.page.get_by_role("link", name=change).first.click()
        await visitor.page.wait_for_url("**/change")
        await visitor.look()
        await customer.write("How many do you return?", "1")
        await visitor.tick(customer.say("Your money back"))
        await customer.press("Save the change")
        await stage.settle()
        lamp_case = request["cases"][0]["id"]
        shown = await stage.case(lamp_case)
        assert (shown["remedy"], shown["lines"][0]["quantity"], shown["state"]) == ("refund", 1, "awaiting_shipment")
        vase = request["cases"][1]["id"]
        await stage.post(f"/cases/{vase}/reject", {"reason": "sold as seen", "override": True})
        await visitor.open(status)
        await visitor.page.locator("summary", has_text=customer.say("Have it looked at again")).click()
        await customer.write("Why should we decide differently?", "It was not.")
        await customer.press("Ask again")
        await visitor.page.locator("summary", has_text=customer.say("Cancel this return")).last.click()
        await visitor.page.get_by_role("button", name=customer.say("Cancel the return"), exact=True).last.click()
        await visitor.page.wait_for_url("**done=cancel")
        await visitor.look()
        assert sorted(await customer.data("state")) == ["awaiting_shipment", "cancelled"]
