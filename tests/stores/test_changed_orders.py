"""Listing what changed, against the sandbox's shop and site over real HTTP: nothing is left out while orders change."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable, Iterator
from datetime import UTC, datetime, timedelta

import pytest

from app.clock import MovableClock
from app.sandbox.faults import Fault, FaultKind
from app.sandbox.shopify.book import LineSpec
from app.sandbox.shopify.shop import ShopifyShop
from app.sandbox.woocommerce.model import NewLine, NewOrder
from app.sandbox.woocommerce.site import WooSite
from app.stores.base import Store, StoreRefused, StoreUnavailable
from app.stores.shopify import ShopifyStore
from app.stores.woocommerce import WooStore
from tests.stores.sandboxes import on_loopback, shopify_at, woo_site

LAMP = LineSpec(sku="LAMP-01", title="Lamp", price="10.00", vendor="Acme")


@pytest.fixture
def clock() -> MovableClock:
    return MovableClock()


@pytest.fixture
def site(clock: MovableClock) -> Iterator[WooSite]:
    with woo_site(clock=clock) as made:
        yield made


@pytest.fixture
def shop(clock: MovableClock) -> Iterator[ShopifyShop]:
    with ShopifyShop("alpha", "alpha.myshopify.com", "client-1", "hush", access_token="shpat_1", clock=clock) as made:
        yield made


@pytest.fixture
async def shopify(shop: ShopifyShop) -> AsyncIterator[ShopifyStore]:
    with on_loopback(shop.routes()) as url:
        made = shopify_at(url, client_id=None, client_secret="hush", access_token="shpat_1")
        yield made
        await made.aclose()


async def walked(store: Store, since: datetime, between: Callable[[], None] | None = None) -> list[list[str]]:
    """The ids on each page of a walk; `between` is called after the first."""
    pages, cursor = [], None
    while True:
        page = await store.changed_orders(since, cursor)
        pages.append([glance.order_id for glance in page.orders])
        if between is not None and len(pages) == 1:
            between()
        cursor = page.next_cursor
        if cursor is None:
            return pages


def sell(site: WooSite, clock: MovableClock, count: int) -> list[int]:
    """Orders that were placed a second apart."""
    made = []
    for _ in range(count):
        clock.move(timedelta(seconds=1))
        made.append(site.create_order(NewOrder([NewLine("Mug", "20.00", 1, "ACME-MUG")])))
    return made


async def test_an_order_that_changes_during_a_walk_pushes_none_out(
    site: WooSite, woo: WooStore, clock: MovableClock
) -> None:
    since = clock.now()
    made = sell(site, clock, 60)

    def change() -> None:
        for order_id in made[:5]:
            clock.move(timedelta(seconds=1))
            site.touch(order_id)

    pages = await walked(woo, since, change)
    seen = [int(order_id) for page in pages for order_id in page]
    assert set(seen) == set(made)
    assert [len(page) for page in pages[:1]] == [50]
    # Those that changed come again, at the end; only the order at the seam is listed twice for nothing.
    assert sorted({order_id for order_id in seen if seen.count(order_id) > 1}) == [*made[:5], made[49]]


async def test_more_orders_of_one_second_than_fit_on_a_page(site: WooSite, woo: WooStore) -> None:
    moment = datetime.now(UTC).replace(microsecond=0) - timedelta(minutes=5)
    made = [site.create_order(NewOrder([NewLine("Mug", "20.00", 1, "ACME-MUG")])) for _ in range(120)]
    for order in site._state.orders.values():
        order.modified_at = moment
    pages = await walked(woo, moment - timedelta(minutes=5))
    seen = [int(order_id) for page in pages for order_id in page]
    assert set(seen) == set(made)
    assert [len(page) for page in pages] == [50, 50, 50, 20, 0]


async def test_what_lies_in_the_trash_is_listed_too_and_what_is_older_is_not(
    site: WooSite, woo: WooStore, clock: MovableClock
) -> None:
    made = sell(site, clock, 3)
    clock.move(timedelta(hours=1))
    site.trash(made[0])
    site.touch(made[1])
    page = await woo.changed_orders(clock.now() - timedelta(minutes=5), None)
    assert [glance.order_id for glance in page.orders] == [str(made[1])]
    rest = await woo.changed_orders(clock.now() - timedelta(minutes=5), page.next_cursor)
    (glance,) = rest.orders
    assert glance.snapshot is not None
    assert (glance.order_id, glance.snapshot.status, rest.next_cursor) == (str(made[0]), "trash", None)


async def test_a_cursor_that_is_not_ours_is_refused(woo: WooStore) -> None:
    with pytest.raises(StoreRefused):
        await woo.changed_orders(datetime.now(UTC), "nonsense")


async def test_a_shop_order_that_changes_during_a_walk_pushes_none_out(
    shop: ShopifyShop, shopify: ShopifyStore, clock: MovableClock
) -> None:
    since = clock.now()
    made = []
    for _ in range(60):
        clock.move(timedelta(seconds=1))
        made.append(shop.create_order([LAMP]).id)

    def change() -> None:
        # The one that the cursor names is among them.
        for order_id in made[20:25]:
            clock.move(timedelta(seconds=1))
            shop.cancel_order(order_id)

    pages = await walked(shopify, since, change)
    seen = [int(order_id) for page in pages for order_id in page]
    assert set(seen) == set(made)
    assert [len(page) for page in pages] == [25, 25, 15]
    assert sorted({order_id for order_id in seen if seen.count(order_id) > 1}) == made[20:25]


async def test_a_shop_lists_refunds_and_its_newest_returns(
    shop: ShopifyShop, shopify: ShopifyStore, clock: MovableClock
) -> None:
    old = shop.create_order([LAMP])
    clock.move(timedelta(hours=1))
    since = clock.now()
    order = shop.create_order([LineSpec(sku="LAMP-01", title="Lamp", price="10.00", vendor="Acme", quantity=3)])
    shop.fulfil(order.id)
    asked = shop.request_return(order.id, {order.lines[0].id: 1})
    with shop.lock:
        shop.returns.decline(asked.id, "OTHER", "worn")
    newer = shop.request_return(order.id, {order.lines[0].id: 1})
    refund = shop.refund_by_hand(order.id, {order.lines[0].id: 1})
    (glance,) = (await shopify.changed_orders(since, None)).orders
    assert old.id != order.id
    assert (glance.order_id, glance.snapshot, glance.refund_ids) == (str(order.id), None, frozenset({str(refund.id)}))
    assert [(one.return_id, one.status, one.note) for one in glance.returns] == [
        (str(newer.id), "requested", None),
        (str(asked.id), "declined", "worn"),
    ]


async def test_a_shop_that_throttles_is_asked_once(shop: ShopifyShop, shopify: ShopifyStore) -> None:
    shop.faults.add("orders", *[Fault(FaultKind.THROTTLE, seconds=7)] * 2)
    for _ in range(2):
        with pytest.raises(StoreUnavailable) as told:
            await shopify.changed_orders(datetime.now(UTC), None)
        assert told.value.retry_after == pytest.approx(7, abs=0.1)
    assert (await shopify.changed_orders(datetime.now(UTC), None)).orders == ()
