"""What is mutated, and which tests may kill."""

from __future__ import annotations

import ast
from pathlib import Path

ROOT = Path(__file__).parent.parent.parent
MACHINE = (
    "app/cases/states.py",
    "app/cases/table.py",
    "app/cases/guards.py",
    "app/cases/view.py",
    "app/cases/effects.py",
)
# Quick enough to run thousands of times; whole stories over HTTP are not among them.
TESTS = ("tests/cases", "tests/refunds", "tests/api/test_refunds.py")
# Files that only declare, and a file whose tests use what they declare.
READ_BY = {
    "app/cases/view.py": "app/cases/effects.py",
    "app/cases/table.py": "app/cases/states.py",
    "app/refunds/models.py": "app/refunds/service.py",
    "app/refunds/schemas.py": "app/refunds/endpoints.py",
}
_WORDS = ("app/cases/vocabulary.py", "app/orders/snapshot.py", "app/refunds/states.py", "app/refunds/reconcile.py")
# The table's short names.
_ALIASES = {"E_": "Event", "S": "State", "C": "Command"}


def files() -> list[str]:
    """The files of the money path, as paths from the root."""
    refunds = sorted(path.relative_to(ROOT).as_posix() for path in (ROOT / "app/refunds").glob("[!_]*.py"))
    return [*refunds, *MACHINE]


def own_tests(file: str) -> str:
    """How the names of the tests begin that are about this file."""
    folder, _, name = file.removeprefix("app/").rpartition("/")
    return f"tests/{folder}/test_{name}::"


def enumerations() -> dict[str, list[str]]:
    """The members of the enumerations that the money path uses, by the name that code calls them by."""
    found: dict[str, list[str]] = {}
    for file in _WORDS:
        for node in ast.parse((ROOT / file).read_text("utf-8")).body:
            if isinstance(node, ast.ClassDef) and any(getattr(base, "id", "") == "StrEnum" for base in node.bases):
                names = [target for one in node.body if isinstance(one, ast.Assign) for target in one.targets]
                found[node.name] = [name.id for name in names if isinstance(name, ast.Name)]
    return found | {short: found[name] for short, name in _ALIASES.items()}
