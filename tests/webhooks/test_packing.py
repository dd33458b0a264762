"""Bodies are kept packed and come out as they came, to the byte; how much they unpack to is known before they are."""

from __future__ import annotations

from random import Random

import psycopg
import pytest
import zstandard
from hypothesis import example, given
from hypothesis import strategies as st
from sqlalchemy import insert, select

import app.webhooks.batch
from app.db.engine import libpq_url
from app.runtime import Runtime
from app.webhooks import batch, inbox, packing
from app.webhooks.models import Delivery
from tests.webhooks.kit import received

MARK = zstandard.ZstdCompressor().compress(b"")[:4]
LARGE = b'{"line": "the same again"}' * 1000
BODIES = st.one_of(
    st.binary(max_size=200),
    st.builds(bytes.__add__, st.just(MARK), st.binary(max_size=200)),
    st.builds(bytes.__mul__, st.binary(min_size=1, max_size=40), st.integers(1, 4000)),
    st.builds(lambda seed, size: Random(seed).randbytes(size), st.integers(), st.integers(0, 3 * packing.LARGE)),
)


@given(BODIES)
def test_a_body_comes_out_as_it_came(body: bytes) -> None:
    kept = packing.pack(body)
    assert packing.unpack(kept) == body
    assert packing.length(kept[: packing.HEAD], len(kept)) >= len(body)


@given(st.one_of(st.just(MARK), BODIES.filter(lambda body: not body.startswith(MARK))))
@example(MARK + b"and what no frame goes on with")
def test_what_was_never_packed_is_taken_as_it_is(body: bytes) -> None:
    """Of before there was packing."""
    assert packing.unpack(body) == body
    assert packing.length(body[: packing.HEAD], len(body)) >= len(body)


def test_a_frame_that_is_sent_comes_out_as_the_frame() -> None:
    frame = packing.pack(LARGE)
    assert packing.unpack(packing.pack(frame)) == frame != LARGE


def test_small_bodies_are_kept_as_they_came_and_large_ones_in_less_room() -> None:
    assert packing.pack(b"") == b""
    small = LARGE[: packing.LARGE - 1]
    assert packing.pack(small) == small
    assert len(packing.pack(LARGE)) < len(LARGE) / 10


async def test_a_large_body_is_packed_in_the_table_and_nowhere_else(runtime: Runtime) -> None:
    headers = {"x-shopify-webhook-id": "w", "x-shopify-topic": "orders/updated"}
    delivery_id, _ = await received(runtime, inbox.shopify_arrival("alpha", headers, LARGE))
    async with runtime.work() as work:
        row = await work.session.get_one(Delivery, delivery_id)
        assert row.body == LARGE
        await work.session.execute(
            insert(Delivery).values(
                source_kind="store", source="alpha", dedupe_key="2", topic="t", headers={}, body=LARGE
            )
        )
        assert set(await work.session.scalars(select(Delivery.body))) == {LARGE}
    with psycopg.connect(libpq_url(runtime.database.url)) as connection:
        kept = connection.execute("SELECT body FROM deliveries").fetchall()
    assert [packing.unpack(body) for (body,) in kept] == [LARGE, LARGE]
    assert all(len(body) < 1000 for (body,) in kept)


async def test_a_batch_is_bounded_by_what_its_bodies_unpack_to(
    runtime: Runtime, monkeypatch: pytest.MonkeyPatch
) -> None:
    for number in range(4):
        headers = {"x-shopify-webhook-id": str(number), "x-shopify-topic": "orders/updated"}
        await received(runtime, inbox.shopify_arrival("alpha", headers, LARGE))
    monkeypatch.setattr(app.webhooks.batch, "MOST_BYTES", 2 * len(LARGE))
    async with runtime.work() as work:
        assert len(await batch.take(work)) == 2
