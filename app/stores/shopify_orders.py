"""New orders in Shopify that cost nothing, in place of goods of an earlier order: a draft, then its completion.

Neither step is idempotent. The operation's tag is on the draft and, after that, on the order; a draft can become one
order at most, so completing may be repeated and only making the draft may not. Tags are found by a search that shows
the newest late. Names and addresses are read when they are needed and kept nowhere.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from decimal import Decimal
from typing import Any
from uuid import UUID

from app.orders.marker import marker_for
from app.orders.reading import amount, child, identifier, objects, text
from app.outcomes import Ok, Rejected, Unknown
from app.stores.asked import NewOrderAnswer, NewOrderIntent, NewOrderProof, PreparedNewOrder, Variant
from app.stores.base import NewOrderNotPossible, StoreRefused, StoreUnavailable
from app.stores.shopify_answers import complaints, judge_errors, judge_status, send_once
from app.stores.shopify_client import ShopifyClient
from app.stores.shopify_documents import gid
from app.stores.shopify_order_documents import (
    DRAFT,
    DRAFT_COMPLETE,
    DRAFT_CREATE,
    DRAFT_DELETE,
    DRAFTS_BY_TAG,
    ORDER_CUSTOMER,
    ORDERS_BY_TAG,
)
from app.stores.shopify_products import Goods, offers, read_goods
from app.stores.shopify_transport import Reply, ShopifyTransport

# What making a new order asks, where nothing of it is there yet.
SENDING = (ORDERS_BY_TAG, DRAFTS_BY_TAG, ORDER_CUSTOMER, DRAFT_CREATE, DRAFT_COMPLETE)
_TAG = "makegood"
_LONGEST_NOTE = 255
_ADDRESS = {
    "firstName": "firstName", "lastName": "lastName", "company": "company", "address1": "address1",
    "address2": "address2", "city": "city", "provinceCode": "provinceCode", "countryCodeV2": "countryCode",
    "zip": "zip", "phone": "phone",
}  # fmt: skip


@dataclass(frozen=True, slots=True)
class _Draft:
    """A draft with the operation's tag. `total` is what the customer would owe; `order` what it has become."""

    draft_id: str
    name: str
    ready: bool
    total: Decimal | None
    order: NewOrderProof | None


def tag_for(operation_id: UUID) -> str:
    """The operation's own tag: 39 characters, of the 40 that Shopify allows."""
    return f"mg-{operation_id}"


async def prepare(client: ShopifyClient, intent: NewOrderIntent) -> PreparedNewOrder:
    """The variants to order. Raises `NewOrderNotPossible`, `StoreUnavailable` and `StoreRefused`."""
    goods = await read_goods(client, intent.order_id)
    lines = []
    for line in intent.lines:
        bought = goods.get(line.line_id)
        if bought is None or not 0 < line.quantity <= bought.quantity:
            raise NewOrderNotPossible(f"The order has no {line.quantity} units of a line {line.line_id[:40]!r}")
        lines.append({"variantId": await _variant(client, bought, line.variant_id), "quantity": line.quantity})
    if not lines:
        raise NewOrderNotPossible("No goods are named")
    note = f"{marker_for(intent.operation_id)} {intent.order_name} {intent.reference}".strip()
    payload = {"lines": lines, "tags": [_TAG, tag_for(intent.operation_id)], "note": note[:_LONGEST_NOTE]}
    return PreparedNewOrder(intent.operation_id, intent.order_id, payload)


async def _variant(client: ShopifyClient, bought: Goods, wanted: str | None) -> str:
    """The global id of the variant to send, which must be on sale and of the same product."""
    variant_id = wanted or bought.variant_id
    offered = {one.variant_id: one for one in await offers(client, bought)}
    variant_gid = gid("ProductVariant", variant_id or "")
    if variant_id not in offered or variant_gid is None:
        raise NewOrderNotPossible(f"The store no longer sells what line {bought.line_id} is to be replaced with")
    if not offered[variant_id].available:
        raise NewOrderNotPossible(f"{offered[variant_id].title} is not available in the store")
    return variant_gid


