"""Visitors for the customer's pages, and look-ups that answer "no" without keeping a test waiting."""

from __future__ import annotations

from collections.abc import AsyncIterator

import pytest

from app.pages.customer import lookup
from app.runtime import Runtime
from tests.pages.customer.kit import Browser, browsing


@pytest.fixture(autouse=True)
def quick_no(monkeypatch: pytest.MonkeyPatch) -> None:
    """A "no" takes a moment only."""
    monkeypatch.setattr(lookup, "SLOWEST_NO", 0.05)


@pytest.fixture
async def customer(runtime: Runtime) -> AsyncIterator[Browser]:
    """One visitor who reads English."""
    async with browsing(runtime) as visitor:
        yield visitor
