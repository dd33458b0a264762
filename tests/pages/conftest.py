"""Pages over HTTP and in a real browser.

`stage` is the whole service with the sandbox's stores and suppliers (see tests/e2e); `visit` opens browsers there:

    async with visit(language="he", device=PHONE, scripts=False) as customer:
        await customer.open("/returns/alpha")
"""

from __future__ import annotations

import os
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import AbstractAsyncContextManager
from typing import Any

import pytest
from playwright.async_api import Browser

from tests.e2e.conftest import stage
from tests.e2e.stage import Stage
from tests.pages.browser import Visitor, chromium, connected, missing, visiting

__all__ = ["stage"]

Visit = Callable[..., AbstractAsyncContextManager[Visitor]]


@pytest.fixture(scope="session")
def chromium_address(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """One Chromium for the whole test process; tests that need it are skipped where there is none."""
    reason = missing()
    if reason and os.environ.get("TESTS_NEED_BROWSER"):
        pytest.fail(reason)
    if reason:
        pytest.skip(f"{reason} to try the pages as a browser shows them")
    with chromium(tmp_path_factory.mktemp("chromium")) as address:
        yield address


@pytest.fixture
async def browser(chromium_address: str) -> AsyncIterator[Browser]:
    """The browser, connected for this test."""
    async with connected(chromium_address) as found:
        yield found


@pytest.fixture
def visit(browser: Browser, stage: Stage) -> Visit:
    """Sends somebody to the stage's service; see `visiting` for what may be said of them."""

    def start(**who: Any) -> AbstractAsyncContextManager[Visitor]:
        return visiting(browser, str(stage.http.base_url), **who)

    return start
