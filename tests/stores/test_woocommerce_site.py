"""The adapter against the sandbox's WooCommerce site over real HTTP: what it says and what the gateway really paid."""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterator
from decimal import Decimal

import pytest

from app.money import Money, units_share
from app.orders.snapshot import OrderSnapshot, RefundState
from app.outcomes import Ok, Rejected, Unknown
from app.sandbox.delivery import Courier
from app.sandbox.faults import Fault, FaultKind
from app.sandbox.woocommerce.auth import ApiKey
from app.sandbox.woocommerce.model import NewExtra, NewLine, NewOrder
from app.sandbox.woocommerce.site import WooSite
from app.stores.asked import RefundExtra, RefundIntent, RefundLine
from app.stores.woocommerce import WooStore
from app.stores.woocommerce_webhooks import TOPICS
from tests.stores.sandboxes import on_loopback
from tests.stores.woo_samples import REFUND_ID, store

_POST = "POST /orders/refunds"
_CALLBACK = "http://127.0.0.1:9/webhooks/woocommerce/alpha"


@pytest.fixture
def site() -> Iterator[WooSite]:
    with Courier() as courier:
        yield WooSite("alpha", "ck_test", "cs_secret", courier=courier)


@pytest.fixture
def url(site: WooSite) -> Iterator[str]:
    with on_loopback(site.routes()) as address:
        yield address


@pytest.fixture
async def woo(url: str) -> AsyncIterator[WooStore]:
    made = store(url)
    yield made
    await made.aclose()


def place(site: WooSite, gateway: str = "stripe", number: str | None = None) -> str:
    """Three mugs with shipping, both with 19 % tax."""
    mugs, post = NewLine("Mug", "17.99", 3, sku="MUG"), NewExtra("Flat", "4.90")
    return str(site.create_order(NewOrder([mugs], [post], gateway=gateway, number=number)))


async def read(woo: WooStore, order_id: str) -> OrderSnapshot:
    found = await woo.read_order(order_id)
    assert found is not None
    return found


async def named(woo: WooStore, number: str) -> OrderSnapshot:
    found = await woo.find_order(number)
    assert found is not None
    return found


def one_mug(order: OrderSnapshot, shipping: bool = False) -> RefundIntent:
    mug, post = order.lines[0], order.extras[0]
    tax = units_share(mug.tax, mug.quantity, 0, 1)
    net = units_share(mug.total - mug.tax, mug.quantity, 0, 1)
    line = RefundLine(mug.line_id, 1, net + tax, tax, dict.fromkeys(mug.taxes, tax))
    extras = (RefundExtra(post.line_id, post.kind, post.total, post.tax, post.taxes),) if shipping else ()
    amount = Money(line.total + sum(extra.total for extra in extras), order.currency, order.exponent)
    return RefundIntent(REFUND_ID, order.order_id, amount, (line,), extras, "broken", notify=False)


async def test_a_refund_through_the_gateway(site: WooSite, woo: WooStore) -> None:
    order = await read(woo, place(site))
    answer = await woo.send_refund(await woo.prepare_refund(one_mug(order, shipping=True), order))
    assert isinstance(answer, Ok)
    assert (answer.value.state, answer.value.detail) == (RefundState.SUCCEEDED, "")
    assert site.paid_out(int(order.order_id)) == Decimal(answer.value.amount.text)
    (call,) = site.money_calls
    assert (call.client_errors, call.outcome) == ((), "created")
    (seen,) = (await read(woo, order.order_id)).refunds or ()
    assert (seen.store_refund_id, seen.operation) == (answer.value.store_refund_id, str(REFUND_ID))
    assert (seen.amount, seen.state) == (answer.value.amount.minor, RefundState.SUCCEEDED)
    assert seen.lines == {order.lines[0].line_id: 1}
    assert seen.extras == {order.extras[0].line_id: order.extras[0].total}


async def test_a_refund_of_an_order_paid_by_bank(site: WooSite, woo: WooStore) -> None:
    order = await read(woo, place(site, "bacs"))
    answer = await woo.send_refund(await woo.prepare_refund(one_mug(order), order))
    assert isinstance(answer, Ok)
    assert answer.value.state is RefundState.SUCCEEDED
    assert site.gateway_payouts == []
    (seen,) = (await read(woo, order.order_id)).refunds or ()
    assert seen.state is RefundState.SUCCEEDED


async def test_an_old_release_that_does_not_tell_the_payment(site: WooSite, woo: WooStore) -> None:
    site.omit_refunded_payment()
    order = await read(woo, place(site))
    answer = await woo.send_refund(await woo.prepare_refund(one_mug(order), order))
    assert isinstance(answer, Ok)
    assert answer.value.state is RefundState.SUCCEEDED
    assert len(site.money_calls) == 1


