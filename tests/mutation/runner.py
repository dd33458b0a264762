"""Starts the database once, watches the tests once, and then forks a process for each mutant."""

from __future__ import annotations

import importlib
import json
import os
import signal
import sys
import time
import traceback
import uuid
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import asdict
from functools import partial
from pathlib import Path
from typing import Any, NoReturn, TextIO

from tests.database import a_server
from tests.mutation import child
from tests.mutation.mutants import Mutant
from tests.mutation.targets import READ_BY, TESTS, files, own_tests
from tests.mutation.warm import Takeover

# Imported once, before the forks. Nothing here imports a file of the money path (checked).
_PRELOAD = (
    "alembic.command", "fastapi", "fastapi_offline", "prometheus_client", "procrastinate", "psycopg_pool",
    "sqlalchemy.ext.asyncio", "sqlalchemy.dialects.postgresql.psycopg", "standardwebhooks", "structlog", "jinja2",
    "app.settings", "app.stores.registry", "app.suppliers.registry", "app.messages.smtp",
)  # fmt: skip
# A mutant that takes so much longer than its tests do has lost its end. Seconds.
_PATIENCE = 20
_MAIN = os.getpid()
# A test that needs no database is done in this. Seconds.
_MOMENT = 0.03


class Watch:
    """Which tests run which lines, and how long each takes."""

    def __init__(self, told: dict[str, Any]) -> None:
        self._seconds: dict[str, float] = told["seconds"]
        self._lines: dict[str, dict[str, list[str]]] = told["lines"]
        self.count = len(self._seconds)
        self.total = sum(self._seconds.values())

    def tests_for(self, mutant: Mutant) -> list[str]:
        """The tests that run the mutant's statement, the quickest first.

        What is run by importing counts for every test that runs anything of its file, and for the file's own tests.
        """
        found = self._run(mutant) - {""}
        if self.by_importing(mutant):
            readers = self._lines[READ_BY.get(mutant.file, mutant.file)].values()
            found |= {name for names in readers for name in names if name}
            found |= {name for name in self._seconds if name.startswith(own_tests(mutant.file))}
        return sorted(found, key=lambda name: (self._seconds.get(name, 0.0), name))

    def by_importing(self, mutant: Mutant) -> bool:
        """Whether importing the file runs the statement: then a function changed afterwards would change nothing."""
        return mutant.imported or self._run(mutant) == {""}

    def _run(self, mutant: Mutant) -> set[str]:
        lines = self._lines[mutant.file]
        run = [lines.get(str(line), []) for line in range(mutant.lines[0], mutant.lines[1] + 1)]
        return {name for names in run for name in names}

    def stages(self, mutant: Mutant, tests: Sequence[str]) -> list[list[str]]:
        """The file's own tests, what else needs no more than a moment, then all others: most mutants see the first."""
        quick = [name for name in tests if self._seconds.get(name, 0.0) < _MOMENT]
        own = [name for name in quick if name.startswith(own_tests(mutant.file))]
        other = [name for name in quick if not name.startswith(own_tests(mutant.file))]
        slow = [name for name in tests if self._seconds.get(name, 0.0) >= _MOMENT]
        return [stage for stage in (own, other, slow) if stage]

    def patience(self, tests: Sequence[str]) -> float:
        """Seconds after which a run of these tests is given up."""
        return _PATIENCE + 5 * sum(self._seconds.get(name, 0.0) for name in tests)


@contextmanager
def database() -> Iterator[None]:
    """One server and one template for every process of the run."""
    os.environ["PYTEST_XDIST_TESTRUNUID"] = uuid.uuid4().hex
    with a_server() as url:
        # One start for all of them, instead of one by each.
        os.environ["TEST_DATABASE_URL"] = url
        yield


def preload() -> None:
    """Imports what every test needs and no mutant changes."""
    for name in _PRELOAD:
        importlib.import_module(name)
    early = [file for file in files() if file.removesuffix(".py").replace("/", ".") in sys.modules]
    if early:
        raise RuntimeError(f"imported before the fork, so no mutant of it would be seen: {early}")


def watch(folder: Path) -> Watch:
    """Runs the tests once, unchanged. Raises `RuntimeError` when one fails: then nothing would be learned."""
    result, output = folder / "watch.json", folder / "watch.txt"
    code = _fork(lambda: child.run_watched(TESTS, result, output), 1200)
    if code != 0:
        raise RuntimeError(f"the unchanged code fails its tests:\n{output.read_text('utf-8')}")
    return Watch(json.loads(result.read_text("utf-8")))


