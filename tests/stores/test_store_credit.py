"""Store credit as a refund's target, on both platforms: given once, for exactly the amount."""

from __future__ import annotations

import json
from collections.abc import AsyncIterator, Iterator
from dataclasses import replace
from decimal import Decimal
from uuid import uuid4

import pytest
import respx

from app.money import Money
from app.orders.marker import marker_for
from app.orders.snapshot import OrderSnapshot, RefundState
from app.outcomes import Ok, Rejected, Unknown
from app.sandbox.faults import Fault, FaultKind, Gate
from app.sandbox.shopify.book import LineSpec
from app.sandbox.shopify.shop import ShopifyShop
from app.sandbox.woocommerce.model import Customer, NewLine, NewOrder
from app.sandbox.woocommerce.site import WooSite
from app.stores.asked import PreparedRefund, RefundIntent, RefundLine, RefundMethod
from app.stores.base import RefundNotPossible, StoreRefused
from app.stores.shopify import ShopifyStore
from app.stores.woocommerce import WooStore
from app.stores.woocommerce_credit import new_code
from tests.orders.shopify_bodies import bag
from tests.stores.sandboxes import on_loopback, shopify_at, woo_site
from tests.stores.shopify_shop import Shop, an_intent, an_order, data, make_store, suggestion
from tests.stores.woo_samples import store

CREDIT = RefundMethod.STORE_CREDIT
_POST = "POST /coupons"
LAMP = LineSpec(sku="LAMP-01", title="Lamp", vendor="Acme", price="10.00", quantity=3, tax_rate="0.20")


def credit(order: OrderSnapshot, minor: int, units: int = 0) -> RefundIntent:
    lines = (RefundLine(order.lines[0].line_id, units, minor),) if units else ()
    amount = Money(minor, order.currency, order.exponent)
    return RefundIntent(uuid4(), order.order_id, amount, lines, (), "changed my mind", notify=True, method=CREDIT)


# Shopify


@pytest.fixture
def shop() -> Iterator[ShopifyShop]:
    with ShopifyShop("alpha", "alpha.myshopify.com", "client-1", "secret") as made:
        yield made


@pytest.fixture
async def shopify(shop: ShopifyShop) -> AsyncIterator[ShopifyStore]:
    with on_loopback(shop.routes()) as url:
        made = shopify_at(url)
        yield made
        await made.aclose()


async def read(made: ShopifyStore | WooStore, order_id: object) -> OrderSnapshot:
    found = await made.read_order(str(order_id))
    assert found is not None
    return found


async def test_shopify_gives_credit_in_the_customers_currency_and_sends_no_money_back(
    shop: ShopifyShop, shopify: ShopifyStore
) -> None:
    made = shop.create_order([LAMP], currency="USD", rate="1.1")
    order = await read(shopify, made.id)
    intent = credit(order, 1000, units=1)

    prepared = await shopify.prepare_refund(intent, order)
    first, again = await shopify.send_refund(prepared), await shopify.send_refund(prepared)

    request = prepared.payload["input"]
    assert request["refundMethods"] == [{"storeCreditRefund": {"amount": {"amount": "10.00", "currencyCode": "USD"}}}]
    assert "transactions" not in request
    assert isinstance(first, Ok)
    assert first == again
    assert (first.value.state, first.value.amount, first.value.code) == (RefundState.SUCCEEDED, intent.amount, None)
    assert shop.office.credited_total(made.id) == Decimal(10)
    assert len(shop.refunds(made.id)) == 1
    (seen,) = (await read(shopify, made.id)).refunds or ()
    assert (seen.operation, seen.amount, seen.state) == (str(intent.refund_id), 1000, RefundState.SUCCEEDED)


