"""Suggested products: kept by others who bought the same, in this store, three at most."""

from __future__ import annotations

from dataclasses import replace

import pytest
from httpx import AsyncClient
from sqlalchemy import select

from app.orders.models import Order
from app.orders.snapshot import Line
from app.runtime import Runtime
from app.thanks.suggestions import suggestions_for
from tests.api.kit import keep, order_of, submit

LAMP = Line("1", "Lamp", 1, 2500, sku="LAMP-01", vendor="Acme", product_id="7")


def product(number: int, **more: object) -> Line:
    return replace(Line(str(number), f"Thing {number}", 1, 1000, product_id=str(number)), **more)  # type: ignore[arg-type]


async def bought(runtime: Runtime, number: int, *lines: Line, store: str = "alpha") -> None:
    snapshot = order_of(order_id=str(number), number=f"#{number}")
    await keep(runtime, replace(snapshot, lines=lines, refunds=()), store)


async def suggested(runtime: Runtime, number: int, store: str = "alpha") -> list[tuple[str, str | None]]:
    async with runtime.work() as work:
        order = (await work.session.scalars(select(Order).where(Order.order_id == str(number)))).one()
        found = await suggestions_for(work, order)
    return [(one.title, one.url) for one in found]


async def test_what_others_bought_beside_it_is_suggested_the_most_often_first(runtime: Runtime) -> None:
    await bought(runtime, 1, LAMP)
    for number in (2, 3, 4):
        await bought(runtime, number, LAMP, product(10), product(11) if number > 2 else product(12))
    await bought(runtime, 5, product(13), product(14))
    titles = [title for title, _ in await suggested(runtime, 1)]
    # One customer's taste is no advice, and nobody who bought 13 bought a lamp.
    assert titles == ["Thing 10", "Thing 11"]


async def test_three_at_most_and_never_what_the_customer_has(runtime: Runtime) -> None:
    await bought(runtime, 1, LAMP, product(10))
    for number in (2, 3):
        await bought(runtime, number, LAMP, *(product(each) for each in (10, 11, 12, 13, 14)))
    titles = [title for title, _ in await suggested(runtime, 1)]
    assert len(titles) == 3
    assert "Thing 10" not in titles
    assert "Lamp" not in titles


async def test_what_others_sent_back_is_not_suggested(client: AsyncClient, runtime: Runtime) -> None:
    await bought(runtime, 1, LAMP)
    for number in (2, 3):
        await bought(runtime, number, LAMP, product(10, vendor="Acme"))
        wanted = {"line_id": "10", "quantity": 1, "reason": "defective"}
        await submit(client, wanted, order=f"#{number}")
    assert await suggested(runtime, 1) == []


async def test_gift_cards_other_stores_and_orders_without_products_suggest_nothing(runtime: Runtime) -> None:
    await bought(runtime, 1, LAMP)
    for number in (2, 3):
        await bought(runtime, number, LAMP, product(10, gift_card=True), product(11, product_id=None))
    for number in (4, 5):
        await bought(runtime, number, LAMP, product(12), store="beta")
    await bought(runtime, 6, replace(LAMP, product_id=None))
    assert await suggested(runtime, 1) == []
    assert await suggested(runtime, 6) == []


@pytest.mark.parametrize(
    ("store", "url"),
    [
        ("alpha", "https://alpha.myshopify.com/search?type=product&q=Thing+10"),
        ("beta", "http://127.0.0.1:9/?post_type=product&p=10"),
    ],
)
async def test_a_suggestion_leads_to_the_shop(runtime: Runtime, store: str, url: str) -> None:
    await bought(runtime, 1, LAMP, store=store)
    for number in (2, 3):
        await bought(runtime, number, LAMP, product(10), store=store)
    assert await suggested(runtime, 1, store) == [("Thing 10", url)]
