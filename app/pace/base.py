"""What an adapter knows of pace: it takes a turn before each call, and then says what the answer told. Pure."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import AbstractAsyncContextManager, contextmanager, nullcontext
from contextvars import ContextVar
from dataclasses import dataclass
from typing import Protocol

_FIRST: ContextVar[bool] = ContextVar("makegood_money_first", default=False)


class NoTurn(Exception):
    """No call may be made now; `wait` is in how many seconds one may be. Nothing was sent."""

    def __init__(self, detail: str, wait: float) -> None:
        super().__init__(detail)
        self.wait = wait


@dataclass(frozen=True, slots=True)
class Told:
    """What an answer said of the other side's own limit. None: it did not say.

    `cost` is what the call took of it, `available` what is left, `burst` the most that there can be, `rate` what comes
    back in a second; `hold` is for how many seconds nothing more should be asked, and `throttled` that this call was
    turned away for its pace.
    """

    cost: float | None = None
    available: float | None = None
    burst: float | None = None
    rate: float | None = None
    hold: float | None = None
    throttled: bool = False


NOTHING_TOLD = Told()


class Turn(Protocol):
    """The right to make one call."""

    async def end(self, told: Told = NOTHING_TOLD) -> None:
        """The call is over. Never raises: what came of the call must not be lost for it."""
        ...


class Pace(Protocol):
    """The pace of one store or supplier."""

    async def take(self, cost: float = 1.0) -> Turn:
        """Waits for a turn, some seconds at most. Raises `NoTurn`."""
        ...

    def ahead(self, cost: float) -> AbstractAsyncContextManager[None]:
        """Waits for turns worth `cost` and keeps them for the calls that the block makes, one after the other.

        They wait no more until it is used up; what they do not use is given back. Raises `NoTurn` before the block.
        """
        ...


class _FreeTurn:
    async def end(self, told: Told = NOTHING_TOLD) -> None:
        """Nothing to give back."""


class Unpaced:
    """No limit: for a person's single commands, and for tests."""

    async def take(self, cost: float = 1.0) -> Turn:  # noqa: ARG002
        """At once."""
        return _FreeTurn()

    def ahead(self, cost: float) -> AbstractAsyncContextManager[None]:  # noqa: ARG002
        """At once."""
        return nullcontext()


@contextmanager
def money_first() -> Iterator[None]:
    """Calls within the block, and in tasks that it starts, go before readings when turns are few."""
    before = _FIRST.set(True)
    try:
        yield
    finally:
        _FIRST.reset(before)


def goes_first() -> bool:
    """Whether what is being done now is about money."""
    return _FIRST.get()