@pytest.mark.parametrize("kind", [FaultKind.DROP_AFTER, FaultKind.STATUS_AFTER, FaultKind.TRUNCATE_AFTER])
async def test_shopify_gives_it_once_after_a_lost_answer(
    shop: ShopifyShop, shopify: ShopifyStore, kind: FaultKind
) -> None:
    made = shop.create_order([LAMP])
    order = await read(shopify, made.id)
    prepared = await shopify.prepare_refund(credit(order, 500), order)
    shop.faults.add("refundCreate", Fault(kind))

    lost, found = await shopify.send_refund(prepared), await shopify.send_refund(prepared)

    assert isinstance(lost, Unknown)
    assert isinstance(found, Ok)
    assert shop.office.credited_total(made.id) == Decimal(5)
    assert {call.key for call in shop.money_calls} == {str(prepared.refund_id)}


@pytest.mark.parametrize(
    ("kind", "state"), [(FaultKind.MISBOOKED, RefundState.UNCLEAR), (FaultKind.NO_MONEY, RefundState.NO_MONEY)]
)
async def test_shopify_credit_of_another_amount_is_no_success(
    shop: ShopifyShop, shopify: ShopifyStore, kind: FaultKind, state: RefundState
) -> None:
    order = await read(shopify, shop.create_order([LAMP]).id)
    shop.faults.add("refundCreate", Fault(kind))

    answer = await shopify.send_refund(await shopify.prepare_refund(credit(order, 500), order))

    assert isinstance(answer, Ok)
    assert answer.value.state is state


@respx.mock
async def test_less_credit_than_the_refund_is_left_to_a_person(respx_mock: respx.MockRouter) -> None:
    answer = json.loads(suggestion("20.00").content)
    answer["data"]["order"]["suggestedRefund"]["suggestedRefundMethods"] = [{"maximumRefundable": bag("7.00", "7.00")}]
    asked = Shop(respx_mock).on("SuggestedRefund", data("order", answer["data"]["order"]))

    with pytest.raises(RefundNotPossible, match=r"7\.00"):
        await make_store().prepare_refund(an_intent(method=CREDIT), an_order())

    assert asked.asked("SuggestedRefund")[0]["alloc"] == "STORE_CREDIT"


@respx.mock
async def test_shopify_credit_that_does_not_add_up_is_never_sent(respx_mock: respx.MockRouter) -> None:
    asked = Shop(respx_mock).on("SuggestedRefund", suggestion("20.00"))
    prepared = await make_store().prepare_refund(an_intent(method=CREDIT), an_order())

    answer = await make_store().send_refund(replace(prepared, amount=prepared.amount.with_minor(1)))

    assert isinstance(answer, Rejected)
    assert answer.code == "payload_mismatch"
    assert asked.asked("RefundCreate") == []


@respx.mock
async def test_shopify_without_anything_left_gives_no_credit(respx_mock: respx.MockRouter) -> None:
    Shop(respx_mock).on("SuggestedRefund", suggestion("0.00"))

    with pytest.raises(RefundNotPossible, match="store credit"):
        await make_store().prepare_refund(an_intent(method=CREDIT), an_order())


# WooCommerce


@pytest.fixture
def site() -> Iterator[WooSite]:
    with woo_site(prices_include_tax=True) as made:
        yield made


def place(site: WooSite, **changes: object) -> str:
    return str(site.create_order(replace(NewOrder([NewLine("Mug", "17.99", 3, sku="MUG")]), **changes)))  # type: ignore[arg-type]


async def prepared_at(site: WooSite, woo: WooStore, minor: int = 1999) -> PreparedRefund:
    order = await read(woo, place(site))
    return await woo.prepare_refund(credit(order, minor), order)


async def test_a_coupon_is_the_credit_and_only_the_customer_may_use_it(site: WooSite, woo: WooStore) -> None:
    prepared = await prepared_at(site, woo)

    first, again = await woo.send_refund(prepared), await woo.send_refund(prepared)

    (coupon,) = site.coupons.coupons
    assert isinstance(first, Ok)
    assert first == again
    proof = first.value
    assert (proof.state, proof.amount, proof.code) == (RefundState.SUCCEEDED, prepared.amount, coupon.code)
    assert proof.store_refund_id == str(coupon.coupon_id)
    assert (coupon.discount_type, coupon.amount, coupon.usage_limit) == ("fixed_cart", "19.99", 1)
    assert coupon.email_restrictions == ("zoe@example.test",)
    assert marker_for(prepared.refund_id) in coupon.shown["description"]
    assert site.calls[_POST] == 1
    assert site.money_calls == []


