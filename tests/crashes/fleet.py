"""Real processes on a test's database: an API and workers that can be killed and replaced."""

from __future__ import annotations

import signal
import socket
import subprocess
import sys
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path

import httpx

from app.crashpoints import Point
from app.sandbox.world import World
from tests.cli.command import COMMAND, PATIENCE, SECRET, environment
from tests.conftest import API_KEY


class Fleet:
    """One API on a fixed port and any number of workers, all with the same settings."""

    def __init__(self, folder: Path, world: World, database_url: str, started: datetime) -> None:
        with socket.create_server(("127.0.0.1", 0)) as free:
            self.port = free.getsockname()[1]
        self.url = f"http://127.0.0.1:{self.port}"
        self.workers: list[subprocess.Popen[bytes]] = []
        self.api: subprocess.Popen[bytes] | None = None
        self.killed = 0
        self._started = started
        self._log = (folder / "fleet.log").open("wb")
        self._folder = folder
        self._environment = environment(
            DATABASE_URL=database_url,
            MAKEGOOD_SECRET_KEY=SECRET,
            MAKEGOOD_API_KEYS__OPS=API_KEY,
            MAKEGOOD_PUBLIC_URL=self.url,
            MAKEGOOD_SWEEP_SECONDS="1",
            MAKEGOOD_LOG_LEVEL="warning",
            PYTHONPATH=str(Path(__file__).parents[2]),
            MAKEGOOD_REFUND_REVIEW_MINUTES="3",
            **{name: value for name, value in world.environment().items() if _is_needed(name)},
        )

    def start_api(self) -> None:
        """Starts `makegood serve --no-worker`, and waits until it answers."""
        self.api = self._start([*COMMAND, "serve", "--no-worker", "--port", str(self.port)])
        deadline = time.monotonic() + PATIENCE
        while True:
            try:
                httpx.get(f"{self.url}/healthz", timeout=5)
                return
            except httpx.TransportError:
                assert time.monotonic() < deadline, self.log()
                assert self.api.poll() is None, self.log()
                time.sleep(0.05)

    def start_worker(self, die_at: Point | None = None) -> subprocess.Popen[bytes]:
        """Starts a worker, one that kills itself when it comes to `die_at` if that is given."""
        fatal = ["--die-at", die_at] if die_at else []
        command = [sys.executable, "-m", "tests.crashes.worker", "--started", self._started.isoformat(), *fatal]
        worker = self._start(command)
        self.workers.append(worker)
        return worker

    def kill_api(self) -> None:
        """`kill -9` of the API, in the middle of whatever it does."""
        assert self.api is not None
        self._kill(self.api)

    def kill_worker(self, index: int) -> None:
        """`kill -9` of a worker."""
        self._kill(self.workers.pop(index))

    def replace_dead_workers(self) -> int:
        """Starts a worker for each that has ended by its own hand; answers how many that were."""
        dead = [worker for worker in self.workers if worker.poll() is not None]
        for worker in dead:
            assert worker.returncode == -signal.SIGKILL, self.log()
            self.workers.remove(worker)
            self.start_worker()
        self.killed += len(dead)
        return len(dead)

    def log(self) -> str:
        """What the processes said."""
        return (self._folder / "fleet.log").read_text("utf-8", "replace")[-6000:]

    def close(self) -> None:
        """Ends every process that is left."""
        for process in [*self.workers, *([self.api] if self.api else [])]:
            if process.poll() is None:
                process.kill()
            process.wait(PATIENCE)
        self._log.close()

    def _start(self, command: Sequence[str]) -> subprocess.Popen[bytes]:
        return subprocess.Popen(
            command, cwd=self._folder, env=self._environment, stdout=self._log, stderr=self._log, start_new_session=True
        )

    def _kill(self, process: subprocess.Popen[bytes]) -> None:
        process.send_signal(signal.SIGKILL)
        assert process.wait(PATIENCE) == -signal.SIGKILL, self.log()
        self.killed += 1


def _is_needed(setting: str) -> bool:
    """One supplier is enough, and every adapter makes a process's start slower."""
    return not setting.startswith("MAKEGOOD_SUPPLIERS__") or setting.startswith("MAKEGOOD_SUPPLIERS__ACME__")


@contextmanager
def running(folder: Path, world: World, database_url: str, started: datetime | None = None) -> Iterator[Fleet]:
    """A fleet with an API and without workers, ended with the block."""
    fleet = Fleet(folder, world, database_url, started or datetime.now(UTC))
    try:
        fleet.start_api()
        yield fleet
    finally:
        fleet.close()
