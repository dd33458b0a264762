"""Lets the engines of one test process share what depends on no database: the dialect and the compiled statements.

A process of the service has one engine for as long as it lives. A test process makes thousands, and each would ask the
server what it is and compile every statement anew: a third of what a test with a database takes.
"""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any
from unittest.mock import patch

from sqlalchemy import event
from sqlalchemy.ext.asyncio import AsyncEngine, create_async_engine

from app.db import engine as engines

_STATEMENTS = 4000


@contextmanager
def shared_dialect(server_url: str) -> Iterator[None]:
    """Engines that are made in the block know what the first one has found out, and connect to where they are told."""
    first = engines.make_engine(server_url, 1)
    asyncio.run(_connect_once(first))
    known: Any = first.sync_engine
    # The tests' own statements come on top of the service's.
    known._compiled_cache.capacity = _STATEMENTS
    on_connect = known.dialect.on_connect()

    def made(*places: Any, **options: Any) -> AsyncEngine:
        engine = create_async_engine(*places, **options, _initialize=False)
        sync: Any = engine.sync_engine
        sync.dialect = sync.pool._dialect = known.dialect
        sync._compiled_cache = known._compiled_cache
        event.listen(sync.pool, "connect", lambda connection, _record: on_connect(connection))
        return engine

    with patch.object(engines, "create_async_engine", made):
        yield


async def _connect_once(engine: AsyncEngine) -> None:
    async with engine.connect():
        pass
    await engine.dispose()
