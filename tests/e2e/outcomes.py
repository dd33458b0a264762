"""One refund that meets a fault: how it is begun, and everything that can be seen of it from outside."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import timedelta
from decimal import Decimal
from types import SimpleNamespace
from typing import Any, cast

import pytest
from procrastinate import JobContext

from app.refunds.tasks import advance
from app.runtime import Runtime
from app.sandbox.faults import Fault, FaultKind
from app.sandbox.woocommerce.model import NewLine, NewOrder
from tests.e2e.stage import SHOP, SITE, Stage
from tests.e2e.test_stories import lamp

MONEY_CALL = {SHOP: "refundCreate", SITE: "POST /orders/refunds"}
READING = {SHOP: "order", SITE: "GET /orders"}
# A unit, and the order of two units that it belongs to.
UNIT, WHOLE = {SHOP: "19.99", SITE: "23.80"}, {SHOP: "39.98", SITE: "47.60"}
SKU = {SHOP: "LAMP-01", SITE: "ACME-MUG"}
# Lets one call through: the fault is meant for the next.
PASS = Fault(FaultKind.SLOW_BEFORE)


@dataclass(frozen=True)
class End:
    """What a fault must come to. `made` is how many refunds with our marker the store holds."""

    status: str
    attempts: list[str | None]
    calls: int
    made: int
    paid: str = "all"


@dataclass(frozen=True)
class Row:
    """A line of the matrix: the fault of the first money call, and its end."""

    name: str
    fault: Fault
    end: End
    gateway: str = field(default="stripe")


class Play:
    """One unit of an order of two, to be refunded."""

    def __init__(self, stage: Stage, store: str, order_id: str, case: dict[str, Any]) -> None:
        self.stage, self.store, self.order_id, self.case_id = stage, store, order_id, case["id"]
        self.line_id: str = case["lines"][0]["line_id"]

    @property
    def refund_id(self) -> str:
        """The operation's id, as the store was told; only after the first money call."""
        return str(self.sent()[0][0])

    def fault(self, *faults: Fault) -> None:
        """The next money calls meet these."""
        self._plan(MONEY_CALL[self.store], *faults)

    def fault_reading(self, *faults: Fault) -> None:
        """The next readings of an order meet these."""
        self._plan(READING[self.store], *faults)

    def _plan(self, operation: str, *faults: Fault) -> None:
        world = self.stage.world
        (world.shop if self.store == SHOP else world.site).faults.add(operation, *faults)

    async def confirm(self) -> None:
        """The supplier confirms, and all that can happen at once happens."""
        self.stage.world.suppliers["acme"].confirm(self.case_id)
        await self.stage.settle()

    async def refund(self) -> dict[str, Any]:
        """The newest refund of the case."""
        found: dict[str, Any] = (await self.case())["refunds"][-1]
        return found

    async def case(self) -> dict[str, Any]:
        """The case, whose log replays to what is stored."""
        return await self.stage.case(self.case_id)

    def sent(self) -> list[tuple[str | None, str]]:
        """Each money call for the order as the store received it: its key (or marker) and its body to the letter."""
        world = self.stage.world
        if self.store == SHOP:
            order_gid = f"gid://shopify/Order/{self.order_id}"
            calls = [call for call in world.shop.money_calls if call.variables["orderId"] == order_gid]
            return [(call.key, json.dumps(call.variables)) for call in calls]
        posts = [call for call in world.site.money_calls if call.order_id == int(self.order_id)]
        return [(call.body["reason"].split("]")[0].split(":")[1], call.raw.decode()) for call in posts]

    def made(self) -> int:
        """How many refunds with our marker the store holds."""
        world = self.stage.world
        if self.store == SHOP:
            return sum("[makegood:" in (one.note or "") for one in world.shop.refunds(self.order_id))
        return sum("[makegood:" in one.reason for one in world.site.refunds(int(self.order_id)))

    def paid(self) -> Decimal:
        """What the customer of the order really got back."""
        world = self.stage.world
        if self.store == SHOP:
            return world.shop.refunded_total(self.order_id)
        return world.site.paid_out(int(self.order_id))

    async def money(self) -> tuple[str, str, str]:
        """Refunded, reserved and still refundable of the order."""
        order = await self.stage.get(f"/orders/{self.store}/{self.order_id}")
        return order["refunded"]["amount"], order["reserved"]["amount"], order["refundable"]["amount"]

    async def end(self) -> End:
        """Where it stands now. Every call must have been the same to the letter, with the operation's id as its key."""
        refund, sent = await self.refund(), self.sent()
        assert {key for key, _ in sent} <= {refund["id"]}
        assert len({body for _, body in sent}) <= 1, sent
        paid = {Decimal(0): "nothing", Decimal(UNIT[self.store]): "all"}.get(self.paid(), "else")
        attempts = [attempt["outcome"] for attempt in refund["attempts"]]
        return End(refund["status"], attempts, len(sent), self.made(), paid)

    async def settle(self, outcome: str, status: int = 200, **more: str) -> dict[str, Any]:
        """A person settles it."""
        body = {"outcome": outcome, "reason": "seen at the gateway", **more}
        refund = await self.refund()
        found: dict[str, Any] = await self.stage.post(f"/refunds/{refund['id']}/settle", body, status)
        await self.stage.settle()
        return found


