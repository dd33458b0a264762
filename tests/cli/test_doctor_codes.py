"""Every code that the doctor can give is provoked by some test: a fault without one would be a promise only."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from pathlib import Path

ROOT = Path(__file__).parents[2]
SOURCES = [*(ROOT / "app").glob("doctor*.py"), *(ROOT / "app" / "stores").glob("*_check.py")]
# The place of `code` among what a finding is made of.
PLACE = 4


def codes_in(source: Path) -> Iterator[str]:
    """The codes that a module gives: constants in that place of a finding, and those put into a name `code`."""
    for node in ast.walk(ast.parse(source.read_text("utf-8"))):
        given: list[ast.expr] = []
        if isinstance(node, ast.Call) and isinstance(node.func, ast.Name) and node.func.id == "Finding":
            given = [*node.args[PLACE:], *(each.value for each in node.keywords if each.arg == "code")]
        elif isinstance(node, ast.Assign) and any(
            isinstance(one, ast.Name) and one.id == "code" for one in node.targets
        ):
            given = [node.value]
        for each in given:
            branches = [each.body, each.orelse] if isinstance(each, ast.IfExp) else [each]
            for branch in branches:
                words = [str(one.value) for one in ast.walk(branch) if isinstance(one, ast.Constant)]
                yield from (word for word in words if "_" in word)


def test_every_code_is_provoked() -> None:
    codes = {str(code) for source in SOURCES for code in codes_in(source)}
    assert len(codes) > 50
    assert {"public_url_missing", "scope_missing", "schema_ahead", "smtp_login"} <= codes
    here = Path(__file__)
    tests = "\n".join(file.read_text("utf-8") for file in (ROOT / "tests").rglob("test_*.py") if file != here)
    assert sorted(code for code in codes if f'"{code}"' not in tests) == []
