"""Lists of what is configured: by key, in pages like every other list."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Annotated

from fastapi import Query

from app.settings_store import StoreSettings

Limit = Annotated[int, Query(ge=1, le=200, description="Items on a page.")]
KeyCursor = Annotated[
    str | None,
    Query(pattern=r"^[a-z0-9][a-z0-9_-]{0,39}$", description="`next_cursor` of the page before.", examples=["alpha"]),
]


def page_of(keys: Iterable[str], limit: int, cursor: str | None) -> tuple[list[str], str | None]:
    """The keys of one page, in alphabetical order, and the cursor of the next one."""
    rest = sorted(key for key in keys if cursor is None or key > cursor)
    return rest[:limit], rest[limit - 1] if len(rest) > limit else None


def api_url(store: StoreSettings) -> str:
    """Where the store's API is."""
    return store.url or store.api_url or f"https://{store.domain}"
