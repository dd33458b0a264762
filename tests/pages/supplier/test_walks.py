"""A supplier at a browser: from the link in the mail to the credit, in every language, on a phone, with scripts off."""

from __future__ import annotations

import io
from typing import Any

import pytest
from PIL import Image

from app.pages.catalogue import translations
from app.suppliers.links import Reach
from tests.e2e.stage import Stage
from tests.pages.browser import DESKTOP, PHONE, Device
from tests.pages.conftest import Visit
from tests.pages.supplier.kit import link_of, path_to
from tests.suppliers.kit import lamp_case, links_in, written_to


async def mailed_link(stage: Stage, case: dict[str, Any]) -> str:
    """The link in the mail that asked the supplier."""
    found = (await stage.get("/messages", case=case["id"]))["items"]
    [asked] = [one for one in found if one["kind"] == "supplier_request"]
    [link] = links_in((await stage.get(f"/messages/{asked['id']}"))["text"])
    return link


def photo() -> bytes:
    written = io.BytesIO()
    Image.new("RGB", (320, 240), "teal").save(written, "JPEG")
    return written.getvalue()


@pytest.mark.parametrize(
    ("language", "device", "scripts", "dark"),
    [("en", PHONE, True, False), ("fr", DESKTOP, True, True), ("he", PHONE, True, False), ("he", PHONE, False, False)],
)
async def test_from_the_mail_to_the_credit(
    stage: Stage, visit: Visit, language: str, device: Device, scripts: bool, dark: bool
) -> None:
    say = translations(language).gettext
    written_to(stage, locale=language)
    case = await lamp_case(stage, units=2)
    link = await mailed_link(stage, case)
    async with visit(language=language, device=device, scripts=scripts, dark=dark) as supplier:
        await supplier.open(link)
        html = supplier.page.locator("html")
        assert await html.get_attribute("dir") == ("rtl" if language == "he" else "ltr")
        assert say("We wait for your authorisation.") in await supplier.text()
        await supplier.write(say("Your RMA number"), "BH-77")
        await supplier.write(say("Town"), "")
        if scripts:
            # A browser would not send it; the page must say what is missing all the same.
            await supplier.page.evaluate("document.querySelectorAll('form').forEach(form => form.noValidate = true)")
            await supplier.press(say("Authorise"), 422)
            assert say("please fill this in.") in await supplier.text()
        await supplier.write(say("Town"), "Leeds")
        await supplier.press(say("Authorise"))
        assert say("Thank you. The customer is told your return number and address.") in await supplier.text()
        await supplier.press(say("Confirm receipt"))
        await supplier.write(say("Units that you accept"), "2")
        await supplier.pick(say("State of the goods"), say("Defective"))
        await supplier.page.get_by_label(say("Photos")).first.set_input_files(
            {"name": "lamp.jpg", "mimeType": "image/jpeg", "buffer": photo()}
        )
        await supplier.write(say("Amount"), "19.60")
        await supplier.write(say("Currency"), "USD")
        await supplier.press(say("Send the verdict"))
        assert say("Thank you. Your verdict is recorded.") in await supplier.text()
        await stage.settle()
        assert (await stage.case(case["id"]))["state"] == "resolved"
        await supplier.open(link)
        await supplier.press(say("Say that it is paid"))
        assert say("This case is closed. Thank you.") in await supplier.text()
    case = await stage.case(case["id"])
    assert (case["state"], case["rma_number"], case["credit"]["status"]) == ("closed", "BH-77", "paid")
    assert len((await stage.get(f"/cases/{case['id']}/evidence"))["items"]) == 1
    assert len(stage.world.shop.money_calls) == 1


@pytest.mark.parametrize("language", ["en", "fr", "he"])
async def test_all_that_is_open_and_a_refusal(stage: Stage, visit: Visit, language: str) -> None:
    say = translations(language).gettext
    written_to(stage, locale=language)
    case, other = await lamp_case(stage), await lamp_case(stage, "damaged_in_transit", units=2)
    async with visit(language=language) as supplier:
        await supplier.open(await path_to(stage, Reach(supplier="byhand")))
        assert other["reference"] in await supplier.text()
        await supplier.follow(case["reference"])
        await supplier.write(say("Why do you refuse?"), "לא שלנו / pas à nous / not ours")
        await supplier.press(say("Refuse"))
        assert say("Thank you. We have your refusal, and decide how the case goes on.") in await supplier.text()
        await supplier.follow(say("All open cases"))
        await supplier.follow(other["reference"])
        await supplier.write(say("Units that you accept"), "0")
        await supplier.press(say("Send the verdict"), 422)
        await supplier.write(say("If you accept nothing: why?"), "Not ours")
        await supplier.press(say("Send the verdict"))
        turned_down = "Thank you. We have recorded that you accept nothing, and decide how the case goes on."
        assert say(turned_down) in await supplier.text()
    for one in (case, other):
        assert (await stage.case(one["id"]))["state"] == "contested"


async def test_a_link_that_does_not_work_says_what_to_do(stage: Stage, visit: Visit) -> None:
    case = await lamp_case(stage)
    path = await link_of(stage, case)
    async with visit(language="he") as supplier:
        await supplier.open(path[:-3], 404)
        assert translations("he").gettext("This link does not work") in await supplier.text()