async def variants(client: ShopifyClient, order_id: str, line_id: str) -> tuple[Variant, ...]:
    """What the store sells now of the product that the line bought. Raises `NewOrderNotPossible` for no such line."""
    bought = (await read_goods(client, order_id)).get(line_id)
    if bought is None:
        raise NewOrderNotPossible(f"The order has no line {line_id[:40]!r}")
    return await offers(client, bought)


async def send(
    client: ShopifyClient, transport: ShopifyTransport, prepared: PreparedNewOrder, *, again: bool
) -> NewOrderAnswer:
    """Makes draft and order where neither is found, or with `again` only finishes what is found. Never raises."""
    try:
        found = await _look(client, prepared)
        customer = None if found is not None or again else await _customer(client, prepared.order_id)
    except StoreUnavailable as error:
        if again:
            return Unknown(error.code, error.detail)
        return Rejected("not_sent", f"{error.detail}; nothing was sent", retryable=True, retry_after=error.retry_after)
    except StoreRefused as error:
        return Unknown(error.code, error.detail) if again else Rejected(error.code, error.detail)
    if isinstance(found, NewOrderProof):
        return Ok(found)
    if found is not None:
        return await _complete(client, found)
    if customer is None:
        return Unknown("not_found", "No order or draft with the tag is shown yet; that proves nothing")
    made = await _create(transport, prepared, customer)
    return await _complete(client, made) if isinstance(made, _Draft) else made


async def find(client: ShopifyClient, prepared: PreparedNewOrder) -> NewOrderProof | None:
    """The order with the tag, or that its draft became. Raises `StoreUnavailable` and `StoreRefused`."""
    found = await _look(client, prepared)
    return found.order if isinstance(found, _Draft) else found


async def traces(client: ShopifyClient, prepared: PreparedNewOrder) -> str | None:
    """The order or draft with the tag in words. Raises `StoreUnavailable` and `StoreRefused`."""
    found = await _look(client, prepared)
    if isinstance(found, _Draft):
        return f"the order {found.order.name}" if found.order else f"the draft {found.name}, which is not completed"
    return f"the order {found.name}" if found else None


async def _look(client: ShopifyClient, prepared: PreparedNewOrder) -> NewOrderProof | _Draft | None:
    """What carries the tag: an order before a draft, what was finished before what was not, the oldest first."""
    tag = tag_for(prepared.operation_id)
    variables = {"query": f"tag:'{tag}'"}
    orders = objects(await client.ask(ORDERS_BY_TAG, variables) or {}, "nodes")
    made = [proof for one in orders if tag in _tags(one) and (proof := _proof(one))]
    if made:
        return min(made, key=lambda proof: int(proof.store_order_id))
    listed = objects(await client.ask(DRAFTS_BY_TAG, variables) or {}, "nodes")
    drafts = [draft for one in listed if tag in _tags(one) and (draft := _draft(one))]
    finished = [draft.order for draft in drafts if draft.order is not None]
    if finished:
        return finished[0]
    return min(drafts, key=lambda draft: int(draft.draft_id.rsplit("/", 1)[-1]), default=None)


async def _customer(client: ShopifyClient, order_id: str) -> dict[str, Any]:
    """Who gets the goods and where, as a draft wants it. Raises `NewOrderNotPossible` without an address."""
    order = await client.ask(ORDER_CUSTOMER, {"id": gid("Order", order_id)})
    if order is None:
        raise NewOrderNotPossible("Shopify does not show the order (it may be too old for the app's scopes)")
    address = child(order, "shippingAddress")
    given = {ours: address[theirs] for theirs, ours in _ADDRESS.items() if isinstance(address.get(theirs), str)}
    if "countryCode" not in given or not ({"address1", "zip"} & set(given)):
        raise NewOrderNotPossible("Shopify shows no address on the order to which the goods could go")
    customer = text(child(order, "customer"), "id", 100)
    people: dict[str, Any] = {
        "email": text(order, "email", 320),
        "purchasingEntity": {"customerId": customer} if customer else None,
        "presentmentCurrencyCode": text(order, "presentmentCurrencyCode", 3),
    }
    return {"shippingAddress": given, **{name: value for name, value in people.items() if value is not None}}


