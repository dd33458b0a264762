"""One run of tests in a forked process, with one file's text replaced. The parent has imported no file of the path."""

from __future__ import annotations

import importlib.abc
import importlib.machinery
import importlib.util
import json
import os
import sys
import traceback
from collections.abc import Iterator, Sequence
from pathlib import Path
from types import CodeType, ModuleType
from typing import Any, NoReturn

import coverage
import hypothesis
import pytest

from tests.mutation.targets import ROOT, files
from tests.mutation.warm import Takeover

OPTIONS = (
    "-n",
    "0",
    "-q",
    "-x",
    "-p",
    "no:cacheprovider",
    "--tb=line",
    "-W",
    "ignore::pytest.PytestAssertRewriteWarning",
)


class _Replaced(importlib.machinery.SourceFileLoader):
    """Loads a module from another text than its file's."""

    def __init__(self, name: str, path: str, text: str) -> None:
        super().__init__(name, path)
        self._text = text

    def get_code(self, fullname: str) -> CodeType:
        """The mutant's code."""
        return compile(self._text, self.path, "exec", dont_inherit=True)


class _Finder(importlib.abc.MetaPathFinder):
    def __init__(self, name: str, path: str, text: str) -> None:
        self._name, self._path, self._text = name, path, text

    def find_spec(
        self, fullname: str, path: Sequence[str] | None, target: ModuleType | None = None
    ) -> importlib.machinery.ModuleSpec | None:
        """The replaced module's spec, and None for every other module."""
        if fullname != self._name:
            return None
        return importlib.util.spec_from_file_location(
            fullname, self._path, loader=_Replaced(fullname, self._path, self._text)
        )


class _Chosen:
    """Runs only the chosen tests, the quickest first."""

    def __init__(self, chosen: Sequence[str]) -> None:
        self._rank = {name: rank for rank, name in enumerate(chosen)}

    def pytest_collection_modifyitems(self, items: list[pytest.Item]) -> None:
        """Leaves the others out and sorts."""
        items[:] = sorted(
            (item for item in items if item.nodeid in self._rank), key=lambda item: self._rank[item.nodeid]
        )


class _Watched:
    """Notes which test runs which lines, and how long it takes in seconds."""

    def __init__(self, watch: coverage.Coverage) -> None:
        self._watch = watch
        self.seconds: dict[str, float] = {}

    @pytest.hookimpl(wrapper=True)
    def pytest_runtest_protocol(self, item: pytest.Item) -> Iterator[None]:
        """Lines count for the test that runs."""
        self._watch.switch_context(item.nodeid)
        result = yield
        self._watch.switch_context("")
        return result

    def pytest_runtest_logreport(self, report: pytest.TestReport) -> None:
        """Set-up, call and tear-down together."""
        self.seconds[report.nodeid] = self.seconds.get(report.nodeid, 0.0) + report.duration


def _prepare(output: Path) -> None:
    os.setpgrp()
    # Repeatable, nothing kept from run to run, and a counter-example need not be the smallest.
    quick = (hypothesis.Phase.explicit, hypothesis.Phase.generate)
    hypothesis.settings.register_profile("mutation", database=None, derandomize=True, phases=quick)
    hypothesis.settings.load_profile("mutation")
    handle = os.open(output, os.O_WRONLY | os.O_CREAT | os.O_TRUNC)
    os.dup2(handle, 1)
    os.dup2(handle, 2)
    os.chdir(ROOT)


def _leave(code: int) -> NoReturn:
    # Not by sys.exit: the parent's clean-up, the database server among it, is not this process's to do.
    sys.stdout.flush()
    sys.stderr.flush()
    os._exit(code)


def run_mutant(file: str, text: str, chosen: Sequence[str], output: Path) -> NoReturn:
    """Runs the chosen tests against the mutant; leaves with 0 when all pass."""
    code = 99
    try:
        _prepare(output)
        name = file.removesuffix(".py").replace("/", ".")
        sys.meta_path.insert(0, _Finder(name, str(ROOT / file), text))
        paths = sorted({nodeid.split("::")[0] for nodeid in chosen})
        code = int(pytest.main([*OPTIONS, *paths], plugins=[_Chosen(chosen)]))
    except Exception:  # noqa: BLE001 - the fork ends here, whatever it was
        traceback.print_exc()
    _leave(code)


def run_warm(tests: Sequence[str], takeover: Takeover, output: Path) -> NoReturn:
    """Collects the tests and hands them over; leaves with 0 when that worked."""
    code = 99
    try:
        _prepare(output)
        code = int(pytest.main([*OPTIONS, *tests], plugins=[takeover]))
    except Exception:  # noqa: BLE001 - the fork ends here, whatever it was
        traceback.print_exc()
    _leave(code)


def run_watched(tests: Sequence[str], result: Path, output: Path) -> NoReturn:
    """Runs all tests against the unchanged files and writes down lines and seconds of each."""
    code = 99
    try:
        _prepare(output)
        watch = coverage.Coverage(
            data_file=None, include=[str(ROOT / file) for file in files()], concurrency=["thread", "greenlet"]
        )
        watch.start()
        watched = _Watched(watch)
        code = int(pytest.main([*OPTIONS, *tests], plugins=[watched]))
        watch.stop()
        data = watch.get_data()
        lines: dict[str, dict[int, list[str]]] = {
            file: dict(data.contexts_by_lineno(str(ROOT / file))) for file in files()
        }
        told: dict[str, Any] = {"seconds": watched.seconds, "lines": lines}
        result.write_text(json.dumps(told), "utf-8")
    except Exception:  # noqa: BLE001 - the fork ends here, whatever it was
        traceback.print_exc()
    _leave(code)
