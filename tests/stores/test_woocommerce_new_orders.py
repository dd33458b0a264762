"""New orders at the sandbox's WooCommerce site over real HTTP: an operation makes one order at most."""

from __future__ import annotations

import json
from collections.abc import AsyncIterator, Iterator
from dataclasses import replace
from uuid import UUID, uuid4

import pytest
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Mount, Route

from app.orders.normalise_woocommerce import order_from_payload
from app.outcomes import Ok, Rejected, Unknown
from app.sandbox.delivery import Courier
from app.sandbox.faults import Fault, FaultKind, Gate
from app.sandbox.server import LoopbackServer
from app.sandbox.woocommerce.auth import ApiKey
from app.sandbox.woocommerce.model import Customer, NewLine, NewOrder
from app.sandbox.woocommerce.refunds import UNFINISHED
from app.sandbox.woocommerce.site import WooSite
from app.stores.asked import NewOrderAnswer, NewOrderIntent, NewOrderLine, PreparedNewOrder
from app.stores.base import NewOrderNotPossible
from app.stores.woocommerce import WooStore
from app.stores.woocommerce_orders import OPERATION
from tests.stores.woo_samples import store

_POST = "POST /orders"
GUEST, MEMBER = Customer(), Customer(customer_id=12)


@pytest.fixture
def courier() -> Iterator[Courier]:
    with Courier() as made:
        yield made


@pytest.fixture
def site(courier: Courier) -> WooSite:
    return WooSite("alpha", "ck_test", "cs_secret", courier=courier)


@pytest.fixture
def hooks() -> list[tuple[str, bytes]]:
    return []


@pytest.fixture
def url(site: WooSite, hooks: list[tuple[str, bytes]]) -> Iterator[str]:
    async def take(request: Request) -> Response:
        if "X-WC-Webhook-Topic" in request.headers:
            hooks.append((request.headers["X-WC-Webhook-Topic"], await request.body()))
        return Response()

    routes = [Route("/hooks", take, methods=["POST"]), Mount("/alpha", routes=site.routes())]
    with LoopbackServer(Starlette(routes=routes)) as address:
        yield f"{address}/alpha"


@pytest.fixture
async def woo(url: str) -> AsyncIterator[WooStore]:
    made = store(url)
    yield made
    await made.aclose()


def bought(site: WooSite, customer: Customer = GUEST, variation: int = 0) -> str:
    mugs = NewLine("Mug", "17.99", 3, sku="MUG", product_id=93, variation_id=variation)
    return str(site.create_order(NewOrder([mugs], customer=customer)))


def intent(site: WooSite, order_id: str, units: int = 1, variant_id: str | None = None) -> NewOrderIntent:
    line_id = str(site.order(int(order_id))["line_items"][0]["id"])
    line = NewOrderLine(line_id, units, variant_id)
    return NewOrderIntent(uuid4(), order_id, f"#{order_id}", "RMA-7", (line,))


async def prepared(site: WooSite, woo: WooStore, customer: Customer = GUEST) -> PreparedNewOrder:
    return await woo.prepare_new_order(intent(site, bought(site, customer)))


def made_by(site: WooSite, operation_id: UUID) -> list[dict[str, object]]:
    return site.orders_noted(OPERATION, str(operation_id))


def code_of(answer: NewOrderAnswer) -> str:
    assert isinstance(answer, Rejected | Unknown)
    return answer.code


@pytest.mark.parametrize("customer", [GUEST, MEMBER])
async def test_a_new_order_costs_nothing_and_goes_to_the_same_customer(
    site: WooSite, courier: Courier, woo: WooStore, url: str, hooks: list[tuple[str, bytes]], customer: Customer
) -> None:
    order_id = bought(site, customer)
    site.add_webhook("order.created", url.replace("/alpha", "/hooks"), "s" * 32)
    wanted = await woo.prepare_new_order(intent(site, order_id, units=2))

    answer = await woo.send_new_order(wanted)

    (made,) = site.orders_noted(OPERATION, str(wanted.operation_id))
    before = site.order(int(order_id))
    assert isinstance(answer, Ok)
    assert (answer.value.store_order_id, answer.value.name) == (str(made["id"]), f"#{made['id']}")
    assert (made["total"], made["status"], made["customer_id"]) == ("0.00", "processing", customer.customer_id)
    assert (made["billing"], made["currency"]) == (before["billing"], before["currency"])
    assert [(line["product_id"], line["quantity"]) for line in made["line_items"]] == [(93, 2)]
    assert made["customer_note"] == f"#{order_id} RMA-7"
    assert await woo.find_new_order(wanted) == answer.value
    courier.flush()
    (told,) = [json.loads(raw) for topic, raw in hooks if topic == "order.created"]
    snapshot = order_from_payload(told)
    assert (snapshot.order_id, snapshot.total, [line.total for line in snapshot.lines]) == (str(made["id"]), 0, [0])


