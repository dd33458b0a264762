"""What each topic of a store's webhooks means. A handler changes the database and enqueues jobs; it calls nobody.

A webhook is a hint: what it says of an order is kept when it is newer, and before money moves the order is read again.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Mapping
from datetime import datetime
from typing import Any

from sqlalchemy import select, update

from app import origin
from app.cases.observe import (
    apply_observed,
    chargeback,
    hold_if_disputed,
    order_cancelled,
    order_edited,
    tell_law,
)
from app.cases.vocabulary import Event
from app.db.work import Work
from app.jobs import defer
from app.orders import normalise_shopify, normalise_woocommerce
from app.orders import service as orders
from app.orders.models import Order
from app.orders.reading import UnreadablePayload, child, identifier, required_identifier, text
from app.orders.snapshot import OrderSnapshot, Platform
from app.privacy import service as privacy
from app.privacy.models import PrivacyKind
from app.refunds.models import Refund
from app.refunds.states import RefundStatus
from app.stores import installation
from app.webhooks.models import Delivery
from app.webhooks.topics_returns import Handler, return_moved, return_requested
from app.withdrawals import queries as withdrawals


async def keep_order(work: Work, delivery: Delivery, news: OrderSnapshot) -> str | None:
    """Keeps a snapshot and tells the order's cases what it means for them."""
    order, changed = await orders.keep(work, delivery.source, news)
    _forget_body(work, delivery, order)
    await after_news(work, order, cancelled=news.cancelled)
    return None if changed else "nothing new"


async def after_news(work: Work, order: Order, *, cancelled: bool) -> None:
    """What follows from news about a locked order, whichever way it came."""
    if any(row.lines is None and row.operation_id is None for row in await orders.observed(work, order.id)):
        # The order's own list tells only totals of refunds made by others: the store is asked for their lines.
        await defer(work.session, "orders.refresh", store=order.store, order_id=order.order_id)
    await hold_if_disputed(work, order)
    await apply_observed(work, order)
    if cancelled:
        await order_cancelled(work, order)
    else:
        await order_edited(work, order)
    await tell_law(work, order)
    if orders.snapshot_of(order).withdrawn and not await withdrawals.known_already(work, order):
        await defer(work.session, "withdrawals.take_in", store=order.store, order_id=order.order_id)
    await _wake_refunds(work, order)


async def _wake_refunds(work: Work, order: Order) -> None:
    """A refund of ours whose outcome is open may be settled by what just came."""
    statement = (
        update(Refund)
        .where(Refund.order_pk == order.id, Refund.status == RefundStatus.UNKNOWN)
        .values(next_check_at=work.now)
        .returning(Refund.id, Refund.origin)
    )
    for refund_id, begun_by in (await work.session.execute(statement)).all():
        with origin.resumed(begun_by):
            await defer(work.session, "refunds.advance", refund_id=str(refund_id))


async def _known(work: Work, delivery: Delivery, order_id: str) -> Order | None:
    """The order, locked; when it is not known yet it is fetched by a job."""
    known = select(Order.id).where(Order.store == delivery.source, Order.order_id == order_id)
    found = await work.session.scalar(known)
    if found is None:
        await _fetch(work, delivery, order_id)
        return None
    order = await orders.lock(work, found)
    _forget_body(work, delivery, order)
    return order


def _forget_body(work: Work, delivery: Delivery, order: Order) -> None:
    """What a store goes on to tell of a customer whose data was erased is read and not kept."""
    if order.redacted_at is not None:
        delivery.body_sha256, delivery.body = hashlib.sha256(delivery.body).hexdigest(), b""
        delivery.erased_at = work.now


async def _fetch(work: Work, delivery: Delivery, order_id: str) -> None:
    """The store is asked by a job; when that fails, the delivery shows it and is tried again."""
    await defer(work.session, "orders.refresh", store=delivery.source, order_id=order_id, delivery_id=str(delivery.id))


