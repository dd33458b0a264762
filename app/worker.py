"""The worker: takes jobs from the queue and looks for due work. Any number may run, on any number of machines."""

from __future__ import annotations

import asyncio
import gc
from collections.abc import Awaitable, Callable
from contextlib import nullcontext, suppress

import psycopg
import structlog
from procrastinate import App, PsycopgConnector, signals
from procrastinate.exceptions import ConnectorException
from sqlalchemy.exc import DBAPIError
from sqlalchemy.exc import TimeoutError as PoolTimeout

import app.orders.tasks
import app.requests.tasks
import app.stores.tasks
import app.webhooks.tasks  # noqa: F401
from app.cases import tasks as cases
from app.db.engine import database_is_away, libpq_url
from app.db.guesses import forget_guesses
from app.evidence import tasks as evidence
from app.jobs import MONEY, NAMESPACE, blueprint, follow_origins
from app.messages import tasks as messages
from app.outbound import tasks as outbound
from app.polling import tasks as polling
from app.privacy import retention
from app.privacy import tasks as privacy
from app.queue_worker import SteadyWorker, end
from app.refunds import tasks as refunds
from app.remedies import tasks as remedies
from app.runtime import Runtime
from app.suppliers import tasks as suppliers
from app.thanks import tasks as thanks
from app.timers import tasks as timers
from app.webhooks.reader import keep_reading, read_all
from app.withdrawals import tasks as withdrawals


async def _forget_guesses(runtime: Runtime) -> None:
    async with runtime.work() as work:
        await forget_guesses(work)


SWEEPS: tuple[Callable[[Runtime], Awaitable[None]], ...] = (
    refunds.sweep,
    refunds.sweep_forgotten,
    remedies.sweep,
    suppliers.sweep,
    cases.sweep,
    timers.sweep,
    messages.sweep,
    messages.sweep_digest,
    thanks.sweep,
    privacy.sweep,
    retention.sweep_at_leisure,
    evidence.sweep,
    withdrawals.sweep,
    outbound.sweep,
    _forget_guesses,
    polling.sweep,
    polling.sweep_webhooks,
)
# A job whose notification was lost is found after this many seconds.
FETCH_SECONDS = 2.0
# How often a worker says that it lives.
HEARTBEAT_SECONDS = 10
# A worker that has been silent for this long is dead, and its jobs run again.
STALLED_SECONDS = 40
# A database that was restarted needs some seconds before it takes connections again.
INTERRUPTION_SECONDS = 5
# What a database that is away looks like, from wherever it is asked.
INTERRUPTIONS = (ConnectorException, DBAPIError, PoolTimeout, psycopg.OperationalError, OSError)
log = structlog.get_logger()

# The blueprint gives its tasks away once; every queue of the process shares them.
_all_tasks = App(connector=PsycopgConnector(conninfo=""))
follow_origins(blueprint)
_all_tasks.add_tasks_from(blueprint, namespace=NAMESPACE)


def settle() -> None:
    """Leaves what is loaded by now out of Python's search for garbage, for as long as the process lives.

    A batch of deliveries makes so many small objects that everything was searched again and again: about a fifth of
    the time that reading took (docs/performance.md).
    """
    gc.collect()
    gc.freeze()


