"""The orders of the sandbox's Shopify shop: making them, finding them, searching them."""

from __future__ import annotations

import re
import zlib
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from itertools import count

from app.clock import Clock
from app.sandbox.shopify.catalogue import Catalogue
from app.sandbox.shopify.state import Order, Refund, Return, Transaction
from app.sandbox.shopify.values import ZERO, Currencies, Goods, number_of

_TERM = re.compile(r"""(?P<key>\w+):(?P<op>>=|<=|>|<)?(?P<value>'[^']*'|"[^"]*"|\S+)|(?P<bare>\S+)""")
_DEFAULT_WINDOW = timedelta(days=60)
_COMPARE: dict[str, Callable[[datetime, datetime], bool]] = {
    ">=": lambda a, b: a >= b,
    "<=": lambda a, b: a <= b,
    ">": lambda a, b: a > b,
    "<": lambda a, b: a < b,
}


@dataclass(frozen=True, slots=True, kw_only=True)
class LineSpec:
    """A line to order. Amounts are decimal texts in the order's currency; discounts are for all units together."""

    sku: str
    title: str
    price: str
    quantity: int = 1
    vendor: str = ""
    discount: str = "0"
    code_discount: str = "0"
    tax_rate: str = "0"
    gift_card: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class PaymentSpec:
    """A payment; without an `amount` it pays what the others leave. `kind` and `status` in GraphQL spelling."""

    gateway: str = "shopify_payments"
    amount: str | None = None
    kind: str = "SALE"
    status: str = "SUCCESS"
    manual: bool = False


PAYMENTS: dict[str, tuple[PaymentSpec, ...]] = {
    "paid": (PaymentSpec(),),
    "authorized": (PaymentSpec(kind="AUTHORIZATION"),),
    "pending": (PaymentSpec(gateway="Cash on Delivery (COD)", status="PENDING", manual=True),),
}


@dataclass(frozen=True, slots=True, kw_only=True)
class OrderSpec:
    """An order to make. `rate` is how much of `currency` one unit of the shop's currency buys."""

    lines: Sequence[LineSpec]
    payments: Sequence[PaymentSpec]
    currency: str
    rate: str
    taxes_included: bool
    shipping: str
    shipping_tax_rate: str
    email: str | None
    country: str
    locale: str
    number: int | None
    created_at: datetime | None
    customer_id: int | None = None
    tags: Sequence[str] = ()
    note: str | None = None


