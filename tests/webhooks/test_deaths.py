"""A reader is killed in the middle of a batch: the rest is free at once, and the delivery that kills is found out."""

from __future__ import annotations

import signal
import subprocess
import sys

import psycopg

from app.runtime import Runtime
from app.webhooks.reading import MOST_DEATHS
from tests.cli.command import assert_soon, environment
from tests.webhooks.test_batch import put, shopify_body, told

FREE = "SELECT count(*) FROM (SELECT id FROM deliveries FOR UPDATE SKIP LOCKED) AS free"


def read_until_death(database_url: str) -> int:
    """A process reads all there is; answers how it ended."""
    reader = subprocess.run(
        [sys.executable, "-m", "tests.webhooks.mortal_reader", database_url],
        env=environment(), timeout=120, capture_output=True, check=False,
    )  # fmt: skip
    assert reader.returncode in (0, -signal.SIGKILL), reader.stderr.decode()
    return reader.returncode


async def test_a_delivery_that_kills_its_readers_takes_no_neighbour_with_it(
    runtime: Runtime, database_url: str
) -> None:
    numbers = [*range(1, 20), 666, *range(20, 40)]
    await put(runtime, *(("orders/create", shopify_body(number)) for number in numbers))
    with psycopg.connect(database_url, autocommit=True) as database:
        assert read_until_death(database_url) == -signal.SIGKILL

        def are_free() -> bool:
            return database.execute(FREE).fetchone() == (len(numbers),)

        # Nobody has to wait for a lease: the locks went with the process.
        assert_soon(are_free)
    deaths = 1
    while read_until_death(database_url):
        deaths += 1
    found = await told(runtime)
    by_status = {row.status: row for row in found["deliveries"]}
    assert deaths == MOST_DEATHS
    assert [row.status for row in found["deliveries"]].count("processed") == len(numbers) - 1
    assert by_status["failed"].error == f"{MOST_DEATHS} processes ended while reading it"
    assert len(found["orders"]) == len(numbers) - 1
