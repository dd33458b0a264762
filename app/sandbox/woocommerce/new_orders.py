"""`POST /orders` at the sandbox's WooCommerce site: an order for each call, however alike they are."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from decimal import Decimal
from typing import Any

from starlette.routing import Route

from app.sandbox.faults import FaultKind
from app.sandbox.woocommerce.endpoints import STATUSES
from app.sandbox.woocommerce.errors import RestError, invalid_param
from app.sandbox.woocommerce.model import LINE, Customer, Item, Order
from app.sandbox.woocommerce.php import ZERO
from app.sandbox.woocommerce.products import Shelf
from app.sandbox.woocommerce.refunds import UNFINISHED
from app.sandbox.woocommerce.render import Writer, meta
from app.sandbox.woocommerce.rest import Answer, Call, RestApi
from app.sandbox.woocommerce.state import WooState
from app.sandbox.woocommerce.webhooks import WebhookBoard


class OrderDesk:
    """Makes orders as the REST API does: the row first, its status and its hooks afterwards."""

    def __init__(self, state: WooState, writer: Writer, shelf: Shelf, board: WebhookBoard, key: str) -> None:
        self._state, self._writer, self._shelf, self._board, self._key = state, writer, shelf, board, key

    def routes(self, api: RestApi) -> list[Route]:
        """The route, relative to the mount of the site."""
        return [api.route("POST", "/orders", self._post)]

    async def _post(self, call: Call) -> Answer:
        """MISBOOKED: the lines cost their price. REFUSE: nothing is made. UNFINISHED: PHP dies after the row."""
        body, kind = call.body(), call.fault.kind if call.fault else None
        status = body.get("status", "pending")
        if status not in STATUSES:
            raise invalid_param("status", f"status is not one of {', '.join(STATUSES)}.", "rest_not_in_enum")
        if kind is FaultKind.REFUSE:
            text = (call.fault.text if call.fault else "") or "Sorry, you are not allowed to create resources."
            raise RestError(403, "woocommerce_rest_cannot_create", text)
        with self._state.lock, self._board.one_request():
            items = [self._item(entry, kind is FaultKind.MISBOOKED) for entry in body.get("line_items") or []]
            order = self._order(body, items)
            self._state.orders[order.order_id] = order
            if self._state.lists_lag:
                self._state.unlisted.add(order.order_id)
            if call.fault is not None and call.fault.text == UNFINISHED:
                return Answer(self._writer.order(order, []), 201)
            order.status = status
            self._board.fire([("order.created", order.order_id), ("order.updated", order.order_id)])
            location = self._writer.api(f"orders/{order.order_id}")
            return Answer(self._writer.order(order, []), 201, {"Location": location})

    def _item(self, entry: Mapping[str, Any], at_price: bool) -> Item:
        product, variation = self._shelf.find(entry.get("product_id", 0), entry.get("variation_id", 0))
        quantity = int(entry.get("quantity", 1))
        worth = Decimal(variation.price if variation else product.price) * quantity
        total = worth if at_price or "total" not in entry else Decimal(entry["total"])
        return Item(
            next(self._state.item_ids),
            LINE,
            product.name,
            total,
            {},
            subtotal=worth if at_price else Decimal(entry.get("subtotal", worth)),
            quantity=quantity,
            product_id=product.product_id,
            variation_id=variation.variation_id if variation else 0,
            sku=product.sku,
            meta=[meta(next(self._state.meta_ids), "_reduced_stock", str(quantity))],
        )

    def _order(self, body: Mapping[str, Any], items: list[Item]) -> Order:
        state, order_id = self._state, next(self._state.post_ids)
        now = state.clock.now()
        noted = [entry for entry in body.get("meta_data") or [] if isinstance(entry, dict)]
        return Order(
            order_id=order_id,
            number=str(order_id),
            status="pending",
            currency=body.get("currency") or state.currency,
            decimals=state.decimals,
            prices_include_tax=state.prices_include_tax,
            customer=_customer(body),
            gateway_id=str(body.get("payment_method", "")),
            gateway_title=str(body.get("payment_method_title", "")),
            transaction_id="",
            order_key="wc_order_" + hashlib.sha256(f"{self._key}{order_id}".encode()).hexdigest()[:13],
            created_at=now,
            modified_at=now,
            paid_at=None,
            completed_at=None,
            items=items,
            tax_lines=[],
            coupon=None,
            discount_total=sum((item.subtotal - (item.total or ZERO) for item in items), ZERO),
            discount_tax=ZERO,
            created_via="rest-api",
            meta=[{"id": next(state.meta_ids), "key": one.get("key"), "value": one.get("value")} for one in noted],
            customer_note=str(body.get("customer_note", "")),
        )


def _customer(body: Mapping[str, Any]) -> Customer:
    billing = body.get("billing") or {}
    return Customer(
        first_name=billing.get("first_name", ""),
        last_name=billing.get("last_name", ""),
        email=billing.get("email", ""),
        address=billing.get("address_1", ""),
        city=billing.get("city", ""),
        postcode=billing.get("postcode", ""),
        country=billing.get("country", ""),
        phone=billing.get("phone", ""),
        customer_id=int(body.get("customer_id", 0)),
    )
