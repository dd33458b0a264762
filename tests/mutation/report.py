"""What a run found, as a table by file and a list of survivors."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any

from tests.mutation.targets import MACHINE

Result = dict[str, Any]


def table(results: Sequence[Result]) -> str:
    """Markdown: by file and in all, mutants, killed, survived, and the share that mutmut's own operators made."""
    rows = ["| file | mutants | killed | timed out | survived | killed % |", "| --- | --: | --: | --: | --: | --: |"]
    by_file: dict[str, list[Result]] = {}
    for result in results:
        by_file.setdefault(result["file"], []).append(result)
    rows += [_row(f"`{file}`", found) for file, found in sorted(by_file.items())]
    rows.append(_row("**app/refunds/**", [one for one in results if one["file"] not in MACHINE]))
    rows.append(_row("**the machine**", [one for one in results if one["file"] in MACHINE]))
    rows.append(_row("all, mutmut's operators", [one for one in results if one["operator"].startswith("mutmut ")]))
    rows.append(_row("all, our operators", [one for one in results if not one["operator"].startswith("mutmut ")]))
    return "\n".join(rows)


def _row(name: str, results: Sequence[Result]) -> str:
    late = sum(one["outcome"] == "timeout" for one in results)
    alive = sum(one["outcome"] == "survived" for one in results)
    return f"| {name} | {len(results)} | {len(results) - alive - late} | {late} | {alive} | {share(results):.1f} |"


def share(results: Sequence[Result]) -> float:
    """How many of a hundred were killed."""
    alive = sum(one["outcome"] == "survived" for one in results)
    return 100 * (len(results) - alive) / len(results) if results else 100.0


def survivors(results: Iterable[Result]) -> str:
    """Each survivor with its change and how many tests ran it."""
    parts = [
        f"{one['file']}:{one['line']} [{one['operator']}] {one['tests']} tests\n{_marked('-', one['before'])}\n"
        f"{_marked('+', one['after'])}"
        for one in results
        if one["outcome"] == "survived"
    ]
    return "\n\n".join(parts)


def _marked(sign: str, text: str) -> str:
    return "\n".join(f"  {sign} {line.strip()}" for line in text.splitlines())
