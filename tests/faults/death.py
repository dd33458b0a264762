"""Processes that die: at the start of a transaction, around its commit, before or after the money call.

A death is no `Exception`, so nothing in the service can catch it: what had not been committed is gone, what had been
stays, and the job is never heard of again unless another worker takes it over.
"""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from contextvars import ContextVar
from dataclasses import dataclass

from sqlalchemy.ext.asyncio import AsyncSession

from app.db.engine import Database


class Died(BaseException):
    """The process ended here."""


@dataclass(slots=True)
class Doom:
    """Where the job under way will end; `met` says that it did."""

    point: str
    transactions: int = 0
    met: bool = False


doom: ContextVar[Doom | None] = ContextVar("doom", default=None)


def reached(point: str) -> None:
    """The job under way has come to `point`; it may be its last."""
    fate = doom.get()
    if fate is not None and fate.point == point and not fate.met:
        fate.met = True
        raise Died(point)


class MortalDatabase(Database):
    """A database in whose transactions a process may die."""

    @asynccontextmanager
    async def transaction(self) -> AsyncIterator[AsyncSession]:
        """As the real one; `begin`, `commit` and `done` of the job's n-th transaction are places to die."""
        fate = doom.get()
        if fate is None:
            async with super().transaction() as session:
                yield session
            return
        fate.transactions += 1
        number = fate.transactions
        async with super().transaction() as session:
            reached(f"begin:{number}")
            yield session
            reached(f"commit:{number}")
        reached(f"done:{number}")
