"""What several tests of webhooks use."""

from __future__ import annotations

from collections.abc import AsyncIterator

import pytest

from app.webhooks.intake import Intake


@pytest.fixture
async def intake(database_url: str) -> AsyncIterator[Intake]:
    made = Intake(database_url)
    yield made
    await made.aclose()
