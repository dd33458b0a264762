"""The engine and its sessions. Any libpq URL is taken as it is, sockets and several hosts included."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from functools import partial

import psycopg
from psycopg import errors
from psycopg.rows import TupleRow
from sqlalchemy.exc import DBAPIError
from sqlalchemy.exc import TimeoutError as PoolTimeout
from sqlalchemy.ext.asyncio import AsyncEngine, AsyncSession, async_sessionmaker, create_async_engine

# A statement that waits this long for a lock is stuck behind something broken: better an error that is tried again
# than a connection lost to the pool. Milliseconds.
LOCK_TIMEOUT_MS = 10_000
STATEMENT_TIMEOUT_MS = 30_000
# A machine that vanished in the middle of a transaction says no goodbye, and its locks would hold an order up until TCP
# gives up, hours later. No transaction of ours waits for anything but the database. Milliseconds.
IDLE_TIMEOUT_MS = 60_000


def libpq_url(url: str) -> str:
    """The URL without a driver name in its scheme, as libpq wants it."""
    scheme, separator, rest = url.partition("://")
    return f"{scheme.split('+')[0]}{separator}{rest}"


async def connect(url: str, *, autocommit: bool = False) -> psycopg.AsyncConnection[TupleRow]:
    """One connection to `url` (any libpq URL), with its `application_name` and lock and statement time-outs."""
    return await psycopg.AsyncConnection.connect(
        libpq_url(url),
        autocommit=autocommit,
        application_name="makegood",
        connect_timeout=10,
        options=f"-c lock_timeout={LOCK_TIMEOUT_MS} -c statement_timeout={STATEMENT_TIMEOUT_MS} "
        f"-c idle_in_transaction_session_timeout={IDLE_TIMEOUT_MS} -c timezone=UTC",
    )


def make_engine(url: str, pool_size: int = 10) -> AsyncEngine:
    """An engine for `url`, whose connections are made by `connect`."""
    return create_async_engine(
        "postgresql+psycopg://",
        async_creator=partial(connect, url),
        # The parameters of a failed statement may be personal data, and errors end up in logs.
        hide_parameters=True,
        pool_size=pool_size,
        max_overflow=pool_size,
        pool_pre_ping=True,
        pool_recycle=1800,
    )


def lost_a_race(error: DBAPIError) -> bool:
    """Whether PostgreSQL gave up this transaction for another's sake; doing it anew is the remedy it asks for."""
    return isinstance(error.orig, (errors.DeadlockDetected, errors.SerializationFailure))


# What a server says that stops, starts, was promoted away or is a standby now (PostgreSQL's table of error codes).
_AWAY = ("08", "57P01", "57P02", "57P03", "57P05", "25006")


def database_is_away(error: BaseException) -> bool:
    """Whether this says that the database cannot be used now, and nothing of what was asked of it."""
    if isinstance(error, PoolTimeout):
        return True
    found = error.orig if isinstance(error, DBAPIError) else error
    if isinstance(found, psycopg.Error):
        # Without a code it was not the server who spoke: the connection broke, or there was none to be had.
        return found.sqlstate.startswith(_AWAY) if found.sqlstate else isinstance(found, psycopg.OperationalError)
    return isinstance(found, OSError)


class Database:
    """The engine with its session factory. `async with database.transaction() as session:` commits or rolls back."""

    def __init__(self, url: str, pool_size: int = 10) -> None:
        self.url = url
        self.engine = make_engine(url, pool_size)
        self._sessions = async_sessionmaker(self.engine, expire_on_commit=False)

    @asynccontextmanager
    async def transaction(self) -> AsyncIterator[AsyncSession]:
        """A session in one transaction: committed when the block ends, rolled back when it raises."""
        async with self._sessions() as session, session.begin():
            yield session

    async def dispose(self) -> None:
        """Closes every connection."""
        await self.engine.dispose()