async def test_what_is_stored_of_a_coupon_holds_nothing_about_the_customer(site: WooSite, woo: WooStore) -> None:
    prepared = await prepared_at(site, woo)

    assert "@" not in json.dumps(prepared.payload)


async def test_nobody_who_knows_the_refund_knows_its_code(site: WooSite, woo: WooStore) -> None:
    order = await read(woo, place(site))
    intent = credit(order, 1999)

    one, other = await woo.prepare_refund(intent, order), await woo.prepare_refund(intent, order)

    assert one.payload["code"] != other.payload["code"]


def test_a_code_is_new_each_time_and_can_be_typed() -> None:
    codes = {new_code() for _ in range(50)}

    assert len(codes) == 50
    assert all(len(code) == 22 and code == code.lower() and code.startswith("mg-") for code in codes)


@pytest.mark.parametrize(
    "kind",
    [
        FaultKind.DROP_BEFORE, FaultKind.DROP_AFTER, FaultKind.STATUS_BEFORE, FaultKind.STATUS_AFTER,
        FaultKind.HTML_BEFORE, FaultKind.HTML_AFTER, FaultKind.TRUNCATE_AFTER, FaultKind.REDIRECT,
    ],
)  # fmt: skip
async def test_after_any_fault_the_same_request_makes_one_coupon(site: WooSite, woo: WooStore, kind: FaultKind) -> None:
    prepared = await prepared_at(site, woo)
    site.faults.add(_POST, Fault(kind))

    first, second = await woo.send_refund(prepared), await woo.send_refund(prepared)

    assert isinstance(first, Unknown)
    assert isinstance(second, Ok)
    assert [coupon.amount for coupon in site.coupons.coupons] == ["19.99"]


async def test_a_coupon_that_is_made_after_we_gave_up_is_found_later(site: WooSite, woo: WooStore) -> None:
    hasty, gate = store(site.url, read_timeout=0.3), Gate()
    prepared = await prepared_at(site, woo)
    site.faults.add(_POST, Fault(FaultKind.SLOW_AFTER, gate=gate))

    first = await hasty.send_refund(prepared)
    gate.open()
    second = await woo.send_refund(prepared)

    await hasty.aclose()
    assert isinstance(first, Unknown)
    assert isinstance(second, Ok)
    assert len(site.coupons.coupons) == 1


async def test_a_site_that_takes_no_calls_now_has_made_no_coupon(site: WooSite, woo: WooStore) -> None:
    prepared = await prepared_at(site, woo)
    site.faults.add(_POST, Fault(FaultKind.THROTTLE, seconds=7))

    answer = await woo.send_refund(prepared)

    assert isinstance(answer, Rejected)
    assert (answer.retryable, answer.retry_after) == (True, 7.0)
    assert site.coupons.coupons == []


async def test_a_look_that_fails_sends_nothing(site: WooSite, woo: WooStore) -> None:
    prepared = await prepared_at(site, woo)
    site.faults.add("GET /coupons", Fault(FaultKind.STATUS_BEFORE, status=503))

    failed = await woo.send_refund(prepared)

    assert isinstance(failed, Rejected)
    assert (failed.code, failed.retryable) == ("not_sent", True)
    assert site.calls[_POST] == 0
    assert isinstance(await woo.send_refund(prepared), Ok)


async def test_a_code_that_is_there_already_is_read_back(site: WooSite, woo: WooStore) -> None:
    """The look saw an older state of the store, so the POST is refused as a repetition."""
    prepared = await prepared_at(site, woo)
    await woo.send_refund(prepared)
    site.coupons.hide_once()

    answer = await woo.send_refund(prepared)

    assert isinstance(answer, Ok)
    assert site.calls[_POST] == 2
    assert len(site.coupons.coupons) == 1


