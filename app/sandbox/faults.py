"""Faults on demand: what a store or supplier does wrong, by plan and never by luck."""

from __future__ import annotations

import asyncio
import threading
from collections import deque
from dataclasses import dataclass
from enum import StrEnum


class FaultKind(StrEnum):
    """What goes wrong. *before*: nothing was executed; *after*: it was, and the answer is lost or spoilt."""

    DROP_BEFORE = "drop_before"
    DROP_AFTER = "drop_after"
    STATUS_BEFORE = "status_before"
    STATUS_AFTER = "status_after"
    HTML_BEFORE = "html_before"
    HTML_AFTER = "html_after"
    TRUNCATE_AFTER = "truncate_after"
    REDIRECT = "redirect"
    THROTTLE = "throttle"
    SLOW_BEFORE = "slow_before"
    SLOW_AFTER = "slow_after"
    ERRORS_WITH_DATA = "errors_with_data"
    PENDING = "pending"
    FAIL_LATER = "fail_later"
    TOKEN_EXPIRED = "token_expired"
    REFUSE = "refuse"
    REFUSE_AFTER = "refuse_after"
    DELETED_AFTER = "deleted_after"
    MISBOOKED = "misbooked"
    NO_MONEY = "no_money"
    KEY_CONCURRENT = "key_concurrent"
    KEY_MISMATCH = "key_mismatch"
    KEY_PREVIOUS_FAILED = "key_previous_failed"


class Gate:
    """Holds a call until it is told to go on: what a test does meanwhile happens during the call, without sleeping."""

    def __init__(self, patience: float = 20.0) -> None:
        """`patience` is how many seconds either side waits for the other at most."""
        self._patience = patience
        self._reached, self._opened = threading.Event(), threading.Event()

    async def reached(self) -> None:
        """Waits until the call stands at the gate. Raises `TimeoutError`."""
        if not await asyncio.to_thread(self._reached.wait, self._patience):
            raise TimeoutError("No call came to the gate")

    def open(self) -> None:
        """Lets the call go on."""
        self._opened.set()

    async def passing(self) -> None:
        """The call's side of it."""
        self._reached.set()
        await asyncio.to_thread(self._opened.wait, self._patience)


@dataclass(frozen=True, slots=True)
class Fault:
    """One fault. `status` is the HTTP status of STATUS_*; `seconds` is the delay of SLOW_* and Retry-After.

    A `gate` replaces the delay of SLOW_*: the call goes on when it is opened.
    """

    kind: FaultKind
    status: int = 502
    seconds: float = 0.0
    text: str = ""
    gate: Gate | None = None

    async def linger(self) -> None:
        """The delay of SLOW_*."""
        if self.gate is not None:
            await self.gate.passing()
        else:
            await asyncio.sleep(self.seconds)


class FaultPlan:
    """Faults waiting for an operation by name (`refundCreate`, `POST /orders/refunds`, `POST /returns`, or `*`).

    A fault may be planned `about` one order (the store's id): only calls that name that order meet it.
    """

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._waiting: dict[tuple[str, str | None], deque[Fault]] = {}
        self._standing: dict[tuple[str, str | None], Fault] = {}

    def add(self, operation: str, *faults: Fault, about: str | None = None) -> None:
        """The next calls of `operation` meet these faults, one each, in this order."""
        with self._lock:
            self._waiting.setdefault((operation, about), deque()).extend(faults)

    def stand(self, operation: str, fault: Fault, about: str | None = None) -> None:
        """Every call of `operation` meets this fault until it is lifted."""
        with self._lock:
            self._standing[operation, about] = fault

    def lift(self, operation: str, about: str | None = None) -> None:
        """Ends a standing fault."""
        with self._lock:
            self._standing.pop((operation, about), None)

    def take(self, operation: str, about: str | None = None) -> Fault | None:
        """The fault for this call, if one waits for it or stands: first those about its order, then those for any."""
        with self._lock:
            for place in ((operation, about), ("*", about), (operation, None), ("*", None)):
                if self._waiting.get(place):
                    return self._waiting[place].popleft()
                if place in self._standing:
                    return self._standing[place]
        return None

    def clear(self) -> None:
        """Forgets every waiting and standing fault."""
        with self._lock:
            self._waiting.clear()
            self._standing.clear()