async def _create(
    transport: ShopifyTransport, prepared: PreparedNewOrder, customer: Mapping[str, Any]
) -> _Draft | Rejected | Unknown:
    payload = prepared.payload
    request = {
        **customer,
        "lineItems": payload["lines"],
        "tags": payload["tags"],
        "note": payload["note"],
        "appliedDiscount": {"title": _TAG, "value": 100.0, "valueType": "PERCENTAGE"},
    }
    reply = await send_once(transport, DRAFT_CREATE, {"input": request})
    if not isinstance(reply, Reply):
        return reply
    early = judge_status(reply) or (judge_errors(reply) if reply.failed else None)
    if early is not None:
        return early
    outcome = child(reply.data, DRAFT_CREATE.root)
    draft, said = _draft(child(outcome, "draftOrder")), complaints(outcome)
    if said:
        return Unknown("user_errors_with_draft", said) if draft else Rejected("user_errors", said)
    return draft or Unknown("draft_missing", "Shopify answered with neither a draft nor a reason")


async def _complete(client: ShopifyClient, draft: _Draft) -> NewOrderAnswer:
    """Makes the order of the draft. From here on nothing is proof of no order but a draft that was deleted."""
    if draft.total != 0:
        return await _give_up(client, draft, "not_free", f"The draft {draft.name} does not come to nothing")
    try:
        outcome = await client.ask(DRAFT_COMPLETE, {"id": draft.draft_id}) or {}
        completed = _draft(child(outcome, "draftOrder"))
        if completed is not None and completed.order is not None:
            return Ok(completed.order)
        shown = _draft(await client.ask(DRAFT, {"id": draft.draft_id}) or {})
    except (StoreUnavailable, StoreRefused) as error:
        return Unknown("draft_waits", f"The draft {draft.name} may not be completed: {error.detail}")
    if shown is not None and shown.order is not None:
        return Ok(shown.order)
    said = complaints(outcome)
    if shown is None or not shown.ready or not said:
        return Unknown("draft_waits", f"The draft {draft.name} is not completed yet: {said or 'Shopify works on it'}")
    return await _give_up(client, draft, "draft_refused", said)


async def _give_up(client: ShopifyClient, draft: _Draft, code: str, detail: str) -> NewOrderAnswer:
    """Deletes a draft that will not become an order, so that nobody completes it by hand after all."""
    try:
        outcome = await client.ask(DRAFT_DELETE, {"input": {"id": draft.draft_id}}) or {}
    except (StoreUnavailable, StoreRefused) as error:
        return Unknown("draft_left", f"{detail}; the draft {draft.name} is still there: {error.detail}")
    if text(outcome, "deletedId", 100) is None:
        return Unknown("draft_left", f"{detail}; the draft {draft.name} is still there: {complaints(outcome)}")
    return Rejected(code, detail)


def _draft(node: Mapping[str, Any]) -> _Draft | None:
    draft_id = text(node, "id", 100)
    if draft_id is None or not (identifier(node, "id") or "").isdecimal():
        return None
    return _Draft(
        draft_id=draft_id,
        name=text(node, "name", 60) or draft_id,
        ready=node.get("ready") is not False,
        total=amount(child(child(node, "totalPriceSet"), "presentmentMoney"), "amount"),
        order=_proof(child(node, "order")),
    )


def _proof(node: Mapping[str, Any]) -> NewOrderProof | None:
    order_id = identifier(node, "id")
    if order_id is None or not order_id.isdecimal():
        return None
    return NewOrderProof(order_id, text(node, "name", 60) or order_id)


def _tags(node: Mapping[str, Any]) -> list[Any]:
    tags = node.get("tags")
    return tags if isinstance(tags, list) else []
