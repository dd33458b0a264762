"""Receivers on loopback, and events of made-up cases."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import timedelta
from typing import Any
from uuid import UUID

from httpx import AsyncClient
from sqlalchemy import select

from app.clock import MovableClock
from app.outbound import payloads
from app.outbound.models import OutboundAttempt, OutboundReceiver, OutboundSending
from app.outbound.service import store_uninstalled
from app.outbound.tasks import send_until_idle
from app.runtime import Runtime
from app.sandbox.receiver import EventReceiver
from tests.api.kit import keep, lamp, order_of, submit

SECRET = "whsec_c2VjcmV0LW9mLXRoZS1jcm0tMDEyMzQ1Njc4OQ=="
NEXT_SECRET = "whsec_bmV4dC1zZWNyZXQtb2YtdGhlLWNybS0wMTIzNDU2"
BY_NAME: dict[str, type[payloads.Told]] = {str(name): model for name, model in payloads.DATA.items()}


@dataclass
class Office:
    """Events, their sending at the wish of the test, and the two receivers `crm` and `erp`."""

    runtime: Runtime
    clock: MovableClock
    crm: EventReceiver
    erp: EventReceiver

    async def tell(self, store: str = "alpha") -> None:
        """One event that is about no case."""
        async with self.runtime.work() as work:
            await store_uninstalled(work, store, work.now)

    async def send(self) -> int:
        """What is due now."""
        return await send_until_idle(self.runtime)

    async def later(self, **by: float) -> int:
        """Time passes, and what is due then is sent."""
        self.clock.move(timedelta(**by))
        return await self.send()

    async def sendings(self, receiver: str = "crm") -> Sequence[OutboundSending]:
        """Where every event stands with a receiver, in the sequence of events."""
        async with self.runtime.work() as work:
            mine = select(OutboundSending).where(OutboundSending.receiver == receiver).order_by(OutboundSending.seq)
            return (await work.session.scalars(mine)).all()

    async def attempts(self, receiver: str = "crm") -> Sequence[OutboundAttempt]:
        """Every try with a receiver, oldest first."""
        async with self.runtime.work() as work:
            mine = select(OutboundAttempt).where(OutboundAttempt.receiver == receiver)
            return (await work.session.scalars(mine.order_by(OutboundAttempt.started_at))).all()

    async def health(self, receiver: str = "crm") -> OutboundReceiver:
        """How a receiver fares."""
        async with self.runtime.work() as work:
            return await work.session.get_one(OutboundReceiver, receiver)


def ids(receiver: EventReceiver) -> list[UUID]:
    """The ids of what a receiver took, in order."""
    return [UUID(one.id) for one in receiver.taken]


async def two_cases(client: AsyncClient, runtime: Runtime) -> list[Any]:
    """Two cases of two orders; each has told of its creation and of a change of state."""
    found = []
    for number in (1, 2):
        await keep(runtime, order_of(f"{number}", f"#{number}"))
        (case,) = (await submit(client, lamp(), order=f"#{number}"))["cases"]
        found.append(case)
    return found
