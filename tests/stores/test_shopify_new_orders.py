"""New orders at the sandbox shop over real HTTP: whatever goes wrong, an operation makes one order at most."""

from __future__ import annotations

import json
from collections.abc import AsyncIterator, Iterator
from dataclasses import replace
from decimal import Decimal
from uuid import uuid4

import pytest
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Mount, Route

from app.orders.normalise_shopify import order_from_webhook
from app.outcomes import Ok, Rejected, Unknown
from app.sandbox.faults import Fault, FaultKind, Gate
from app.sandbox.server import LoopbackServer
from app.sandbox.shopify.book import LineSpec
from app.sandbox.shopify.shop import SCOPES, ShopifyShop
from app.sandbox.shopify.state import Order
from app.stores.asked import NewOrderAnswer, NewOrderIntent, NewOrderLine, PreparedNewOrder
from app.stores.base import NewOrderNotPossible, StoreRefused
from app.stores.shopify import ShopifyStore
from app.stores.shopify_orders import tag_for
from tests.stores.sandboxes import on_loopback, shopify_at

LAMP = LineSpec(sku="LAMP-01", title="Lamp", vendor="Acme", price="10.00", quantity=3, tax_rate="0.20")


class Place:
    """The shop, the adapter, and the bodies of orders/create."""

    def __init__(self, shop: ShopifyShop, url: str, made: list[bytes]) -> None:
        self.shop = shop
        self.made = made
        self.url = url
        self.store = self.connect()

    def connect(self, patience: float = 2.0) -> ShopifyStore:
        """A store of its own, as another process would have one. Does not wait for a throttling shop."""
        return ShopifyStore(
            "alpha",
            domain="alpha.myshopify.com",
            client_id="client-1",
            client_secret="sandbox-client-secret",
            api_url=f"{self.url}/alpha",
            read_timeout=patience,
            sleep=_no_nap,
        )

    def bought(self) -> Order:
        """An order of three lamps, whose own webhook is not counted."""
        order = self.shop.create_order([LAMP])
        self.shop.courier.flush()
        self.made.clear()
        return order

    async def prepared(self, units: int = 1, variant_id: str | None = None) -> PreparedNewOrder:
        """One lamp in place of another."""
        order = self.bought()
        line = NewOrderLine(str(order.lines[0].id), units, variant_id)
        return await self.store.prepare_new_order(NewOrderIntent(uuid4(), str(order.id), order.name, "RMA-7", (line,)))

    def orders(self, prepared: PreparedNewOrder) -> list[Order]:
        """What the operation made."""
        return self.shop.office.orders_tagged(tag_for(prepared.operation_id))


async def _no_nap(_seconds: float) -> None:
    return None


@pytest.fixture
def served() -> Iterator[tuple[ShopifyShop, str, list[bytes]]]:
    made: list[bytes] = []

    async def take(request: Request) -> Response:
        made.append(await request.body())
        return Response()

    with ShopifyShop("alpha", "alpha.myshopify.com", "client-1", "sandbox-client-secret") as shop:
        app = Starlette(routes=[Route("/hooks", take, methods=["POST"]), Mount("/alpha", routes=shop.routes())])
        with LoopbackServer(app) as url:
            shop.subscribe("ORDERS_CREATE", f"{url}/hooks")
            yield shop, url, made


@pytest.fixture
async def place(served: tuple[ShopifyShop, str, list[bytes]]) -> AsyncIterator[Place]:
    place = Place(*served)
    yield place
    await place.store.aclose()


def code_of(answer: NewOrderAnswer) -> str:
    assert isinstance(answer, Rejected | Unknown)
    return answer.code


