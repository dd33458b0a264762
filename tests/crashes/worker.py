"""A real worker process that can be told where to kill itself: `python -m tests.crashes.worker --die-at refund.called`.

It is `makegood worker` with a clock that runs faster than the machine's, so that leases of minutes end in seconds.
"""

from __future__ import annotations

import argparse
import asyncio
import os
import signal
import sys
from datetime import UTC, datetime, timedelta

import app.worker
from app.crashpoints import Point, hooked
from app.runtime import build_runtime
from app.settings_load import load_settings

SPEED = 20


class FastClock:
    """Runs `SPEED` times as fast as the machine's clock since `started`; the same in every process that knows it."""

    def __init__(self, started: datetime) -> None:
        self._started = started

    def now(self) -> datetime:
        """The current instant of the hurried world, in UTC."""
        passed = (datetime.now(UTC) - self._started).total_seconds()
        return self._started + timedelta(seconds=passed * SPEED)


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("--started", type=datetime.fromisoformat, required=True)
    parser.add_argument("--die-at", choices=[str(point) for point in Point])
    wanted = parser.parse_args()

    def die(point: Point) -> None:
        if point == wanted.die_at:
            os.kill(os.getpid(), signal.SIGKILL)

    # A worker that is silent for 3 s counts as dead, as one that is silent for 40 s does in earnest.
    app.worker.HEARTBEAT_SECONDS, app.worker.STALLED_SECONDS = 1, 3
    with hooked(die):
        asyncio.run(_work(FastClock(wanted.started)))


async def _work(clock: FastClock) -> None:
    settings = load_settings()
    assert settings.database_url is not None
    runtime = build_runtime(settings, settings.database_url.get_secret_value(), pool_size=6)
    runtime.clock = clock
    sys.stdout.write("works\n")
    sys.stdout.flush()
    try:
        await app.worker.keep_working(runtime, 6)
    finally:
        await runtime.aclose()


if __name__ == "__main__":
    main()
