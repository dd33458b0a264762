"""Runs the real command in a process of its own, with nothing in its environment but what a test says."""

from __future__ import annotations

import os
import shutil
import signal
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from types import TracebackType

import httpx

from tests.leaks import WATCH

SECRET = "a-secret-for-tests-of-the-command-line"
COMMAND = [sys.executable, "-m", "app.cli"]
# Seconds. Generous, for a machine that is busy with other tests; nothing waits that long when all is well.
PATIENCE = 60.0


def environment(**settings: str) -> dict[str, str]:
    """This process's environment without any setting of Makegood, and with those given."""
    foreign = ("MAKEGOOD_", "DATABASE_URL", "COVERAGE")
    kept = {name: value for name, value in os.environ.items() if not name.startswith(foreign)}
    return {**kept, "COLUMNS": "200", **settings}


def run(folder: Path, *arguments: str, **settings: str) -> subprocess.CompletedProcess[str]:
    """Runs a command to its end."""
    done = subprocess.run(
        [*COMMAND, *arguments],
        cwd=folder,
        env=environment(**settings),
        capture_output=True,
        text=True,
        timeout=PATIENCE,
        check=False,
    )
    WATCH.heard(done.stderr)
    return done


class Running:
    """`with Running(folder, "serve", …) as service:` a command that stays; killed at the end if it is still there."""

    def __init__(self, folder: Path, *arguments: str, **settings: str) -> None:
        self._process = subprocess.Popen(
            [*COMMAND, *arguments],
            cwd=folder,
            env=environment(**settings),
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            start_new_session=True,
        )
        self.pid = self._process.pid
        self.said: list[str] = []

    def until(self, words: str) -> str:
        """The first line that holds `words`; fails with all that was said when the command ends before, or is killed
        for having said nothing of it in time: reading a pipe has no end of its own.
        """
        assert self._process.stdout is not None
        watch = threading.Timer(PATIENCE, os.killpg, (self.pid, signal.SIGKILL))
        watch.start()
        try:
            for line in self._process.stdout:
                self.said.append(line)
                if words in line:
                    return line
        finally:
            watch.cancel()
        raise AssertionError(f"{words!r} was never said:\n{''.join(self.said)}")

    def stop(self, with_signal: signal.Signals = signal.SIGTERM) -> int:
        """Sends the signal, and answers the exit code."""
        self.signal(with_signal)
        return self.ended()

    def signal(self, one: signal.Signals) -> None:
        """Sends a signal and waits for nothing."""
        self._process.send_signal(one)

    def ended(self) -> int:
        """Waits for the end, and answers the exit code."""
        rest, _ = self._process.communicate(timeout=PATIENCE)
        self.said.append(rest)
        return self._process.returncode

    def __enter__(self) -> Running:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self._process.poll() is None:
            os.killpg(self.pid, signal.SIGKILL)
        rest, _ = self._process.communicate()
        WATCH.heard("".join([*self.said, rest or ""]))


def base_url(service: Running) -> str:
    """Waits until `serve` serves, and answers where."""
    return service.until("Makegood serves").split()[2]


@contextmanager
def folder_for_postgres() -> Iterator[Path]:
    """A data folder that PostgreSQL's own user can reach when the tests run as root; a server left in it is ended."""
    folder = Path(tempfile.mkdtemp(prefix="makegood-data-"))
    folder.chmod(0o755)
    yield folder
    # A server whose holder was killed is left running by design; here nobody comes back for it.
    process_id = folder / "postgres" / "postmaster.pid"
    if process_id.exists():
        os.kill(int(process_id.read_text().split()[0]), signal.SIGINT)
        assert_soon(lambda: not process_id.exists())
    shutil.rmtree(folder)


def assert_soon(is_so: Callable[[], bool]) -> None:
    """Waits until it is so; fails when it is not in time."""
    deadline = time.monotonic() + PATIENCE
    while not is_so():
        assert time.monotonic() < deadline, "it never came to be"
        time.sleep(0.02)


def silent(url: str) -> bool:
    """True when nothing listens there."""
    try:
        httpx.get(url, timeout=5)
    except httpx.TransportError:
        return True
    return False
