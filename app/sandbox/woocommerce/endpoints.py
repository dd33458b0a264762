"""The endpoints of the sandbox's WooCommerce REST API (wc/v3): as much of it as a returns service meets."""

from __future__ import annotations

import asyncio
import math
from collections.abc import Sequence
from datetime import UTC, datetime
from typing import Any
from urllib.parse import urlencode

from starlette.routing import Route

from app.sandbox.woocommerce.errors import RestError, invalid_param, no_trash
from app.sandbox.woocommerce.model import Note, Order
from app.sandbox.woocommerce.refunds import RefundBook
from app.sandbox.woocommerce.render import VERSION, WORDPRESS_VERSION, Writer
from app.sandbox.woocommerce.rest import Answer, Call, RestApi
from app.sandbox.woocommerce.state import WooState
from app.sandbox.woocommerce.webhooks import Webhook, WebhookBoard

STATUSES = ("pending", "processing", "on-hold", "completed", "cancelled", "refunded", "failed", "checkout-draft")


class Endpoints:
    """What each path does. Nothing here knows of faults or keys."""

    def __init__(self, state: WooState, writer: Writer, book: RefundBook, board: WebhookBoard) -> None:
        self.tells_payment = True
        self._state, self._writer, self._book, self._board = state, writer, book, board

    def routes(self, api: RestApi) -> list[Route]:
        """All routes, relative to the mount of the site."""
        order, refund, hook = "/orders/{order_id:int}", "/orders/{order_id:int}/refunds", "/webhooks/{hook_id:int}"
        return [
            api.route("GET", "/orders", self.list_orders),
            api.route("GET", order, self.get_order),
            api.route("PUT", order, self.put_order),
            api.route("GET", refund, self.list_refunds),
            api.route("POST", refund, self.post_refund),
            api.route("GET", refund + "/{refund_id:int}", self.get_refund),
            api.route("DELETE", refund + "/{refund_id:int}", self.delete_refund),
            api.route("GET", order + "/notes", self.list_notes),
            api.route("POST", order + "/notes", self.post_note),
            api.route("GET", "/webhooks", self.list_webhooks),
            api.route("POST", "/webhooks", self.post_webhook),
            api.route("GET", hook, self.get_webhook),
            api.route("PUT", hook, self.put_webhook),
            api.route("DELETE", hook, self.delete_webhook),
            api.route("GET", "/payment_gateways/{gateway_id}", self.get_gateway),
            api.route("GET", "/settings/{group}/{setting}", self.get_setting),
            api.route("GET", "/system_status", self.get_system_status),
            api.fallback(),
        ]

    def _order_json(self, order: Order, dp: int | None = None) -> dict[str, Any]:
        return self._writer.order(order, self._state.refunds_of(order.order_id), dp)

    async def list_orders(self, call: Call) -> Answer:
        """Orders by `status`, `search`, `include` and `modified_after`; those in the bin only when asked for."""
        query = call.query
        status = query.get("status", "any")
        if status not in {"any", "trash", *STATUSES}:
            raise invalid_param("status[0]", f"status[0] is not one of any, trash, {', '.join(STATUSES)}.")
        changed_after, made_after = self._moment(call, "modified_after"), self._moment(call, "after")
        wanted = {int(part) for part in query.get("include", "").split(",") if part.isdecimal()}
        with self._state.lock:
            found = [
                order
                for order in self._state.orders.values()
                if (order.status == status or (status == "any" and order.status != "trash"))
                and (not wanted or order.order_id in wanted)
                and order.order_id not in self._state.unlisted
                and query.get("customer", str(order.customer.customer_id)) == str(order.customer.customer_id)
                and (made_after is None or order.created_at.replace(microsecond=0) > made_after)
                and (changed_after is None or order.modified_at.replace(microsecond=0) > changed_after)
                and _matches(order, query.get("search", ""))
            ]
            by_change = query.get("orderby") == "modified"
            found.sort(
                key=lambda order: (order.modified_at if by_change else order.created_at, order.order_id),
                reverse=query.get("order", "desc") == "desc",
            )
            page, headers = self._page(call, "orders", found)
            return Answer([self._order_json(order, call.whole("dp", None, 0)) for order in page], headers=headers)

    def _moment(self, call: Call, name: str) -> datetime | None:
        """A time in the query; without `dates_are_gmt` one without a zone is the site's own time."""
        text = call.query.get(name)
        if text is None:
            return None
        try:
            moment = datetime.fromisoformat(text)
        except ValueError as error:
            raise invalid_param(name, "Invalid date.", "rest_invalid_date") from error
        if moment.tzinfo is None:
            is_gmt = call.query.get("dates_are_gmt", "").lower() in {"true", "1"}
            moment = moment.replace(tzinfo=UTC if is_gmt else self._writer.zone)
        return moment.astimezone(UTC)

    def _page(self, call: Call, path: str, rows: Sequence[Any]) -> tuple[Sequence[Any], dict[str, str]]:
        size, number = call.whole("per_page", 10, 1, 100) or 10, call.whole("page", 1) or 1
        pages = math.ceil(len(rows) / size)
        headers = {"X-WP-Total": str(len(rows)), "X-WP-TotalPages": str(pages)}
        query = {name: value for name, value in call.query.items() if not name.startswith("oauth_")}
        links = [
            f'<{self._writer.api(path)}?{urlencode({**query, "page": target})}>; rel="{name}"'
            for name, target in (("prev", number - 1), ("next", number + 1))
            if 1 <= target <= pages
        ]
        if links:
            headers["Link"] = ", ".join(links)
        return rows[(number - 1) * size : number * size], headers

    async def get_order(self, call: Call) -> Answer:
        """One order, also from the bin."""
        with self._state.lock:
            order = self._state.order(call.number("order_id"))
            return Answer(self._order_json(order, call.whole("dp", None, 0)))

    async def put_order(self, call: Call) -> Answer:
        """Changes status or meta data. The status `refunded` books a refund of the rest and pays nobody."""
        body = call.body()
        status = body.get("status")
        if status is not None and status not in STATUSES:
            raise invalid_param("status", f"status is not one of {', '.join(STATUSES)}.", "rest_not_in_enum")
        with self._state.lock, self._board.one_request():
            order = self._state.order(call.number("order_id"))
            for entry in body.get("meta_data") or []:
                set_meta(self._state, order, entry)
            change_status(self._state, self._book, order, status or order.status)
            self._board.fire([("order.updated", order.order_id)])
            return Answer(self._order_json(order))

    async def list_refunds(self, call: Call) -> Answer:
        """The order's refunds, newest first."""
        with self._state.lock:
            order = self._state.order(call.number("order_id"))
            rows = self._state.refunds_of(order.order_id)
            page, headers = self._page(call, f"orders/{order.order_id}/refunds", rows)
            return Answer([self._writer.refund(row, call.whole("dp", None, 0)) for row in page], headers=headers)

    async def post_refund(self, call: Call) -> Answer:
        """Makes a refund; the answer's `Location` is a route pattern that leads nowhere."""
        if call.money is None:
            raise ValueError("A refund POST must be noted as a money call")
        refund = await self._book.post(call.money, call.body(), call.fault)
        with self._state.lock:
            payload = self._writer.refund(refund)
        if not self.tells_payment:
            del payload["refunded_payment"]
        pattern = self._writer.api(rf"orders/(?P<order_id>[\d]+)/refunds/{refund.refund_id}")
        return Answer(payload, 201, {"Location": pattern, "Allow": "GET, POST"})

    async def get_refund(self, call: Call) -> Answer:
        """One refund."""
        with self._state.lock:
            refund = self._state.refund(call.number("order_id"), call.number("refund_id"))
            return Answer(self._writer.refund(refund, call.whole("dp", None, 0)))

    async def delete_refund(self, call: Call) -> Answer:
        """Removes the record only; works without `force`, but not with `force=false`."""
        if call.query.get("force", "true").lower() in {"false", "0"}:
            raise no_trash("Order refunds")
        with self._state.lock:
            refund = self._state.refund(call.number("order_id"), call.number("refund_id"))
            self._book.remove(refund)
            return Answer(self._writer.refund(refund))

    async def list_notes(self, call: Call) -> Answer:
        """The order's notes, newest first."""
        with self._state.lock:
            order = self._state.order(call.number("order_id"))
            notes = [note for note in self._state.notes if note.order_id == order.order_id]
            return Answer([self._writer.note(note) for note in reversed(notes)])

    async def post_note(self, call: Call) -> Answer:
        """Adds a note; twice the same makes two."""
        body = call.body()
        with self._state.lock:
            order = self._state.order(call.number("order_id"))
            note = add_note(self._state, order, str(body.get("note", "")), bool(body.get("customer_note", False)))
            return Answer(self._writer.note(note), 201)

    def _hook(self, call: Call) -> Webhook:
        hook = self._board.hooks.get(call.number("hook_id"))
        if hook is None:
            raise RestError(404, "woocommerce_rest_shop_webhook_invalid_id", "Invalid ID.")
        return hook

    async def list_webhooks(self, call: Call) -> Answer:
        """The webhooks, newest first."""
        status = call.query.get("status", "all")
        with self._state.lock:
            rows = [hook for hook in self._board.hooks.values() if status in {"all", hook.status}]
            page, headers = self._page(call, "webhooks", sorted(rows, key=lambda hook: -hook.webhook_id))
            return Answer([self._board.as_json(hook) for hook in page], headers=headers)

    async def post_webhook(self, call: Call) -> Answer:
        """Creates a webhook; the ping goes out and is answered, or not, before this answer."""
        hook = self._board.create(call.body())
        await asyncio.to_thread(self._board.ping, hook)
        location = self._writer.api(f"webhooks/{hook.webhook_id}")
        return Answer(self._board.as_json(hook), 201, {"Location": location})

    async def get_webhook(self, call: Call) -> Answer:
        """One webhook, without its secret."""
        return Answer(self._board.as_json(self._hook(call)))

    async def put_webhook(self, call: Call) -> Answer:
        """Changes a webhook; a new address is pinged."""
        hook = self._hook(call)
        if self._board.update(hook, call.body()):
            await asyncio.to_thread(self._board.ping, hook)
        return Answer(self._board.as_json(hook))

    async def delete_webhook(self, call: Call) -> Answer:
        """Deletes a webhook; needs `force=true`."""
        hook = self._hook(call)
        if call.query.get("force", "").lower() not in {"true", "1"}:
            raise no_trash("Webhooks")
        with self._state.lock:
            del self._board.hooks[hook.webhook_id]
        return Answer(self._board.as_json(hook))

    async def get_gateway(self, call: Call) -> Answer:
        """A gateway, with what it supports."""
        gateway = self._state.gateways.get(call.request.path_params["gateway_id"])
        if gateway is None:
            raise RestError(404, "woocommerce_rest_payment_gateway_invalid", "Resource does not exist.")
        return Answer(gateway.as_json())

    async def get_setting(self, call: Call) -> Answer:
        """A setting: currency, decimals, country, and whether prices include tax."""
        state = self._state
        known = {
            "general/woocommerce_currency": state.currency,
            "general/woocommerce_price_num_decimals": str(state.decimals),
            "general/woocommerce_default_country": "DE:DE-BE",
            "general/woocommerce_enable_coupons": "yes" if state.coupons_enabled else "no",
            "tax/woocommerce_prices_include_tax": "yes" if state.prices_include_tax else "no",
        }
        group, setting = call.request.path_params["group"], call.request.path_params["setting"]
        if f"{group}/{setting}" not in known:
            raise RestError(404, "rest_setting_setting_invalid", "Invalid setting.")
        value = known[f"{group}/{setting}"]
        return Answer(
            {"id": setting, "label": setting, "description": "", "type": "text", "default": "", "value": value}
        )

    async def get_system_status(self, _call: Call) -> Answer:
        """Versions and settings, as far as a client asks for them."""
        url, state = self._writer.url, self._state
        environment = {"home_url": url, "site_url": url, "version": VERSION, "wp_version": WORDPRESS_VERSION}
        settings = {"currency": state.currency, "number_of_decimals": state.decimals, "HPOS_enabled": True}
        return Answer({"environment": environment, "active_plugins": [], "settings": settings})


