"""A Shopify shop to play with: an in-memory one, served over real HTTP, that behaves as Shopify's facts say.

Clients use it through `routes()`; tests and the demo use the methods below from any thread to play customer, merchant,
carrier and bank, and to judge what became of the money. Whatever happens is announced by signed webhooks.
"""

from __future__ import annotations

import threading
from collections import Counter
from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta
from decimal import Decimal
from types import TracebackType

from starlette.routing import Route

from app.clock import Clock, SystemClock
from app.sandbox.delivery import Courier
from app.sandbox.faults import FaultPlan
from app.sandbox.shopify.book import PAYMENTS, LineSpec, OrderBook, OrderSpec, PaymentSpec
from app.sandbox.shopify.discounts import DiscountDesk
from app.sandbox.shopify.drafts import DraftDesk
from app.sandbox.shopify.events import Events
from app.sandbox.shopify.http import ShopHttp
from app.sandbox.shopify.idempotency import MoneyCall, MoneyGate
from app.sandbox.shopify.office import Office
from app.sandbox.shopify.refunds import RefundDesk
from app.sandbox.shopify.resolvers import ShopParts
from app.sandbox.shopify.returns import ReturnDesk
from app.sandbox.shopify.state import Order, Parcel, Refund, Return
from app.sandbox.shopify.suggest import WantedLine
from app.sandbox.shopify.tokens import Tokens
from app.sandbox.shopify.values import number_of
from app.sandbox.shopify.webhooks import Subscription, Webhooks

SCOPES = (
    "write_orders",
    "read_all_orders",
    "write_returns",
    "read_fulfillments",
    "read_products",
    "read_shopify_payments_disputes",
    "write_discounts",
    "write_draft_orders",
    "read_customers",
    "write_store_credit_account_transactions",
)
TOKEN_LIFE = timedelta(hours=24)

Units = Mapping[int, int]


