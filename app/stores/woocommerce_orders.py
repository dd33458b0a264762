"""New orders in WooCommerce that cost nothing, in place of goods of an earlier order.

WooCommerce knows no idempotency here and its search does not reach meta data: an order of ours is looked for among
those of the same customer since the earlier order, by its meta data. Names, addresses and e-mail are read when they
are needed and kept nowhere.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import timedelta
from decimal import Decimal
from typing import Any

from app.orders.reading import amount, child, identifier, moment, objects, quantity, text
from app.outcomes import Ok, Rejected, Unknown
from app.stores.asked import NewOrderAnswer, NewOrderIntent, NewOrderProof, PreparedNewOrder, Variant
from app.stores.base import NewOrderNotPossible, StoreRefused, StoreUnavailable
from app.stores.woocommerce_client import CallFailed, Reply, WooClient, is_missing, redirected, require_success
from app.stores.woocommerce_products import offers

OPERATION = "_makegood_operation"
_REPLACES = "_makegood_replaces"
_UNFINISHED = frozenset({"pending", "checkout-draft", "auto-draft", "draft", "new"})
_GUEST = "0"
_PEOPLE = ("billing", "shipping")
_ADDRESS = (
    "first_name", "last_name", "company", "address_1", "address_2", "city", "state", "postcode", "country", "phone",
)  # fmt: skip
_SECOND = timedelta(seconds=1)


@dataclass(frozen=True, slots=True)
class _Customer:
    """Who gets the goods, and how their orders are found. Never stored."""

    fields: Mapping[str, Any]
    search: Mapping[str, str]


async def prepare(client: WooClient, intent: NewOrderIntent) -> PreparedNewOrder:
    """The lines to order. Raises `NewOrderNotPossible`, `StoreUnavailable` and `StoreRefused`."""
    order = await _read_order(client, intent.order_id)
    bought = {identifier(item, "id"): item for item in objects(order, "line_items")}
    lines = []
    for line in intent.lines:
        item = bought.get(line.line_id)
        if item is None or not 0 < line.quantity <= quantity(item, "quantity"):
            raise NewOrderNotPossible(f"The order has no {line.quantity} units of a line {line.line_id[:40]!r}")
        wanted = line.variant_id or _bought(item)
        offered = {one.variant_id: one for one in await offers(client, order, item)}
        if wanted not in offered:
            raise NewOrderNotPossible(f"The store no longer sells what line {line.line_id} is to be replaced with")
        if not offered[wanted].available:
            raise NewOrderNotPossible(f"{offered[wanted].title} is not available in the store")
        product = _number(item, "product_id")
        variation = 0 if wanted == str(product) else int(wanted)
        lines.append({"product_id": product, "variation_id": variation, "quantity": line.quantity})
    if not lines:
        raise NewOrderNotPossible("No goods are named")
    note = " ".join(part for part in (intent.order_name, intent.reference) if part)
    return PreparedNewOrder(intent.operation_id, intent.order_id, {"lines": lines, "note": note[:300]})


async def send(client: WooClient, prepared: PreparedNewOrder, *, again: bool) -> NewOrderAnswer:
    """Makes the order where none is found, or with `again` only finishes what is found. Never raises for the store."""
    try:
        customer = await _customer(client, prepared.order_id)
        found = await _look(client, prepared, customer)
    except StoreUnavailable as error:
        if again:
            return Unknown(error.code, error.detail)
        return Rejected("not_sent", f"{error.detail}; nothing was sent", retryable=True, retry_after=error.retry_after)
    except StoreRefused as error:
        return Unknown(error.code, error.detail) if again else Rejected(error.code, error.detail)
    if found is not None:
        return await _finished(client, prepared, found)
    if again:
        return Unknown("not_found", "No order of the customer carries the marker yet; that proves nothing")
    return await _create(client, prepared, customer)


async def find(client: WooClient, prepared: PreparedNewOrder) -> NewOrderProof | None:
    """The order with the marker, once it is whole. Raises `StoreUnavailable` and `StoreRefused`."""
    found = await _look(client, prepared, await _customer(client, prepared.order_id))
    return None if found is None or _doubt(prepared, found) or _unfinished(found) else _proof(found)


async def traces(client: WooClient, prepared: PreparedNewOrder) -> str | None:
    """The order with the marker in words, whatever it costs. Raises `StoreUnavailable` and `StoreRefused`."""
    found = await _look(client, prepared, await _customer(client, prepared.order_id))
    if found is None:
        return None
    doubt = _doubt(prepared, found)
    differs = f": {doubt.detail}" if doubt is not None else ""
    return f"the order {_proof(found).name} ({text(found, 'status', 60)}){differs}"


async def variants(client: WooClient, order_id: str, line_id: str) -> tuple[Variant, ...]:
    """What the store sells now of the product that the line bought. Raises `NewOrderNotPossible` for no such line."""
    order = await _read_order(client, order_id)
    item = next((one for one in objects(order, "line_items") if identifier(one, "id") == line_id), None)
    if item is None:
        raise NewOrderNotPossible(f"The order has no line {line_id[:40]!r}")
    return await offers(client, order, item)


async def _read_order(client: WooClient, order_id: str) -> dict[str, Any]:
    """The order as REST shows it. Raises `NewOrderNotPossible` when there is none."""
    if not (order_id.isascii() and order_id.isdecimal()):
        raise NewOrderNotPossible("The order's id is not a WooCommerce id")
    reply = await client.read(f"orders/{order_id}")
    if is_missing(reply):
        raise NewOrderNotPossible(f"The store has no order {order_id}")
    if reply.found is None:
        raise StoreUnavailable("The store did not answer with an object")
    return reply.found


def _bought(item: Mapping[str, Any]) -> str | None:
    variation = identifier(item, "variation_id")
    return variation if variation not in (None, "0") else identifier(item, "product_id")


async def _customer(client: WooClient, order_id: str) -> _Customer:
    order = await _read_order(client, order_id)
    email, number = text(child(order, "billing"), "email", 320), identifier(order, "customer_id") or _GUEST
    since = moment(order, "date_created_gmt")
    if email is None or since is None:
        raise NewOrderNotPossible("The order has no e-mail address, by which a new one could be found again")
    fields: dict[str, Any] = {
        kind: {name: value for name in _ADDRESS if isinstance(value := child(order, kind).get(name), str)}
        for kind in _PEOPLE
    }
    fields["billing"]["email"] = email
    fields |= {"customer_id": int(number), "currency": order.get("currency")}
    search = {"search": email} if number == _GUEST else {"customer": number}
    # `after` excludes the moment that it names.
    window = {"after": f"{since - _SECOND:%Y-%m-%dT%H:%M:%S}", "dates_are_gmt": "true", "status": "any"}
    return _Customer(fields, {**search, **window})


async def _look(client: WooClient, prepared: PreparedNewOrder, customer: _Customer) -> dict[str, Any] | None:
    """The oldest of the customer's orders that carries the marker."""
    listed = await client.read_list("orders", customer.search)
    ours = [one for one in listed or [] if _operation(one) == str(prepared.operation_id)]
    return min(ours, key=lambda one: _number(one, "id"), default=None)