async def _shopify_order(work: Work, delivery: Delivery, payload: Mapping[str, Any]) -> str | None:
    return await keep_order(work, delivery, normalise_shopify.order_from_webhook(payload))


async def _shopify_edited(work: Work, delivery: Delivery, payload: Mapping[str, Any]) -> str | None:
    """Shopify tells what an edit changed, not what the order is now (its public documentation): the order is read."""
    edit = child(payload, "order_edit")
    if not edit:
        return await _shopify_order(work, delivery, payload)
    await _fetch(work, delivery, required_identifier(edit, "order_id"))
    return None


async def _shopify_refund(work: Work, delivery: Delivery, payload: Mapping[str, Any]) -> str | None:
    order_id, seen = normalise_shopify.refund_from_webhook(payload)
    order = await _known(work, delivery, order_id)
    if order is None:
        return None
    changed = await orders.keep_refund(work, order, seen)
    await after_news(work, order, cancelled=False)
    return None if changed else "nothing new"


async def _shopify_transaction(work: Work, delivery: Delivery, payload: Mapping[str, Any]) -> str | None:
    if text(payload, "kind") not in ("refund", "void"):
        return "not a refund's transaction"
    await _fetch(work, delivery, required_identifier(payload, "order_id"))
    return None


async def _shopify_fulfilment(work: Work, delivery: Delivery, payload: Mapping[str, Any]) -> str | None:
    order_id, parcel = normalise_shopify.fulfilment_from_webhook(payload)
    order = await _known(work, delivery, order_id)
    if order is None:
        return None
    changed = await orders.keep_fulfilment(work, order, parcel)
    await tell_law(work, order)
    return None if changed else "nothing new"


async def _shopify_fulfilment_event(work: Work, delivery: Delivery, payload: Mapping[str, Any]) -> str | None:
    if text(payload, "status") != "delivered":
        return "only a delivery is of interest"
    await _fetch(work, delivery, required_identifier(payload, "order_id"))
    return None


_DISPUTE_ENDS = {
    "won": Event.CHARGEBACK_WON,
    "prevented": Event.CHARGEBACK_WON,
    "lost": Event.CHARGEBACK_LOST,
    "charge_refunded": Event.CHARGEBACK_LOST,
    "accepted": Event.CHARGEBACK_LOST,
}


async def _shopify_dispute(work: Work, delivery: Delivery, payload: Mapping[str, Any]) -> str | None:
    order_id = identifier(payload, "order_id")
    if order_id is None:
        return "the dispute names no order"
    order = await _known(work, delivery, order_id)
    if order is None:
        return None
    dispute_id, status = required_identifier(payload, "id"), text(payload, "status") or ""
    event = _DISPUTE_ENDS.get(status, Event.CHARGEBACK_OPENED)
    if event is not Event.CHARGEBACK_OPENED:
        orders.keep_ended_dispute(work, order, dispute_id)
    elif dispute_id in orders.snapshot_of(order).disputes_ended:
        return "old news: the dispute is over"
    await chargeback(work, order, event, {"dispute": dispute_id, "status": status})
    return None


async def _shopify_uninstalled(work: Work, delivery: Delivery, payload: Mapping[str, Any]) -> str | None:
    require_own_shop(work, delivery, text(payload, "myshopify_domain", 255))
    at = triggered_at(delivery) or delivery.received_at
    return None if await installation.uninstall(work, delivery.source, at) else "old news: the app is installed again"


def _shopify_privacy(kind: PrivacyKind) -> Handler:
    """Shopify forwards what a customer asks for, and a shop's own end 48 hours after the app was removed."""

    async def handle(work: Work, delivery: Delivery, payload: Mapping[str, Any]) -> str | None:
        require_own_shop(work, delivery, text(payload, "shop_domain", 255))
        wish = privacy.wish_of_webhook(kind, delivery.source, payload)
        asked = await privacy.ask(work, wish, delivery.id)
        return None if asked else "this request is known already"

    return handle


