"""What three years of trade cost: the same work on an empty database and on one with a million cases."""

from __future__ import annotations

import asyncio
import statistics
import time
from collections.abc import Callable

import httpx
import psycopg

from app.http import tls_context
from app.runtime import build_runtime
from app.settings import Settings
from app.worker import SWEEPS
from tests.api.kit import V1
from tests.benchmarks import backlog
from tests.benchmarks.bench import API_KEY, SHOPIFY_SECRET, Bench
from tests.benchmarks.load import Plan, send
from tests.benchmarks.table import Row, at_least
from tests.conftest import API_KEY as TEST_KEY
from tests.conftest import BASE_SETTINGS
from tests.growth.exemplar import plant
from tests.growth.fill import fill
from tests.growth.hot import LISTS, LOOKED_UP, names

TITLE = "Growth: a full database against an empty one"
# What is wanted, as the issue has it.
KEPT = 0.9
_CONNECTIONS, _SIZE = 16, 4096
# Each thing is asked for so often; the first time pays for plans and connections.
_TIMES = 9
# Rates on the empty database and on the full one, of each turn.
Pairs = list[tuple[float, float]]


def measure(bench: Bench) -> list[Row]:
    """Fills a database, then does the same on it and on one that holds a single return."""
    cases, deliveries = (50_000, 250_000) if bench.quick else (1_000_000, 5_000_000)
    empty, grown = planted(bench), planted(bench)
    begun = time.monotonic()
    fill(grown, cases, deliveries)
    settled(grown)
    rows = [
        Row(f"filling in {cases:,} cases and {deliveries:,} deliveries", time.monotonic() - begun, "s"),
        size(grown),
    ]
    rows += answers(bench, empty, grown)
    rows += sweeps(empty, grown)
    rows += compared("intake", "deliveries/s", intake(bench, (empty, grown)))
    rows += compared("processing", "deliveries/s", processing(bench, (empty, grown)))
    return rows


def planted(bench: Bench) -> str:
    """A fresh database with one return in it."""
    url = bench.fresh_database()

    async def play() -> None:
        runtime = build_runtime(Settings(**BASE_SETTINGS), url, pool_size=4)
        try:
            await plant(runtime, TEST_KEY)
        finally:
            await runtime.aclose()

    asyncio.run(play())
    return url


def settled(url: str) -> None:
    """Nothing waits to be read, and nothing is left to be written to the disk."""
    with psycopg.connect(url, autocommit=True) as connection:
        connection.execute("UPDATE deliveries SET status = 'processed' WHERE status = 'pending'")
        connection.execute("VACUUM ANALYZE deliveries")
        connection.execute("CHECKPOINT")


def size(url: str) -> Row:
    """How large the database is."""
    with psycopg.connect(url) as connection:
        row = connection.execute("SELECT pg_database_size(current_database())").fetchone()
    assert row is not None
    return Row("size of the database", row[0] / 1e9, "GB")


def answers(bench: Bench, empty: str, grown: str) -> list[Row]:
    """Milliseconds of each list and look-up, the median of several, on the grown database and on the empty one."""
    paths = [*(f"{V1}/{path}?{query}" for path, queries in LISTS.items() for query in queries), *LOOKED_UP]
    told: dict[str, list[float]] = {path: [] for path in paths}
    for url in (empty, grown):
        with bench.serve(url, env={"MAKEGOOD_API_KEY_SCOPES__OPS": "admin"}) as service:
            headers = {"Authorization": f"Bearer {API_KEY}"}
            with httpx.Client(base_url=service.url, headers=headers, timeout=60, verify=tls_context()) as client:
                known = names(url)
                for path in paths:
                    told[path].append(1000 * timed(client, path.format(**known)))
    return [Row(f"GET {path}", after, f"ms (empty: {before:.1f})") for path, (before, after) in told.items()]


def timed(client: httpx.Client, path: str) -> float:
    """The median of several, in seconds."""
    taken = []
    for _ in range(_TIMES):
        begun = time.perf_counter()
        answer = client.get(path)
        taken.append(time.perf_counter() - begun)
        if answer.status_code not in (200, 404):
            raise RuntimeError(f"{path} answered {answer.status_code}: {answer.text[:200]}")
    return statistics.median(taken)


def sweeps(empty: str, grown: str) -> list[Row]:
    """Milliseconds of one round of all that a worker looks for every few seconds."""
    before, after = (asyncio.run(one_round(url)) for url in (empty, grown))
    return [Row("one round of all sweeps", after, f"ms (empty: {before:.1f})")]


async def one_round(url: str) -> float:
    """The third round: the first finds what has become due, the second has the plans."""
    runtime = build_runtime(Settings(**BASE_SETTINGS), url, pool_size=4)
    try:
        for _ in range(3):
            begun = time.perf_counter()
            for sweep in SWEEPS:
                await sweep(runtime)
            taken = time.perf_counter() - begun
    finally:
        await runtime.aclose()
    return 1000 * taken


def intake(bench: Bench, urls: tuple[str, str]) -> Pairs:
    """Acknowledgements a second on each database, in many short turns: some meet a checkpoint or a vacuum."""
    seconds, turns = (1.0, 12) if bench.quick else (4.0, 30)
    with bench.serve(urls[0]) as empty, bench.serve(urls[1]) as grown:

        def taken_in(service: str) -> float:
            return send(Plan(service, _CONNECTIONS, _SIZE, seconds, SHOPIFY_SECRET)).acknowledged

        found = in_turns((empty.url, grown.url), turns, taken_in)
    for url in urls:
        settled(url)
    return found


def processing(bench: Bench, urls: tuple[str, str]) -> Pairs:
    """Deliveries a second that one worker reads, news of orders that are known."""
    count, turns = (2_000, 2) if bench.quick else (10_000, 8)

    def read(url: str) -> float:
        with bench.worker(url), backlog.opened(url) as database:
            # The first ones pay for connections and plans.
            backlog.fill(database, count // 5)
            backlog.until_read(database)
            backlog.update(database, count)
            return count / backlog.until_read(database)

    return in_turns(urls, turns, read)


def in_turns(urls: tuple[str, str], turns: int, measured: Callable[[str], float]) -> Pairs:
    """What is measured on the empty database and on the full one, again and again and each first in turn: the machine's
    own speed changes, and PostgreSQL has housekeeping to do.
    """
    empty, grown = urls
    found = []
    for turn in range(turns):
        if turn % 2:
            before, after = measured(empty), measured(grown)
        else:
            after, before = measured(grown), measured(empty)
        found.append((before, after))
    return found


def compared(what: str, unit: str, found: Pairs) -> list[Row]:
    """The middle rates, and the middle one of the ratios, each within one turn."""
    before, after = zip(*found, strict=True)
    return [
        Row(f"{what}, empty database", statistics.median(before), unit),
        Row(f"{what}, full database", statistics.median(after), unit),
        at_least(f"{what}, full against empty", statistics.median(full / empty for empty, full in found), KEPT),
    ]