async def test_a_new_order_costs_nothing_and_goes_to_the_same_customer(place: Place) -> None:
    prepared = await place.prepared(units=2)

    answer = await place.store.send_new_order(prepared)

    (made,) = place.orders(prepared)
    (draft,) = place.shop.office.drafts
    bought = place.shop.order(prepared.order_id)
    assert isinstance(answer, Ok)
    assert (answer.value.store_order_id, answer.value.name) == (str(made.id), made.name)
    assert made.total == Decimal(0)
    assert (made.customer_id, made.email) == (bought.customer_id, "ana@example.com")
    assert [(line.sku, line.quantity) for line in made.lines] == [("LAMP-01", 2)]
    assert draft.asked["shippingAddress"] == {
        "firstName": "Ana", "lastName": "Example", "address1": "1 Example Street", "city": "Example", "zip": "10000",
        "countryCode": "FR",
    }  # fmt: skip
    assert made.note == f"[makegood:{prepared.operation_id}] {bought.name} RMA-7"
    place.shop.courier.flush()
    (told,) = place.made
    snapshot = order_from_webhook(json.loads(told))
    assert (snapshot.order_id, snapshot.total, [line.total for line in snapshot.lines]) == (str(made.id), 0, [0])
    assert await place.store.find_new_order(prepared) == answer.value


async def test_what_is_stored_holds_nothing_about_the_customer(place: Place) -> None:
    prepared = await place.prepared()

    kept = json.dumps(prepared.payload)

    assert not [word for word in ("Ana", "ana@", "Example", "Street", "10000", "Customer") if word in kept]


async def test_sending_twice_makes_one_order(place: Place) -> None:
    prepared = await place.prepared()

    first, second = await place.store.send_new_order(prepared), await place.store.send_new_order(prepared)

    assert isinstance(first, Ok)
    assert first == second
    assert len(place.orders(prepared)) == 1
    assert place.shop.calls["draftOrderCreate"] == place.shop.calls["draftOrderComplete"] == 1


@pytest.mark.parametrize("operation", ["draftOrderCreate", "draftOrderComplete"])
@pytest.mark.parametrize(
    "kind",
    [
        FaultKind.DROP_BEFORE, FaultKind.DROP_AFTER, FaultKind.STATUS_BEFORE, FaultKind.STATUS_AFTER,
        FaultKind.HTML_AFTER, FaultKind.TRUNCATE_AFTER, FaultKind.REDIRECT, FaultKind.ERRORS_WITH_DATA,
        FaultKind.REFUSE_AFTER,
    ],
)  # fmt: skip
async def test_after_any_fault_the_next_try_makes_one_order_or_none(
    place: Place, operation: str, kind: FaultKind
) -> None:
    prepared = await place.prepared()
    place.shop.faults.add(operation, Fault(kind))

    first = await place.store.send_new_order(prepared)
    second = await place.store.send_new_order(prepared, again=True)

    # Completing says what it made in spite of a complaint; for everything else there is no proof.
    assert isinstance(first, Unknown) or (kind is FaultKind.REFUSE_AFTER and isinstance(first, Ok))
    nothing_was_made = operation == "draftOrderCreate" and kind in (
        FaultKind.DROP_BEFORE, FaultKind.STATUS_BEFORE, FaultKind.REDIRECT,
    )  # fmt: skip
    assert code_of(second) == "not_found" if nothing_was_made else isinstance(second, Ok)
    assert len(place.orders(prepared)) == (0 if nothing_was_made else 1)
    assert len(place.shop.office.drafts) == (0 if nothing_was_made else 1)
    assert place.shop.calls["draftOrderCreate"] == 1


async def test_a_crash_between_the_two_steps_is_resumed_by_another_process(place: Place) -> None:
    prepared = await place.prepared()
    place.shop.faults.add("draftOrderComplete", Fault(FaultKind.DROP_BEFORE))
    await place.store.send_new_order(prepared)
    other = place.connect()

    assert await other.find_new_order(prepared) is None
    answer = await other.send_new_order(prepared)

    await other.aclose()
    assert isinstance(answer, Ok)
    assert len(place.orders(prepared)) == 1
    assert place.shop.calls["draftOrderCreate"] == 1