async def test_what_is_stored_holds_nothing_about_the_customer(site: WooSite, woo: WooStore) -> None:
    wanted = await prepared(site, woo, MEMBER)

    kept = json.dumps(wanted.payload)

    assert json.loads(kept)["lines"] == [{"product_id": 93, "variation_id": 0, "quantity": 1}]
    assert not [word for word in ("Zo", "zoe@", "nal", "Stra", "10115", "Berlin") if word in kept]


async def test_sending_twice_makes_one_order(site: WooSite, woo: WooStore) -> None:
    wanted = await prepared(site, woo)

    first, second = await woo.send_new_order(wanted), await woo.send_new_order(wanted)

    assert isinstance(first, Ok)
    assert first == second
    assert len(made_by(site, wanted.operation_id)) == 1
    assert site.calls[_POST] == 1


@pytest.mark.parametrize(
    "kind",
    [
        FaultKind.DROP_BEFORE, FaultKind.DROP_AFTER, FaultKind.STATUS_BEFORE, FaultKind.STATUS_AFTER,
        FaultKind.HTML_BEFORE, FaultKind.HTML_AFTER, FaultKind.TRUNCATE_AFTER, FaultKind.REDIRECT,
    ],
)  # fmt: skip
async def test_after_any_fault_nothing_is_begun_again(site: WooSite, woo: WooStore, kind: FaultKind) -> None:
    wanted = await prepared(site, woo)
    site.faults.add(_POST, Fault(kind))

    first = await woo.send_new_order(wanted)
    second = await woo.send_new_order(wanted, again=True)

    there = kind in (FaultKind.DROP_AFTER, FaultKind.STATUS_AFTER, FaultKind.HTML_AFTER, FaultKind.TRUNCATE_AFTER)
    assert isinstance(first, Unknown)
    assert isinstance(second, Ok) if there else code_of(second) == "not_found"
    assert len(made_by(site, wanted.operation_id)) == (1 if there else 0)
    assert site.calls[_POST] == 1


async def test_an_order_that_is_made_after_we_gave_up_is_found_later(site: WooSite, woo: WooStore, url: str) -> None:
    wanted, gate = await prepared(site, woo), Gate()
    site.faults.add(_POST, Fault(FaultKind.SLOW_AFTER, gate=gate))
    hasty = store(url, read_timeout=0.3)

    first = await hasty.send_new_order(wanted)
    gate.open()

    await hasty.aclose()
    assert isinstance(first, Unknown)
    assert first.code == "no_answer"
    assert isinstance(await woo.send_new_order(wanted, again=True), Ok)
    assert len(made_by(site, wanted.operation_id)) == 1


async def test_a_site_that_takes_no_calls_now_has_made_nothing(site: WooSite, woo: WooStore) -> None:
    wanted = await prepared(site, woo)
    site.faults.add(_POST, Fault(FaultKind.THROTTLE, seconds=7))

    answer = await woo.send_new_order(wanted)

    assert isinstance(answer, Rejected)
    assert (answer.retryable, answer.retry_after) == (True, 7.0)
    assert made_by(site, wanted.operation_id) == []


async def test_a_refusal_is_proof_only_when_the_order_is_not_there(site: WooSite, woo: WooStore) -> None:
    clean, dirty = await prepared(site, woo), await prepared(site, woo)
    site.faults.add(_POST, Fault(FaultKind.REFUSE), Fault(FaultKind.REFUSE_AFTER))

    refused, made = await woo.send_new_order(clean), await woo.send_new_order(dirty)

    assert isinstance(refused, Rejected)
    assert refused.code == "woocommerce_rest_cannot_create"
    assert isinstance(made, Ok)
    assert (len(made_by(site, clean.operation_id)), len(made_by(site, dirty.operation_id))) == (0, 1)


async def test_a_refusal_that_cannot_be_read_back_is_no_proof(site: WooSite, woo: WooStore) -> None:
    wanted = await prepared(site, woo)
    site.faults.add(_POST, Fault(FaultKind.REFUSE_AFTER))
    # The earlier order and the list are read before the POST, the list once more after it.
    quick = Fault(FaultKind.SLOW_BEFORE)
    site.faults.add("GET /orders", quick, quick, Fault(FaultKind.STATUS_BEFORE, status=503))

    answer = await woo.send_new_order(wanted)

    assert isinstance(answer, Unknown)
    assert isinstance(await woo.send_new_order(wanted, again=True), Ok)


