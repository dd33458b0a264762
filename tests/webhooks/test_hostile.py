"""Whatever is rightly signed is stored once, read to an end that says something readable, and holds nobody back."""

from __future__ import annotations

import base64
import hashlib
import hmac
import json
from collections.abc import Iterable, Mapping
from datetime import UTC, datetime
from typing import Any

import pytest
from httpx import AsyncClient, Response
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st
from sqlalchemy import func, select

from app.cases.models import Case
from app.runtime import Runtime
from app.webhooks.models import Delivery
from app.worker import run_until_idle
from tests.api.kit import V1, FakeStore, FakeStores, case_in, order_of
from tests.fuzzing import THOROUGH, tries
from tests.orders.shopify_damage import damaged
from tests.webhooks.hostile import MIB, SHOPIFY, WOOCOMMERCE, encoded, no_json, spoilt_everywhere, supplier_events
from tests.webhooks.test_intake import SUPPLIER_SECRET, body_of, deliveries, sign

FUZZ = settings(
    max_examples=tries(3, 300),
    deadline=None,
    database=None,
    derandomize=True,
    phases=[Phase.explicit, Phase.generate],
    suppress_health_check=list(HealthCheck),
)
_READABLE = 1000


class Intake:
    """Sends signed webhooks of every kind, and sees what becomes of them."""

    def __init__(self, client: AsyncClient, runtime: Runtime, return_id: str) -> None:
        self.client = client
        self.runtime = runtime
        self.events = supplier_events(return_id)
        self._sent = 0

    async def send(self, kind: str, topic: str, body: bytes, **headers: str) -> Response:
        """Delivers the body under a new id, with the right signature."""
        self._sent += 1
        number = str(self._sent)
        common = {"content-type": "application/json", **headers}
        if kind == "shopify":
            told = {"x-shopify-topic": topic, "x-shopify-webhook-id": number}
            signature = {"x-shopify-hmac-sha256": sign("alpha-secret", body)}
            path = "shopify/alpha"
        elif kind == "woocommerce":
            told = {"x-wc-webhook-topic": topic, "x-wc-webhook-id": number}
            signature = {"x-wc-webhook-signature": sign("plain-secret-1", body)}
            path = "woocommerce/beta"
        else:
            told, signature, path = {}, standard(body, number), "suppliers/acme"
        return await self.client.post(f"/webhooks/{path}", content=body, headers={**told, **common, **signature})

    async def assert_all_end_well(self, kind: str, sent: Mapping[str, Iterable[bytes]]) -> None:
        """Sends bodies by topic, and a good one; every one is stored once and ends, and can be shown."""
        before = len(await deliveries(self.runtime))
        bodies = []
        for topic, body in ((topic, body) for topic, of_topic in sent.items() for body in of_topic):
            assert (await self.send(kind, topic, body)).status_code == 200, (topic, body[:200])
            bodies.append(body)
        assert (await self.send("shopify", "orders/updated", body_of())).status_code == 200
        await run_until_idle(self.runtime)
        rows = (await deliveries(self.runtime))[before:]
        assert [row.body for row in rows[:-1]] == bodies
        assert rows[-1].status in ("processed", "ignored")
        for row in rows:
            await self._ended_well(row)

    async def _ended_well(self, row: Delivery) -> None:
        trace = (row.topic, row.error, row.body[:300])
        assert row.status in ("processed", "ignored", "failed"), trace
        assert (row.status == "processed") == (row.error is None), trace
        assert len(row.error or "") <= _READABLE
        # A sentence of ours about what is wrong, not the name of an exception that nobody foresaw.
        assert "while reading the body" not in (row.error or ""), trace
        assert "cannot be stored" not in (row.error or ""), trace
        if len(row.body) < 10_000 and (row.error or THOROUGH):
            answer = await self.client.get(f"{V1}/deliveries/{row.id}")
            assert answer.status_code == 200, trace


def standard(body: bytes, message_id: str, secret: str = SUPPLIER_SECRET, at: datetime | None = None) -> dict[str, str]:
    """The three headers of Standard Webhooks over any bytes."""
    moment = at or datetime.now(UTC)
    stamp = str(int(moment.timestamp()))
    content = f"{message_id}.{stamp}.".encode() + body
    mac = hmac.new(base64.b64decode(secret.removeprefix("whsec_")), content, hashlib.sha256).digest()
    signature = f"v1,{base64.b64encode(mac).decode()}"
    return {"webhook-id": message_id, "webhook-timestamp": stamp, "webhook-signature": signature}


