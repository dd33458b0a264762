"""A stage on which the merchant's own system is told of everything."""

from __future__ import annotations

from collections.abc import AsyncIterator

import pytest

from app.settings import Settings
from tests.e2e.conftest import staged
from tests.e2e.stage import Stage


@pytest.fixture
async def stage(database_url: str, settings: Settings) -> AsyncIterator[Stage]:
    """World, service and worker; the sandbox's receiver `crm` wants every event."""
    async with staged(database_url, told={}) as made:
        yield made
