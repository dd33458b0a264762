"""The public pages as a real browser shows them, and that the browser kit sees what it should see."""

from __future__ import annotations

import pytest
from playwright.async_api import Browser

from app.pages.language import LANGUAGES
from tests.pages.browser import DESKTOP, PHONE, Device, visiting
from tests.pages.conftest import Visit


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


BAD = {
    "another host": '<img src="http://127.0.0.2:9/pixel.gif" alt="">',
    "wider": '<div style="width:900px">wide</div>',
    "image-alt": '<img src="data:image/gif;base64,R0lGODlhAQABAAAAACw=">',
    "bytes": "<p>" + "long " * 25_000 + "</p>",
    "complains": "<script>nowhere()</script>",
}


@pytest.mark.parametrize("fault", BAD)
async def test_the_kit_sees_a_page_that_is_not_right(browser: Browser, fault: str) -> None:
    html = f'<!doctype html><html lang="en"><title>A page</title><main><h1>A page</h1>{BAD[fault]}</main>'

    async def visited() -> None:
        async with visiting(browser, "http://127.0.0.1:9") as reader:
            await reader.page.set_content(html)
            await reader.look()

    with pytest.raises(AssertionError, match=fault if fault != "another host" else "other hosts"):
        await visited()