def judge_all(mutants: Sequence[Mutant], watched: Watch, folder: Path, jobs: int) -> list[dict[str, Any]]:
    """Judges every mutant, `jobs` at a time, and tells each verdict as it comes.

    Those of function bodies go to warm processes; what is left is done by importing the mutant anew.
    """
    _each(jobs, lambda job: _warm(mutants[job::jobs], watched, folder, job))
    known = {result["text_hash"] for result in _results(folder)}
    rest = [mutant for mutant in mutants if hash(mutant.text) not in known]
    _each(jobs, lambda job: _cold(rest[job::jobs], watched, folder, job))
    results = _results(folder)
    if len(results) != len(mutants):
        logs = [path.read_text("utf-8") for path in folder.glob("*.txt")]
        raise RuntimeError(f"only {len(results)} of {len(mutants)} mutants were judged: {logs}")
    return results


def _each(jobs: int, work: Callable[[int], NoReturn]) -> None:
    """Runs the work in `jobs` processes at once."""
    workers = []
    for job in range(jobs):
        process = os.fork()
        if process == 0:
            work(job)
        workers.append(process)
    for process in workers:
        os.waitpid(process, 0)


def _results(folder: Path) -> list[dict[str, Any]]:
    return [json.loads(line) for path in folder.glob("*.jsonl") for line in path.read_text("utf-8").splitlines()]


def _warm(mutants: Sequence[Mutant], watched: Watch, folder: Path, job: int) -> NoReturn:
    terminal = os.fdopen(os.dup(1), "w")

    def loop(takeover: Takeover) -> None:
        for mutant in mutants:
            swap = None if watched.by_importing(mutant) else takeover.swap_of(mutant)
            if swap:
                tests = watched.tests_for(mutant)
                began = time.monotonic()
                code = _fork(partial(takeover.run_and_leave, swap, tests), watched.patience(tests))
                _tell(folder / f"warm-{job}.jsonl", mutant, code, len(tests), began, terminal)

    child.run_warm(TESTS, Takeover(loop), folder / f"warm-{job}.txt")


def _cold(mutants: Sequence[Mutant], watched: Watch, folder: Path, job: int) -> NoReturn:
    code = 1
    try:
        for mutant in mutants:
            tests, began, output = watched.tests_for(mutant), time.monotonic(), folder / f"cold-{job}.txt"
            result: int | None = 0
            for some in watched.stages(mutant, tests):
                run = partial(child.run_mutant, mutant.file, mutant.text, some, output)
                result = _fork(run, watched.patience(some))
                if result != 0:
                    break
            _tell(folder / f"cold-{job}.jsonl", mutant, result, len(tests), began, sys.stdout)
        code = 0
    except Exception:  # noqa: BLE001 - the fork ends here, whatever it was
        traceback.print_exc()
    os._exit(code)


def _tell(file: Path, mutant: Mutant, code: int | None, tests: int, began: float, terminal: TextIO) -> None:
    seconds = round(time.monotonic() - began, 2)
    outcome = "timeout" if code is None else "survived" if code == 0 else "killed"
    result = {**asdict(mutant), "outcome": outcome, "tests": tests, "seconds": seconds, "text_hash": hash(mutant.text)}
    del result["text"]
    with file.open("a", encoding="utf-8") as results:
        results.write(f"{json.dumps(result)}\n")
    print(f"{outcome} {seconds}s {mutant.name} [{mutant.operator}]", file=terminal, flush=True)


def _fork(run: Callable[[], NoReturn], patience: float) -> int | None:
    """The exit code of `run` in a process of its own; None when it had to be ended."""
    process = os.fork()
    if process == 0:
        run()
    ends = time.monotonic() + patience
    while time.monotonic() < ends and not _left_behind():
        done, status = os.waitpid(process, os.WNOHANG)
        if done:
            return os.waitstatus_to_exitcode(status)
        time.sleep(0.005)
    os.kill(process, signal.SIGKILL)
    os.waitpid(process, 0)
    if _left_behind():
        os._exit(1)
    return None


def _left_behind() -> bool:
    """Whether this is a worker whose run was ended: then it ends too."""
    return os.getpid() != _MAIN and os.getppid() != _MAIN
