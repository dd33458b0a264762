"""The stage of end-to-end stories with mortal processes: whoever dies is replaced, and senders send again."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping
from contextlib import suppress
from datetime import UTC, datetime
from decimal import Decimal
from typing import Any
from uuid import uuid4

import httpx
from procrastinate import App
from sqlalchemy import update

from app.clock import MovableClock
from app.orders.marker import operation_in
from app.pace.models import PaceRow
from app.runtime import Runtime, build_runtime
from app.sandbox.shopify.book import LineSpec
from app.sandbox.woocommerce.model import NewLine, NewOrder
from app.sandbox.world import SITE, World
from app.webhooks.reader import read_all
from app.worker import sweep_once, take_over
from tests.crashes.mortal import Died, Fate, MortalWorker
from tests.e2e.stage import SHOP, Stage

ACME = "acme"
PRICE = "20.00"
# The sandbox's WooCommerce site adds its tax.
PAID = {SHOP: Decimal("20.00"), SITE: Decimal("23.80")}
BEFORE_MONEY = ["request_submitted", "approved", "supplier_authorized", "supplier_confirmed"]
AFTER_MONEY = ["refund_succeeded", "remedy_done"]


def new_order(world: World, store: str) -> str:
    """An order of one article for 20.00, taxes apart, without shipping."""
    if store == SHOP:
        line = LineSpec(sku="LAMP-01", title="Lamp", price=PRICE, vendor="Acme")
        return str(world.shop.create_order([line]).id)
    number = world.site.create_order(NewOrder([NewLine("Mug", PRICE, 1, "ACME-MUG")]))
    world.site.complete(number)
    return str(number)


def paid(world: World, store: str, order: str) -> Decimal:
    """What the customer of this order really got back."""
    if store == SHOP:
        return world.shop.refunded_total(order)
    return world.site.paid_out(int(order))


def keys(world: World, store: str, order: str) -> list[str | None]:
    """The key (in WooCommerce: the marker) of every money call for this order, in order."""
    if store == SITE:
        calls = [call for call in world.site.money_calls if call.order_id == int(order)]
        return [operation_in(call.body["reason"]) for call in calls]
    ours = f"gid://shopify/Order/{order}"
    calls_there = [call for call in world.shop.money_calls if call.variables["orderId"] == ours]
    assert all(call.key == operation_in(call.note) for call in calls_there)
    return [call.key for call in calls_there]


class CrashStage(Stage):
    """Settles as the stage does, through any number of deaths."""

    def __init__(
        self, world: World, runtime: Runtime, http: httpx.AsyncClient, clock: MovableClock, queue: App
    ) -> None:
        super().__init__(world, runtime, http, clock)
        self.fate = Fate()
        self.queue = queue
        self.on_death: Callable[[CrashStage], Awaitable[None]] | None = None
        """What else goes wrong at the next death."""
        self.fate.watch(runtime.database, in_worker=True)

    async def settle(self) -> None:
        """Until no webhook is on its way, none waits to be sent again, and no job waits."""
        for _ in range(30):
            self.world.courier.flush()
            before = len(self.world.courier.attempts)
            # What the stores send meanwhile waits, so that the same story has the same commits in the same order.
            self.world.courier.hold()
            died = await self._work()
            self.world.courier.release()
            self.world.courier.flush()
            again = self.world.courier.retry_failed()
            if not died and not again and len(self.world.courier.attempts) == before:
                return
        raise AssertionError("the story does not come to rest")

    async def _work(self) -> bool:
        """A worker does all that is due; answers whether it died of it, and was replaced."""
        with suppress(Died):
            for _ in range(20):
                await sweep_once(self.runtime)
                await take_over(self.queue)
                await read_all(self.runtime)
                if not await self._ready():
                    return False
                await self._worker().run()  # type: ignore[no-untyped-call]
                if self.fate.worker_is_dead:
                    break
        await self.new_process()
        return True

    def _worker(self) -> MortalWorker:
        return MortalWorker(
            self.fate,
            app=self.queue,
            wait=False,
            concurrency=1,
            additional_context={"runtime": self.runtime},
            install_signal_handlers=False,
            listen_notify=False,
            delete_jobs="successful",
        )

    async def _ready(self) -> bool:
        jobs = await self.queue.job_manager.list_jobs_async(status="todo")
        return any(job.scheduled_at is None or job.scheduled_at <= datetime.now(UTC) for job in jobs)

    async def new_process(self) -> None:
        """Another process takes the dead one's place; it knows nothing but the database."""
        old = self.runtime
        self.runtime = build_runtime(old.settings, old.database.url, pool_size=4)
        self.runtime.clock = self.clock
        # What the dead one held of a store's places is free when its lease ends: minutes of the database's clock, which
        # the story's clock does not move.
        async with self.runtime.database.transaction() as session:
            await session.execute(update(PaceRow).values(leases=[]))
        self.fate.worker_is_dead = False
        self.fate.watch(self.runtime.database, in_worker=True)
        await old.aclose()
        worse, self.on_death = self.on_death, None
        if worse is not None:
            await worse(self)

    async def insist(self, path: str, body: Mapping[str, Any]) -> Any:
        """A POST that the caller repeats with the same key until it is answered, as a careful client does."""
        headers = {"Idempotency-Key": str(uuid4())}
        for _ in range(3):
            answer = await self.http.post(f"/api/v1{path}", json=body, headers=headers)
            if answer.is_success:
                return answer.json()
            assert answer.status_code == 500, answer.text
        raise AssertionError(f"{path} was never answered")

    async def file(self, store: str, order: str) -> str:
        """The customer asks for a refund; answers the case's id when the supplier has authorised it."""
        sku = "LAMP-01" if store == SHOP else "ACME-MUG"
        wish = {"sku": sku, "quantity": 1, "reason": "changed_mind"}
        body = {"store": store, "order": order, "remedy": "refund", "lines": [wish]}
        (case,) = (await self.insist("/return-requests", body))["cases"]
        case_id = str(case["id"])
        await self.settle()
        if (await self.case(case_id))["state"] == "authorizing":
            await self.later(seconds=200)
        return case_id

    async def play(self, store: str) -> tuple[str, str]:
        """A whole return up to the supplier's confirmation and what follows; answers the order's and the case's id."""
        order = new_order(self.world, store)
        case_id = await self.file(store, order)
        await self.confirm(case_id)
        return order, case_id

    async def confirm(self, case_id: str) -> None:
        """The supplier accepts what it was asked about, and what follows happens."""
        self.world.suppliers[ACME].confirm(case_id)
        await self.settle()

    async def paid_once(self, store: str, order: str, case_id: str) -> str:
        """Sees the case to its end, and that it got there once, whoever died on the way; answers how it ended.

        `resolved`: one refund is in the store, sent with the refund's id as its key. `needs_review`: nothing can be
        known, and nothing was sent again.
        """
        case = await self.ends(case_id)
        (refund,) = case["refunds"]
        opened = [call for call in self.world.suppliers[ACME].calls if call.idempotency_key == case_id]
        assert {call.path.rpartition("/")[2] for call in opened} == {"returns"}
        told = [*BEFORE_MONEY, *AFTER_MONEY] if case["state"] == "resolved" else BEFORE_MONEY
        assert await self.events(case_id) == told
        if case["state"] != "resolved":
            assert store == SITE
            assert keys(self.world, store, order) == []
            assert paid(self.world, store, order) == 0
            return str(refund["status"])
        assert keys(self.world, store, order) == [refund["id"]]
        assert paid(self.world, store, order) == PAID[store]
        assert await self.mails(case_id) == ["receipt", "rma_issued", "verdict", "refund_sent"]
        return "resolved"

    async def ends(self, case_id: str) -> dict[str, Any]:
        """The case when its refund is proven, or when only a person can say; its log replays to what is stored."""
        for _ in range(8):
            case = await self.case(case_id)
            statuses = [refund["status"] for refund in case["refunds"]]
            if case["state"] == "resolved" or "needs_review" in statuses:
                return case
            await self.later(seconds=200)
        raise AssertionError(f"{case['reference']} ({case['state']}) has no end: {case['refunds']}")
