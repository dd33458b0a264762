"""The case machine as a page of documentation, made from its table.

`python -m app.cases.diagram > docs/case-machine.md`
"""

from __future__ import annotations

import sys

from app.cases.table import ANY, TRANSITIONS, Row
from app.cases.vocabulary import BEFORE_RESOLVING, ENDED, OPEN, State

_HEAD = """# The return case: states and transitions

This page is generated from the table that the service runs by, `app/cases/table.py`; do not edit it. A test compares
the two. Make it anew with `python -m app.cases.diagram > docs/case-machine.md`.

Every transition is one row in an append-only table. Rows of the same event are tried in order and the first whose
condition holds is taken. An event without a row is refused (409) when a person asks for it, and becomes a note when it
comes from outside. The commands are carried out in the transition's own transaction, or enqueued in it.
"""
_TABLE_HEAD = "| # | event | from | condition | to | commands | why |\n| --- | --- | --- | --- | --- | --- | --- |"
# Sets of states that have a name, largest first, so that the table stays readable.
_NAMED = (
    ("any", ANY),
    ("any open", OPEN),
    ("any before resolving", BEFORE_RESOLVING),
    ("any ended", ENDED),
)


def page() -> str:
    """The whole page in Markdown."""
    parts = [
        _HEAD,
        "## Diagram\n",
        "Rows that start from a whole set of states, or that leave the state as it is, are in the table only.\n",
        f"```mermaid\n{diagram()}\n```\n",
        "## Rows\n",
        f"{_TABLE_HEAD}\n{table()}",
        "",
        *_named_sets(),
    ]
    return "\n".join(parts)


def diagram() -> str:
    """The moves between states as a mermaid state diagram; one arrow for each pair of states."""
    events: dict[tuple[str, str], list[str]] = {}
    for row in TRANSITIONS:
        if row.target is None or (row.sources is not None and _set_name(row.sources)):
            continue
        starts = ["[*]"] if row.sources is None else [str(state) for state in State if state in row.sources]
        for start in starts:
            labels = events.setdefault((start, row.target), [])
            if row.event not in labels:
                labels.append(row.event)
    arrows = [f"    {start} --> {target}: {', '.join(labels)}" for (start, target), labels in events.items()]
    ends = [f"    {state} --> [*]" for state in State if state in ENDED]
    return "\n".join(["stateDiagram-v2", *arrows, *ends])


def table() -> str:
    """Every row of the machine as a Markdown table."""
    return "\n".join(_table_row(row) for row in TRANSITIONS)


def _table_row(row: Row) -> str:
    condition = (row.guard.__doc__ or "").split("\n", 1)[0] if row.guard else ""
    target = f"`{row.target}`" if row.target else "unchanged"
    commands = ", ".join(f"`{command}`" for command in row.commands)
    return f"| {row.number} | `{row.event}` | {_sources(row)} | {condition} | {target} | {commands} | {row.why} |"


def _sources(row: Row) -> str:
    if row.sources is None:
        return "(beginning)"
    return _set_name(row.sources) or ", ".join(f"`{state}`" for state in State if state in row.sources)


def _set_name(sources: frozenset[State]) -> str | None:
    """The name of a set, or of a set but one state; None when the states have to be listed."""
    for name, states in _NAMED:
        missing = states - sources
        if sources <= states and len(missing) < 2:
            return f"{name} but `{next(iter(missing))}`" if missing else name
    return None


def _named_sets() -> list[str]:
    return [
        f"*{name}*: {', '.join(f'`{state}`' for state in State if state in states)}.\n"
        for name, states in _NAMED
        if states != ANY
    ]


if __name__ == "__main__":
    sys.stdout.write(page())
