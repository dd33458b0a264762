"""How fast a backlog is read: against intake, against a job for each delivery, and by two workers against one."""

from __future__ import annotations

import sys
from collections.abc import Callable
from contextlib import ExitStack
from statistics import median

import psycopg
from psycopg.rows import TupleRow

from tests.benchmarks import backlog
from tests.benchmarks.bench import SHOPIFY_SECRET, Bench
from tests.benchmarks.load import Plan, send
from tests.benchmarks.peers.job_per_delivery import TASK
from tests.benchmarks.table import Row, at_least

TITLE = "Processing: a backlog of 4 kB orders, half new and half updates"
# What is wanted, as the issue has it.
OF_INTAKE, OF_JOBS = 0.5, 3.0
_CONNECTIONS, _SIZE = 16, 4096


def measure(bench: Bench) -> list[Row]:
    """Every rate on a fresh database, in turns: each ratio is the middle one of several, within one turn each."""
    turns, count, seconds = (1, 2_000, 3.0) if bench.quick else (5, 10_000, 5.0)
    found = [(taken_in(bench, seconds), *(read_by(bench, workers, count) for workers in (1, 2))) for _ in range(turns)]
    jobs = read_by_jobs(bench, count // 3)
    intake, one, two = (median(rates) for rates in zip(*found, strict=True))
    of_intake = [(alone / came, both / came, both / alone) for came, alone, both in found]
    one_of_intake, two_of_intake, two_of_one = (median(ratios) for ratios in zip(*of_intake, strict=True))
    return [
        Row("intake, one process", intake, "deliveries/s"),
        Row("processing, one worker", one, "deliveries/s"),
        Row("processing, two workers", two, "deliveries/s"),
        Row("a job for each delivery, one worker", jobs, "deliveries/s"),
        at_least("two workers, of intake by one process", two_of_intake, OF_INTAKE),
        Row("one worker, of intake by one process", one_of_intake, "ratio"),
        at_least("one worker, of a job for each delivery", one / jobs, OF_JOBS),
        Row("two workers, of one", two_of_one, "ratio"),
    ]


def read_by(bench: Bench, workers: int, count: int) -> float:
    """Deliveries a second that so many workers read, once they have started."""
    url = bench.fresh_database()
    with ExitStack() as stack:
        for _ in range(workers):
            stack.enter_context(bench.worker(url))
        return _rate(url, count, lambda _: None)


def read_by_jobs(bench: Bench, count: int) -> float:
    """The same in the old way."""
    url = bench.fresh_database()
    command = [sys.executable, "-m", "tests.benchmarks.peers.job_per_delivery", url]

    def enqueue(database: psycopg.Connection[TupleRow]) -> None:
        database.execute(
            "INSERT INTO procrastinate_jobs (task_name, queue_name, args) "
            "SELECT %s, 'default', jsonb_build_object('delivery_id', id) FROM deliveries "
            "WHERE status = 'pending' ORDER BY id",
            [TASK],
        )

    with bench.process(command, {"DATABASE_URL": url}) as peer:
        peer.until("Makegood works")
        return _rate(url, count, enqueue)


def _rate(url: str, count: int, also: Callable[[psycopg.Connection[TupleRow]], None]) -> float:
    with backlog.opened(url) as database:
        # The first ones pay for connections and plans.
        backlog.fill(database, 200, also)
        backlog.until_read(database)
        database.execute("TRUNCATE deliveries, orders CASCADE")
        backlog.fill(database, count, also)
        return count / backlog.until_read(database)


def taken_in(bench: Bench, seconds: float) -> float:
    """Acknowledgements a second of one API process without a worker."""
    with bench.serve(bench.fresh_database()) as service:
        return send(Plan(service.url, _CONNECTIONS, _SIZE, seconds, SHOPIFY_SECRET)).acknowledged
