"""How commands speak: tables and progress for a person at a terminal, plain lines for a pipe."""

from __future__ import annotations

import json
import sys
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from typing import Any

import typer

Row = Sequence[str]


def say(text: str) -> None:
    """One line on stdout, at once."""
    typer.echo(text)
    sys.stdout.flush()


def print_json(value: Any) -> None:
    """JSON on stdout, as another program wants it."""
    say(json.dumps(value, indent=2, ensure_ascii=False))


def print_table(columns: Row, rows: Sequence[Row], empty: str) -> None:
    """A table; in a pipe one line for each row, tabs between cells, no heading.

    At a terminal `empty` is said when there are no rows.
    """
    if not sys.stdout.isatty():
        for row in rows:
            say("\t".join(" ".join(cell.split()) for cell in row))
        return
    if not rows:
        say(empty)
        return
    from rich.console import Console
    from rich.markup import escape
    from rich.table import Table

    table = Table(*columns, box=None, pad_edge=False, header_style="bold")
    for row in rows:
        table.add_row(*(escape(cell) for cell in row))
    Console().print(table)


@contextmanager
def progress(text: str) -> Iterator[Callable[[str], None]]:
    """Shows that something is going on, on a terminal only. The value it gives changes the text.

    Say nothing inside: while it runs, what goes to stdout is shown on stderr.
    """
    if not sys.stderr.isatty():
        yield lambda _: None
        return
    from rich.console import Console
    from rich.markup import escape

    console = Console(stderr=True)
    with console.status(text) as status:
        yield lambda detail: status.update(f"{text}: {escape(detail)}")
