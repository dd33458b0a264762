"""The root fields of the sandbox's Shopify GraphQL: look-ups, refundCreate, returns and webhook subscriptions."""

from __future__ import annotations

import threading
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any, TypeAlias

from graphql import GraphQLResolveInfo

from app.sandbox.faults import Fault, FaultKind
from app.sandbox.shopify import draft_resolvers
from app.sandbox.shopify.answers import Refused, parse_gid, top_error
from app.sandbox.shopify.book import OrderBook
from app.sandbox.shopify.connections import View, connection
from app.sandbox.shopify.discounts import DiscountDesk
from app.sandbox.shopify.drafts import DraftDesk
from app.sandbox.shopify.idempotency import MoneyCall, MoneyGate
from app.sandbox.shopify.refund_views import refund_view
from app.sandbox.shopify.return_views import return_view
from app.sandbox.shopify.returns import ReturnDesk
from app.sandbox.shopify.state import Order, Return
from app.sandbox.shopify.values import gid
from app.sandbox.shopify.views import order_view
from app.sandbox.shopify.webhooks import API_VERSION, Subscription, Webhooks

Resolver = Callable[..., Any]

_SCOPES: dict[str, tuple[str, ...]] = {
    "order": ("read_orders",),
    "orders": ("read_orders",),
    "draftOrder": ("read_draft_orders",),
    "draftOrders": ("read_draft_orders",),
    "draftOrderCreate": ("write_draft_orders",),
    "draftOrderComplete": ("write_draft_orders",),
    "draftOrderDelete": ("write_draft_orders",),
    "product": ("read_products",),
    "refund": ("read_orders",),
    "return": ("read_orders", "read_returns"),
    "refundCreate": ("write_orders",),
    "returnApproveRequest": ("write_returns",),
    "returnDeclineRequest": ("write_returns",),
    "returnClose": ("write_returns",),
    "returnCancel": ("write_returns",),
    "returnReopen": ("write_returns",),
    "discountCodeBasicCreate": ("write_discounts",),
    "codeDiscountNodeByCode": ("read_discounts",),
}


@dataclass(slots=True)
class ShopParts:
    """What the resolvers work on. `scopes` holds the implied ones too (write_orders brings read_orders)."""

    number: int
    name: str
    domain: str
    scopes: frozenset[str]
    book: OrderBook
    webhooks: Webhooks
    returns: ReturnDesk
    discounts: DiscountDesk
    drafts: DraftDesk
    money: MoneyGate
    lock: threading.RLock


@dataclass(slots=True)
class Call:
    """One HTTP call: `money` holds its refundCreate fields by the name they have in the answer."""

    shop: ShopParts
    fault: Fault | None = None
    money: Mapping[str, MoneyCall] = field(default_factory=dict)


Info: TypeAlias = "GraphQLResolveInfo[Call]"


def guarded(name: str, resolver: Resolver) -> Resolver:
    """Answers ACCESS_DENIED when the app has none of the scopes that the field needs."""

    def resolve(root: Any, info: Info, **arguments: Any) -> Any:
        needed = _SCOPES.get(name)
        shop: ShopParts = info.context.shop
        if needed and not shop.scopes.intersection(needed):
            raise top_error("ACCESS_DENIED", f"Access denied for {name} field. Required access: `{needed[0]}`.")
        return resolver(root, info, **arguments)

    return resolve


def _shop(_root: Any, info: Info) -> View:
    shop: ShopParts = info.context.shop
    return {
        "id": gid("Shop", shop.number),
        "name": shop.name,
        "email": f"owner@{shop.domain}",
        "myshopifyDomain": shop.domain,
        "currencyCode": shop.book.currency,
        "taxesIncluded": True,
        "ianaTimezone": "Europe/Paris",
        "url": f"https://{shop.domain}",
    }


