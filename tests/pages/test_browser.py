"""The public pages as a real browser shows them, and that the browser kit sees what it should see."""

from __future__ import annotations

from collections.abc import AsyncIterator

import pytest
from playwright.async_api import Browser

from app.main import create_app
from app.pages.language import LANGUAGES
from app.runtime import build_runtime
from app.sandbox.server import LoopbackServer
from app.settings import Settings
from tests.pages.browser import DESKTOP, PHONE, Device, visiting
from tests.pages.conftest import Visit
from tests.pages.kit import PATH, add_kit, kit_templates


@pytest.mark.parametrize("language", LANGUAGES)
@pytest.mark.parametrize(("device", "dark"), [(PHONE, False), (PHONE, True), (DESKTOP, False)])
async def test_the_rules_of_a_store(visit: Visit, language: str, device: Device, dark: bool) -> None:
    async with visit(language=language, device=device, dark=dark) as reader:
        await reader.open("/policy/alpha")
        direction = await reader.page.evaluate("getComputedStyle(document.body).direction")
        assert direction == ("rtl" if language == "he" else "ltr")
        assert await reader.page.evaluate("document.documentElement.lang") == language


async def test_the_rules_without_scripts_in_another_language_by_a_click(visit: Visit) -> None:
    async with visit(language="fr", scripts=False) as reader:
        await reader.open("/policy/alpha")
        await reader.follow("עברית")
        assert await reader.page.evaluate("document.documentElement.lang") == "he"
        assert await reader.page.title()


async def test_a_page_that_does_not_exist(visit: Visit) -> None:
    async with visit(language="he") as reader:
        await reader.open("/returns/nobody/at/all", status=404)
        assert "אין דף כזה" in await reader.text()


@pytest.fixture
async def kit(settings: Settings) -> AsyncIterator[str]:
    """The page of parts in a store with a colour that nobody could read; its address."""
    settings.stores["alpha"].colour = "#ffee00"
    built = build_runtime(settings, "postgresql://127.0.0.1:9/nothing")
    with kit_templates(), LoopbackServer(add_kit(create_app(built))) as url:
        yield url
    await built.aclose()


@pytest.mark.parametrize("language", LANGUAGES)
@pytest.mark.parametrize(("device", "dark"), [(PHONE, False), (PHONE, True), (DESKTOP, False)])
async def test_every_part_of_a_page(browser: Browser, kit: str, language: str, device: Device, dark: bool) -> None:
    async with visiting(browser, kit, language=language, device=device, dark=dark) as customer:
        await customer.open(PATH)
        for button in await customer.page.get_by_role("button").all():
            box = await button.bounding_box()
            assert box is not None
            assert box["height"] >= 44
        assert await customer.page.locator("[data-print]").is_visible()
        await customer.press("Send", status=422)
        assert await customer.page.evaluate("document.activeElement.className") == "alert bad"
        await customer.page.get_by_role("link", name="Please tell us the number").click()
        assert await customer.page.evaluate("document.activeElement.id") == "order"


@pytest.mark.parametrize("scripts", [True, False])
async def test_a_form_with_and_without_scripts(browser: Browser, kit: str, scripts: bool) -> None:
    async with visiting(browser, kit, scripts=scripts) as customer:
        await customer.open(PATH)
        assert await customer.page.locator("[data-print]").is_visible() == scripts
        await customer.write("Order number", "#1106")
        await customer.tick("Keep it")
        await customer.page.get_by_role("button", name="Send").click()
        await customer.page.wait_for_function("document.body.innerText.startsWith('#1106|')")


FIT = '<meta name="viewport" content="width=device-width">'
BAD = {
    "another host": '<img src="http://127.0.0.2:9/pixel.gif" alt="">',
    "wider": '<div style="width:900px">wide</div>',
    "image-alt": '<img src="data:image/gif;base64,R0lGODlhAQABAAAAACw=">',
    "bytes": "<p>" + "long " * 25_000 + "</p>",
    "complains": "<script>nowhere()</script>",
}


@pytest.mark.parametrize("fault", BAD)
async def test_the_kit_sees_a_page_that_is_not_right(browser: Browser, fault: str) -> None:
    html = f'<!doctype html><html lang="en"><title>A page</title>{FIT}<main><h1>A page</h1>{BAD[fault]}</main>'

    async def visited() -> None:
        async with visiting(browser, "http://127.0.0.1:9") as reader:
            await reader.page.set_content(html)
            await reader.look()

    with pytest.raises(AssertionError, match=fault if fault != "another host" else "other hosts"):
        await visited()
