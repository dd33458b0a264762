"""Deliveries that wait to be read: orders of a usual size, each made and then updated, as a sale day leaves them."""

from __future__ import annotations

import json
import time
from collections.abc import Callable, Iterable, Iterator
from datetime import UTC, datetime, timedelta
from typing import Any

import psycopg
from psycopg.rows import TupleRow

from app.db.base import new_id
from app.db.engine import libpq_url
from app.webhooks.inbox import CHANNEL
from app.webhooks.packing import pack

_PLACED = datetime(2026, 11, 20, 9, tzinfo=UTC)
# Orders between the making of one and its first update: nobody's update comes with the order itself.
_APART = 250
_COPY = (
    "COPY deliveries (id, source_kind, source, dedupe_key, topic, webhook_id, headers, body, status, received_at) "
    "FROM STDIN"
)


def order_body(number: int, version: int = 0, status: str = "paid") -> bytes:
    """A Shopify order of some 4 kB, as a webhook brings it; a later `version` says something new."""
    price = {"shop_money": _money("19.99"), "presentment_money": _money("19.99")}
    line = {
        "sku": "LAMP-01", "title": "A lamp for the table", "variant_title": "brass", "quantity": 2,
        "price": "19.99", "price_set": price, "vendor": "Acme", "product_id": 7513594, "variant_id": 42141,
        "gift_card": False, "requires_shipping": True, "current_quantity": 2, "grams": 900,
        "taxable": True, "fulfillment_status": None, "properties": [],
        "tax_lines": [{"title": "VAT", "rate": 0.19, "price": "3.19", "price_set": price}], "discount_allocations": [],
    }  # fmt: skip
    person = {
        "first_name": "Ana", "last_name": "Example", "address1": "Street 1", "city": "Berlin", "zip": "10115",
        "country": "Germany", "country_code": "DE", "province_code": None, "company": None, "phone": None,
    }  # fmt: skip
    said = {
        "id": 5_000_000_000_000 + number, "name": f"#{number}", "email": f"customer-{number}@example.com",
        "created_at": _PLACED.isoformat(), "updated_at": (_PLACED + timedelta(minutes=version)).isoformat(),
        "currency": "EUR", "presentment_currency": "EUR", "financial_status": status, "taxes_included": True,
        "total_price": "124.90", "total_price_set": price, "customer_locale": "de", "cancelled_at": None, "test": False,
        "line_items": [{**line, "id": number * 10 + at} for at in range(3)],
        "shipping_lines": [{"id": number, "title": "Standard", "price": "4.96", "price_set": price, "tax_lines": []}],
        "billing_address": person, "shipping_address": person, "customer": {**person, "id": 700 + number},
        "fulfillments": [], "refunds": [], "tags": "", "note": None, "note_attributes": [],
    }  # fmt: skip
    return json.dumps(said).encode()


def _money(amount: str) -> dict[str, str]:
    return {"amount": amount, "currency_code": "EUR"}


def deliveries(count: int) -> Iterator[tuple[str, bytes]]:
    """Topic and body: half of them make an order, half say later that some of its money went back."""
    orders = count // 2
    for number in range(orders + _APART):
        if number < orders:
            yield "orders/create", order_body(number)
        if 0 <= number - _APART < orders:
            yield "orders/updated", order_body(number - _APART, 1, "partially_refunded")


Also = Callable[[psycopg.Connection[TupleRow]], None]


def fill(database: psycopg.Connection[TupleRow], count: int, also: Also = lambda _: None) -> None:
    """Puts so many deliveries of store `alpha` into the inbox, which appear all at once, and wakes the readers.

    `also` is done in the same transaction.
    """
    _put(database, deliveries(count), also)


def update(database: psycopg.Connection[TupleRow], count: int) -> None:
    """The same with news of so many orders that `fill` has made known; any number of times."""
    version = 2 + int(time.monotonic())
    _put(database, (("orders/updated", order_body(number % 100, version + number)) for number in range(count)))


def _put(
    database: psycopg.Connection[TupleRow], told: Iterable[tuple[str, bytes]], also: Also = lambda _: None
) -> None:
    with database.transaction(), database.cursor() as cursor:
        with cursor.copy(_COPY) as copy:
            for topic, body in told:
                copy.write_row(_row(topic, body))
        # Statistics as after a day: the planner has never seen an inbox that fills within a second.
        cursor.execute("ANALYZE deliveries")
        also(database)
    database.execute(f"NOTIFY {CHANNEL}")


def _row(topic: str, body: bytes) -> tuple[Any, ...]:
    key = new_id()
    headers = json.dumps({"x-shopify-topic": topic, "x-shopify-webhook-id": f"{key}"})
    return key, "store", "alpha", f"{key}", topic, f"{key}", headers, pack(body), "pending", datetime.now(UTC)


def opened(url: str) -> psycopg.Connection[TupleRow]:
    """A connection to look at the backlog with."""
    return psycopg.connect(libpq_url(url), autocommit=True)


def until_read(database: psycopg.Connection[TupleRow], patience: float = 600.0) -> float:
    """Waits until nothing is pending; answers the seconds that it took. Fails after `patience` seconds."""
    began = time.monotonic()
    while time.monotonic() < began + patience:
        waiting = database.execute("SELECT EXISTS (SELECT FROM deliveries WHERE status = 'pending')").fetchone()
        if waiting == (False,):
            return time.monotonic() - began
        time.sleep(0.02)
    raise RuntimeError("the backlog is not read in time")