@pytest.mark.parametrize("operation", ["draftOrderCreate", "draftOrderComplete"])
async def test_what_is_made_after_we_gave_up_is_found_later(place: Place, operation: str) -> None:
    prepared, gate, hasty = await place.prepared(), Gate(), place.connect(patience=0.3)
    place.shop.faults.add(operation, Fault(FaultKind.SLOW_AFTER, gate=gate))

    first = await hasty.send_new_order(prepared)
    gate.open()

    await hasty.aclose()
    assert isinstance(first, Unknown)
    assert isinstance(await place.store.send_new_order(prepared, again=True), Ok)
    assert len(place.orders(prepared)) == len(place.shop.office.drafts) == 1


async def test_an_index_that_lags_shows_nothing_and_begins_nothing(place: Place) -> None:
    prepared = await place.prepared()
    place.shop.office.hold_index()
    place.shop.faults.add("draftOrderCreate", Fault(FaultKind.DROP_AFTER))
    await place.store.send_new_order(prepared)

    looked = await place.store.find_new_order(prepared)
    early = await place.store.send_new_order(prepared, again=True)
    place.shop.office.release_index()
    late = await place.store.send_new_order(prepared, again=True)

    assert looked is None
    assert code_of(early) == "not_found"
    assert isinstance(late, Ok)
    assert len(place.orders(prepared)) == 1
    assert place.shop.calls["draftOrderCreate"] == 1


async def test_throttling_before_the_draft_is_proof_and_after_it_is_waited_for(place: Place) -> None:
    early, late = await place.prepared(), await place.prepared()
    place.shop.faults.add("draftOrderCreate", Fault(FaultKind.THROTTLE, seconds=0.2))
    refused = await place.store.send_new_order(early)
    place.shop.faults.add("draftOrderComplete", Fault(FaultKind.THROTTLE, seconds=0.2))

    made = await place.store.send_new_order(late)

    assert isinstance(refused, Rejected)
    assert (refused.code, refused.retryable) == ("throttled", True)
    assert place.orders(early) == []
    assert isinstance(made, Ok)
    assert len(place.orders(late)) == 1


async def test_a_draft_that_shopify_refuses_to_make_is_proof(place: Place) -> None:
    prepared = await place.prepared()
    place.shop.faults.add("draftOrderCreate", Fault(FaultKind.REFUSE, text="Not in this market"))

    answer = await place.store.send_new_order(prepared)

    assert answer == Rejected("user_errors", "Not in this market")
    assert place.shop.office.drafts == []


async def test_a_draft_that_will_not_complete_is_taken_away(place: Place) -> None:
    prepared = await place.prepared()
    place.shop.faults.add("draftOrderComplete", Fault(FaultKind.REFUSE, text="Not enough in stock"))

    answer = await place.store.send_new_order(prepared)

    assert answer == Rejected("draft_refused", "Not enough in stock")
    assert (place.shop.office.drafts, place.orders(prepared)) == ([], [])


async def test_a_refused_draft_that_stays_is_no_proof(place: Place) -> None:
    prepared = await place.prepared()
    place.shop.faults.add("draftOrderComplete", Fault(FaultKind.REFUSE))
    place.shop.faults.add("draftOrderDelete", Fault(FaultKind.REFUSE))

    answer = await place.store.send_new_order(prepared)

    assert code_of(answer) == "draft_left"
    assert isinstance(await place.store.send_new_order(prepared, again=True), Ok)
    assert len(place.orders(prepared)) == 1


async def test_a_draft_that_is_still_being_worked_on_is_waited_for(place: Place) -> None:
    prepared = await place.prepared()
    place.shop.faults.add("draftOrderCreate", Fault(FaultKind.PENDING))

    early = await place.store.send_new_order(prepared)
    place.shop.office.finish_drafts()
    late = await place.store.send_new_order(prepared, again=True)

    assert isinstance(early, Unknown)
    assert early.code == "draft_waits"
    assert isinstance(late, Ok)