def _operation(order: Mapping[str, Any]) -> str | None:
    noted = (entry for entry in objects(order, "meta_data") if entry.get("key") == OPERATION)
    return next((text(entry, "value", 40) for entry in noted), None)


async def _create(client: WooClient, prepared: PreparedNewOrder, customer: _Customer) -> NewOrderAnswer:
    body = {
        **customer.fields,
        "status": "processing",
        "set_paid": False,
        "customer_note": prepared.payload["note"],
        "line_items": [{**line, "subtotal": "0", "total": "0"} for line in prepared.payload["lines"]],
        "meta_data": [
            {"key": OPERATION, "value": str(prepared.operation_id)},
            {"key": _REPLACES, "value": prepared.order_id},
        ],
    }
    try:
        reply = await client.call("POST", "orders", data=body)
    except CallFailed as failure:
        if failure.sent:
            return Unknown("no_answer", f"{failure.detail} after the order was sent")
        return Rejected("not_sent", f"{failure.detail} before anything was sent", retryable=True)
    return await _judge(client, prepared, customer, reply)


async def _judge(client: WooClient, prepared: PreparedNewOrder, customer: _Customer, reply: Reply) -> NewOrderAnswer:
    """What the answer to the POST proves. A clean refusal is believed when no such order is there afterwards."""
    if reply.status == 201 and reply.found is not None:
        return await _finished(client, prepared, reply.found)
    if 300 <= reply.status < 400:
        return Unknown("redirected", redirected(reply))
    if reply.status == 401:
        return Rejected(reply.code or "unauthorized", "The store does not accept the key, or the key may not write")
    if not (reply.is_json and reply.code and 400 <= reply.status < 500):
        return Unknown(f"http_{reply.status}", f"The store answered HTTP {reply.status}, which proves nothing")
    try:
        found = await _look(client, prepared, customer)
    except (StoreUnavailable, StoreRefused) as error:
        return Unknown(reply.code, f"The store refused the order and could not be read back: {error.detail}")
    if found is not None:
        return await _finished(client, prepared, found)
    busy = reply.status == 429
    return Rejected(reply.code, f"The store refused the order ({reply.code})", busy, reply.retry_after)


async def _finished(client: WooClient, prepared: PreparedNewOrder, order: Mapping[str, Any]) -> NewOrderAnswer:
    """The order as proof. One that broke off before its status was set is set going; doing that twice is harmless."""
    doubt = _doubt(prepared, order)
    if doubt is not None:
        return doubt
    if _unfinished(order):
        try:
            reply = await client.call("PUT", f"orders/{identifier(order, 'id')}", data={"status": "processing"})
            require_success(reply)
        except CallFailed as failure:
            return Unknown("order_waits", f"The order is there and does not go on: {failure.detail}")
        except (StoreUnavailable, StoreRefused) as error:
            return Unknown("order_waits", f"The order is there and does not go on: {error.detail}")
    return Ok(_proof(order))


def _unfinished(order: Mapping[str, Any]) -> bool:
    return text(order, "status", 60) in _UNFINISHED


def _doubt(prepared: PreparedNewOrder, order: Mapping[str, Any]) -> Unknown | None:
    """Why an order with our marker is not what was asked for."""
    if identifier(order, "id") is None or _operation(order) != str(prepared.operation_id):
        return Unknown("not_ours", "The store answered with an order that does not carry the marker")
    if amount(order, "total") != Decimal(0):
        return Unknown("not_free", f"The new order costs {str(order.get('total'))[:30]!r} instead of nothing")
    if _units(prepared.payload["lines"]) != _units(objects(order, "line_items")):
        return Unknown("other_lines", "The new order has other goods than were asked for")
    return None


def _units(lines: Sequence[Mapping[str, Any]]) -> Counter[tuple[int, int]]:
    units: Counter[tuple[int, int]] = Counter()
    for line in lines:
        units[_number(line, "product_id"), _number(line, "variation_id")] += quantity(line, "quantity")
    return units


def _number(item: Mapping[str, Any], key: str) -> int:
    found = identifier(item, key) or ""
    return int(found) if found.isdecimal() else 0


def _proof(order: Mapping[str, Any]) -> NewOrderProof:
    order_id = identifier(order, "id") or ""
    return NewOrderProof(order_id, f"#{identifier(order, 'number') or order_id}")
