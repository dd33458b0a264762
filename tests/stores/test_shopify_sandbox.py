"""The adapter against the sandbox shop over real HTTP: both readings of an order agree, and refunds are made once."""

from __future__ import annotations

import json
from collections.abc import AsyncIterator, Iterator
from dataclasses import replace
from uuid import uuid4

import pytest
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Mount, Route

from app.money import Money
from app.orders.normalise_shopify import order_from_webhook, refund_from_webhook
from app.orders.snapshot import OrderSnapshot, RefundState
from app.outcomes import Ok, Rejected, Unknown
from app.sandbox.faults import Fault, FaultKind
from app.sandbox.server import LoopbackServer
from app.sandbox.shopify.book import LineSpec, PaymentSpec
from app.sandbox.shopify.shop import ShopifyShop
from app.stores.asked import RefundExtra, RefundIntent, RefundLine
from app.stores.shopify import ShopifyStore

LAMP = LineSpec(sku="LAMP-01", title="Lamp", vendor="Acme", price="10.00", quantity=3, tax_rate="0.20", discount="1.00")
BULB = LineSpec(sku="BULB-01", title="Bulb", vendor="Bright", price="5.55", tax_rate="0.20", code_discount="0.55")


class Site:
    """The shop, the adapter, and every webhook that arrived, by topic."""

    def __init__(self, shop: ShopifyShop, url: str, hooks: list[tuple[str, bytes]]) -> None:
        self.shop = shop
        self.hook_url = f"{url}/hooks"
        self.store = ShopifyStore(
            "alpha",
            domain="alpha.myshopify.com",
            client_id="client-1",
            client_secret="sandbox-client-secret",
            api_url=f"{url}/alpha",
        )
        self._hooks = hooks

    def body(self, topic: str) -> dict[str, object]:
        """The last payload of `topic`."""
        self.shop.courier.flush()
        raw = next(raw for name, raw in reversed(self._hooks) if name == topic)
        body: dict[str, object] = json.loads(raw)
        return body


@pytest.fixture
def served() -> Iterator[tuple[ShopifyShop, str, list[tuple[str, bytes]]]]:
    hooks: list[tuple[str, bytes]] = []

    async def take(request: Request) -> Response:
        hooks.append((request.headers["X-Shopify-Topic"], await request.body()))
        return Response()

    with ShopifyShop("alpha", "alpha.myshopify.com", "client-1", "sandbox-client-secret") as shop:
        app = Starlette(routes=[Route("/hooks", take, methods=["POST"]), Mount("/alpha", routes=shop.routes())])
        with LoopbackServer(app) as url:
            yield shop, url, hooks


@pytest.fixture
async def site(served: tuple[ShopifyShop, str, list[tuple[str, bytes]]]) -> AsyncIterator[Site]:
    site = Site(*served)
    yield site
    await site.store.aclose()


def refund_of(order: OrderSnapshot, minor: int, units: int = 1, shipping: int = 0) -> RefundIntent:
    extras = (RefundExtra(order.extras[0].line_id, "shipping", shipping),) if shipping else ()
    lines = (RefundLine(order.lines[0].line_id, units, minor),) if units else ()
    amount = Money(minor, order.currency, order.exponent)
    return RefundIntent(uuid4(), order.order_id, amount, lines, extras, "supplier confirmed", notify=True)


async def read(site: Site, order_id: object) -> OrderSnapshot:
    order = await site.store.read_order(str(order_id))
    assert order is not None
    return order


@pytest.mark.parametrize("included", [True, False])
async def test_the_webhook_and_the_api_tell_the_same_order(site: Site, included: bool) -> None:
    await site.store.sync_subscriptions(site.hook_url)
    made = site.shop.create_order(
        [LAMP, BULB], currency="USD", rate="1.1", taxes_included=included, shipping="4.20", shipping_tax_rate="0.20"
    )
    site.shop.fulfil(made.id)
    site.shop.deliver(made.id)
    site.shop.refund_by_hand(made.id, {made.lines[0].id: 1}, shipping="2.10")

    by_api = await read(site, made.id)
    by_hook = order_from_webhook(site.body("orders/updated"))

    assert by_api.lines == by_hook.lines
    assert [(each.line_id, each.total) for each in by_api.extras] == [
        (each.line_id, each.total) for each in by_hook.extras
    ]
    assert (by_api.total, by_api.captured) == (by_hook.total, by_hook.captured)
    assert by_api.total == sum(line.total for line in by_api.lines) + sum(extra.total for extra in by_api.extras)
    assert (by_api.number, by_api.status, by_api.currency) == (by_hook.number, by_hook.status, by_hook.currency)
    assert (by_api.placed_at, by_api.country, by_api.locale) == (by_hook.placed_at, by_hook.country, by_hook.locale)
    assert by_api.refunds is not None
    assert by_hook.refunds is not None
    assert [replace(each, shop_amount=None, created_at=None) for each in by_api.refunds] == [
        replace(each, shop_amount=None, created_at=None) for each in by_hook.refunds
    ]
    assert by_api.fulfilments[0].delivered_at is not None
    assert by_hook.fulfilments[0].delivered_at is not None