class OrderBook:
    """All orders by id. Not locked: the shop's lock is held by whoever calls."""

    def __init__(self, key: str, currency: str, clock: Clock, all_orders: bool) -> None:
        """Without `all_orders` only orders of the last 60 days can be read, as without Shopify's `read_all_orders`."""
        self.currency = currency
        self.clock = clock
        self.orders: dict[int, Order] = {}
        self._all_orders = all_orders
        self._ids = count((zlib.crc32(key.encode()) % 900 + 100) * 10**10 + 1)
        self._numbers = count(1001)
        self.catalogue = Catalogue(self.next_id)
        self.unindexed: set[int] = set()
        self._index_stands = False

    def next_id(self) -> int:
        """A new id: more than 2^31, as Shopify's are."""
        return next(self._ids)

    def index(self, stands: bool) -> None:
        """While the index stands still, searches by tag do not find what is made; starting it again catches up."""
        self._index_stands = stands
        if not stands:
            self.unindexed.clear()

    def newly_made(self, number: int) -> None:
        """An order or draft came into being, which the index may not see for a while."""
        if self._index_stands:
            self.unindexed.add(number)

    def tag_in(self, query: str | None) -> str | None:
        """The tag that a query asks for."""
        terms = _TERM.finditer(query or "")
        return next((term["value"].strip("'\"") for term in terms if term["key"] == "tag"), None)

    def now(self) -> datetime:
        """The shop's time in UTC."""
        return self.clock.now().astimezone(UTC)

    def touch(self, order: Order) -> None:
        """Marks the order as changed now."""
        order.updated_at = self.now()

    def add(self, spec: OrderSpec) -> Order:
        """Makes an order."""
        now = spec.created_at or self.now()
        currencies = Currencies(self.currency, spec.currency, Decimal(spec.rate))
        order = Order(
            id=self.next_id(),
            number=spec.number or next(self._numbers),
            currencies=currencies,
            lines=[self._goods(line, spec.taxes_included, currencies) for line in spec.lines],
            taxes_included=spec.taxes_included,
            shipping=Decimal(spec.shipping),
            shipping_tax_rate=Decimal(spec.shipping_tax_rate),
            shipping_line_id=self.next_id(),
            email=spec.email,
            country=spec.country,
            locale=spec.locale,
            customer_id=spec.customer_id or self.next_id(),
            created_at=now,
            updated_at=now,
            tags=list(spec.tags),
            note=spec.note,
        )
        order.transactions = self._payments(order, spec.payments)
        self.orders[order.id] = order
        self.newly_made(order.id)
        return order

    def _goods(self, spec: LineSpec, taxes_included: bool, currencies: Currencies) -> Goods:
        product, variant = self.catalogue.entry(spec.sku, spec.title, spec.vendor, Decimal(spec.price))
        return Goods(
            id=self.next_id(),
            sku=spec.sku,
            title=spec.title,
            vendor=spec.vendor,
            quantity=spec.quantity,
            price=Decimal(spec.price),
            discount=Decimal(spec.discount),
            code_discount=Decimal(spec.code_discount),
            tax_rate=Decimal(spec.tax_rate),
            taxes_included=taxes_included,
            gift_card=spec.gift_card,
            variant_id=variant.id,
            product_id=product.id,
            currencies=currencies,
        )

    def _payments(self, order: Order, specs: Sequence[PaymentSpec]) -> list[Transaction]:
        named = sum((Decimal(spec.amount) for spec in specs if spec.amount is not None), ZERO)
        return [
            Transaction(
                id=self.next_id(),
                kind=spec.kind,
                status=spec.status,
                gateway=spec.gateway,
                amount=order.total - named if spec.amount is None else Decimal(spec.amount),
                created_at=order.created_at,
                processed_at=None if spec.status == "PENDING" else order.created_at,
                manual=spec.manual,
                card=spec.gateway == "shopify_payments",
            )
            for spec in specs
        ]

    def order(self, identifier: int | str) -> Order:
        """The order by id, number in a gid included. Raises `KeyError` when there is none."""
        return self.orders[number_of(identifier)]

    def visible(self, order: Order) -> bool:
        """Whether the app's scopes let it see the order: 60 days back by default."""
        return self._all_orders or order.created_at >= self.now() - _DEFAULT_WINDOW

    def seen(self, order_id: int) -> Order | None:
        """The order as the API shows it: None when there is none or it is too old for the app's scopes."""
        order = self.orders.get(order_id)
        return order if order is not None and self.visible(order) else None

    def refund(self, refund_id: int) -> tuple[Order, Refund] | None:
        """A refund and its order."""
        found = ((order, item) for order in self.orders.values() for item in order.refunds if item.id == refund_id)
        return next(found, None)

    def return_(self, return_id: int) -> tuple[Order, Return] | None:
        """A return and its order."""
        found = ((order, item) for order in self.orders.values() for item in order.returns if item.id == return_id)
        return next(found, None)

    def search(self, query: str | None, sort_key: str) -> list[Order]:
        """The orders that match Shopify's search syntax (`name:#1106`, `updated_at:>='…'`), sorted."""
        terms = list(_TERM.finditer(query or ""))
        found: Iterable[Order] = (order for order in self.orders.values() if self.visible(order))
        if self.tag_in(query) is not None:
            found = (order for order in found if order.id not in self.unindexed)
        keys = {"UPDATED_AT": lambda order: (order.updated_at, order.id), "ID": lambda order: order.id}
        default = keys.get(sort_key, lambda order: (order.created_at, order.id))
        return sorted((order for order in found if all(_matches(order, term) for term in terms)), key=default)


def _matches(order: Order, term: re.Match[str]) -> bool:
    """Whether one term fits. Shopify ignores a field it cannot search, so such a term fits every order."""
    if term["bare"] is not None:
        return term["bare"] == "AND" or term["bare"].lstrip("#") in {str(order.number), order.email}
    value = term["value"].strip("'\"")
    if term["key"] == "name":
        return value.lstrip("#") == str(order.number)
    if term["key"] == "tag":
        return value in order.tags
    if term["key"] == "id":
        return value == str(order.id)
    if term["key"] == "email":
        return value == order.email
    if term["key"] in {"updated_at", "created_at"} and term["op"]:
        moment = datetime.fromisoformat(value)
        shown = order.updated_at if term["key"] == "updated_at" else order.created_at
        return _COMPARE[term["op"]](shown, moment if moment.tzinfo else moment.replace(tzinfo=UTC))
    return True
