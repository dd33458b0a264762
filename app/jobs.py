"""The queue: jobs in the same PostgreSQL, put there in the caller's own transaction.

Jobs are delivered at least once. Every task can run twice without harm, and the row that it works on, not the job,
says whether there is something to do.
"""

from __future__ import annotations

import functools
import time
from collections.abc import Awaitable, Callable, Mapping, Sequence
from typing import Any

from procrastinate import App, Blueprint, JobContext, PsycopgConnector
from procrastinate.jobs import JobDeferrer
from sqlalchemy.ext.asyncio import AsyncSession
from structlog.contextvars import bound_contextvars

from app import origin, tracing
from app.db.base import new_id
from app.metrics import counts

# Every task of the service is registered here by its module, and the worker takes them from here.
NAMESPACE = "makegood"
blueprint = Blueprint()
# The queue of what moves money or goods. Everything else, waiting for its turn at a supplier as it may, is in `OTHERS`.
MONEY = "money"
OTHERS = "default"
_OF_MONEY = ("refunds.", "remedies.")

# Deferring uses the caller's connection; this queue has a connector only because procrastinate asks for one.
_deferring = App(connector=PsycopgConnector(conninfo=""))


async def defer_many(
    session: AsyncSession, task: str, arguments: Sequence[Mapping[str, Any]], priority: int = 0
) -> None:
    """As `defer`, one job for each of `arguments` in one statement. Jobs of a lower `priority` wait for all others."""
    if arguments:
        job = await _configured(session, task, priority)
        await job.batch_defer_async(*({**one, **_origin()} for one in arguments))


async def defer(session: AsyncSession, task: str, **arguments: Any) -> None:
    """Enqueues `task` in the transaction of `session`: both are kept or neither is."""
    job = await _configured(session, task, 0)
    await job.defer_async(**arguments, **_origin())


async def _configured(session: AsyncSession, task: str, priority: int) -> JobDeferrer:
    connection = await (await session.connection()).get_raw_connection()
    return _deferring.configure_task(
        f"{NAMESPACE}:{task}",
        allow_unknown=True,
        connection=connection.driver_connection,
        priority=priority,
        queue=MONEY if task.startswith(_OF_MONEY) else OTHERS,
    )


def _origin() -> dict[str, str]:
    known = origin.current()
    return {origin.ARGUMENT: known} if known else {}


def follow_origins(tasks: Blueprint) -> None:
    """Has every task go on from the origin that its job carries, whoever runs it; the task itself never sees it."""
    for name, task in tasks.tasks.items():
        task.func = _following(name, task.func)


def _following(name: str, task: Callable[..., Awaitable[None]]) -> Callable[..., Awaitable[None]]:
    @functools.wraps(task)
    async def run(context: JobContext, **arguments: Any) -> None:
        carried = arguments.pop(origin.ARGUMENT, None)
        about = origin.names_in(arguments)
        going_on = origin.resumed(carried) if carried else origin.began(str(new_id()))
        with going_on, bound_contextvars(task=name, **about), tracing.span(f"job {name}", "consumer", **about):
            began, broke = time.perf_counter(), True
            try:
                await task(context, **arguments)
                broke = False
            finally:
                counts.job_ended(name, time.perf_counter() - began, broke=broke)

    return run