async def test_a_coupon_worth_something_else_is_no_success(site: WooSite, woo: WooStore) -> None:
    prepared = await prepared_at(site, woo)
    site.faults.add(_POST, Fault(FaultKind.MISBOOKED))

    answers = [await woo.send_refund(prepared) for _ in range(2)]

    assert [answer.code for answer in answers if isinstance(answer, Unknown)] == ["coupon_differs", "coupon_differs"]
    assert site.calls[_POST] == 1


@pytest.mark.parametrize(
    "changes", [{"description": "by hand"}, {"discount_type": "fixed_product"}, {"amount": "1.00"}]
)
async def test_somebody_elses_coupon_with_the_code_is_no_success(
    site: WooSite, woo: WooStore, changes: dict[str, str]
) -> None:
    prepared = await prepared_at(site, woo)

    await woo.send_refund(replace(prepared, payload={**prepared.payload, **changes}))
    answer = await woo.send_refund(prepared)

    assert isinstance(answer, Unknown)
    assert answer.code == "coupon_differs"
    assert site.calls[_POST] == 1


async def test_a_refusal_is_proof_only_when_the_coupon_is_not_there(site: WooSite, woo: WooStore) -> None:
    clean, dirty = await prepared_at(site, woo), await prepared_at(site, woo)
    site.faults.add(_POST, Fault(FaultKind.REFUSE), Fault(FaultKind.REFUSE_AFTER))

    refused, made = await woo.send_refund(clean), await woo.send_refund(dirty)

    assert isinstance(refused, Rejected)
    assert refused.code == "woocommerce_rest_cannot_create"
    assert isinstance(made, Ok)
    assert len(site.coupons.coupons) == 1


async def test_a_coupon_that_cannot_be_bound_to_the_customer_is_not_made(site: WooSite, woo: WooStore) -> None:
    order = await read(woo, place(site, customer=Customer(email="")))

    answer = await woo.send_refund(await woo.prepare_refund(credit(order, 500), order))

    assert isinstance(answer, Rejected)
    assert answer.code == "no_email"
    assert site.coupons.coupons == []


async def test_an_order_in_another_currency_gets_no_coupon(site: WooSite, woo: WooStore) -> None:
    order = await read(woo, place(site, currency="USD"))

    with pytest.raises(RefundNotPossible, match="not in USD"):
        await woo.prepare_refund(credit(order, 500), order)


async def test_a_store_that_does_not_tell_its_currency_gets_no_coupon(site: WooSite, woo: WooStore) -> None:
    order = await read(woo, place(site))
    site.faults.add("GET /settings", Fault(FaultKind.STATUS_BEFORE, status=403))

    with pytest.raises(StoreRefused):
        await woo.prepare_refund(credit(order, 500), order)


@pytest.mark.parametrize("minor", [0, 5398])
async def test_no_more_credit_than_was_paid(site: WooSite, woo: WooStore, minor: int) -> None:
    order = await read(woo, place(site))
    assert order.total == 5397

    with pytest.raises(RefundNotPossible):
        await woo.prepare_refund(credit(order, minor), order)


async def test_a_coupon_where_prices_are_without_tax_would_be_worth_more_than_the_refund() -> None:
    with woo_site() as plain:
        made = store(plain.url)
        taxed, untaxed = await read(made, place(plain)), await read(made, _untaxed(plain))
        with pytest.raises(RefundNotPossible, match="a person decides"):
            await made.prepare_refund(credit(taxed, 500), taxed)
        prepared = await made.prepare_refund(credit(untaxed, 500), untaxed)
        await made.aclose()
    assert prepared.amount.minor == 500


def _untaxed(site: WooSite) -> str:
    return place(site, lines=[NewLine("Mug", "17.99", 3, sku="MUG", rates=())])
