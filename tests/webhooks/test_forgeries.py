"""Supplier events that are forged, stale, misdirected or sent again: the right answer, and no state changes."""

from __future__ import annotations

import json
from datetime import timedelta
from typing import Any

import pytest
from httpx import AsyncClient
from pydantic import SecretStr

from app.clock import MovableClock
from app.runtime import Runtime
from app.settings_supplier import SupplierSettings
from app.worker import run_until_idle
from tests.api.kit import LAMP, V1, FakeStore, FakeStores, case_in, order_of
from tests.refunds.kit import StillClock
from tests.webhooks.test_hostile import standard
from tests.webhooks.test_intake import SUPPLIER_SECRET, deliveries

OTHER_SECRET = "whsec_b3RoZXItc2VjcmV0LW90aGVyLXNlY3JldA=="


class Target:
    """A case that waits for Acme's verdict, and a second supplier who would like to have a word."""

    def __init__(self, client: AsyncClient, runtime: Runtime, case_id: str, clock: MovableClock) -> None:
        self.client = client
        self.runtime = runtime
        self.case_id = case_id
        self.clock = clock

    def verdict(self, **changes: Any) -> bytes:
        """Acme takes both lamps back."""
        lines = [{"line_id": LAMP, "accepted_quantity": 2, "condition": "defective"}]
        data = {"return_id": self.case_id, "lines": lines, **changes}
        return json.dumps({"type": "return.confirmed", "timestamp": "2026-11-20T10:00:00Z", "data": data}).encode()

    async def send(self, body: bytes, headers: dict[str, str], supplier: str = "acme") -> int:
        """Posts the event and has it read; answers the status."""
        answer = await self.client.post(f"/webhooks/suppliers/{supplier}", content=body, headers=headers)
        await run_until_idle(self.runtime)
        return answer.status_code

    def signed(
        self, body: bytes, message_id: str = "m1", secret: str = SUPPLIER_SECRET, **off: float
    ) -> dict[str, str]:
        """The headers of a message sent so far off the present."""
        return standard(body, message_id, secret, self.clock.now() + timedelta(**off))

    async def trail(self) -> list[str]:
        """The events of the case so far."""
        rows = (await self.client.get(f"{V1}/cases/{self.case_id}/events", params={"limit": 200})).json()
        return [row["type"] for row in rows["items"]]

    async def state(self) -> str:
        """The state of the case."""
        found: str = (await self.client.get(f"{V1}/cases/{self.case_id}")).json()["state"]
        return found


@pytest.fixture
async def target(client: AsyncClient, runtime: Runtime) -> Target:
    runtime.stores = FakeStores(FakeStore("alpha", order_of()), FakeStore("beta"))
    runtime.settings.suppliers["mallory"] = SupplierSettings(
        channel="http",
        base_url="http://127.0.0.1:9",
        api_token=SecretStr("mallory-token"),
        webhook_secret=SecretStr(OTHER_SECRET),
    )
    clock = MovableClock()
    runtime.clock = clock
    case = await case_in(client, runtime, "inspecting")
    return Target(client, runtime, case["id"], clock)


async def test_the_right_event_does_move_the_case(target: Target) -> None:
    body = target.verdict()
    assert await target.send(body, target.signed(body)) == 200
    assert "supplier_confirmed" in await target.trail()


async def test_what_is_not_acmes_is_refused_and_changes_nothing(target: Target) -> None:
    # However long the tries take, what is dated ahead stays ahead.
    still = StillClock(target.clock.now())
    target.runtime.clock = still
    body, before = target.verdict(), await target.trail()
    right = target.signed(body)
    signature = right["webhook-signature"]
    for wrong in (
        target.signed(body, secret=OTHER_SECRET),
        standard(body, "m1", SUPPLIER_SECRET, still.now() - timedelta(minutes=5, seconds=2)),
        standard(body, "m1", SUPPLIER_SECRET, still.now() + timedelta(minutes=5, seconds=2)),
        target.signed(body + b" "),
        {**right, "webhook-id": "m2"},
        {**right, "webhook-timestamp": str(int(right["webhook-timestamp"]) + 1)},
        {**right, "webhook-timestamp": f"{right['webhook-timestamp']}.0"},
        {**right, "webhook-timestamp": f"-{right['webhook-timestamp']}"},
        {**right, "webhook-signature": signature.replace("v1,", "v2,")},
        {**right, "webhook-signature": signature.replace("v1,", "v1a,")},
        {**right, "webhook-signature": signature.removeprefix("v1,")},
        {**right, "webhook-signature": signature.replace("v1,", "v1, ")},
        {**right, "webhook-signature": signature.lower()},
        {**right, "webhook-signature": " ".join(["v1,AAAA"] * 500)},
        {name: value for name, value in right.items() if name != "webhook-timestamp"},
    ):
        assert await target.send(body, wrong) == 401, wrong
    assert await target.trail() == before
    assert await deliveries(target.runtime) == []