@pytest.fixture
async def intake(client: AsyncClient, runtime: Runtime) -> Intake:
    """With a case that news can be about, and stores that answer."""
    runtime.stores = FakeStores(FakeStore("alpha", order_of()), FakeStore("beta"))
    case = await case_in(client, runtime, "inspecting")
    async with runtime.work() as work:
        (await work.session.get_one(Case, case["id"])).store_return_id = "3547267221"
    return Intake(client, runtime, case["id"])


def spoilt(good: Mapping[str, Mapping[str, Any]]) -> dict[str, dict[bytes, None]]:
    """Spoilt bodies by topic: all of them, or, in the normal run, a dozen of each topic, and of no two the same."""
    found = {}
    for turn, (topic, body) in enumerate(good.items()):
        bodies = spoilt_everywhere(body, tries(1, 20), start=7 * turn)
        step = 1 if THOROUGH else max(1, len(bodies) // 12)
        # Equal bodies would be the same delivery at WooCommerce.
        found[topic] = dict.fromkeys(bodies[turn % step :: step])
    return found


async def test_shopify_bodies_spoilt_at_every_place(intake: Intake) -> None:
    await intake.assert_all_end_well("shopify", spoilt(SHOPIFY))


async def test_woocommerce_bodies_spoilt_at_every_place(intake: Intake) -> None:
    await intake.assert_all_end_well("woocommerce", spoilt(WOOCOMMERCE))


async def test_supplier_events_spoilt_at_every_place(intake: Intake) -> None:
    await intake.assert_all_end_well("supplier", spoilt(intake.events))


@pytest.mark.parametrize(
    ("kind", "topic"), [("shopify", "orders/updated"), ("woocommerce", "order.updated"), ("supplier", "")]
)
async def test_bodies_that_are_no_sane_json_are_kept_and_shown(intake: Intake, kind: str, topic: str) -> None:
    bodies = no_json(encoded(SHOPIFY["orders/updated"]))
    await intake.assert_all_end_well(kind, {topic: bodies.values()})
    async with intake.runtime.work() as work:
        rows = await work.session.execute(select(Delivery.body, Delivery.status, Delivery.error))
        ended = {body: (status, error) for body, status, error in rows.all()}
    fine = {"many keys", "duplicate keys"} if kind != "supplier" else set()
    for name, body in bodies.items():
        assert name in fine or ended[body][0] == "failed", (name, ended[body])
        assert name in fine or ended[body][1], name


async def test_five_mebibytes_are_taken_and_one_byte_more_is_not(intake: Intake) -> None:
    for kind, topic in (("shopify", "orders/updated"), ("woocommerce", "order.updated"), ("supplier", "")):
        assert (await intake.send(kind, topic, b" " * 5 * MIB)).status_code == 200
        before = len(await deliveries(intake.runtime))
        assert (await intake.send(kind, topic, b" " * (5 * MIB + 1))).status_code == 413
        assert len(await deliveries(intake.runtime)) == before


@given(data=st.data())
@FUZZ
async def test_bodies_of_any_shape_end(intake: Intake, data: st.DataObject) -> None:
    for kind, known in (("shopify", SHOPIFY), ("woocommerce", WOOCOMMERCE), ("supplier", intake.events)):
        topic = data.draw(st.sampled_from(sorted(known)))
        drawn = [encoded(data.draw(damaged(known[topic]))) for _ in range(4)]
        bodies = dict.fromkeys([*drawn, data.draw(st.binary(max_size=2000)), encoded(data.draw(_JSON))])
        await intake.assert_all_end_well(kind, {topic: bodies})


_JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=8), inner, max_size=4),
    max_leaves=12,
)


async def test_a_failed_one_can_be_read_again_and_again(intake: Intake) -> None:
    for number, body in enumerate(no_json(b'{"id":7}').values()):
        await intake.send("shopify", "orders/updated", body, **{"x-shopify-event-id": str(number)})
    for attempts in (1, 2):
        await run_until_idle(intake.runtime)
        rows = await deliveries(intake.runtime)
        assert {row.attempts for row in rows} == {attempts}
        for row in rows:
            assert (await intake.client.post(f"{V1}/deliveries/{row.id}/replay")).status_code == 202
    assert {row.status for row in await deliveries(intake.runtime)} == {"pending"}