async def test_lists_that_lag_show_nothing_and_nothing_is_begun(site: WooSite, woo: WooStore) -> None:
    wanted = await prepared(site, woo)
    site.hold_lists()
    site.faults.add(_POST, Fault(FaultKind.DROP_AFTER))
    await woo.send_new_order(wanted)

    looked = await woo.find_new_order(wanted)
    early = await woo.send_new_order(wanted, again=True)
    site.release_lists()

    assert looked is None
    assert code_of(early) == "not_found"
    assert isinstance(await woo.send_new_order(wanted, again=True), Ok)
    assert site.calls[_POST] == 1


async def test_an_order_that_broke_off_half_way_is_set_going(site: WooSite, woo: WooStore) -> None:
    wanted = await prepared(site, woo)
    site.faults.add(_POST, Fault(FaultKind.DROP_AFTER, text=UNFINISHED))
    await woo.send_new_order(wanted)

    looked = await woo.find_new_order(wanted)
    answer = await woo.send_new_order(wanted, again=True)

    assert looked is None
    assert isinstance(answer, Ok)
    (made,) = made_by(site, wanted.operation_id)
    assert made["status"] == "processing"


async def test_an_order_that_costs_something_is_no_success(site: WooSite, woo: WooStore) -> None:
    wanted = await prepared(site, woo)
    site.faults.add(_POST, Fault(FaultKind.MISBOOKED))

    answer = await woo.send_new_order(wanted)

    assert isinstance(answer, Unknown)
    assert answer.code == "not_free"
    assert await woo.find_new_order(wanted) is None


async def test_an_order_with_other_goods_is_no_success(site: WooSite, woo: WooStore) -> None:
    wanted = await prepared(site, woo)
    (line,) = wanted.payload["lines"]
    more = replace(wanted, payload={**wanted.payload, "lines": [{**line, "quantity": 2}]})
    await woo.send_new_order(more)

    answer = await woo.send_new_order(wanted, again=True)

    assert isinstance(answer, Unknown)
    assert answer.code == "other_lines"
    assert await woo.find_new_order(wanted) is None


@pytest.mark.parametrize("only_the_order", [True, False])
async def test_a_look_that_fails_sends_nothing(site: WooSite, woo: WooStore, only_the_order: bool) -> None:
    wanted = await prepared(site, woo)
    about = wanted.order_id if only_the_order else None
    site.faults.stand("GET /orders", Fault(FaultKind.STATUS_BEFORE, status=503), about)

    first, again = await woo.send_new_order(wanted), await woo.send_new_order(wanted, again=True)

    assert isinstance(first, Rejected)
    assert first.retryable
    assert isinstance(again, Unknown)
    assert site.calls[_POST] == 0


async def test_a_key_that_may_not_write_is_proof(site: WooSite, woo: WooStore, url: str) -> None:
    wanted = await prepared(site, woo)
    site.keys.add(ApiKey("ck_read", "cs_read", "read"))
    reader = store(url, consumer_key="ck_read", consumer_secret="cs_read")

    answer = await reader.send_new_order(wanted)

    await reader.aclose()
    assert isinstance(answer, Rejected)
    assert made_by(site, wanted.operation_id) == []


async def test_an_exchange_takes_another_variation_of_the_same_product(site: WooSite, woo: WooStore) -> None:
    order_id = bought(site, variation=94)
    site.products.add_variation(93, 95, "Blue", "19.5")
    wanted = await woo.prepare_new_order(intent(site, order_id, variant_id="95"))

    offered = await woo.variants(order_id, intent(site, order_id).lines[0].line_id)
    answer = await woo.send_new_order(wanted)

    assert [(one.variant_id, one.title, one.price.text, one.available) for one in offered] == [
        ("94", "Mug", "17.99", True),
        ("95", "Blue", "19.50", True),
    ]
    assert isinstance(answer, Ok)
    (made,) = site.orders_noted(OPERATION, str(wanted.operation_id))
    assert [(line["product_id"], line["variation_id"]) for line in made["line_items"]] == [(93, 95)]


async def test_what_is_sold_out_gone_or_of_another_product_is_refused_before_anything_is_sent(
    site: WooSite, woo: WooStore
) -> None:
    order_id = bought(site)
    wanted = intent(site, order_id)
    (line,) = wanted.lines
    for wrong in (replace(line, quantity=4), replace(line, line_id="99999"), replace(line, variant_id="95")):
        with pytest.raises(NewOrderNotPossible):
            await woo.prepare_new_order(replace(wanted, lines=(wrong,)))

    site.products.sell_out(93)
    with pytest.raises(NewOrderNotPossible, match="not available"):
        await woo.prepare_new_order(wanted)
    site.products.discontinue(93)
    with pytest.raises(NewOrderNotPossible, match="no longer sells"):
        await woo.prepare_new_order(wanted)
    assert await woo.variants(order_id, line.line_id) == ()
    assert site.calls[_POST] == 0