async def test_a_draft_that_would_cost_something_is_never_completed(place: Place) -> None:
    prepared = await place.prepared()
    place.shop.faults.add("draftOrderCreate", Fault(FaultKind.MISBOOKED))

    answer = await place.store.send_new_order(prepared)

    assert isinstance(answer, Rejected)
    assert answer.code == "not_free"
    assert place.shop.calls["draftOrderComplete"] == 0
    assert place.shop.office.drafts == []


@pytest.mark.parametrize("operation", ["orders", "draftOrders", "order"])
async def test_a_look_that_fails_sends_nothing(place: Place, operation: str) -> None:
    prepared = await place.prepared()
    place.shop.faults.stand(operation, Fault(FaultKind.STATUS_BEFORE, status=503))

    first = await place.store.send_new_order(prepared)
    again = await place.store.send_new_order(prepared, again=True)

    assert isinstance(first, Rejected)
    assert first.retryable
    assert isinstance(again, Unknown)
    assert place.shop.calls["draftOrderCreate"] == 0


async def test_an_exchange_takes_another_variant_of_the_same_product(place: Place) -> None:
    order = place.bought()
    blue = place.shop.office.add_variant(order.id, 0, "Blue", "12.50")
    line_id = str(order.lines[0].id)

    offered = await place.store.variants(str(order.id), line_id)
    prepared = await place.store.prepare_new_order(
        NewOrderIntent(uuid4(), str(order.id), order.name, "RMA-7", (NewOrderLine(line_id, 1, str(blue)),))
    )
    answer = await place.store.send_new_order(prepared)

    assert [(one.title, one.price.text, one.price.currency, one.available) for one in offered] == [
        ("Default Title", "10.00", "EUR", True),
        ("Blue", "12.50", "EUR", True),
    ]
    assert isinstance(answer, Ok)
    (made,) = place.orders(prepared)
    assert made.total == Decimal(0)
    assert (made.lines[0].variant_id, made.lines[0].product_id) == (blue, order.lines[0].product_id)


async def test_what_is_sold_out_gone_or_of_another_product_is_refused_before_anything_is_sent(place: Place) -> None:
    order, other = place.bought(), place.shop.create_order([replace(LAMP, sku="BULB-01", title="Bulb")])
    line = NewOrderLine(str(order.lines[0].id), 1, None)
    intent = NewOrderIntent(uuid4(), str(order.id), order.name, "RMA-7", (line,))
    foreign = replace(line, variant_id=str(other.lines[0].variant_id))
    for wrong in (replace(line, quantity=4), replace(line, line_id="1"), foreign):
        with pytest.raises(NewOrderNotPossible):
            await place.store.prepare_new_order(replace(intent, lines=(wrong,)))

    place.shop.office.sell_out(order.lines[0].variant_id or 0)
    with pytest.raises(NewOrderNotPossible, match="not available"):
        await place.store.prepare_new_order(intent)
    place.shop.office.discontinue(order.lines[0].product_id or 0)
    with pytest.raises(NewOrderNotPossible, match="no longer sells"):
        await place.store.prepare_new_order(intent)
    assert await place.store.variants(str(order.id), str(order.lines[0].id)) == ()
    assert place.shop.calls["draftOrderCreate"] == 0


async def test_without_the_scope_it_is_refused_with_its_name() -> None:
    poorer = tuple(scope for scope in SCOPES if scope != "write_draft_orders")
    shop = ShopifyShop("alpha", "alpha.myshopify.com", "client-1", "secret", scopes=poorer)
    with shop, on_loopback(shop.routes()) as url:
        store = shopify_at(url)
        order = shop.create_order([LAMP])
        line = NewOrderLine(str(order.lines[0].id), 1, None)
        prepared = await store.prepare_new_order(NewOrderIntent(uuid4(), str(order.id), order.name, "", (line,)))

        answer = await store.send_new_order(prepared)
        with pytest.raises(StoreRefused, match="read_draft_orders"):
            await store.find_new_order(prepared)
        await store.aclose()

    assert isinstance(answer, Rejected)
    assert "read_draft_orders" in answer.detail
