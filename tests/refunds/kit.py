"""A case that owes money, in a real database, and a store without a network whose answers a test writes."""

from __future__ import annotations

from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from types import SimpleNamespace
from typing import Any, cast
from uuid import UUID

from procrastinate import JobContext
from sqlalchemy import select, text

from app.cases.models import Case, CaseEventRow, CaseLine
from app.cases.refunding import plan_refund
from app.money import Money
from app.orders import service as orders
from app.orders.models import Order
from app.orders.snapshot import OrderSnapshot, Platform, RefundState, SeenRefund
from app.outcomes import Ok
from app.pace.base import NoTurn
from app.refunds import tasks
from app.refunds.models import Refund, RefundAttempt
from app.requests.models import ReturnRequest
from app.runtime import Runtime
from app.stores.asked import PreparedNewOrder, PreparedRefund, RefundAnswer, RefundIntent, RefundProof
from tests.api.kit import LAMP, FakeStore, order_of


class StillClock:
    """Stands still until it is moved."""

    def __init__(self, now: datetime) -> None:
        self._now = now

    def now(self) -> datetime:
        """The same instant again and again."""
        return self._now

    def move(self, **by: float) -> None:
        """Moves on."""
        self._now += timedelta(**by)


class ScriptedStore(FakeStore):
    """Answers as written, in order; without a script refunds succeed. Every call is counted."""

    def __init__(self, key: str, shown: OrderSnapshot) -> None:
        super().__init__(key, shown)
        self.shown: OrderSnapshot | None = shown
        self.answers: list[RefundAnswer] = []
        self.intents: list[RefundIntent] = []
        self.reading_fails: Exception | None = None
        self.preparing_fails: Exception | None = None
        self.while_preparing: Any = None
        self.while_sending: Any = None
        self.no_turn: NoTurn | None = None
        self.most: int | None = None
        self.payload: dict[str, Any] = {}

    async def read_order(self, order_id: str) -> OrderSnapshot | None:
        """What the test wants to be seen."""
        self.readings += 1
        if self.reading_fails is not None:
            raise self.reading_fails
        return self.shown if self.shown and self.shown.order_id == order_id else None

    async def prepare_refund(self, intent: RefundIntent, order: OrderSnapshot) -> PreparedRefund:
        """As decided, or less when the store has a maximum."""
        self.intents.append(intent)
        if self.while_preparing is not None:
            await self.while_preparing()
        if self.preparing_fails is not None:
            raise self.preparing_fails
        amount = intent.amount if self.most is None else intent.amount.with_minor(self.most)
        return PreparedRefund(
            intent.refund_id,
            order.order_id,
            amount,
            {"amount": amount.text, "of": order.number, **self.payload},
        )

    @asynccontextmanager
    async def ahead(self, prepared: PreparedRefund | PreparedNewOrder) -> AsyncIterator[None]:
        """At once, or never."""
        if self.no_turn is not None:
            raise self.no_turn
        yield

    async def send_refund(self, prepared: PreparedRefund) -> RefundAnswer:
        """The next answer of the script."""
        self.sent.append(prepared)
        if self.while_sending is not None:
            await self.while_sending()
        if self.answers:
            return self.answers.pop(0)
        return made(prepared.amount.minor)


def made(minor: int = 5000, state: RefundState = RefundState.SUCCEEDED, **more: Any) -> RefundAnswer:
    """The store has made refund 9001."""
    return Ok(RefundProof("9001", Money(minor, "EUR", 2), state, **more))


