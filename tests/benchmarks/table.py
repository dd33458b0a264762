"""What a measurement answers, and how it is shown."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

_HEADS = ("measure", "value", "unit", "wanted", "")
_MARKS = {True: "ok", False: "MISSED", None: ""}


@dataclass(frozen=True)
class Row:
    """One measured thing. `ok` is None when nothing is wanted of it, False when what is wanted was missed."""

    measure: str
    value: float | str
    unit: str
    wanted: str = ""
    ok: bool | None = None


def at_least(measure: str, value: float, least: float, unit: str = "ratio") -> Row:
    """A row that is missed when `value` is below `least`."""
    return Row(measure, value, unit, f"≥ {least:g}", value >= least)


def at_most(measure: str, value: float, most: float, unit: str = "ratio") -> Row:
    """A row that is missed when `value` is above `most`."""
    return Row(measure, value, unit, f"≤ {most:g}", value <= most)


def missed(rows: Sequence[Row]) -> list[Row]:
    """The rows whose wish was not met."""
    return [row for row in rows if row.ok is False]


def shown(title: str, rows: Sequence[Row]) -> str:
    """The rows as a Markdown table under a heading, aligned so that a terminal shows it well too."""
    cells = [(row.measure, _number(row.value), row.unit, row.wanted, _MARKS[row.ok]) for row in rows]
    widths = [max(len(line[column]) for line in [_HEADS, *cells]) for column in range(len(_HEADS))]
    rule = [f"{'-' * width}" for width in widths]
    rule[1] = rule[1][:-1] + ":"
    lines = [_line(_HEADS, widths), f"| {' | '.join(rule)} |", *(_line(line, widths) for line in cells)]
    return f"## {title}\n\n" + "\n".join(lines) + "\n"


def _line(cells: Sequence[str], widths: Sequence[int]) -> str:
    padded = [
        cell.rjust(width) if place == 1 else cell.ljust(width)
        for place, (cell, width) in enumerate(zip(cells, widths, strict=True))
    ]
    return f"| {' | '.join(padded)} |"


def _number(value: float | str) -> str:
    if isinstance(value, str):
        return value
    if value == int(value) or abs(value) >= 100:
        return f"{value:,.0f}"
    return f"{value:.2f}" if abs(value) >= 0.1 else f"{value:.4f}"
