"""Which supplier handles which line of an order."""

from __future__ import annotations

from app.orders.snapshot import Line
from app.settings import Settings


def supplier_of(settings: Settings, store: str, line: Line) -> str | None:
    """The supplier of a line: by vendor, else by the longest SKU prefix, else the store's default; None for nobody."""
    vendor = (line.vendor or "").casefold()
    if vendor:
        for key, supplier in settings.suppliers.items():
            if vendor in (name.casefold() for name in supplier.vendors):
                return key
    sku = (line.sku or "").casefold()
    prefixes = [
        (len(prefix), key)
        for key, supplier in settings.suppliers.items()
        for prefix in supplier.sku_prefixes
        if prefix and sku.startswith(prefix.casefold())
    ]
    if prefixes:
        return max(prefixes)[1]
    return settings.stores[store].default_supplier
