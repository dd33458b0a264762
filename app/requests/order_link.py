"""The store's own link into the returns page: one order of one customer, signed."""

from __future__ import annotations

import hmac
from dataclasses import dataclass
from datetime import datetime

from app import links
from app.links import LinkPurpose
from app.orders.models import Order
from app.settings import Settings


@dataclass(frozen=True, slots=True)
class Named:
    """What a link names. `mark` ends the link when the order gets another e-mail."""

    store: str
    order_id: str
    mark: str

    def fits(self, order: Order) -> bool:
        """Whether the order still belongs to whom the link was made for."""
        return order.email is not None and hmac.compare_digest(mark_of(order), self.mark)


def mark_of(order: Order) -> str:
    """A short hash of the order's e-mail: the link is signed, so that it need not be secret."""
    folded = (order.email or "").strip().casefold().encode()
    return hmac.new(order.order_id.encode(), folded, "sha256").hexdigest()[:16]


def order_link(settings: Settings, order: Order, now: datetime, days: float) -> str:
    """The whole address. Raises `ConfigError` without a secret key."""
    subject = f"{order.store}:{order.order_id}:{mark_of(order)}"
    token = links.sign(settings, LinkPurpose.ORDER, subject, now, days=days)
    return links.url(settings, f"/returns/{order.store}/o/{token}")


def named_by(settings: Settings, token: str, now: datetime) -> Named:
    """What the token of a link names. Raises `LinkInvalid` or `LinkExpired`."""
    store, _, rest = links.read(settings, LinkPurpose.ORDER, token, now).partition(":")
    order_id, _, mark = rest.rpartition(":")
    return Named(store, order_id, mark)