async def begin(stage: Stage, store: str) -> Play:
    """An order of two units that arrived, and a case for one of them."""
    (play,) = await begin_all(stage, store, ["stripe"])
    return play


async def begin_all(stage: Stage, store: str, gateways: Sequence[str]) -> list[Play]:
    """As many of them as gateways are named; only WooCommerce heeds their names."""
    order_ids = [_order(stage, store, gateway) for gateway in gateways]
    await stage.settle()
    wish = {"remedy": "refund", "lines": [{"sku": SKU[store], "quantity": 1, "reason": "changed_mind"}]}
    plays = []
    for order_id in order_ids:
        asked = await stage.post("/return-requests", {"store": store, "order": order_id, **wish}, 201)
        plays.append(Play(stage, store, order_id, asked["cases"][0]))
    await stage.settle()
    return plays


def _order(stage: Stage, store: str, gateway: str) -> str:
    if store == SITE:
        order_id = stage.world.site.create_order(NewOrder([NewLine("Mug", "20.00", 2, "ACME-MUG")], gateway=gateway))
        stage.world.site.complete(order_id)
        return str(order_id)
    order = stage.world.shop.create_order([lamp(2)])
    stage.world.shop.fulfil(order.id)
    stage.world.shop.deliver(order.id)
    return str(order.id)


def stand_still(stage: Stage, monkeypatch: pytest.MonkeyPatch) -> None:
    """Time passes only when it is told to, so that one row's retry never meets the fault of another."""
    start, begun = stage.clock.now(), stage.clock._offset
    monkeypatch.setattr(stage.clock, "now", lambda: start + stage.clock._offset - begun)


async def half_an_hour(stage: Stage) -> None:
    """Long enough for every look, retry and review; in steps, as looks follow each other."""
    for seconds in (2, 12, 90, 130, 120, 400, 400, 650):
        await stage.later(seconds=seconds)


async def play_rows(stage: Stage, store: str, rows: Sequence[Row], monkeypatch: pytest.MonkeyPatch) -> dict[str, Play]:
    """Each row's refund meets its fault on an order of its own, one after another."""
    begun = await begin_all(stage, store, [row.gateway for row in rows])
    plays = {row.name: play for row, play in zip(rows, begun, strict=True)}
    stand_still(stage, monkeypatch)
    stage.clock.move(timedelta(seconds=1))
    for row in rows:
        plays[row.name].fault(row.fault)
        await plays[row.name].confirm()
    return plays


async def advance_once(runtime: Runtime, refund_id: str) -> None:
    """One worker looks at one refund, as a job of the queue does."""
    context = SimpleNamespace(additional_context={"runtime": runtime})
    await advance(cast(JobContext, context), refund_id=refund_id)
