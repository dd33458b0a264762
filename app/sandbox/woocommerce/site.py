"""A WooCommerce site in memory: its REST API over HTTP, its webhooks, and controls for tests and the demo."""

from __future__ import annotations

import copy
import itertools
import json
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import replace
from decimal import Decimal
from typing import Any
from zoneinfo import ZoneInfo

from starlette.routing import Route

from app.clock import Clock, SystemClock
from app.sandbox.delivery import Courier
from app.sandbox.faults import Fault, FaultPlan
from app.sandbox.woocommerce.auth import ApiKey, KeyRing
from app.sandbox.woocommerce.coupons import CouponBook
from app.sandbox.woocommerce.endpoints import Endpoints, add_note, change_status, set_meta
from app.sandbox.woocommerce.gateway import DEFAULT_GATEWAYS, Gateway
from app.sandbox.woocommerce.model import Arrival, MoneyCall, NewOrder, Payout, Refund, TaxRate
from app.sandbox.woocommerce.new_orders import OrderDesk
from app.sandbox.woocommerce.orders import place_order
from app.sandbox.woocommerce.php import ZERO
from app.sandbox.woocommerce.products import Shelf
from app.sandbox.woocommerce.refund_lines import client_errors, hand_refund_body
from app.sandbox.woocommerce.refunds import RefundBook
from app.sandbox.woocommerce.render import Writer
from app.sandbox.woocommerce.rest import RestApi
from app.sandbox.woocommerce.state import WooState
from app.sandbox.woocommerce.webhooks import Webhook, WebhookBoard


