"""A stage for whole stories: the sandbox world over HTTP, the service over HTTP, and a worker that works on request."""

from __future__ import annotations

import json
from collections.abc import Mapping
from datetime import datetime, timedelta
from typing import Any

import httpx
from sqlalchemy import func, select

from app.cases.models import Case, CaseEventRow
from app.cases.service import view_of
from app.cases.states import CaseEvent, replay
from app.cases.view import CaseView, LineView
from app.cases.vocabulary import Event, Remedy, State
from app.clock import MovableClock
from app.ledger.models import LedgerEntry
from app.requests.models import ReturnRequest
from app.runtime import Runtime
from app.sandbox.world import SHOP, SITE, World
from app.timers.models import Timer
from app.worker import run_until_idle


class Stage:
    """Plays and watches. `settle` lets every webhook, job and due date happen until nothing is left to do."""

    def __init__(self, world: World, runtime: Runtime, http: httpx.AsyncClient, clock: MovableClock) -> None:
        self.world = world
        self.runtime = runtime
        self.http = http
        self.clock = clock

    async def settle(self) -> None:
        """Until no webhook is on its way and no job waits."""
        for _ in range(12):
            self.world.courier.flush()
            before = len(self.world.courier.attempts)
            await run_until_idle(self.runtime)
            self.world.courier.flush()
            if len(self.world.courier.attempts) == before:
                return
        raise AssertionError("the story does not come to rest")

    async def later(self, **by: float) -> None:
        """Time passes, and what is due happens when it is due: each clock strikes at its own moment."""
        end = self.clock.now() + timedelta(**by)
        while (strikes := await self._next_strike()) is not None and strikes < end:
            self.clock.move(strikes - self.clock.now() + timedelta(seconds=1))
            await self.settle()
        await self.asleep(seconds=(end - self.clock.now()).total_seconds())

    async def asleep(self, **by: float) -> None:
        """Time passes with every worker off; then they wake, and do what has become due."""
        self.clock.move(timedelta(**by))
        await self.settle()

    async def _next_strike(self) -> datetime | None:
        async with self.runtime.work() as work:
            running = (Timer.fired_at.is_(None), Timer.cancelled_at.is_(None), Timer.due_at > work.now)
            return await work.session.scalar(select(func.min(Timer.due_at)).where(*running))

    async def get(self, path: str, **params: Any) -> Any:
        """A GET of the API that must succeed."""
        answer = await self.http.get(f"/api/v1{path}", params=params)
        assert answer.status_code == 200, answer.text
        return answer.json()

    async def post(self, path: str, body: Mapping[str, Any] | None = None, status: int = 200) -> Any:
        """A POST of the API that must answer `status`."""
        answer = await self.http.post(f"/api/v1{path}", json=body or {})
        assert answer.status_code == status, answer.text
        return answer.json()

    async def ask(self, store: str, order: str, lines: list[dict[str, Any]], **more: Any) -> list[dict[str, Any]]:
        """A return request; answers its cases after everything has come to rest."""
        body = {"store": store, "order": order, "remedy": "refund", "lines": lines, **more}
        request = await self.post("/return-requests", body, 201)
        await self.settle()
        return [await self.case(case["id"]) for case in request["cases"]]

    async def booked(self, case: Mapping[str, Any]) -> dict[str, int]:
        """The balance of each account of the case, in minor units; together they are nothing."""
        found: dict[str, int] = {}
        async with self.runtime.work() as work:
            for row in await work.session.scalars(select(LedgerEntry).where(LedgerEntry.case_id == case["id"])):
                found[row.account] = found.get(row.account, 0) + row.amount
        assert sum(found.values()) == 0
        return found

    async def case(self, case_id: str) -> dict[str, Any]:
        """The case now; its log must replay to what is stored."""
        await self.check_replay(case_id)
        found: dict[str, Any] = await self.get(f"/cases/{case_id}")
        return found

    async def act(self, case: Mapping[str, Any], action: str, **body: Any) -> dict[str, Any]:
        """An operator's action; answers the case after everything has come to rest."""
        await self.post(f"/cases/{case['id']}/{action}", body)
        await self.settle()
        return await self.case(case["id"])

    async def events(self, case_id: str) -> list[str]:
        """The types of the case's events, in order, notes left out."""
        rows = await self.get(f"/cases/{case_id}/events", limit=200)
        return [row["type"] for row in rows["items"] if row["type"] != "note_added"]

    async def mails(self, case_id: str) -> list[str]:
        """The kinds of mail about a case, oldest first."""
        found = await self.get("/messages", case=case_id)
        return [message["kind"] for message in reversed(found["items"])]

    async def check_replay(self, case_id: str) -> None:
        """Replaying the log from nothing gives the stored case (invariant 3)."""
        async with self.runtime.work() as work:
            case = (await work.session.execute(select(Case).where(Case.id == case_id))).scalar_one()
            rows = await work.session.scalars(
                select(CaseEventRow).where(CaseEventRow.case_id == case_id).order_by(CaseEventRow.seq)
            )
            log = [(CaseEvent(Event(row.type), row.data), State(row.to_state)) for row in rows]
            start = CaseView(
                state=State.REQUESTED,
                lines=tuple(LineView(line.line_id, line.requested) for line in case.lines),
                remedy=Remedy((await work.session.get_one(ReturnRequest, case.request_id)).remedy),
                requires_rma=case.requires_rma,
                has_supplier=case.supplier is not None,
            )
            assert replay(start, log) == view_of(case), json.dumps([str(entry) for entry in log])


__all__ = ["SHOP", "SITE", "Stage"]