@pytest.mark.parametrize(
    "several",
    ["v1,AAAA {0}", "{0} v1,AAAA", "v1a,AAAA {0} v2,{0}", "v1,\u00e9 {0}", "{0}  {0}", " ".join(["x"] * 90) + " {0}"],
)
async def test_one_right_signature_among_several_is_enough(target: Target, several: str) -> None:
    body = target.verdict()
    headers = target.signed(body)
    raw = {name.encode(): value.encode() for name, value in headers.items()}
    raw[b"webhook-signature"] = several.format(headers["webhook-signature"]).encode("latin-1")
    answer = await target.client.post("/webhooks/suppliers/acme", content=body, headers=[*raw.items()])
    assert answer.status_code == 200


@pytest.mark.parametrize("off", [-290, 290])
async def test_a_clock_that_is_a_little_off_does_no_harm(target: Target, off: int) -> None:
    body = target.verdict()
    assert await target.send(body, target.signed(body, seconds=off)) == 200


async def test_a_supplier_has_no_say_in_anothers_return(target: Target) -> None:
    body, before = target.verdict(), await target.trail()
    signed = target.signed(body, secret=OTHER_SECRET)
    assert await target.send(body, signed, "mallory") == 200
    (stored,) = await deliveries(target.runtime)
    assert (stored.source, stored.status) == ("mallory", "failed")
    assert "has no return" in (stored.error or "")
    # Acme's own message, sent to the other's address, is not the other's.
    assert await target.send(body, target.signed(body), "mallory") == 401
    assert (await target.trail(), await target.state()) == (before, "inspecting")


async def test_an_event_sent_again_changes_nothing(target: Target) -> None:
    body = target.verdict()
    first = target.signed(body)
    assert await target.send(body, first) == 200
    after_first, state = await target.trail(), await target.state()
    # The same message: counted. The same under an id of its own, rightly signed: recorded, and nothing moves.
    assert await target.send(body, first) == 200
    assert await target.trail() == after_first
    assert await target.send(body, target.signed(body, "m2")) == 200
    assert await target.state() == state
    refunds = (await target.client.get(f"{V1}/refunds", params={"case": target.case_id})).json()["items"]
    assert len(refunds) <= 1
    assert [row.duplicates for row in await deliveries(target.runtime)] == [1, 0]
    # A recording of the first message, played after the tolerance.
    target.clock.move(timedelta(minutes=6))
    assert await target.send(body, first) == 401


@pytest.mark.parametrize(
    "return_id", ["", "*", "%", "00000000-0000-0000-0000-000000000000", "../..", "x" * 5000, 7, None]
)
async def test_returns_that_nobody_has_are_shown_as_such(target: Target, return_id: Any) -> None:
    body, before = target.verdict(return_id=return_id), await target.trail()
    assert await target.send(body, target.signed(body)) == 200
    (stored,) = await deliveries(target.runtime)
    assert stored.status == "failed"
    assert await target.trail() == before


async def test_lines_of_another_order_and_too_many_units_pay_nobody(target: Target) -> None:
    strange = [{"line_id": "999", "accepted_quantity": 5, "condition": "new"}]
    body = target.verdict(lines=strange)
    assert await target.send(body, target.signed(body)) == 200
    assert await target.state() == "inspecting"
    assert (await target.client.get(f"{V1}/refunds")).json()["items"] == []