def require_own_shop(work: Work, delivery: Delivery, named: str | None) -> None:
    """The body is signed and the headers are not, and one app may serve several shops. Raises `UnreadablePayload`."""
    domain = work.settings.stores[delivery.source].domain
    if named is None or named.lower() != domain:
        raise UnreadablePayload(f"The body does not name {domain}: it was made for another shop or another topic.")


def triggered_at(delivery: Delivery) -> datetime | None:
    """When the store triggered the webhook, by its own clock; None when it does not say."""
    try:
        told = datetime.fromisoformat(str(delivery.headers.get("x-shopify-triggered-at")))
    except ValueError:
        return None
    return told if told.tzinfo else None


async def _woo_order(work: Work, delivery: Delivery, payload: Mapping[str, Any]) -> str | None:
    return await keep_order(work, delivery, normalise_woocommerce.order_from_payload(payload))


async def _woo_refresh(work: Work, delivery: Delivery, payload: Mapping[str, Any]) -> str | None:
    await _fetch(work, delivery, required_identifier(payload, "id"))
    return None


async def _woo_action(work: Work, delivery: Delivery, payload: Mapping[str, Any]) -> str | None:
    order_id = normalise_woocommerce.action_order_id(payload)
    if order_id is None:
        return "the action names no order"
    await _fetch(work, delivery, order_id)
    return None


# Topics that a store sends although the app is gone: they show no installation.
SENT_AFTER_REMOVAL = frozenset({"app/uninstalled", "customers/data_request", "customers/redact", "shop/redact"})

_SHOPIFY: dict[str, Handler] = {
    **dict.fromkeys(
        ("orders/create", "orders/updated", "orders/cancelled", "orders/paid", "orders/fulfilled",
         "orders/partially_fulfilled"),
        _shopify_order,
    ),
    "orders/edited": _shopify_edited,
    "refunds/create": _shopify_refund,
    "order_transactions/create": _shopify_transaction,
    "fulfillments/create": _shopify_fulfilment,
    "fulfillments/update": _shopify_fulfilment,
    "fulfillment_events/create": _shopify_fulfilment_event,
    "returns/request": return_requested,
    "returns/approve": return_moved(Event.APPROVED, "open"),
    "returns/decline": return_moved(Event.REJECTED, "declined"),
    "returns/cancel": return_moved(Event.CUSTOMER_CANCELLED, "canceled"),
    "disputes/create": _shopify_dispute,
    "disputes/update": _shopify_dispute,
    "app/uninstalled": _shopify_uninstalled,
    "customers/data_request": _shopify_privacy(PrivacyKind.DATA_REQUEST),
    "customers/redact": _shopify_privacy(PrivacyKind.REDACT),
    "shop/redact": _shopify_privacy(PrivacyKind.REDACT_STORE),
}  # fmt: skip

_WOOCOMMERCE: dict[str, Handler] = {
    "order.created": _woo_order,
    "order.updated": _woo_order,
    "order.restored": _woo_order,
    "order.deleted": _woo_refresh,
    "action.woocommerce_order_refunded": _woo_action,
    "action.woocommerce_order_fully_refunded": _woo_action,
    "action.woocommerce_order_partially_refunded": _woo_action,
}


def handler_of(platform: Platform, topic: str) -> Handler | None:
    """The handler of a topic; None when Makegood has no use for it."""
    return (_SHOPIFY if platform is Platform.SHOPIFY else _WOOCOMMERCE).get(topic)


def reader_of_orders(platform: Platform, topic: str) -> Callable[[Mapping[str, Any]], OrderSnapshot] | None:
    """How the body of a topic becomes a snapshot; None when its body is no whole order."""
    handler = handler_of(platform, topic)
    if handler is _shopify_order:
        return normalise_shopify.order_from_webhook
    return normalise_woocommerce.order_from_payload if handler is _woo_order else None


def order_named_in(payload: Mapping[str, Any]) -> str | None:
    """The order that a body of another topic names, if it names one."""
    named = identifier(payload, "order_id") or identifier(child(payload, "order_edit"), "order_id")
    return named or identifier(payload, "arg") or identifier(payload, "id")