def make_queue(url: str, concurrency: int) -> App:
    """The queue of this database with every task of the service."""
    connector = PsycopgConnector(conninfo=libpq_url(url), min_size=1, max_size=max(3, concurrency // 2))
    return _all_tasks.with_connector(connector)


async def sweep_once(runtime: Runtime) -> None:
    """Looks once for due work of every kind; one kind's trouble does not stop the others.

    Raises what says that the database is away: the others could not look either.
    """
    for sweep in SWEEPS:
        try:
            await sweep(runtime)
        except Exception as error:
            if database_is_away(error):
                raise
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


async def _keep_sweeping(runtime: Runtime, stopping: asyncio.Event) -> None:
    queue = make_queue(runtime.database.url, 1)
    async with queue.open_async():
        while not stopping.is_set():
            await sweep_once(runtime)
            await take_over(queue)
            await _pause(stopping, runtime.settings.sweep_seconds)


async def _pause(stopping: asyncio.Event, seconds: float) -> None:
    with suppress(TimeoutError):
        await asyncio.wait_for(stopping.wait(), seconds)


def slots(concurrency: int) -> tuple[int, int]:
    """Of so many jobs at a time, those that may be of any kind and those that are kept for money; at least one each.

    Calls to a slow supplier wait for their turn for up to ten seconds each, and with hundreds of open returns they
    would fill whatever is there.
    """
    kept = max(1, concurrency // 4)
    return max(1, concurrency - kept), kept


async def _run_queue(runtime: Runtime, concurrency: int, stopping: asyncio.Event, queues: list[str] | None) -> None:
    """Does jobs of these queues, or of all, until `stopping` is set; those under way are finished first."""
    queue = make_queue(runtime.database.url, concurrency)
    async with queue.open_async():
        worker = SteadyWorker(
            app=queue,
            queues=queues,
            concurrency=concurrency,
            additional_context={"runtime": runtime},
            install_signal_handlers=False,
            fetch_job_polling_interval=FETCH_SECONDS,
            delete_jobs="successful",
            shutdown_graceful_timeout=30,
            update_heartbeat_interval=HEARTBEAT_SECONDS,
            stalled_worker_timeout=STALLED_SECONDS,
        )
        running = asyncio.create_task(worker.run())  # type: ignore[no-untyped-call]
        told = asyncio.create_task(stopping.wait())
        try:
            await asyncio.wait([running, told], return_when=asyncio.FIRST_COMPLETED)
        finally:
            told.cancel()
            worker.stop()  # type: ignore[no-untyped-call]
            await running


async def _keep_up(part: Callable[[], Awaitable[None]], stopping: asyncio.Event) -> None:
    """Begins a part of the worker again whenever it ends, until the worker is told to stop.

    The queue ends without a word when its heartbeat could not be written: that is an interruption as an error is one.
    """
    while not stopping.is_set():
        try:
            await part()
        except INTERRUPTIONS as error:
            log.warning("worker_interrupted", error=type(error).__name__, again_in_seconds=INTERRUPTION_SECONDS)
        await _pause(stopping, INTERRUPTION_SECONDS)


async def keep_working(runtime: Runtime, concurrency: int = 10, *, install_signal_handlers: bool = True) -> None:
    """Works until cancelled or told to stop by SIGTERM; jobs and deliveries under way are finished first.

    A database that restarts or fails over is only an interruption.
    """
    stopping = asyncio.Event()
    readers: list[int] = []
    of_any_kind, for_money = slots(concurrency)
    parts = [
        asyncio.create_task(_keep_up(lambda: keep_reading(runtime, stopping, readers), stopping)),
        asyncio.create_task(_keep_up(lambda: _run_queue(runtime, of_any_kind, stopping, None), stopping)),
        asyncio.create_task(_keep_up(lambda: _run_queue(runtime, for_money, stopping, [MONEY]), stopping)),
        asyncio.create_task(_keep_up(lambda: _keep_sweeping(runtime, stopping), stopping)),
    ]
    sending = []
    if runtime.settings.events:
        sending.append(asyncio.create_task(_keep_up(lambda: outbound.keep_sending(runtime), stopping)))
    with signals.on_stop(stopping.set) if install_signal_handlers else nullcontext():
        try:
            await _until_stopped(stopping, [*parts, *sending])
        finally:
            stopping.set()
            await end(sending)
            await asyncio.gather(*parts, return_exceptions=True)


async def _until_stopped(stopping: asyncio.Event, parts: list[asyncio.Task[None]]) -> None:
    """Throws what a part throws that is no interruption: a fault of the service's own."""
    told = asyncio.create_task(stopping.wait())
    try:
        done, _ = await asyncio.wait([told, *parts], return_when=asyncio.FIRST_COMPLETED)
        for one in done:
            one.result()
    finally:
        told.cancel()


async def run_until_idle(runtime: Runtime) -> None:
    """Looks for due work and does it until there is none: for tests, tools and the demo's last breath."""
    queue = make_queue(runtime.database.url, 4)
    async with queue.open_async():
        for _ in range(20):
            await sweep_once(runtime)
            await read_all(runtime)
            if await _count(queue) == 0 and await outbound.send_until_idle(runtime) == 0:
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
