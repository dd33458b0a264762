"""The sandbox's site, and the adapters of sandboxes, where these stand alone."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import Any

from starlette.applications import Starlette
from starlette.routing import BaseRoute, Mount

from app.sandbox.delivery import Courier
from app.sandbox.server import LoopbackServer
from app.sandbox.woocommerce.site import WooSite
from app.stores.shopify import ShopifyStore


@contextmanager
def on_loopback(routes: Sequence[BaseRoute]) -> Iterator[str]:
    """Serves these routes on loopback until the block ends, and answers below which address."""
    with LoopbackServer(Starlette(routes=[Mount("/alpha", routes=routes)])) as url:
        yield f"{url}/alpha"


@contextmanager
def woo_site(**options: Any) -> Iterator[WooSite]:
    """A site that is served at its own `url`: one that names another home is taken for a copy."""
    app = Starlette()
    with Courier() as courier, LoopbackServer(app) as url:
        made = WooSite("alpha", "ck_test", "cs_secret", courier=courier, url=f"{url}/alpha", **options)
        app.router.routes.append(Mount("/alpha", routes=made.routes()))
        yield made


def shopify_at(url: str, **changes: Any) -> ShopifyStore:
    """The adapter of a sandbox shop at `url`."""
    settings = {"domain": "alpha.myshopify.com", "client_id": "client-1", "client_secret": "secret", **changes}
    return ShopifyStore("alpha", api_url=url, **settings)
