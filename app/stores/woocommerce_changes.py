"""What changed in a WooCommerce site since a moment, a page at a time."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

from app.orders.normalise_woocommerce import order_from_payload
from app.orders.reading import UnreadablePayload, moment, required_identifier
from app.stores.base import ChangedPage, OrderGlance, StoreRefused, StoreUnavailable
from app.stores.woocommerce_client import WooClient

# Whole orders come in a list; a slow site builds fifty of them in a few seconds.
_CHANGED_AT_ONCE = 50
_SECOND = timedelta(seconds=1)


@dataclass(frozen=True, slots=True)
class _Place:
    """How far a list of changed orders has been read: `status` asked for, modified after when, which page of that.

    Page numbers alone would skip an order whenever one that was read already changes again and moves to the end, so
    each full page begins a new list at its last order's second; numbers only count within one second.
    """

    status: str
    after: datetime
    page: int

    @classmethod
    def parse(cls, cursor: str) -> _Place:
        """From a cursor. Raises `StoreRefused` for one that is none of ours."""
        try:
            status, after, page = cursor.split("|")
            return cls(status, datetime.fromisoformat(after), int(page))
        except ValueError as error:
            raise StoreRefused("The stored cursor cannot be read") from error

    def __str__(self) -> str:
        return f"{self.status}|{self.after.isoformat()}|{self.page}"

    def following(self, since: datetime, count: int, last: datetime | None) -> _Place | None:
        """The place after a page of `count` orders, the last of which changed at `last`."""
        if count < _CHANGED_AT_ONCE or last is None:
            # `any` leaves out what lies in the trash.
            return _Place("trash", since - _SECOND, 1) if self.status == "any" else None
        after = last - _SECOND
        return _Place(self.status, after, 1) if after > self.after else dataclasses.replace(self, page=self.page + 1)


async def changed_orders(client: WooClient, since: datetime, cursor: str | None) -> ChangedPage:
    """The page at `cursor`: orders by when they changed, first those outside the trash, then those in it.

    Raises `StoreUnavailable` and `StoreRefused`.
    """
    since = since.astimezone(UTC).replace(microsecond=0)
    # `modified_after` excludes the moment that it names.
    place = _Place.parse(cursor) if cursor else _Place("any", since - _SECOND, 1)
    wanted = {
        "status": place.status,
        "modified_after": f"{place.after:%Y-%m-%dT%H:%M:%S}",
        "dates_are_gmt": "true",
        "orderby": "modified",
        "order": "asc",
        "per_page": str(_CHANGED_AT_ONCE),
        "page": str(place.page),
    }
    reply = await client.read("orders", wanted)
    if not isinstance(reply.body, list):
        raise StoreUnavailable("The store did not answer with a list")
    found = [item for item in reply.body if isinstance(item, dict)]
    last = moment(found[-1], "date_modified_gmt") if found else None
    following = place.following(since, len(reply.body), last)
    glances = (_glance(item) for item in found)
    return ChangedPage(tuple(glance for glance in glances if glance), str(following) if following else None)


def _glance(item: Mapping[str, Any]) -> OrderGlance | None:
    """An order that cannot be understood has no snapshot: reading it alone tells why."""
    updated_at = moment(item, "date_modified_gmt") or moment(item, "date_created_gmt")
    try:
        order_id = required_identifier(item, "id")
    except UnreadablePayload:
        return None
    if updated_at is None:
        return None
    try:
        return OrderGlance(order_id, updated_at, order_from_payload(item))
    except UnreadablePayload:
        return OrderGlance(order_id, updated_at)
