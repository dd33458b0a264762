"""People at browsers: a real Chromium that asks nobody but us, and looks at every page it opens.

A page that a `Visitor` reaches must be small, fit the screen, cause no complaint in the browser's console, and hold
against axe-core's rules. Chromium runs once for each test process; each test connects to it anew.
"""

from __future__ import annotations

import os
import shutil
import signal
import subprocess
import time
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from axe_playwright_python.base import AXE_SCRIPT
from playwright.async_api import Browser, BrowserContext, ConsoleMessage, Page, Response, Route, async_playwright

EXECUTABLE = os.environ.get("CHROMIUM") or shutil.which("chromium") or "/usr/bin/chromium"
_ARGUMENTS = (
    "--headless=new", "--remote-debugging-port=0", "--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run",
    "--disable-background-networking", "--disable-component-update", "--disable-sync", "--disable-dev-shm-usage",
)  # fmt: skip
MOST_BYTES = 100_000
_START_SECONDS = 30
# Milliseconds; the machine may be busy with other tests.
_PATIENCE = 20_000
# Rules of WCAG 2.2 A and AA, and what axe-core calls best practices.
_AXE = "axe.run(document, {resultTypes: ['violations']}).then(found => found.violations)"
# A page that is made for larger screens is laid out wider than a phone's and shrunk.
_TOO_WIDE = "document.documentElement.scrollWidth - Math.min(document.documentElement.clientWidth, screen.width)"


@dataclass(frozen=True)
class Device:
    """A screen, in CSS pixels; `mobile`: with fingers, and scroll bars that take no room."""

    width: int
    height: int
    mobile: bool


PHONE = Device(390, 844, mobile=True)
DESKTOP = Device(1280, 900, mobile=False)
# What a browser tells of its owner's language.
TAGS = {"en": "en-GB", "fr": "fr-FR", "he": "he-IL"}


def missing() -> str | None:
    """Why there is no browser to test with; None when there is one."""
    return None if os.access(EXECUTABLE, os.X_OK) else f"no browser at {EXECUTABLE}; install Debian's chromium"


@contextmanager
def chromium(folder: Path) -> Iterator[str]:
    """A running Chromium with an empty profile in `folder`: the address to connect to."""
    told = folder / "DevToolsActivePort"
    with (folder / "chromium.log").open("wb") as log:
        process = subprocess.Popen(
            [EXECUTABLE, *_ARGUMENTS, f"--user-data-dir={folder}", "about:blank"],
            stdout=log, stderr=log, start_new_session=True,
        )  # fmt: skip
    try:
        until = time.monotonic() + _START_SECONDS
        while not (told.exists() and told.read_text().count("\n")):
            assert process.poll() is None, (folder / "chromium.log").read_text(errors="replace")[-2000:]
            assert time.monotonic() < until, "Chromium does not start"
            time.sleep(0.02)
        port, path = told.read_text().split()
        yield f"ws://127.0.0.1:{port}{path}"
    finally:
        with suppress(ProcessLookupError):
            os.killpg(process.pid, signal.SIGKILL)
        process.wait()


@asynccontextmanager
async def connected(address: str) -> AsyncIterator[Browser]:
    """The running Chromium, for one test."""
    async with async_playwright() as playwright:
        browser = await playwright.chromium.connect_over_cdp(address)
        yield browser
        await browser.close()


@asynccontextmanager
async def visiting(
    browser: Browser,
    site: str,
    *,
    language: str = "en",
    device: Device = PHONE,
    scripts: bool = True,
    dark: bool = False,
) -> AsyncIterator[Visitor]:
    """Somebody with an empty browser of that language and size, for the service at `site`."""
    context = await browser.new_context(
        locale=TAGS[language],
        viewport={"width": device.width, "height": device.height},
        has_touch=device.mobile,
        is_mobile=device.mobile,
        java_script_enabled=scripts,
        color_scheme="dark" if dark else "light",
        reduced_motion="reduce",
    )
    context.set_default_timeout(_PATIENCE)
    try:
        visitor = Visitor(context, await context.new_page(), site.rstrip("/"), scripts)
        await visitor.begin()
        yield visitor
        visitor.satisfied()
    finally:
        await context.close()


