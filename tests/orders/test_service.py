"""What is kept of an order when news of it comes in any order."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from itertools import permutations

import pytest

from app.orders import service as orders
from app.orders.snapshot import Fulfilment
from app.runtime import Runtime
from tests.api.kit import keep, order_of

SENT = datetime(2026, 11, 4, 7, tzinfo=UTC)
ARRIVED = SENT + timedelta(days=11)


def parcel(status: str, updated_at: datetime | None, delivered_at: datetime | None = None) -> Fulfilment:
    return Fulfilment("7", status, SENT, delivered_at, tracking_number="YT1", updated_at=updated_at)


NEWS = (
    parcel("confirmed", SENT),
    parcel("in_transit", SENT + timedelta(days=2)),
    parcel("delivered", ARRIVED, ARRIVED),
)


async def told(runtime: Runtime, *news: Fulfilment) -> tuple[Fulfilment, list[bool]]:
    """The parcel after that news of it, and which of it changed something."""
    order_pk = await keep(runtime, order_of())
    changed = []
    for one in news:
        async with runtime.work() as work:
            changed.append(await orders.keep_fulfilment(work, await orders.lock(work, order_pk), one))
    async with runtime.work() as work:
        shown = orders.snapshot_of(await orders.lock(work, order_pk))
    (found,) = [one for one in shown.fulfilments if one.fulfilment_id == "7"]
    return found, changed


@pytest.mark.parametrize("order", list(permutations(range(3))))
async def test_a_parcel_is_what_the_newest_news_of_it_says_whenever_it_came(
    runtime: Runtime, order: tuple[int, int, int]
) -> None:
    found, changed = await told(runtime, *(NEWS[one] for one in order))
    assert found == NEWS[2]
    assert changed == [number == 0 or position > max(order[:number]) for number, position in enumerate(order)]


async def test_older_news_adds_what_the_newer_left_out(runtime: Runtime) -> None:
    newer = Fulfilment("7", "in_transit", SENT, updated_at=ARRIVED)
    older = Fulfilment("7", "confirmed", SENT, tracking_number="YT1", lines={"1": 2}, updated_at=SENT)
    found, changed = await told(runtime, newer, older)
    assert (found.status, found.tracking_number, found.lines, found.updated_at) == (
        "in_transit", "YT1", {"1": 2}, ARRIVED,
    )  # fmt: skip
    assert changed == [True, True]


async def test_news_without_a_time_is_taken_as_it_comes(runtime: Runtime) -> None:
    found, _ = await told(runtime, parcel("in_transit", SENT), parcel("delivered", None, ARRIVED))
    assert (found.status, found.delivered_at, found.updated_at) == ("delivered", ARRIVED, SENT)