async def test_a_refund_goes_out_and_is_seen_again(site: Site) -> None:
    await site.store.sync_subscriptions(site.hook_url)
    made = site.shop.create_order([LAMP], currency="USD", rate="1.1", shipping="4.20")
    order = await read(site, made.id)
    intent = refund_of(order, 1386, units=1, shipping=420)

    prepared = await site.store.prepare_refund(intent, order)
    first, again = await site.store.send_refund(prepared), await site.store.send_refund(prepared)

    assert isinstance(first, Ok)
    assert first == again
    assert (first.value.state, first.value.amount) == (RefundState.SUCCEEDED, intent.amount)
    seen = (await read(site, made.id)).refunds
    assert seen is not None
    assert [(each.operation, each.amount, each.extras) for each in seen] == [
        (str(intent.refund_id), 1386, {order.extras[0].line_id: 420})
    ]
    order_id, told = refund_from_webhook(site.body("refunds/create"))
    assert (order_id, told.operation, told.amount) == (order.order_id, str(intent.refund_id), 1386)


async def test_a_goodwill_amount_is_split_over_two_payments(site: Site) -> None:
    made = site.shop.create_order([LAMP], payments=[PaymentSpec(), PaymentSpec(gateway="gift_card", amount="10.00")])
    order = await read(site, made.id)

    prepared = await site.store.prepare_refund(refund_of(order, 2500, units=0), order)
    outcome = await site.store.send_refund(prepared)

    assert len(prepared.payload["input"]["transactions"]) == 2
    assert isinstance(outcome, Ok)
    assert outcome.value.state is RefundState.SUCCEEDED


@pytest.mark.parametrize(
    ("fault", "kind"),
    [
        (Fault(FaultKind.DROP_BEFORE), Unknown),
        (Fault(FaultKind.DROP_AFTER), Unknown),
        (Fault(FaultKind.STATUS_AFTER), Unknown),
        (Fault(FaultKind.HTML_AFTER), Unknown),
        (Fault(FaultKind.TRUNCATE_AFTER), Unknown),
        (Fault(FaultKind.REDIRECT), Unknown),
        (Fault(FaultKind.ERRORS_WITH_DATA), Unknown),
        (Fault(FaultKind.THROTTLE), Rejected),
        (Fault(FaultKind.TOKEN_EXPIRED), Ok),
        (Fault(FaultKind.REFUSE), Rejected),
    ],
    ids=lambda each: each.kind.value if isinstance(each, Fault) else each.__name__,
)
async def test_after_any_fault_the_same_request_makes_one_refund(site: Site, fault: Fault, kind: type) -> None:
    made = site.shop.create_order([LAMP])
    order = await read(site, made.id)
    prepared = await site.store.prepare_refund(refund_of(order, 967), order)
    site.shop.faults.add("refundCreate", fault)

    first = await site.store.send_refund(prepared)

    assert isinstance(first, kind)
    if fault.kind is not FaultKind.REFUSE:
        assert isinstance(await site.store.send_refund(prepared), Ok)
        assert len(site.shop.refunds(made.id)) == 1


async def test_pending_money_is_not_success(site: Site) -> None:
    made = site.shop.create_order([LAMP])
    order = await read(site, made.id)
    site.shop.faults.add("refundCreate", Fault(FaultKind.PENDING))

    outcome = await site.store.send_refund(await site.store.prepare_refund(refund_of(order, 967), order))

    assert isinstance(outcome, Ok)
    assert outcome.value.state is RefundState.PENDING
    site.shop.settle_pending(outcome.value.store_refund_id, ok=False)
    seen = (await read(site, made.id)).refunds
    assert seen is not None
    assert [(each.state, each.amount) for each in seen] == [(RefundState.FAILED, 0)]


async def test_a_return_is_read_approved_twice_and_closed(site: Site) -> None:
    made = site.shop.create_order([LAMP])
    site.shop.fulfil(made.id)
    asked = site.shop.request_return(made.id, {made.lines[0].id: 2})

    found = await site.store.read_return(str(asked.id))
    await site.store.approve_return(str(asked.id))
    await site.store.approve_return(str(asked.id))
    await site.store.close_return(str(asked.id))
    closed = await site.store.read_return(str(asked.id))

    assert found is not None
    assert (found.status, found.order_id) == ("requested", str(made.id))
    assert [(each.line_id, each.quantity) for each in found.lines] == [(str(made.lines[0].id), 2)]
    assert closed is not None
    assert closed.status == "closed"


async def test_orders_webhooks_and_scopes(site: Site) -> None:
    made = site.shop.create_order([LAMP])

    found = await site.store.find_order(made.name)
    said = await site.store.sync_subscriptions(site.hook_url)
    again = await site.store.sync_subscriptions(site.hook_url)

    assert found is not None
    assert found.order_id == str(made.id)
    assert any(each == "Subscribed to refunds/create." for each in said)
    assert not any(each.startswith("Subscribed") for each in again)
    assert {each.url for each in await site.store.list_subscriptions()} == {site.hook_url}
    assert all(each.ok for each in await site.store.check())