class Visitor:
    """Opens pages and uses them as people do: by what is written on them. `page` is Playwright's own."""

    def __init__(self, context: BrowserContext, page: Page, site: str, scripts: bool) -> None:
        self.context = context
        self.page = page
        self.site = site
        self.scripts = scripts
        self.foreign: list[str] = []
        self.complaints: list[str] = []
        # A test that provokes an error page says so; a browser complains about every status from 400 on.
        self.expects_refusals = False

    async def begin(self) -> None:
        """Starts to watch."""
        await self.context.route("**/*", self._ours_only)
        self.page.on("console", self._heard)
        self.page.on("pageerror", lambda error: self.complaints.append(str(error)))

    async def open(self, address: str, status: int = 200) -> Response:
        """Goes to a path of the service, or a whole address such as one from a mail, and looks at the page."""
        self.expects_refusals = self.expects_refusals or status >= 400
        answer = await self.page.goto(address if "://" in address else self.site + address)
        assert answer is not None
        assert answer.status == status, f"{answer.status} at {urlsplit(answer.url).path}"
        await self.look()
        return answer

    async def press(self, name: str, status: int = 200) -> None:
        """Presses the button of that name, which sends a form, and looks at the page that comes."""
        await self._leave_by(self.page.get_by_role("button", name=name, exact=True), status)

    async def follow(self, name: str, status: int = 200) -> None:
        """Follows the link of that name, and looks at the page that comes."""
        await self._leave_by(self.page.get_by_role("link", name=name, exact=True), status)

    async def write(self, label: str, text: str) -> None:
        """Writes into the field of that label."""
        await self.page.get_by_label(label).fill(text)

    async def tick(self, label: str) -> None:
        """Ticks the box or chooses the radio button of that label."""
        await self.page.get_by_label(label, exact=True).check()

    async def pick(self, label: str, choice: str) -> None:
        """Picks a line of the list of that label."""
        await self.page.get_by_label(label).select_option(label=choice)

    async def text(self) -> str:
        """What is written in the main part of the page."""
        return await self.page.get_by_role("main").inner_text()

    async def look(self) -> None:
        """What every page must be, whatever it says."""
        size = len((await self.page.content()).encode())
        assert size < MOST_BYTES, f"{size} bytes at {self._where()}"
        wide = await self.page.evaluate(_TOO_WIDE)
        assert wide <= 0, f"{self._where()} is {wide} pixels wider than the screen"
        if self.scripts:
            await self.axe()

    async def axe(self) -> None:
        """axe-core finds nothing to mend."""
        await self.page.evaluate(AXE_SCRIPT)
        found: list[dict[str, Any]] = await self.page.evaluate(_AXE)
        told = [f"{one['id']}: {one['help']}: {node['html']} {node['any']}" for one in found for node in one["nodes"]]
        assert not told, f"{self._where()}:\n" + "\n".join(told)

    def satisfied(self) -> None:
        """Nobody else was asked and the browser had nothing to complain about."""
        assert not self.foreign, f"other hosts were asked: {self.foreign}"
        refusals = "the server responded with a status of"
        told = [one for one in self.complaints if not (self.expects_refusals and refusals in one)]
        assert not told, f"the browser complains: {told}"

    async def _leave_by(self, element: Any, status: int) -> None:
        self.expects_refusals = self.expects_refusals or status >= 400
        async with self.page.expect_navigation() as leaving:
            await element.click()
        answer = await leaving.value
        if answer is not None and urlsplit(answer.url).path:
            assert answer.status == status, f"{answer.status} at {urlsplit(answer.url).path}"
        await self.look()

    async def _ours_only(self, route: Route) -> None:
        if urlsplit(route.request.url).netloc == urlsplit(self.site).netloc:
            await route.continue_()
        else:
            self.foreign.append(route.request.url)
            await route.abort()

    def _heard(self, message: ConsoleMessage) -> None:
        if message.type in {"error", "warning"}:
            self.complaints.append(message.text)

    def _where(self) -> str:
        return urlsplit(self.page.url).path
