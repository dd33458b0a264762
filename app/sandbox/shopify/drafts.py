"""Draft orders of the sandbox's Shopify shop: made as often as asked, completed once each.

Neither mutation knows idempotency: the same input twice makes two drafts, and so two orders. The texts are guesses.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from decimal import Decimal
from typing import Any

from app.sandbox.faults import Fault, FaultKind
from app.sandbox.shopify.answers import Refused, parse_gid
from app.sandbox.shopify.book import LineSpec, OrderBook, OrderSpec
from app.sandbox.shopify.events import Events
from app.sandbox.shopify.state import Order
from app.sandbox.shopify.values import ZERO, Bag, Currencies, gid


@dataclass(slots=True, eq=False)
class DraftLine:
    """Units of a variant, at the price of the time when the draft was made."""

    variant_id: int
    sku: str
    title: str
    vendor: str
    quantity: int
    price: Decimal


@dataclass(slots=True, eq=False)
class Draft:
    """A draft. `off` is the part of the price that its discount takes; `asked` is the input that made it."""

    id: int
    number: int
    asked: dict[str, Any]
    lines: list[DraftLine]
    off: Decimal
    currencies: Currencies
    tags: list[str]
    ready: bool = True
    order: Order | None = None

    @property
    def gid(self) -> str:
        """The global id."""
        return gid("DraftOrder", self.id)

    @property
    def name(self) -> str:
        """As the admin shows it."""
        return f"#D{self.number}"

    @property
    def total(self) -> Bag:
        """What the customer would owe."""
        whole = sum((line.price * line.quantity for line in self.lines), ZERO)
        return self.currencies.bag(self.currencies.round(whole * (1 - self.off)))


class DraftDesk:
    """The shop's drafts. Not locked: the shop's lock is held by whoever calls."""

    def __init__(self, book: OrderBook, events: Events) -> None:
        self.drafts: dict[int, Draft] = {}
        self._book = book
        self._events = events

    def find(self, draft_id: int) -> Draft | None:
        """The draft by its number."""
        return self.drafts.get(draft_id)

    def search(self, query: str | None) -> list[Draft]:
        """The drafts with the tag in `query`; what the index has not seen yet is not found by it."""
        wanted = self._book.tag_in(query)
        if wanted is None:
            return list(self.drafts.values())
        indexed = (draft for draft in self.drafts.values() if draft.id not in self._book.unindexed)
        return [draft for draft in indexed if wanted in draft.tags]

    def create(self, asked: dict[str, Any], fault: Fault | None) -> Draft:
        """Makes a draft. PENDING: Shopify still works on it. MISBOOKED: the discount is lost. Raises `Refused`."""
        kind = fault.kind if fault else None
        if kind is FaultKind.REFUSE:
            raise Refused(None, (fault.text if fault else "") or "The draft order could not be created")
        entries = asked.get("lineItems") or []
        if not entries:
            raise Refused(["lineItems"], "Add at least 1 product")
        if any(len(tag) > 40 for tag in asked.get("tags") or []):
            raise Refused(["tags"], "Tags must be at most 40 characters")
        lines = [self._line(index, entry) for index, entry in enumerate(entries)]
        discount = asked.get("appliedDiscount") or {}
        percent = discount.get("value", 0) if discount.get("valueType") == "PERCENTAGE" else 0
        made = Draft(
            id=self._book.next_id(),
            number=len(self.drafts) + 1,
            asked=asked,
            lines=lines,
            off=ZERO if kind is FaultKind.MISBOOKED else Decimal(str(percent)) / 100,
            currencies=Currencies(
                self._book.currency, asked.get("presentmentCurrencyCode") or self._book.currency, Decimal(1)
            ),
            tags=list(asked.get("tags") or []),
            ready=kind is not FaultKind.PENDING,
        )
        self.drafts[made.id] = made
        self._book.newly_made(made.id)
        return made

    def _line(self, index: int, entry: Mapping[str, Any]) -> DraftLine:
        found = self._book.catalogue.find(parse_gid("ProductVariant", entry["variantId"]))
        if found is None:
            raise Refused(["lineItems", str(index), "variantId"], "Product variant is no longer available")
        if entry["quantity"] <= 0:
            raise Refused(["lineItems", str(index), "quantity"], "Quantity must be greater than 0")
        product, variant = found
        return DraftLine(variant.id, variant.sku, product.title, product.vendor, entry["quantity"], variant.price)

    def complete(self, draft_id: int, fault: Fault | None) -> Draft:
        """Makes the order (orders/create, orders/updated). Raises `Refused` for an unknown or a completed draft."""
        draft = self.find(draft_id)
        if draft is None:
            raise Refused(["id"], "Draft order not found")
        if draft.order is not None:
            raise Refused(["id"], "This draft order has already been completed")
        if not draft.ready:
            raise Refused(None, "This draft order is still being calculated")
        if fault is not None and fault.kind is FaultKind.REFUSE:
            raise Refused(None, fault.text or "The draft order could not be completed")
        draft.order = self._events.ordered(self._book.add(_spec(draft)))
        return draft

    def delete(self, draft_id: int) -> None:
        """Deletes an open draft. Raises `Refused`."""
        draft = self.find(draft_id)
        if draft is None or draft.order is not None:
            raise Refused(["id"], "Draft order not found" if draft is None else "Completed drafts cannot be deleted")
        del self.drafts[draft_id]


def _spec(draft: Draft) -> OrderSpec:
    """The order that a draft becomes: paid when there is nothing to pay, else waiting for its money."""
    address = draft.asked.get("shippingAddress") or {}
    customer = (draft.asked.get("purchasingEntity") or {}).get("customerId")
    lines = [
        LineSpec(
            sku=line.sku,
            title=line.title,
            vendor=line.vendor,
            price=f"{line.price}",
            quantity=line.quantity,
            discount=f"{draft.currencies.round(line.price * line.quantity * draft.off)}",
        )
        for line in draft.lines
    ]
    return OrderSpec(
        lines=lines,
        payments=(),
        currency=draft.currencies.presentment,
        rate="1",
        taxes_included=True,
        shipping="0",
        shipping_tax_rate="0",
        email=draft.asked.get("email"),
        country=address.get("countryCode") or "FR",
        locale="fr-FR",
        number=None,
        created_at=None,
        customer_id=parse_gid("Customer", customer) if customer else None,
        tags=tuple(draft.tags),
        note=draft.asked.get("note"),
    )