@pytest.mark.parametrize(
    ("kind", "found"),
    [
        (FaultKind.DROP_BEFORE, False),
        (FaultKind.DROP_AFTER, True),
        (FaultKind.STATUS_BEFORE, False),
        (FaultKind.STATUS_AFTER, True),
        (FaultKind.HTML_BEFORE, False),
        (FaultKind.HTML_AFTER, True),
        (FaultKind.TRUNCATE_AFTER, True),
        (FaultKind.THROTTLE, False),
        (FaultKind.REFUSE, False),
        (FaultKind.DELETED_AFTER, False),
    ],
)
async def test_an_unknown_outcome_is_told_by_the_marker(
    site: WooSite, woo: WooStore, kind: FaultKind, found: bool
) -> None:
    order = await read(woo, place(site))
    site.faults.add(_POST, Fault(kind))
    answer = await woo.send_refund(await woo.prepare_refund(one_mug(order), order))
    assert isinstance(answer, Unknown)
    assert len(site.money_calls) == 1
    seen = (await read(woo, order.order_id)).refunds or ()
    assert [refund.operation for refund in seen] == ([str(REFUND_ID)] if found else [])
    paid = found or kind is FaultKind.DELETED_AFTER
    assert bool(site.paid_out(int(order.order_id))) == paid


async def test_a_gateway_that_has_not_confirmed(site: WooSite, woo: WooStore) -> None:
    order = await read(woo, place(site))
    site.faults.add(_POST, Fault(FaultKind.PENDING))
    answer = await woo.send_refund(await woo.prepare_refund(one_mug(order), order))
    assert isinstance(answer, Ok)
    assert answer.value.state is RefundState.UNCLEAR


async def test_a_redirect_moves_nothing(site: WooSite, woo: WooStore) -> None:
    order = await read(woo, place(site))
    site.faults.add(_POST, Fault(FaultKind.REDIRECT))
    answer = await woo.send_refund(await woo.prepare_refund(one_mug(order), order))
    assert isinstance(answer, Unknown)
    assert answer.code == "redirected"
    assert site.gateway_payouts == []


async def test_an_erased_order(site: WooSite, woo: WooStore) -> None:
    order = await read(woo, place(site))
    site.erase(int(order.order_id))
    answer = await woo.send_refund(await woo.prepare_refund(one_mug(order), order))
    assert isinstance(answer, Rejected)
    assert answer.code == "woocommerce_rest_invalid_order_id"
    assert await woo.read_order(order.order_id) is None


async def test_refunds_of_the_merchant_are_money(site: WooSite, woo: WooStore) -> None:
    order_id = place(site)
    by_hand = site.refund_by_hand(int(order_id), amount="5.00", reason="goodwill")
    (seen,) = (await read(woo, order_id)).refunds or ()
    assert (seen.store_refund_id, seen.amount, seen.state) == (str(by_hand), 500, RefundState.SUCCEEDED)
    assert seen.operation is None


async def test_the_printed_number_of_a_plugin(site: WooSite, woo: WooStore) -> None:
    first = place(site, number="SH-1106")
    second = place(site, number=first)
    assert (await named(woo, "#SH-1106")).order_id == first
    assert (await named(woo, first)).order_id == second


async def test_a_bin_is_no_grave(site: WooSite, woo: WooStore) -> None:
    order_id = place(site)
    site.trash(int(order_id))
    assert (await read(woo, order_id)).status == "trash"


async def test_the_doctor(site: WooSite, woo: WooStore, url: str) -> None:
    # Mounted here, the site still says what it was made with: that is how a copy looks.
    assert [finding.code for finding in await woo.check() if not finding.ok] == ["store_clone"]
    for permission, words in (("read", "may read but not write"), ("write", "may write but not read")):
        site.keys.add(ApiKey(f"ck_{permission}", "cs_other", permission))
        limited = store(url, consumer_key=f"ck_{permission}", consumer_secret="cs_other")
        assert any(words in finding.detail for finding in await limited.check() if not finding.ok)
        await limited.aclose()
    wrong = store(url, consumer_secret="cs_wrong")
    assert any("secret is wrong" in finding.detail for finding in await wrong.check() if not finding.ok)
    await wrong.aclose()


async def test_webhooks_are_made_and_mended(site: WooSite, woo: WooStore) -> None:
    assert len(await woo.sync_subscriptions(_CALLBACK)) == len(TOPICS)
    made = await woo.list_subscriptions()
    assert {(hook.topic, hook.url, hook.active) for hook in made} == {(topic, _CALLBACK, True) for topic in TOPICS}
    site.webhooks.hooks[int(made[0].subscription_id)].status = "disabled"
    (change,) = await woo.sync_subscriptions(_CALLBACK)
    assert change == f"Created the webhook {made[0].topic} anew: the store had disabled it after failed deliveries."
    assert int(made[0].subscription_id) not in site.webhooks.hooks
    assert await woo.sync_subscriptions(_CALLBACK) == []
    assert await woo.wanted_topics() == TOPICS
