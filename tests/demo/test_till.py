"""How stories are judged: by the stores' books, and every difference is named."""

from __future__ import annotations

from collections.abc import Iterator
from decimal import Decimal

import pytest

from app.demo.run import STORIES
from app.demo.scene import Scene
from app.demo.story import Ending, Played, PlayedCase, Story
from app.demo.till import Payment, Till, differences
from app.sandbox.shopify.book import LineSpec
from app.sandbox.woocommerce.model import NewLine, NewOrder
from app.sandbox.world import SHOP, SITE, World


@pytest.fixture
def world() -> Iterator[World]:
    with World() as world:
        yield world


async def _never(_scene: Scene) -> None:
    """A story that is not played."""


def played(*endings: Ending) -> Played:
    return Played(1, Story("A story", SHOP, "Something happens.", endings, _never), done=True)


def a_case(supplier: str = "acme") -> PlayedCase:
    return PlayedCase("1", "MG-ABCDEFGH", supplier, ["requested", "resolving"], "5.00 EUR", "1.00 USD", 1)


def test_a_story_that_ended_as_told_has_no_differences() -> None:
    story = played(Ending("acme", "resolving", "5.00 EUR", "1.00 USD", 1))
    story.cases.append(a_case())
    assert differences(story, []) == []
    assert story.as_told


def test_each_difference_is_named() -> None:
    story = played(Ending("acme", "resolved", "5.01 EUR", "nothing", 2))
    story.cases.append(a_case())
    assert differences(story, []) == [
        "MG-ABCDEFGH: path: told requested → resolved, was requested → resolving",
        "MG-ABCDEFGH: customer got: told 5.01 EUR, was 5.00 EUR",
        "MG-ABCDEFGH: supplier owes: told nothing, was 1.00 USD",
        "MG-ABCDEFGH: money calls: told 2, was 1",
    ]


def test_a_case_too_few_and_a_case_too_many_are_differences() -> None:
    story = played(Ending("slowpoke", "resolved"))
    story.cases.append(a_case())
    assert differences(story, []) == [
        "no case for slowpoke",
        "MG-ABCDEFGH: a case for acme that nobody told of",
    ]


def test_trouble_on_the_way_is_the_difference() -> None:
    story = played()
    story.trouble = "waited in vain"
    assert differences(story, []) == ["waited in vain"]


def test_a_marker_on_two_refunds_is_money_paid_twice(world: World) -> None:
    order = world.shop.create_order([LineSpec(sku="A", title="A", price="10.00", quantity=2)])
    marker = "0199f5a2-0000-7000-8000-000000000001"
    for _ in range(2):
        world.shop.refund_by_hand(order.id, {order.lines[0].id: 1}, note=f"[makegood:{marker}] MG-ABCDEFGH")
    till = Till(world, SHOP, str(order.id))
    case = a_case()
    till.count(case)
    assert case.customer == "20.00 EUR"
    assert till.repeated() == [marker]
    assert f"paid twice: the marker {marker}" in differences(played(), [till])


def test_the_site_is_judged_by_what_its_gateway_paid(world: World) -> None:
    number = world.site.create_order(NewOrder([NewLine("Mug", "10.00", 2)]))
    world.site.refund_by_hand(number, amount="5.00", reason="a record, and no money")
    world.site.refund_by_hand(number, amount="3.00", reason="paid back", through_gateway=True)
    till = Till(world, SITE, str(number))
    assert till.payments() == [Payment("paid back", Decimal("3.00"))]
    case = a_case()
    till.count(case)
    assert (case.customer, case.calls) == ("3.00 EUR by hand", 0)


def test_the_stories_cover_both_stores_and_have_names_of_their_own() -> None:
    assert {story.store for story in STORIES} == {SHOP, SITE}
    assert len({story.title for story in STORIES}) == len(STORIES) >= 10
