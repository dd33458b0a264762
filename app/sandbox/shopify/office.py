"""What a merchant does beside orders in the sandbox's Shopify shop, and what became of credits and new orders."""

from __future__ import annotations

import threading
from decimal import Decimal

from app.sandbox.shopify.book import OrderBook
from app.sandbox.shopify.drafts import Draft, DraftDesk
from app.sandbox.shopify.refunds import STORE_CREDIT
from app.sandbox.shopify.state import Order
from app.sandbox.shopify.values import ZERO


class Office:
    """Products, drafts, the search index. Every method may be called from any thread."""

    def __init__(self, book: OrderBook, desk: DraftDesk, lock: threading.RLock) -> None:
        self._book = book
        self.desk = desk
        self._lock = lock

    def add_variant(self, order_id: int | str, line: int, title: str, price: str) -> int:
        """Another variant of the product that the order's line (0 is the first) bought. Answers its id.

        Raises `KeyError` when the product was deleted.
        """
        with self._lock:
            goods = self._book.order(order_id).lines[line]
            made = self._book.catalogue.add_variant(
                goods.product_id or 0, title, f"{goods.sku}-{title}", Decimal(price)
            )
            return made.id

    def sell_out(self, variant_id: int | str) -> None:
        """Nobody can buy the variant any more. Raises `KeyError` when there is none."""
        with self._lock:
            found = self._book.catalogue.find(int(variant_id))
            if found is None:
                raise KeyError(variant_id)
            found[1].available = False

    def discontinue(self, product_id: int | str) -> None:
        """Deletes the product: lines that bought it forget product and variant. Raises `KeyError`."""
        with self._lock:
            self._book.catalogue.remove(int(product_id))
            for order in self._book.orders.values():
                for line in order.lines:
                    if line.product_id == int(product_id):
                        line.product_id = line.variant_id = None

    def hold_index(self) -> None:
        """Searches by tag stop finding what is made from now on, as Shopify's do for a while."""
        with self._lock:
            self._book.index(stands=True)

    def release_index(self) -> None:
        """The search index catches up."""
        with self._lock:
            self._book.index(stands=False)

    def finish_drafts(self) -> None:
        """Drafts that Shopify still works on become ready."""
        with self._lock:
            for draft in self.desk.drafts.values():
                draft.ready = True

    @property
    def drafts(self) -> list[Draft]:
        """Every draft that was not deleted, completed ones too."""
        with self._lock:
            return list(self.desk.drafts.values())

    def orders_tagged(self, tag: str) -> list[Order]:
        """The orders with the tag; more than one of an operation's own is goods given away twice."""
        with self._lock:
            return [order for order in self._book.orders.values() if tag in order.tags]

    @property
    def credits(self) -> list[dict[str, str]]:
        """What became store credit, by the order's id and in its customer's currency."""
        with self._lock:
            return [
                {"order": f"{order.id}", "amount": f"{item.amount}", "currency": order.currencies.presentment}
                for order in self._book.orders.values()
                for item in order.transactions
                if item.gateway == STORE_CREDIT and item.status == "SUCCESS"
            ]

    def credited_total(self, order_id: int | str) -> Decimal:
        """What the order's customer got as store credit, in their currency."""
        number = f"{self._book.order(order_id).id}"
        return sum((Decimal(credit["amount"]) for credit in self.credits if credit["order"] == number), ZERO)
