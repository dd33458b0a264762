"""Turns for adapters: asked for in the database in one short transaction each, and waited for with none open."""

from __future__ import annotations

import asyncio
import random
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from contextvars import ContextVar
from dataclasses import dataclass, replace
from datetime import datetime

import structlog
from sqlalchemy.exc import SQLAlchemyError

from app.db.engine import Database
from app.orders.snapshot import Platform
from app.pace import service
from app.pace.base import NOTHING_TOLD, NoTurn, Pace, Told, Turn, Unpaced, goes_first
from app.pace.bucket import Limits
from app.pace.models import store_name, supplier_name
from app.settings_store import StoreSettings
from app.settings_supplier import SupplierSettings

# What waits longer gives way to other work and comes again: a job must not be held up by a store's pace, nor a lease
# that is counted for one call run out. Seconds.
LONGEST_WAIT = 10.0
LONGEST_WAIT_FOR_MONEY = 15.0
# After the database could not tell.
SHORT_WAIT = 5.0
# Shopify's smallest plan restores 100 points a second; the first answer tells the shop's own figures.
SHOPIFY = Limits(rate=100.0, burst=1000.0, learns=True)
# So many seconds' worth may be asked at once after a rest.
_BURST_SECONDS = 5.0
# CJ Dropshipping counts calls by the second, over all processes of an account: a tenth more lies between two.
CJ = Limits(rate=1 / 1.1, burst=1.0)
log = structlog.get_logger()
Sleep = Callable[[float], Awaitable[None]]


def limits_of_store(store: StoreSettings) -> Limits | None:
    """What a store may be asked; None: as fast as it answers."""
    if store.platform is Platform.SHOPIFY:
        return SHOPIFY
    rate = store.requests_per_second
    return Limits(rate, max(1.0, rate * _BURST_SECONDS), parallel=store.parallel_requests) if rate else None


def limits_of_supplier(supplier: SupplierSettings) -> Limits | None:
    """What a supplier may be asked; None: as fast as it answers."""
    if supplier.channel == "cj":
        return CJ
    rate = supplier.calls_per_second
    return Limits(rate, max(1.0, rate * _BURST_SECONDS)) if rate else None


class Paces:
    """The paces of all stores and suppliers of this database. `sleep` takes seconds."""

    def __init__(self, database: Database, sleep: Sleep = asyncio.sleep) -> None:
        self._database = database
        self._sleep = sleep

    def of_store(self, key: str, store: StoreSettings) -> Pace:
        """The pace of one store."""
        return self.of(store_name(key), limits_of_store(store))

    def of_supplier(self, key: str, supplier: SupplierSettings) -> Pace:
        """The pace of one supplier."""
        return self.of(supplier_name(key), limits_of_supplier(supplier))

    def of(self, name: str, limits: Limits | None) -> Pace:
        """The pace of that name."""
        return Unpaced() if limits is None else SharedPace(self._database, name, limits, self._sleep)


class SharedPace:
    """One bucket, taken from by every process."""

    def __init__(self, database: Database, name: str, limits: Limits, sleep: Sleep) -> None:
        self._database = database
        self._name = name
        self._limits = limits
        self._sleep = sleep

    async def take(self, cost: float = 1.0) -> Turn:
        """Waits for a turn. Raises `NoTurn` when there is none in time, or when the database cannot tell."""
        ahead = _AHEAD.get()
        if ahead is None or ahead.pace is not self:
            return await self._waited(cost, self._limits)
        if ahead.left < cost:
            # The place is held already: who has it must not wait for another.
            return await self._waited(cost, replace(self._limits, parallel=None))
        ahead.left -= cost
        return _SharedTurn(self._database, self._name, self._limits, cost, None)

    @asynccontextmanager
    async def ahead(self, cost: float) -> AsyncIterator[None]:
        """Waits now for what the block's calls will take, in one place of their own. Raises `NoTurn` before it."""
        turn, ahead = await self._waited(cost, self._limits), _Ahead(self, cost)
        before = _AHEAD.set(ahead)
        try:
            yield
        finally:
            _AHEAD.reset(before)
            await turn.end(Told(cost=cost - ahead.left))

    async def _waited(self, cost: float, limits: Limits) -> Turn:
        first, waited = goes_first(), 0.0
        longest = LONGEST_WAIT_FOR_MONEY if first else LONGEST_WAIT
        while True:
            try:
                async with self._database.transaction() as session:
                    taken, wait, lease = await service.take(session, self._name, cost, limits, first=first)
            except (SQLAlchemyError, OSError) as error:
                raise NoTurn("Whether it may be asked now cannot be told", SHORT_WAIT) from error
            if taken:
                return _SharedTurn(self._database, self._name, self._limits, cost, lease)
            if waited + wait > longest:
                raise NoTurn(f"Its pace is used up for {wait:.1f} s", wait)
            # Those who wait for the same moment do not all come at once.
            wait *= 1 + random.random() / 10  # noqa: S311
            waited += wait
            await self._sleep(wait)


@dataclass
class _Ahead:
    """What is left of the turns that were taken before their calls."""

    pace: SharedPace
    left: float


_AHEAD: ContextVar[_Ahead | None] = ContextVar("makegood_turns_ahead", default=None)


class _SharedTurn:
    def __init__(self, database: Database, name: str, limits: Limits, cost: float, lease: datetime | None) -> None:
        self._database = database
        self._name = name
        self._limits = limits
        self._cost = cost
        self._lease = lease

    async def end(self, told: Told = NOTHING_TOLD) -> None:
        """Gives the place back and keeps what was told. A place that cannot be given back is free after its lease."""
        if self._lease is None and told == NOTHING_TOLD:
            return
        try:
            async with self._database.transaction() as session:
                await service.end(session, self._name, self._cost, self._lease, told, self._limits)
        except (SQLAlchemyError, OSError) as error:
            log.warning("pace_not_kept", name=self._name, error=type(error).__name__)
