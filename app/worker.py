"""The worker: takes jobs from the queue and looks for due work. Any number may run, on any number of machines."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable

import structlog
from procrastinate import App, PsycopgConnector
from procrastinate.exceptions import ConnectorException
from sqlalchemy.exc import DBAPIError

import app.orders.tasks
import app.requests.tasks
import app.stores.tasks  # noqa: F401
from app.cases import tasks as cases
from app.db.engine import libpq_url
from app.db.guesses import forget_guesses
from app.evidence import tasks as evidence
from app.jobs import NAMESPACE, blueprint, follow_origins
from app.messages import tasks as messages
from app.polling import tasks as polling
from app.privacy import retention
from app.privacy import tasks as privacy
from app.refunds import tasks as refunds
from app.runtime import Runtime
from app.suppliers import tasks as suppliers
from app.thanks import tasks as thanks
from app.timers import tasks as timers
from app.webhooks import tasks as webhooks
from app.withdrawals import tasks as withdrawals


async def _forget_guesses(runtime: Runtime) -> None:
    async with runtime.work() as work:
        await forget_guesses(work)


SWEEPS: tuple[Callable[[Runtime], Awaitable[None]], ...] = (
    webhooks.sweep,
    refunds.sweep,
    refunds.sweep_forgotten,
    suppliers.sweep,
    cases.sweep,
    timers.sweep,
    messages.sweep,
    messages.sweep_digest,
    thanks.sweep,
    privacy.sweep,
    retention.sweep,
    evidence.sweep,
    withdrawals.sweep,
    _forget_guesses,
    polling.sweep,
    polling.sweep_webhooks,
)
# How often a worker says that it lives.
HEARTBEAT_SECONDS = 10
# A worker that has been silent for this long is dead, and its jobs run again.
STALLED_SECONDS = 40
# A database that was restarted needs some seconds before it takes connections again.
INTERRUPTION_SECONDS = 5
log = structlog.get_logger()

# The blueprint gives its tasks away once; every queue of the process shares them.
_all_tasks = App(connector=PsycopgConnector(conninfo=""))
follow_origins(blueprint)
_all_tasks.add_tasks_from(blueprint, namespace=NAMESPACE)


def make_queue(url: str, concurrency: int) -> App:
    """The queue of this database with every task of the service."""
    connector = PsycopgConnector(conninfo=libpq_url(url), min_size=1, max_size=max(3, concurrency // 2))
    return _all_tasks.with_connector(connector)


async def sweep_once(runtime: Runtime) -> None:
    """Looks once for due work of every kind; one kind's trouble does not stop the others."""
    for sweep in SWEEPS:
        try:
            await sweep(runtime)
        except Exception:
            # Whatever it was: the other sweeps, and this one next time, must go on, or money and dates are forgotten.
            log.exception("sweep_failed", sweep=sweep.__module__)


async def take_over(queue: App) -> None:
    """Has the jobs of dead workers run again; every task can."""
    for job in await queue.job_manager.get_stalled_jobs(seconds_since_heartbeat=STALLED_SECONDS):
        try:
            await queue.job_manager.retry_job(job)
        except ConnectorException:
            # Another worker was quicker, or the job's own worker lived after all and has ended it.
            log.info("job_not_taken_over", job=job.id, task=job.task_name)
        else:
            log.warning("job_taken_over", job=job.id, task=job.task_name)


async def _sweeping(runtime: Runtime, queue: App) -> None:
    while True:
        await sweep_once(runtime)
        try:
            await take_over(queue)
        except Exception:
            log.exception("take_over_failed")
        await asyncio.sleep(runtime.settings.sweep_seconds)


async def run_worker(runtime: Runtime, concurrency: int = 10, *, install_signal_handlers: bool = True) -> None:
    """Works until cancelled or told to stop by SIGTERM; jobs under way are finished first."""
    queue = make_queue(runtime.database.url, concurrency)
    async with queue.open_async():
        sweeping = asyncio.create_task(_sweeping(runtime, queue))
        try:
            await queue.run_worker_async(
                concurrency=concurrency,
                additional_context={"runtime": runtime},
                install_signal_handlers=install_signal_handlers,
                fetch_job_polling_interval=2.0,
                delete_jobs="successful",
                shutdown_graceful_timeout=30,
                update_heartbeat_interval=HEARTBEAT_SECONDS,
                stalled_worker_timeout=STALLED_SECONDS,
            )
        finally:
            sweeping.cancel()


async def keep_working(runtime: Runtime, concurrency: int = 10, *, install_signal_handlers: bool = True) -> None:
    """Works until cancelled or told to stop; a database that restarts or fails over is only an interruption."""
    while True:
        try:
            await run_worker(runtime, concurrency, install_signal_handlers=install_signal_handlers)
        except (ConnectorException, DBAPIError, OSError):
            log.exception("worker_interrupted", again_in_seconds=INTERRUPTION_SECONDS)
            await asyncio.sleep(INTERRUPTION_SECONDS)
        else:
            return


async def run_until_idle(runtime: Runtime) -> None:
    """Looks for due work and does it until there is none: for tests, tools and the demo's last breath."""
    queue = make_queue(runtime.database.url, 4)
    async with queue.open_async():
        for _ in range(20):
            await sweep_once(runtime)
            before = await _count(queue)
            if before == 0:
                return
            await queue.run_worker_async(
                wait=False,
                concurrency=4,
                additional_context={"runtime": runtime},
                install_signal_handlers=False,
                listen_notify=False,
                delete_jobs="successful",
            )


async def _count(queue: App) -> int:
    jobs = await queue.job_manager.list_jobs_async(status="todo")
    return sum(1 for job in jobs if job.scheduled_at is None)