def _installation(_root: Any, info: Info) -> View:
    shop: ShopParts = info.context.shop
    scopes = [{"handle": scope, "description": scope.replace("_", " ")} for scope in sorted(shop.scopes)]
    return {"id": gid("AppInstallation", shop.number), "accessScopes": scopes}


def _order(_root: Any, info: Info, id: str) -> View | None:
    order = info.context.shop.book.seen(parse_gid("Order", id))
    return order_view(order) if order else None


def _orders(_root: Any, info: Info, **arguments: Any) -> View:
    by = arguments.get("sortKey", "PROCESSED_AT")
    found = info.context.shop.book.search(arguments.get("query"), by)
    return connection(found, order_view, _changed_place if by == "UPDATED_AT" else _place)(info, **arguments)


def _place(order: Order) -> int:
    return order.id


def _changed_place(order: Order) -> int:
    """Time and id in one: an order that changes leaves its place, and the cursor that named it stays good."""
    return int(order.updated_at.timestamp() * 1_000_000) * 10**15 + order.id


def _refund(_root: Any, info: Info, id: str) -> View | None:
    found = info.context.shop.book.refund(parse_gid("Refund", id))
    return refund_view(found[0], found[1], order_view) if found else None


def _return(_root: Any, info: Info, id: str) -> View | None:
    found = info.context.shop.book.return_(parse_gid("Return", id))
    return return_view(found[0], found[1], order_view) if found else None


def _refund_create(_root: Any, info: Info, input: dict[str, Any]) -> View:
    """Recorded: an over-refund answers `refund: null` and still shows the order."""
    call: Call = info.context
    book, asked = call.shop.book, call.money[str(info.path.key)]
    try:
        refund = call.shop.money.run(asked, input, call.fault)
        if call.fault is not None and call.fault.kind is FaultKind.REFUSE_AFTER:
            raise Refused(None, call.fault.text or "The refund could not be made", known=True)
    except Refused as refused:
        order = book.seen(parse_gid("Order", input["orderId"])) if refused.known else None
        return {"refund": None, "order": order_view(order) if order else None, "userErrors": [refused.entry]}
    order = book.orders[refund.order_id]
    return {"refund": refund_view(order, refund, order_view), "order": order_view(order), "userErrors": []}


def _return_change(info: Info, identifier: str, change: Callable[[ReturnDesk, int], Return]) -> View:
    shop: ShopParts = info.context.shop
    try:
        item = change(shop.returns, parse_gid("Return", identifier))
    except Refused as refused:
        return {"return": None, "userErrors": [refused.entry]}
    return {"return": return_view(shop.book.orders[item.order_id], item, order_view), "userErrors": []}


def _approve(_root: Any, info: Info, input: dict[str, Any]) -> View:
    return _return_change(info, input["id"], lambda desk, number: desk.approve(number))


def _decline(_root: Any, info: Info, input: dict[str, Any]) -> View:
    reason, note = input["declineReason"], input.get("declineNote")
    return _return_change(info, input["id"], lambda desk, number: desk.decline(number, reason, note))


def _close(_root: Any, info: Info, id: str) -> View:
    return _return_change(info, id, lambda desk, number: desk.close(number))


def _cancel(_root: Any, info: Info, id: str, **_: Any) -> View:
    return _return_change(info, id, lambda desk, number: desk.cancel(number))


def _reopen(_root: Any, info: Info, id: str) -> View:
    return _return_change(info, id, lambda desk, number: desk.reopen(number))


def _subscription_view(item: Subscription) -> View:
    return {
        "id": gid("WebhookSubscription", item.id),
        "legacyResourceId": item.id,
        "topic": item.topic,
        "uri": item.uri,
        "format": "JSON",
        "filter": item.filter,
        "includeFields": item.include_fields,
        "name": item.name,
        "apiVersion": {"handle": API_VERSION, "displayName": API_VERSION, "supported": True},
        "createdAt": item.created_at,
        "updatedAt": item.updated_at,
    }


