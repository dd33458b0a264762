"""The campaign's outcome as a table: fault by cases, doubled, lost, and decided by a person."""

from __future__ import annotations

from collections.abc import Sequence

from rich.table import Table

from tests.faults.judge import Verdict
from tests.faults.troubles import TROUBLES


def make_table(verdicts: Sequence[Verdict], title: str) -> Table:
    """One row for each fault that was played, and the sums."""
    table = Table(title=title, show_footer=True)
    rows = [_row(name, [one for one in verdicts if one.fault == name]) for name in TROUBLES]
    played = [row for row in rows if row[1]]
    sums = [sum(int(row[place]) for row in played) for place in range(1, 6)]
    for heading, footer in zip(
        ("fault", "cases", "doubled", "lost", "by a person", "other breaches"), ("total", *map(str, sums)), strict=True
    ):
        table.add_column(heading, footer, justify="left" if heading == "fault" else "right")
    for row in played:
        table.add_row(*map(str, row))
    return table


def _row(name: str, verdicts: Sequence[Verdict]) -> tuple[str, int, int, int, int, int]:
    return (
        name,
        len(verdicts),
        sum(bool(one.doubled) for one in verdicts),
        sum(bool(one.lost) for one in verdicts),
        sum(one.reviewed or one.unfinished for one in verdicts),
        sum(bool(one.other) for one in verdicts),
    )


def as_markdown(verdicts: Sequence[Verdict]) -> str:
    """The same table for a document."""
    rows = [_row(name, [one for one in verdicts if one.fault == name]) for name in TROUBLES]
    lines = [
        "| fault | cases | doubled | lost | by a person | other breaches |",
        "| --- | --: | --: | --: | --: | --: |",
    ]
    lines += ["| " + " | ".join(map(str, row)) + " |" for row in rows if row[1]]
    sums = [sum(int(row[place]) for row in rows) for place in range(1, 6)]
    return "\n".join([*lines, "| **total** | " + " | ".join(f"**{one}**" for one in sums) + " |"])