@dataclass
class Scene:
    """The runtime with its clock and store, and the order with its case."""

    runtime: Runtime
    clock: StillClock
    store: ScriptedStore
    order_pk: UUID
    case_id: UUID
    _other: list[UUID] = field(default_factory=list)

    @property
    def now(self) -> datetime:
        """The time of the scene."""
        return self.clock.now()

    async def plan(self, case_id: UUID | None = None) -> UUID:
        """Plans what the case owes; answers the refund's id."""
        async with self.runtime.work() as work:
            refund = await plan_refund(work, case_id or self.case_id)
            assert refund is not None
            return refund.id

    async def advance(self, refund_id: UUID) -> Refund:
        """Does the job of a refund once; answers the refund."""
        context = cast(JobContext, SimpleNamespace(additional_context={"runtime": self.runtime}))
        await tasks.advance.func(context, refund_id=str(refund_id))
        return await self.refund(refund_id)

    async def refund(self, refund_id: UUID) -> Refund:
        """The refund as stored."""
        async with self.runtime.work() as work:
            return await work.session.get_one(Refund, refund_id)

    async def attempts(self, refund_id: UUID) -> list[RefundAttempt]:
        """Its sendings."""
        async with self.runtime.work() as work:
            statement = select(RefundAttempt).where(RefundAttempt.refund_id == refund_id)
            return list(await work.session.scalars(statement.order_by(RefundAttempt.number)))

    async def case(self, case_id: UUID | None = None) -> Case:
        """The case as stored."""
        async with self.runtime.work() as work:
            return await work.session.get_one(Case, case_id or self.case_id)

    async def trail(self) -> list[CaseEventRow]:
        """What happened to the case."""
        async with self.runtime.work() as work:
            statement = select(CaseEventRow).where(CaseEventRow.case_id == self.case_id).order_by(CaseEventRow.seq)
            return list(await work.session.scalars(statement))

    async def jobs(self) -> list[tuple[str, dict[str, Any]]]:
        """What is enqueued, oldest first, and is enqueued no more."""
        async with self.runtime.work() as work:
            rows = await work.session.execute(text("SELECT task_name, args FROM procrastinate_jobs ORDER BY id"))
            found = [(name.removeprefix("makegood:"), {**args}) for name, args in rows]
            for _, args in found:
                # What the queue carries for the log is no task's argument.
                args.pop("origin", None)
            await work.session.execute(text("DELETE FROM procrastinate_jobs"))
            return found

    async def change(self, kind: type[Any], key: Any, **values: Any) -> None:
        """Writes columns of a row as they would have come to be."""
        async with self.runtime.work() as work:
            row = await work.session.get_one(kind, key)
            for name, value in values.items():
                setattr(row, name, value)

    async def another_case(self, line_id: str = LAMP, units: int = 1, **values: Any) -> UUID:
        """A second case of the same order."""
        return await add_case(self.runtime, self.order_pk, {line_id: units}, f"MG-OTHER{len(self._other)}", **values)

    def show(self, refund_id: UUID, state: RefundState = RefundState.SUCCEEDED, minor: int = 5000, **more: Any) -> None:
        """From now on the store shows a refund with that marker."""
        told: dict[str, Any] = {"lines": {LAMP: 2}, "extras": {}, **more}
        self.show_all(SeenRefund("9001", minor, state, str(refund_id), **told))

    def show_all(self, *seen: SeenRefund) -> None:
        """From now on the store shows these refunds."""
        assert self.store.shown is not None
        later = self.store.shown.updated_at + timedelta(seconds=1)
        self.store.shown = replace(self.store.shown, updated_at=later, refunds=seen)


async def scene_of(runtime: Runtime, platform: Platform = Platform.SHOPIFY) -> Scene:
    """An order of two lamps (25.00 each), a mug and shipping; both lamps are cleared by the supplier."""
    snapshot = replace(order_of(), platform=platform)
    clock = StillClock(snapshot.placed_at + timedelta(days=5))
    runtime.clock = clock
    store = ScriptedStore("alpha", snapshot)
    store.platform = platform
    runtime.stores._stores = {"alpha": store}
    async with runtime.work() as work:
        order, _ = await orders.keep(work, "alpha", snapshot)
    case_id = await add_case(runtime, order.id, {LAMP: 2}, "MG-SCENE001")
    return Scene(runtime, clock, store, order.id, case_id)


async def add_case(runtime: Runtime, order_pk: UUID, units: Mapping[str, int], reference: str, **values: Any) -> UUID:
    """A case in `resolving` whose units the supplier has accepted."""
    async with runtime.work() as work:
        order = await work.session.get_one(Order, order_pk)
        request = ReturnRequest(store=order.store, order_pk=order_pk, origin="api", remedy="refund", lines=[])
        work.session.add(request)
        await work.session.flush()
        lines = [
            CaseLine(line_id=line_id, position=index, title="x", reason="changed_mind", requested=count,
                     approved=count, shipped=count, received=count, accepted=count, cleared=count)
            for index, (line_id, count) in enumerate(units.items())
        ]  # fmt: skip
        settled: dict[str, Any] = {
            "state": "resolving", "supplier": "acme", "route": "return", "remedy": "refund", "requires_rma": True,
            "ground": "supplier", "gate": {"ground": "supplier"}, "policy_version": "1", "created_at": work.now,
            "updated_at": work.now,
        }  # fmt: skip
        case = Case(
            reference=reference, request_id=request.id, order_pk=order_pk, store=order.store, lines=lines,
            **{**settled, **values},
        )  # fmt: skip
        work.session.add(case)
        await work.session.flush()
        return case.id
