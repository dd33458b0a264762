"""A site and its adapter. A test module that wants another site says so by a fixture `site` of its own."""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterator

import pytest

from app.sandbox.woocommerce.site import WooSite
from app.stores.woocommerce import WooStore
from tests.stores.sandboxes import woo_site
from tests.stores.woo_fake import ScriptedSite
from tests.stores.woo_samples import store


@pytest.fixture
def site() -> Iterator[WooSite]:
    """The sandbox's site."""
    with woo_site() as made:
        yield made


@pytest.fixture
async def woo(site: WooSite | ScriptedSite) -> AsyncIterator[WooStore]:
    """The adapter of the site."""
    made = store(site.url)
    yield made
    await made.aclose()
