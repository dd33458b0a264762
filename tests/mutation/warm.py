"""Mutants of function bodies, judged without importing or collecting anything again.

One process imports the code and collects the tests as usual. For each mutant it forks; the fork gives the functions
the mutant's code and runs the chosen tests.
"""

from __future__ import annotations

import gc
import importlib
import os
from collections.abc import Callable, Iterator, Sequence
from types import CodeType, FunctionType
from typing import NoReturn

import pytest

from tests.mutation.mutants import Mutant
from tests.mutation.targets import ROOT, files

Swap = list[tuple[FunctionType, CodeType]]


class Takeover:
    """A pytest plugin: instead of the tests, `loop` runs, once everything is collected."""

    def __init__(self, loop: Callable[[Takeover], None]) -> None:
        self._loop = loop
        self._items: dict[str, pytest.Item] = {}
        self._functions: dict[tuple[str, str, int], FunctionType] = {}
        self.failed = False

    def pytest_runtestloop(self, session: pytest.Session) -> bool:
        """Takes the tests over."""
        self._items = {item.nodeid: item for item in session.items}
        # Some are imported by no test but by a fixture, when the first test needs it.
        for file in files():
            importlib.import_module(file.removesuffix(".py").replace("/", "."))
        importlib.import_module("app.main")
        for found in gc.get_objects():
            if isinstance(found, FunctionType):
                code = found.__code__
                self._functions[code.co_filename, code.co_qualname, code.co_firstlineno] = found
        gc.freeze()
        self._loop(self)
        return True

    def pytest_runtest_logreport(self, report: pytest.TestReport) -> None:
        """One failure is enough."""
        self.failed = self.failed or report.failed

    def swap_of(self, mutant: Mutant) -> Swap | None:
        """The functions that the mutant changes, with their new code; None when it changes more than that."""
        path = str(ROOT / mutant.file)
        old = list(_codes(compile((ROOT / mutant.file).read_text("utf-8"), path, "exec", dont_inherit=True)))
        new = list(_codes(compile(mutant.text, path, "exec", dont_inherit=True)))
        if [one.co_qualname for one in old] != [one.co_qualname for one in new]:
            return None
        swap: Swap = []
        for before, after in zip(old, new, strict=True):
            if _same(before, after):
                continue
            function = self._functions.get((path, before.co_qualname, before.co_firstlineno))
            if function is None or before.co_freevars != after.co_freevars:
                return None
            swap.append((function, after))
        return swap

    def run_and_leave(self, swap: Swap, chosen: Sequence[str]) -> NoReturn:
        """In a fork: leaves with 1 when one of the chosen tests fails with the new code, else with 0."""
        code = 1
        try:
            code = self._run(swap, chosen)
        finally:
            os._exit(code)

    def _run(self, swap: Swap, chosen: Sequence[str]) -> int:
        os.setpgrp()
        for function, code in swap:
            function.__code__ = code
        items = [self._items[name] for name in chosen if name in self._items]
        for item, following in zip(items, [*items[1:], None], strict=True):
            item.config.hook.pytest_runtest_protocol(item=item, nextitem=following)
            if self.failed:
                return 1
        return 0


def _codes(code: CodeType) -> Iterator[CodeType]:
    """The code of a module, of its classes, and of every function that is not within another."""
    yield code
    for constant in code.co_consts:
        if isinstance(constant, CodeType) and "<locals>" not in constant.co_qualname:
            yield from _codes(constant)


def _same(before: CodeType, after: CodeType) -> bool:
    """Whether two codes do the same; what has a function of its own inside is compared apart."""
    if (before.co_code, before.co_names, before.co_varnames) != (after.co_code, after.co_names, after.co_varnames):
        return False
    if len(before.co_consts) != len(after.co_consts):
        return False
    return all(_same_constant(*pair) for pair in zip(before.co_consts, after.co_consts, strict=True))


def _same_constant(before: object, after: object) -> bool:
    if isinstance(before, CodeType) and isinstance(after, CodeType):
        return "<locals>" not in before.co_qualname or _same(before, after)
    return type(before) is type(after) and before == after
