"""The queue: jobs in the same PostgreSQL, put there in the caller's own transaction.

Jobs are delivered at least once. Every task can run twice without harm, and the row that it works on, not the job,
says whether there is something to do.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from procrastinate import App, Blueprint, PsycopgConnector
from procrastinate.jobs import JobDeferrer
from sqlalchemy.ext.asyncio import AsyncSession

# Every task of the service is registered here by its module, and the worker takes them from here.
NAMESPACE = "makegood"
blueprint = Blueprint()

# Deferring uses the caller's connection; this queue has a connector only because procrastinate asks for one.
_deferring = App(connector=PsycopgConnector(conninfo=""))


async def defer_many(
    session: AsyncSession, task: str, arguments: Sequence[Mapping[str, Any]], priority: int = 0
) -> None:
    """As `defer`, one job for each of `arguments` in one statement. Jobs of a lower `priority` wait for all others."""
    if arguments:
        job = await _configured(session, task, priority)
        await job.batch_defer_async(*({**one} for one in arguments))


async def defer(session: AsyncSession, task: str, **arguments: Any) -> None:
    """Enqueues `task` in the transaction of `session`: both are kept or neither is."""
    job = await _configured(session, task, 0)
    await job.defer_async(**arguments)


async def _configured(session: AsyncSession, task: str, priority: int) -> JobDeferrer:
    connection = await (await session.connection()).get_raw_connection()
    return _deferring.configure_task(
        f"{NAMESPACE}:{task}", allow_unknown=True, connection=connection.driver_connection, priority=priority
    )