class ShopifyShop:
    """One shop. Every method may be called from any thread; ids may be integers, digits or gids."""

    def __init__(
        self,
        key: str,
        domain: str,
        client_id: str,
        client_secret: str,
        *,
        access_token: str | None = None,
        currency: str = "EUR",
        name: str | None = None,
        scopes: Sequence[str] = SCOPES,
        token_life: timedelta = TOKEN_LIFE,
        clock: Clock | None = None,
        courier: Courier | None = None,
        faults: FaultPlan | None = None,
    ) -> None:
        """`client_secret` also signs the webhooks; `access_token` is a legacy static one, good for ever.

        A shop without a `courier` makes its own and closes it in `close`.
        """
        clock = clock or SystemClock()
        self.key = key
        self.domain = domain
        self.faults = faults or FaultPlan()
        self.courier = courier or Courier()
        self.lock = threading.RLock()
        self._owns_courier = courier is None
        every_scope = frozenset(scopes) | {f"read_{scope[6:]}" for scope in scopes if scope.startswith("write_")}
        self._book = OrderBook(key, currency, clock, all_orders="read_all_orders" in every_scope)
        self._webhooks = Webhooks(domain, client_secret, self.courier, clock, self.lock)
        self._desk = RefundDesk(self._book, self._webhooks)
        self._money = MoneyGate(self._desk, self._book)
        self._events = Events(self._book, self._webhooks)
        self._tokens = Tokens(client_id, client_secret, access_token, clock, token_life)
        self.returns = ReturnDesk(self._book, self._webhooks)
        self.discounts = DiscountDesk(self._book.next_id)
        drafts = DraftDesk(self._book, self._events)
        self.office = Office(self._book, drafts, self.lock)
        parts = ShopParts(
            self._book.next_id(),
            name or key.title(),
            domain,
            every_scope,
            self._book,
            self._webhooks,
            self.returns,
            self.discounts,
            drafts,
            self._money,
            self.lock,
        )
        self._http = ShopHttp(parts, self._tokens, self.faults, tuple(scopes))

    def routes(self) -> list[Route]:
        """The shop's HTTP routes, relative to where it is mounted."""
        return self._http.routes()

    def close(self) -> None:
        """Stops the shop's own courier."""
        if self._owns_courier:
            self.courier.close()

    def __enter__(self) -> ShopifyShop:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def create_order(
        self,
        lines: Sequence[LineSpec],
        *,
        financial_status: str = "paid",
        payments: Sequence[PaymentSpec] | None = None,
        currency: str | None = None,
        rate: str = "1",
        taxes_included: bool = True,
        shipping: str = "0",
        shipping_tax_rate: str = "0",
        email: str | None = "ana@example.com",
        country: str = "FR",
        locale: str = "fr-FR",
        number: int | None = None,
        created_at: datetime | None = None,
    ) -> Order:
        """A customer orders (orders/create). Amounts are decimal texts in `currency`, the shop's own by default.

        `rate` is how much of it one unit of shop currency buys. `financial_status` (`paid`, `authorized`, `pending`)
        chooses a payment; `payments` replaces it.
        """
        with self.lock:
            spec = OrderSpec(
                lines=lines,
                payments=PAYMENTS[financial_status] if payments is None else payments,
                currency=currency or self._book.currency,
                rate=rate,
                taxes_included=taxes_included,
                shipping=shipping,
                shipping_tax_rate=shipping_tax_rate,
                email=email,
                country=country,
                locale=locale,
                number=number,
                created_at=created_at,
            )
            return self._events.ordered(self._book.add(spec))

    def order(self, order_id: int | str) -> Order:
        """The order. Raises `KeyError` when there is none."""
        with self.lock:
            return self._book.order(order_id)

    def fulfil(
        self,
        order_id: int | str,
        units: Units | None = None,
        *,
        company: str | None = "Colissimo",
        number: str | None = None,
        url: str | None = None,
    ) -> Parcel:
        """Sends units by line id, or all that is left (fulfillments/create, orders/updated).

        Raises `ValueError` for more units than are left, `KeyError` for a line that the order does not have.
        """
        with self.lock:
            return self._events.fulfilled(self._book.order(order_id), units, company, number, url)

    def deliver(self, order_id: int | str, at: datetime | None = None) -> None:
        """The order's parcels arrive (fulfillments/update); `at` in UTC, now by default."""
        with self.lock:
            self._events.delivered(self._book.order(order_id), at)

    def cancel_order(self, order_id: int | str, reason: str = "CUSTOMER") -> None:
        """The merchant cancels, without a refund (orders/cancelled, orders/updated)."""
        with self.lock:
            self._events.cancelled(self._book.order(order_id), reason)

    def edit_order(self, order_id: int | str, removed: Units) -> None:
        """The merchant takes unsent units out, by line id, without a refund (orders/edited, orders/updated).

        Raises `ValueError` for more units than are left unsent.
        """
        with self.lock:
            self._events.edited(self._book.order(order_id), removed)

    def refund_by_hand(
        self,
        order_id: int | str,
        units: Units | None = None,
        *,
        amount: str | None = None,
        shipping: str = "0",
        note: str | None = "Refunded by the merchant",
    ) -> Refund:
        """The merchant refunds in the admin, without a marker: units by line id, shipping, or an amount.

        An `amount` with units replaces what they are worth. Raises `Refused` for more than was paid and `KeyError` for
        a line that the order does not have.
        """
        with self.lock:
            order = self._book.order(order_id)
            wanted = [WantedLine(order.goods(line_id), quantity) for line_id, quantity in (units or {}).items()]
            whole = None if amount is None else Decimal(amount)
            return self._desk.by_hand(order, wanted, whole, Decimal(shipping), note)

    def settle_pending(self, refund_id: int | str, ok: bool) -> None:
        """The bank decides on a refund's pending money (order_transactions/create, orders/updated)."""
        with self.lock:
            self._money.settle(number_of(refund_id), ok)

    @property
    def money_calls(self) -> list[MoneyCall]:
        """Every refundCreate that was received, in order, whatever became of it."""
        with self.lock:
            return list(self._money.calls)

    @property
    def calls(self) -> Counter[str]:
        """How often each GraphQL operation was received, by its first root field, whatever became of it."""
        with self.lock:
            return Counter(self._http.calls)

    def refunds(self, order_id: int | str) -> list[Refund]:
        """The order's refunds, whoever made them."""
        with self.lock:
            return list(self._book.order(order_id).refunds)

    def refunds_marked(self, marker: str) -> list[Refund]:
        """The refunds of all orders whose note holds `marker`; more than one is money lost."""
        with self.lock:
            every = (refund for order in self._book.orders.values() for refund in order.refunds)
            return [refund for refund in every if marker in (refund.note or "")]

    def refunded_total(self, order_id: int | str) -> Decimal:
        """The money that went back for sure, in the customer's currency; pending money does not count."""
        with self.lock:
            return self._book.order(order_id).refunded()

    def pending_total(self, order_id: int | str) -> Decimal:
        """The money on its way back, in the customer's currency."""
        with self.lock:
            return self._book.order(order_id).refunded(("PENDING",))

    def request_return(
        self,
        order_id: int | str,
        units: Units,
        reason: str = "UNWANTED",
        note: str = "",
        customer_note: str | None = None,
    ) -> Return:
        """The customer asks on the store's own screen for a return of sent units, by line id (returns/request).

        Raises `ValueError` for units that were not sent or come back already.
        """
        with self.lock:
            return self.returns.request(self._book.order(order_id), units, reason, note, customer_note)

    def open_dispute(self, order_id: int | str, status: str = "NEEDS_RESPONSE", kind: str = "CHARGEBACK") -> None:
        """The customer's bank takes the money back for now (disputes/create)."""
        with self.lock:
            self._events.dispute_opened(self._book.order(order_id), status, kind)

    def close_dispute(self, order_id: int | str, status: str = "WON") -> None:
        """The order's open disputes end (disputes/update)."""
        with self.lock:
            self._events.dispute_closed(self._book.order(order_id), status)

    @property
    def subscriptions(self) -> list[Subscription]:
        """The webhook subscriptions that are left."""
        with self.lock:
            return list(self._webhooks.subscriptions.values())

    def subscribe(self, topic: str, uri: str) -> Subscription:
        """Subscribes as the API would; `topic` as the enum (ORDERS_CREATE). Raises `Refused`."""
        with self.lock:
            return self._webhooks.subscribe(self._book.next_id(), topic, {"uri": uri})

    def expire_tokens(self) -> None:
        """Every granted token dies; the static one stays."""
        with self.lock:
            self._tokens.expire()

    def uninstall(self) -> None:
        """The merchant removes the app (app/uninstalled): tokens and subscriptions are gone."""
        with self.lock:
            self._tokens.uninstall()
            shop = {"name": self.key, "domain": self.domain, "myshopify_domain": self.domain}
            self._webhooks.announce(("app/uninstalled", shop))
            self._webhooks.subscriptions.clear()

    def install(self) -> None:
        """The merchant installs the app again; its webhooks have to be made anew."""
        with self.lock:
            self._tokens.install()