def _matches(order: Order, search: str) -> bool:
    """WooCommerce searches ids, billing data and item names; with a numbering plugin also the printed number."""
    customer = order.customer
    texts = [customer.first_name, customer.last_name, customer.email, *(item.name for item in order.items)]
    needle = search.lower()
    return (
        not needle
        or needle in {str(order.order_id), order.number.lower()}
        or any(needle in text.lower() for text in texts)
    )


def set_meta(state: WooState, order: Order, entry: dict[str, Any]) -> None:
    """Adds a piece of meta data to the order, or changes the one of the same key."""
    same = next((known for known in order.meta if known["key"] == entry.get("key")), None)
    if same is None:
        order.meta.append({"id": next(state.meta_ids), "key": entry.get("key"), "value": entry.get("value")})
    else:
        same["value"] = entry.get("value")
    state.touch(order)


def add_note(state: WooState, order: Order, text: str, customer_note: bool = False) -> Note:
    """Adds a note to the order."""
    with state.lock:
        note = Note(len(state.notes) + 1, order.order_id, text, customer_note, state.clock.now())
        state.notes.append(note)
    return note


def change_status(state: WooState, book: RefundBook, order: Order, status: str) -> None:
    """Sets the order's status with what WooCommerce does beside it; sends no webhook of its own."""
    now = state.clock.now()
    if status in {"processing", "completed"} and order.paid_at is None:
        order.paid_at = now
    if status == "completed" and order.completed_at is None:
        order.completed_at = now
    newly_refunded = status == "refunded" and order.status != "refunded"
    order.status = status
    state.touch(order)
    if newly_refunded and book.refund_the_rest(order) is not None:
        add_note(state, order, "Set to refunded by hand: the customer must be paid at the payment gateway.")
