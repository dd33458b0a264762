"""The gate before a store's adapter: behind a closed one nothing is sent, and it is not said what was sent before."""

from __future__ import annotations

from uuid import uuid4

import pytest

from app.outcomes import Ok, Rejected, Unknown
from app.stores.asked import NewOrderIntent, PreparedNewOrder
from app.stores.base import StoreUnavailable, StoreUninstalled
from app.stores.gate import GatedStore
from tests.api.kit import FakeStore

PREPARED = PreparedNewOrder(uuid4(), "1", {})


def gated(closed: Exception | None = None) -> tuple[FakeStore, GatedStore]:
    async def check(key: str) -> None:
        assert key == store.key
        if closed is not None:
            raise closed

    store = FakeStore("alpha")
    return store, GatedStore(store, check)


async def test_an_open_gate_passes_everything_on() -> None:
    store, gate = gated()
    intent = NewOrderIntent(uuid4(), "1", "#1", "RMA-7", ())

    assert (await gate.prepare_new_order(intent)).operation_id == intent.operation_id
    assert isinstance(await gate.send_new_order(PREPARED, again=True), Unknown)
    made = await gate.send_new_order(PREPARED)
    assert isinstance(made, Ok)
    assert await gate.find_new_order(PREPARED) == made.value == store.new_orders[PREPARED.operation_id]
    assert len(await gate.variants("1", "2")) == 1
    assert await gate.check(frozenset()) == []


@pytest.mark.parametrize("closed", [StoreUninstalled("gone"), StoreUnavailable("nobody can tell")])
async def test_behind_a_closed_gate_nothing_is_sent(closed: Exception) -> None:
    store, gate = gated(closed)

    first, again = await gate.send_new_order(PREPARED), await gate.send_new_order(PREPARED, again=True)

    assert isinstance(first, Rejected)
    assert first.retryable
    assert isinstance(again, Unknown)
    assert store.new_orders == {}
    for reading in (gate.find_new_order(PREPARED), gate.variants("1", "2")):
        with pytest.raises(type(closed)):
            await reading
