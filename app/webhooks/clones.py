"""Tells a copy of a site from the site itself."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any
from urllib.parse import urlsplit

from app.orders.reading import UnreadablePayload
from app.orders.snapshot import Platform
from app.settings_store import StoreSettings
from app.settings_types import is_loopback_host


def refuse_clone(store: StoreSettings, headers: Mapping[str, Any]) -> None:
    """A staging clone copies webhooks and secrets and sends orders of its own; it gives itself away by its address.

    Raises `UnreadablePayload` for what a copy sent.
    """
    if store.platform is not Platform.WOOCOMMERCE:
        return
    says = _bare_host(headers.get("x-wc-webhook-source"))
    ours = _bare_host(store.url)
    if says and ours and says != ours and not is_loopback_host(says) and not is_loopback_host(ours):
        raise UnreadablePayload(f"The delivery comes from {says}, not from {ours}: a copy of the site, perhaps.")


def _bare_host(url: str | None) -> str | None:
    try:
        host = urlsplit(url).hostname if url else None
    except ValueError:
        raise UnreadablePayload("The delivery says that it comes from an address that is none.") from None
    return host.removeprefix("www.") if host else None
