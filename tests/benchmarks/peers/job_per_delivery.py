"""How deliveries were read before: a queue job for each, and a transaction for each. `python -m … DATABASE_URL`.

It says "Makegood works" when it does, and goes on until it is stopped.
"""

from __future__ import annotations

import asyncio
import sys
from uuid import UUID

from procrastinate import App, JobContext, PsycopgConnector

from app.db.engine import libpq_url
from app.runtime import build_runtime, runtime_of
from app.settings_load import load_settings
from app.webhooks.reading import read

TASK = "peer.read"


def queue_of(url: str) -> App:
    """The queue as the service's own worker makes it, with the one task."""
    queue = App(connector=PsycopgConnector(conninfo=libpq_url(url), min_size=1, max_size=5))

    @queue.task(name=TASK, pass_context=True)
    async def read_one(context: JobContext, delivery_id: str) -> None:
        await read(runtime_of(context), UUID(delivery_id))

    return queue


async def main(url: str) -> None:
    """Works until it is told to stop."""
    runtime = build_runtime(load_settings(), url)
    queue = queue_of(url)
    async with queue.open_async():
        sys.stdout.write("Makegood works in the old way\n")
        sys.stdout.flush()
        await queue.run_worker_async(concurrency=10, additional_context={"runtime": runtime}, delete_jobs="successful")
    await runtime.aclose()


if __name__ == "__main__":
    asyncio.run(main(sys.argv[1]))