class WooSite:
    """A site. Mount `routes()` anywhere; a client is given that address as the site's URL.

    Thread-safe: the server answers in its own thread while tests and the demo call these methods from theirs. All
    amounts are decimal texts with the site's `decimals`, whatever an order's currency.
    """

    def __init__(
        self,
        key: str,
        consumer_key: str,
        consumer_secret: str,
        *,
        courier: Courier,
        faults: FaultPlan | None = None,
        currency: str = "EUR",
        decimals: int = 2,
        prices_include_tax: bool = False,
        rates: Sequence[TaxRate] = (TaxRate(),),
        gateways: Sequence[Gateway] = DEFAULT_GATEWAYS,
        url: str | None = None,
        zone: str = "Europe/Berlin",
        clock: Clock | None = None,
    ) -> None:
        self.key = key
        self.faults = faults or FaultPlan()
        self.keys = KeyRing(ApiKey(consumer_key, consumer_secret))
        self._own_key, self._courier, self._zone = ApiKey(consumer_key, consumer_secret), courier, zone
        self._trashed: dict[int, str] = {}
        self._state = WooState(
            clock or SystemClock(),
            currency,
            decimals,
            prices_include_tax,
            {rate.rate_id: rate for rate in rates},
            {gateway.gateway_id: gateway for gateway in gateways},
        )
        self._writer = Writer((url or f"https://{key}.example.test").rstrip("/"), ZoneInfo(zone), decimals)
        self.webhooks = WebhookBoard(self._writer, self._state.clock, courier, self._state.lock, self.order)
        self._book = RefundBook(self._state, self.webhooks)
        self.coupons = CouponBook(self._state)
        self.products = Shelf(self._state)
        self._desk = OrderDesk(self._state, self._writer, self.products, self.webhooks, key)
        self._endpoints = Endpoints(self._state, self._writer, self._book, self.webhooks)

    @property
    def url(self) -> str:
        """The site's own address, as it stands in links and (with a slash) in `X-WC-Webhook-Source`."""
        return self._writer.url

    def routes(self) -> list[Route]:
        """The REST API below `/wp-json`, relative to wherever the site is mounted."""
        api = RestApi(self.keys, self.faults, self._open_money_call, self._state.calls)
        parts = (self.coupons, self.products, self._desk, self._endpoints)
        return [route for part in parts for route in part.routes(api)]

    @property
    def calls(self) -> Counter[str]:
        """How often each operation (`POST /orders`) was received, whatever became of it."""
        with self._state.lock:
            return Counter(self._state.calls)

    def hold_lists(self) -> None:
        """Orders that are made from now on are in no list, as behind a cache."""
        with self._state.lock:
            self._state.lists_lag = True

    def release_lists(self) -> None:
        """Lists show every order again."""
        with self._state.lock:
            self._state.lists_lag = False
            self._state.unlisted.clear()

    def orders_with(self, key: str) -> dict[str, list[dict[str, Any]]]:
        """The orders that have such a piece of meta data, by its value; two of one operation are one too many."""
        found: dict[str, list[dict[str, Any]]] = {}
        with self._state.lock:
            for number, order in self._state.orders.items():
                for value in (str(entry["value"]) for entry in order.meta if entry["key"] == key):
                    found.setdefault(value, []).append(self.order(number))
        return found

    def orders_noted(self, key: str, value: str) -> list[dict[str, Any]]:
        """The orders whose meta data says so."""
        return self.orders_with(key).get(value, [])

    def omit_refunded_payment(self) -> None:
        """From now on the answer to a refund POST lacks `refunded_payment`, as on older releases (issue #24663)."""
        self._endpoints.tells_payment = False

    def race_refunds(self, count: int) -> None:
        """The next `count` refund POSTs are all checked before the first is booked: none sees the others' money."""
        self._book.race(count)

    def add_gateway(self, gateway: Gateway) -> None:
        """Adds a gateway or replaces the one of that id."""
        with self._state.lock:
            self._state.gateways[gateway.gateway_id] = gateway

    def _open_money_call(self, order_id: int, raw: bytes, fault: Fault | None) -> MoneyCall:
        try:
            body = json.loads(raw)
        except ValueError:
            body = None
        errors = client_errors(body, self._state.decimals)
        call = MoneyCall(order_id, raw, body, self._state.clock.now(), fault.kind if fault else None, errors, False)
        with self._state.lock:
            self._state.money_calls.append(call)
        return call

    def create_order(self, new: NewOrder) -> int:
        """Places an order and announces it the way `new.arrival` says. Answers its id."""
        with self._state.lock:
            order = place_order(self._state, self.key, new)
            self.products.stock(new.lines)
            created, updated = ("order.created", order.order_id), ("order.updated", order.order_id)
            if new.arrival is Arrival.DRAFT:
                order.status = "checkout-draft"
                self.webhooks.fire([created])
                order.status = new.status
                self.webhooks.fire([created])
            else:
                self.webhooks.fire([updated, created] if new.arrival is Arrival.BLOCKS else [created, updated])
            return order.order_id

    def order(self, order_id: int) -> dict[str, Any]:
        """The order as REST and webhooks show it now. Raises `RestError` 404."""
        with self._state.lock:
            order = self._state.order(order_id)
            return copy.deepcopy(self._writer.order(order, self._state.refunds_of(order_id)))

    def set_status(self, order_id: int, status: str) -> None:
        """Changes the status in the admin; `refunded` books a refund of the rest and pays nobody."""
        with self._state.lock, self.webhooks.one_request():
            change_status(self._state, self._book, self._state.order(order_id), status)
            self.webhooks.fire([("order.updated", order_id)])

    def complete(self, order_id: int) -> None:
        """The order was shipped: status `completed`."""
        self.set_status(order_id, "completed")

    def touch(self, order_id: int) -> None:
        """An edit of no consequence: `order.updated` with a newer `date_modified`."""
        with self._state.lock:
            self._state.touch(self._state.order(order_id))
            self.webhooks.fire([("order.updated", order_id)])

    def trash(self, order_id: int) -> None:
        """Moves the order to the bin; `order.deleted` carries its id only."""
        with self._state.lock:
            order = self._state.order(order_id)
            self._trashed[order_id], order.status = order.status, "trash"
            self._state.touch(order)
            self.webhooks.fire([("order.deleted", order_id)])

    def restore(self, order_id: int) -> None:
        """Takes the order out of the bin."""
        with self._state.lock:
            order = self._state.order(order_id)
            order.status = self._trashed.pop(order_id, order.status)
            self._state.touch(order)
            self.webhooks.fire([("order.restored", order_id)])

    def erase(self, order_id: int) -> None:
        """Deletes the order for good, silently; what is queued for it will be a signed error body."""
        with self._state.lock:
            for refund in self._state.refunds_of(order_id):
                self._book.remove(refund)
            del self._state.orders[order_id]

    def withdraw(self, order_id: int, items: str = "") -> None:
        """The customer uses the site's own withdrawal form (11.1), for the whole order or for `items`."""
        with self._state.lock, self.webhooks.one_request():
            order = self._state.order(order_id)
            buyer = self._writer.order(order, [])["billing"]
            note = f"Order withdrawal requested by {buyer['first_name']} {buyer['last_name']} ({buyer['email']})."
            add_note(self._state, order, note + (f"\n\nItems requested for withdrawal: {items}" if items else ""))
            set_meta(self._state, order, {"key": "_order_withdrawal_requested", "value": "yes"})
            self.webhooks.fire([("order.updated", order_id)])

    def refund_by_hand(
        self,
        order_id: int,
        *,
        amount: str | None = None,
        lines: Mapping[int, int] | None = None,
        reason: str = "",
        through_gateway: bool = False,
    ) -> int:
        """A refund in the admin: `lines` (quantity by line id), `amount`, or all that is left. Answers its id."""
        with self._state.lock:
            order = self._state.order(order_id)
            body = hand_refund_body(order, self._state.remaining(order), amount, lines, reason)
            refund = self._book.book(self._book.check(order_id, body), body)
            if through_gateway:
                self._book.pay_out(order, refund)
            self._book.finish(order, refund, body, paid=through_gateway)
            return refund.refund_id

    def delete_refund(self, order_id: int, refund_id: int) -> None:
        """Deletes the record in the admin: no webhook, no money back, and the order's status stays as it is."""
        with self._state.lock:
            self._book.remove(self._state.refund(order_id, refund_id))

    def refunds(self, order_id: int) -> list[Refund]:
        """The refund rows of the order, oldest first."""
        with self._state.lock:
            return copy.deepcopy(self._state.refunds_of(order_id)[::-1])

    @property
    def money_calls(self) -> list[MoneyCall]:
        """Every refund POST in the order in which they came, whatever became of it."""
        with self._state.lock:
            return copy.deepcopy(self._state.money_calls)

    @property
    def gateway_payouts(self) -> list[Payout]:
        """What the gateways really paid, which may be more or less than the refund rows say."""
        with self._state.lock:
            return list(self._state.payouts)

    def paid_out(self, order_id: int) -> Decimal:
        """The sum that customers of this order really got back through a gateway."""
        return sum((payout.amount for payout in self.gateway_payouts if payout.order_id == order_id), ZERO)

    def notes(self, order_id: int) -> list[str]:
        """The texts of the order's notes, oldest first."""
        with self._state.lock:
            return [note.text for note in self._state.notes if note.order_id == order_id]

    def add_webhook(self, topic: str, delivery_url: str, secret: str, name: str = "") -> Webhook:
        """Creates a webhook and pings it, as the REST call does."""
        fields = {"topic": topic, "delivery_url": delivery_url, "secret": secret, "name": name}
        hook = self.webhooks.create(fields)
        self.webhooks.ping(hook)
        return hook

    def clone(self, url: str) -> WooSite:
        """A staging copy at `url`: the same orders, webhooks and secrets, so that it sends its orders to us too."""
        with self._state.lock:
            state = self._state
            twin = WooSite(
                self.key,
                self._own_key.consumer_key,
                self._own_key.consumer_secret,
                courier=self._courier,
                currency=state.currency,
                decimals=state.decimals,
                prices_include_tax=state.prices_include_tax,
                rates=list(state.rates.values()),
                gateways=list(state.gateways.values()),
                url=url,
                zone=self._zone,
                clock=state.clock,
            )
            twin._state.orders, twin._state.refunds = copy.deepcopy((state.orders, state.refunds))
            twin._state.post_ids = itertools.count(max([13, *state.orders, *state.refunds]) + 1)
            twin._state.item_ids, twin._state.meta_ids = itertools.count(10_000), itertools.count(10_000)
            twin.webhooks.hooks = {number: replace(hook) for number, hook in self.webhooks.hooks.items()}
            return twin
