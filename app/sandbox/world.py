"""A whole little world on one loopback port: a Shopify shop, a WooCommerce site and suppliers of every character."""

from __future__ import annotations

import json
from types import TracebackType
from typing import Any

from starlette.applications import Starlette
from starlette.routing import BaseRoute, Mount

from app.clock import Clock, SystemClock
from app.sandbox.control import Control
from app.sandbox.delivery import Courier
from app.sandbox.receiver import EventReceiver
from app.sandbox.server import LoopbackServer
from app.sandbox.shopify.shop import ShopifyShop
from app.sandbox.suppliers.bot import SupplierBot
from app.sandbox.suppliers.model import Character
from app.sandbox.woocommerce.site import WooSite

# Made up, the same in every sandbox, and good for nothing else.
CLIENT_ID = "sandbox-client"
CLIENT_SECRET = "sandbox-client-secret"
CONSUMER_KEY = "ck_sandbox"
CONSUMER_SECRET = "cs_sandbox"
WEBHOOK_SECRET = "sandboxwebhooksecret"
SUPPLIER_TOKEN = "sandbox-supplier-token"
SUPPLIER_SECRET = "whsec_c2FuZGJveC1zdXBwbGllci1zZWNyZXQtMDEyMw=="

EVENT_SECRET = "whsec_c2FuZGJveC1yZWNlaXZlci1zZWNyZXQtMDEyMw=="

SHOP, SITE = "alpha", "beta"
# The receiver of events: stands for whatever the merchant runs.
CRM = "crm"
_VENDORS = {
    "acme": ("Acme", Character.PROMPT),
    "slowpoke": ("Slowpoke", Character.SLOW),
    "nono": ("Nono", Character.REFUSING),
    "halfway": ("Halfway", Character.PARTIAL),
    "mute": ("Mute", Character.SILENT),
    "flaky": ("Flaky", Character.FLAKY),
    "babble": ("Babble", Character.NONSENSE),
}
BY_HAND = "byhand"


class World:
    """`with World() as world:` serves it all on `world.url`. Every part can be steered from any thread."""

    def __init__(self, port: int = 0, clock: Clock | None = None) -> None:
        """`port` 0 takes any free one."""
        clock = clock or SystemClock()
        self._app = Starlette()
        self._server = LoopbackServer(self._app, port)
        self.url = self._server.url
        self.courier = Courier()
        self.shop = ShopifyShop(
            SHOP, f"{SHOP}.myshopify.com", CLIENT_ID, CLIENT_SECRET, clock=clock, courier=self.courier
        )
        self.site = WooSite(
            SITE, CONSUMER_KEY, CONSUMER_SECRET, courier=self.courier, url=f"{self.url}/woo/{SITE}", clock=clock
        )
        self.suppliers = {
            key: SupplierBot(
                key, SUPPLIER_TOKEN, SUPPLIER_SECRET, courier=self.courier, character=character, clock=clock
            )
            for key, (_, character) in _VENDORS.items()
        }
        self.crm = EventReceiver(EVENT_SECRET)
        self._app.router.routes.extend(
            [
                Mount(f"/shopify/{SHOP}", routes=self.shop.routes()),
                Mount(f"/woo/{SITE}", routes=self.site.routes()),
                *(Mount(f"/suppliers/{key}", routes=bot.routes()) for key, bot in self.suppliers.items()),
                Mount(f"/events/{CRM}", routes=self.crm.routes()),
                Mount("/control", routes=Control(self.shop, self.site, self.suppliers, self.crm).routes()),
            ]
        )

    @property
    def routes(self) -> list[BaseRoute]:
        """The doors of shop, site and suppliers, for who wants to watch them."""
        return self._app.router.routes

    def stores(self) -> dict[str, dict[str, Any]]:
        """The `stores` settings that connect Makegood to this world."""
        return {
            SHOP: {
                "platform": "shopify",
                "name": "Alpha Lamps",
                "domain": f"{SHOP}.myshopify.com",
                "client_id": CLIENT_ID,
                "client_secret": CLIENT_SECRET,
                "api_url": f"{self.url}/shopify/{SHOP}",
                "support_email": "help@alpha.example",
            },
            SITE: {
                "platform": "woocommerce",
                "name": "Beta Mugs",
                "url": f"{self.url}/woo/{SITE}",
                "consumer_key": CONSUMER_KEY,
                "consumer_secret": CONSUMER_SECRET,
                "webhook_secret": WEBHOOK_SECRET,
                "support_email": "help@beta.example",
            },
        }

    def supplier_settings(self) -> dict[str, dict[str, Any]]:
        """The `suppliers` settings that connect Makegood to this world.

        Lines find their supplier by vendor on Shopify and by SKU prefix (`ACME-…`) on WooCommerce.
        """
        by_api = {
            key: {
                "channel": "http",
                "name": vendor,
                "vendors": [vendor],
                "sku_prefixes": [f"{key.upper()}-"],
                "base_url": f"{self.url}/suppliers/{key}",
                "api_token": SUPPLIER_TOKEN,
                "webhook_secret": SUPPLIER_SECRET,
                "poll_seconds": 5,
            }
            for key, (vendor, _) in _VENDORS.items()
        }
        by_hand = {
            "channel": "manual",
            "name": "By Hand",
            "vendors": ["By Hand"],
            "sku_prefixes": ["BH-"],
            "return_address": {"name": "By Hand Ltd", "line1": "1 Market Street", "city": "Leeds", "country": "GB"},
        }
        return {**by_api, BY_HAND: by_hand}

    def event_settings(self) -> dict[str, dict[str, Any]]:
        """The `events` settings that have Makegood tell this world's receiver."""
        return {CRM: {"url": f"{self.url}/events/{CRM}/", "secret": EVENT_SECRET}}

    def environment(self) -> dict[str, str]:
        """The same settings as environment variables, for a Makegood started by hand."""
        found = {}
        sections = (
            ("STORES", self.stores()),
            ("SUPPLIERS", self.supplier_settings()),
            ("EVENTS", self.event_settings()),
        )
        for section, entries in sections:
            for key, entry in entries.items():
                for name, value in entry.items():
                    found[f"MAKEGOOD_{section}__{key.upper()}__{name.upper()}"] = _as_text(value)
        return found

    def leave(self) -> None:
        """Delivers nothing any more and begins to stop, so that others can stop at the same time."""
        self.courier.close()
        self._server.leave()

    def __enter__(self) -> World:
        self._server.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.courier.close()
        self._server.stop()


def _as_text(value: Any) -> str:
    return value if isinstance(value, str) else json.dumps(value)