def _subscription(_root: Any, info: Info, id: str) -> View | None:
    found = info.context.shop.webhooks.subscriptions.get(parse_gid("WebhookSubscription", id))
    return _subscription_view(found) if found else None


def _subscriptions(_root: Any, info: Info, **arguments: Any) -> View:
    topics, uri = arguments.get("topics"), arguments.get("uri")
    found = [
        item
        for item in info.context.shop.webhooks.subscriptions.values()
        if (not topics or item.topic in topics) and (uri is None or item.uri == uri)
    ]
    return connection(found, _subscription_view, lambda item: item.id)(info, **arguments)


def _subscribe(_root: Any, info: Info, topic: str, webhookSubscription: dict[str, Any]) -> View:  # noqa: N803
    shop: ShopParts = info.context.shop
    try:
        made = shop.webhooks.subscribe(shop.book.next_id(), topic, webhookSubscription)
    except Refused as refused:
        return {"webhookSubscription": None, "userErrors": [refused.entry]}
    return {"webhookSubscription": _subscription_view(made), "userErrors": []}


def _resubscribe(_root: Any, info: Info, id: str, webhookSubscription: dict[str, Any]) -> View:  # noqa: N803
    webhooks: Webhooks = info.context.shop.webhooks
    found = webhooks.subscriptions.get(parse_gid("WebhookSubscription", id))
    try:
        if found is None:
            raise Refused(["id"], "Webhook subscription does not exist")
        webhooks.update(found, webhookSubscription)
    except Refused as refused:
        return {"webhookSubscription": None, "userErrors": [refused.entry]}
    return {"webhookSubscription": _subscription_view(found), "userErrors": []}


def _unsubscribe(_root: Any, info: Info, id: str) -> View:
    if info.context.shop.webhooks.subscriptions.pop(parse_gid("WebhookSubscription", id), None) is None:
        missing = Refused(["id"], "Webhook subscription does not exist")
        return {"deletedWebhookSubscriptionId": None, "userErrors": [missing.entry]}
    return {"deletedWebhookSubscriptionId": id, "userErrors": []}


def _discount_create(_root: Any, info: Info, basicCodeDiscount: dict[str, Any]) -> View:  # noqa: N803
    try:
        made = info.context.shop.discounts.create(basicCodeDiscount)
    except Refused as refused:
        return {"codeDiscountNode": None, "userErrors": [refused.entry]}
    return {"codeDiscountNode": {"id": gid("DiscountCodeNode", made.id)}, "userErrors": []}


def _discount_by_code(_root: Any, info: Info, code: str) -> View | None:
    found = info.context.shop.discounts.find(code)
    return {"id": gid("DiscountCodeNode", found.id)} if found else None


QUERIES: dict[str, Resolver] = {
    "shop": _shop,
    "currentAppInstallation": _installation,
    "order": _order,
    "orders": _orders,
    "draftOrder": draft_resolvers.draft,
    "draftOrders": draft_resolvers.drafts,
    "product": draft_resolvers.product,
    "refund": _refund,
    "codeDiscountNodeByCode": _discount_by_code,
    "return": _return,
    "webhookSubscription": _subscription,
    "webhookSubscriptions": _subscriptions,
}

MUTATIONS: dict[str, Resolver] = {
    "draftOrderCreate": draft_resolvers.create,
    "draftOrderComplete": draft_resolvers.complete,
    "draftOrderDelete": draft_resolvers.delete,
    "refundCreate": _refund_create,
    "discountCodeBasicCreate": _discount_create,
    "returnApproveRequest": _approve,
    "returnDeclineRequest": _decline,
    "returnClose": _close,
    "returnCancel": _cancel,
    "returnReopen": _reopen,
    "webhookSubscriptionCreate": _subscribe,
    "webhookSubscriptionUpdate": _resubscribe,
    "webhookSubscriptionDelete": _unsubscribe,
}
