"""The scene for the path of one refund."""

from __future__ import annotations

import pytest

from app.orders.snapshot import Platform
from app.runtime import Runtime
from tests.refunds.kit import Scene, scene_of


@pytest.fixture
async def scene(runtime: Runtime) -> Scene:
    """A Shopify order with a case that owes two lamps."""
    return await scene_of(runtime)


@pytest.fixture
async def woo(runtime: Runtime) -> Scene:
    """The same of WooCommerce."""
    return await scene_of(runtime, Platform.WOOCOMMERCE)
