"""The channels of the configured suppliers."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping

from app.errors import NotFound
from app.pace.base import Pace
from app.settings_supplier import SupplierSettings
from app.suppliers.base import SupplierChannel
from app.suppliers.http import HttpSupplier
from app.suppliers.manual import ManualSupplier


class UnknownSupplier(NotFound):
    """No supplier is configured under that key."""

    code = "unknown_supplier"
    title = "Unknown supplier"


class SupplierRegistry:
    """One channel for each configured supplier, by its key."""

    def __init__(
        self,
        settings: Mapping[str, SupplierSettings],
        pace_of: Callable[[str, SupplierSettings], Pace] | None = None,
    ) -> None:
        """`pace_of` gives the pace of a supplier's calls; without it they are not held up."""
        self._channels = {
            key: build_channel(key, supplier, pace_of(key, supplier) if pace_of else None)
            for key, supplier in settings.items()
        }

    def get(self, key: str) -> SupplierChannel:
        """The channel. Raises `UnknownSupplier`."""
        if key not in self._channels:
            raise UnknownSupplier(f"No supplier is configured under the key {key!r}.")
        return self._channels[key]

    def __iter__(self) -> Iterator[SupplierChannel]:
        return iter(self._channels.values())

    async def aclose(self) -> None:
        """Gives back every connection."""
        for channel in self._channels.values():
            await channel.aclose()


def build_channel(key: str, supplier: SupplierSettings, pace: Pace | None = None) -> SupplierChannel:
    """The channel for one supplier's settings. Only `http` has a machine to call: to `email`, mails are written."""
    if supplier.channel == "http" and supplier.base_url and supplier.api_token and supplier.webhook_secret:
        return HttpSupplier(
            key,
            base_url=supplier.base_url,
            api_token=supplier.api_token.get_secret_value(),
            webhook_secret=supplier.webhook_secret.get_secret_value(),
            pace=pace,
        )
    return ManualSupplier(key)