ODD = (b"\xe9" * 40, b"\xff\xfe\x80", "\u05d0\u20ac".encode(), b"x" * 65_000, b"'\"<>;%00", b" ", b"")
HEADERS = (
    b"x-shopify-topic", b"x-shopify-webhook-id", b"x-shopify-event-id", b"x-shopify-shop-domain", b"content-type",
    b"user-agent", b"content-encoding", b"x-wc-webhook-topic", b"x-wc-webhook-id", b"x-wc-webhook-source",
    b"x-wc-webhook-delivery-id", b"webhook-id",
)  # fmt: skip


@pytest.mark.parametrize("value", ODD)
async def test_odd_headers_lose_no_delivery(intake: Intake, value: bytes) -> None:
    body, count = body_of(), len(HEADERS)
    for place, name in enumerate(HEADERS):
        supplier_id = value if name == b"webhook-id" and value.strip() else b"m%d" % place
        signed = standard(body, supplier_id.decode("latin-1"))
        for path, headers in (
            ("shopify/alpha", {b"x-shopify-webhook-id": b"%d" % place, b"x-shopify-topic": b"orders/updated",
                               b"x-shopify-hmac-sha256": sign("alpha-secret", body).encode()}),
            ("woocommerce/beta", {b"x-wc-webhook-id": b"%d" % place, b"x-wc-webhook-topic": b"order.updated",
                                  b"x-wc-webhook-signature": sign("plain-secret-1", body).encode()}),
            ("suppliers/acme", {key.encode(): told.encode("latin-1") for key, told in signed.items()}),
        ):  # fmt: skip
            odd = {} if name == b"webhook-id" else {name: value}
            answer = await intake.client.post(f"/webhooks/{path}", content=body, headers=[*{**headers, **odd}.items()])
            assert answer.status_code == 200, (path, name)
    await run_until_idle(intake.runtime)
    rows = await deliveries(intake.runtime)
    # The same id twice is one delivery; nothing else was lost.
    assert sum(1 + row.duplicates for row in rows) == 3 * count
    for row in rows:
        assert row.status in ("processed", "ignored", "failed")
        assert (await intake.client.get(f"{V1}/deliveries/{row.id}")).status_code == 200


async def test_long_ids_that_begin_alike_are_different_deliveries(intake: Intake) -> None:
    for end in ("a", "b"):
        await intake.send("shopify", "orders/updated", body_of(), **{"x-shopify-webhook-id": "w" * 300 + end})
        message = standard(body_of(), "m" * 300 + end)
        assert (await intake.client.post("/webhooks/suppliers/acme", content=body_of(), headers=message)).is_success
    assert [row.duplicates for row in await deliveries(intake.runtime)] == [0, 0, 0, 0]


@pytest.mark.parametrize("signature", [*ODD, b"v1,", b"v1a,abc", b"=" * 44, b"A" * 43 + b"="])
async def test_odd_signatures_are_refused_and_leave_nothing(intake: Intake, signature: bytes) -> None:
    body = body_of()
    right = sign("alpha-secret", body).encode()
    stamp = str(int(datetime.now(UTC).timestamp())).encode()
    for path, headers in (
        ("shopify/alpha", [(b"x-shopify-hmac-sha256", signature)]),
        # Which of two counts is ours to say: the first, and it is wrong.
        ("shopify/alpha", [(b"x-shopify-hmac-sha256", signature), (b"x-shopify-hmac-sha256", right)]),
        ("woocommerce/beta", [(b"x-wc-webhook-signature", signature)]),
        ("suppliers/acme", [(b"webhook-id", b"m"), (b"webhook-timestamp", stamp), (b"webhook-signature", signature)]),
        ("suppliers/acme", [(b"webhook-id", signature), (b"webhook-timestamp", signature)]),
    ):
        answer = await intake.client.post(f"/webhooks/{path}", content=body, headers=headers)
        assert (answer.status_code, answer.json()["code"]) == (401, "bad_signature"), path
    async with intake.runtime.work() as work:
        assert await work.session.scalar(select(func.count()).select_from(Delivery)) == 0


async def test_a_hundred_repeats_are_one_row_and_read_once(intake: Intake) -> None:
    body = json.dumps(SHOPIFY["orders/updated"]).encode()
    headers = {"x-shopify-webhook-id": "same"}
    for _ in range(100):
        assert (await intake.send("shopify", "orders/updated", body, **headers)).status_code == 200
    (row,) = await deliveries(intake.runtime)
    assert row.duplicates == 99
    await run_until_idle(intake.runtime)
    (row,) = await deliveries(intake.runtime)
    assert row.attempts == 1
