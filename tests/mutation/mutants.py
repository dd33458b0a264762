"""Every mutant of a file: one change each, as the file's whole new text."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from dataclasses import dataclass
from itertools import accumulate
from typing import Any

import libcst as cst
from libcst.metadata import MetadataWrapper, PositionProvider

from tests.mutation.operators import changes, is_documentation
from tests.mutation.targets import ROOT

_DECORATION = frozenset({"dataclass", "property", "classmethod"})


@dataclass(frozen=True, slots=True)
class Mutant:
    """One change of one file. `before` and `after` are the changed lines; `lines` is the statement around it.

    `imported` says that the statement is run by importing the file: it is in no function's body.
    """

    file: str
    number: int
    operator: str
    line: int
    lines: tuple[int, int]
    imported: bool
    before: str
    after: str
    text: str

    @property
    def name(self) -> str:
        """File, line and number."""
        return f"{self.file}:{self.line} #{self.number}"


def mutants_of(file: str) -> list[Mutant]:
    """All mutants of a file that compile and differ from it and from each other."""
    source = (ROOT / file).read_text("utf-8")
    wrapper = MetadataWrapper(cst.parse_module(source))
    positions = wrapper.resolve(PositionProvider)
    tree = ast.parse(source)
    statements, bodies = _statements(tree), _bodies(tree)
    starts = [0, *accumulate(len(line) for line in source.splitlines(keepends=True))]
    known = {ast.dump(tree)}
    found: list[Mutant] = []
    for node in _walk(wrapper.module):
        place = positions[node]
        start, end = (starts[at.line - 1] + at.column for at in (place.start, place.end))
        in_place = source[start:end] == wrapper.module.code_for_node(node)
        for operator, changed in changes(node):
            if in_place:
                text = source[:start] + wrapper.module.code_for_node(changed) + source[end:]
            else:
                text = wrapper.module.deep_replace(node, changed).code
            shape = _shape(text)
            if shape is None or shape in known:
                continue
            known.add(shape)
            old, new = _difference(source, text)
            line = place.start.line
            imported = not any(first <= line <= last for first, last in bodies)
            around = _around(statements, line)
            found.append(Mutant(file, len(found) + 1, operator, line, around, imported, old, new, text))
    return found


def _walk(node: Any) -> Iterator[Any]:
    """Every node that may be changed: not annotations, imports, documentation, or what is assigned to."""
    if isinstance(node, (cst.Annotation, cst.ImportFrom, cst.Import, cst.AssignTarget)) or is_documentation(node):
        return
    if isinstance(node, cst.Decorator):
        called = node.decorator.func if isinstance(node.decorator, cst.Call) else node.decorator
        if isinstance(called, cst.Name) and called.value in _DECORATION:
            return
    yield node
    for child in node.children:
        if isinstance(node, (cst.For, cst.CompFor)) and child is node.target:
            continue
        yield from _walk(child)


def _shape(text: str) -> str | None:
    try:
        return ast.dump(ast.parse(text))
    except SyntaxError:
        return None


def _statements(tree: ast.Module) -> list[tuple[int, int]]:
    """The lines of each simple statement and of each compound statement's head, widest first."""
    found = []
    for node in ast.walk(tree):
        if isinstance(node, ast.stmt):
            body = getattr(node, "body", None)
            end = max(node.lineno, body[0].lineno - 1) if body else node.end_lineno or node.lineno
            first = min([node.lineno, *(one.lineno for one in getattr(node, "decorator_list", []))])
            found.append((first, end))
    return sorted(found, key=lambda span: span[0] - span[1])


def _bodies(tree: ast.Module) -> list[tuple[int, int]]:
    """The lines of each function's body."""
    functions = (node for node in ast.walk(tree) if isinstance(node, (ast.FunctionDef, ast.AsyncFunctionDef)))
    return [(node.body[0].lineno, node.end_lineno or node.lineno) for node in functions]


def _around(statements: list[tuple[int, int]], line: int) -> tuple[int, int]:
    return next((span for span in reversed(statements) if span[0] <= line <= span[1]), (line, line))


def _difference(before: str, after: str) -> tuple[str, str]:
    """The lines that differ, without what is the same around them."""
    old, new = before.splitlines(), after.splitlines()
    start = next(index for index, pair in enumerate(zip(old, new, strict=False)) if pair[0] != pair[1])
    end = 0
    while end < min(len(old), len(new)) - start and old[-1 - end] == new[-1 - end]:
        end += 1
    return "\n".join(old[start : len(old) - end]), "\n".join(new[start : len(new) - end])
