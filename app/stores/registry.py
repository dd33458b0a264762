"""The adapters of the configured stores."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping

from app.errors import NotFound
from app.orders.snapshot import Platform
from app.pace.base import Pace
from app.settings_store import StoreSettings
from app.stores.base import Store
from app.stores.gate import Check, GatedStore
from app.stores.shopify import ShopifyStore
from app.stores.woocommerce import WooStore


class UnknownStore(NotFound):
    """No store is configured under that key."""

    code = "unknown_store"
    title = "Unknown store"


class StoreRegistry:
    """One adapter for each configured store, by its key."""

    def __init__(
        self,
        settings: Mapping[str, StoreSettings],
        check: Check | None = None,
        pace_of: Callable[[str, StoreSettings], Pace] | None = None,
    ) -> None:
        """`check` is asked before each call of each store, and `pace_of` gives the pace of its calls; without them
        nothing is stopped or held up (commands of a person)."""
        self._stores: dict[str, Store] = {
            key: build_store(key, store, pace_of(key, store) if pace_of else None) for key, store in settings.items()
        }
        if check is not None:
            self._stores = {key: GatedStore(store, check) for key, store in self._stores.items()}

    def get(self, key: str) -> Store:
        """The adapter. Raises `UnknownStore`."""
        if key not in self._stores:
            raise UnknownStore(f"No store is configured under the key {key!r}.")
        return self._stores[key]

    def __iter__(self) -> Iterator[Store]:
        return iter(self._stores.values())

    async def aclose(self) -> None:
        """Gives back every connection."""
        for store in self._stores.values():
            await store.aclose()


def build_store(key: str, store: StoreSettings, pace: Pace | None = None) -> Store:
    """The adapter for one store's settings, which have been checked to be complete."""
    if store.platform is Platform.SHOPIFY:
        return ShopifyStore(
            key,
            domain=store.domain or "",
            client_secret=store.client_secret.get_secret_value() if store.client_secret else "",
            client_id=store.client_id,
            access_token=store.access_token.get_secret_value() if store.access_token else None,
            api_version=store.api_version,
            api_url=store.api_url,
            notify=store.refund_notify,
            pace=pace,
        )
    return WooStore(
        key,
        url=store.url or "",
        consumer_key=store.consumer_key or "",
        consumer_secret=store.consumer_secret.get_secret_value() if store.consumer_secret else "",
        webhook_secret=store.webhook_secret.get_secret_value() if store.webhook_secret else "",
        ca_file=str(store.ca_file) if store.ca_file else None,
        pace=pace,
        parallel=store.parallel_requests,
    )
