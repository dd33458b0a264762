"""`makegood policy simulate`: past cases decided again under another policy, and the difference."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterable, Iterator
from contextlib import ExitStack, contextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import Annotated

import typer
from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

from app.cli_output import print_table, say
from app.errors import AppError, Invalid
from app.logging import configure_logging
from app.policy import files
from app.settings import Settings
from app.settings_load import load_settings
from app.start import open_database
from app.whatif import report
from app.whatif.chart import chart
from app.whatif.database import stored
from app.whatif.generate import year
from app.whatif.judge import Contest
from app.whatif.orders_file import orders_file
from app.whatif.past import Batch
from app.whatif.run import Result, compare
from app.whatif.terms import known_suppliers

_COLUMNS = ("measure", "unit", "before", "after", "difference")


class NothingToCompare(Invalid):
    """No past case was there."""

    code = "nothing_to_compare"
    title = "There is nothing to compare"


class NotWritten(AppError):
    """A file that was asked for cannot be written."""

    code = "not_written"
    title = "A file cannot be written"


def simulate(
    policy: Annotated[str, typer.Option("--policy", help="The policy to try: a file, or the name of a shipped one.")],
    against: Annotated[
        str | None, typer.Option(help="Compare with this policy instead of the one in force in each store.")
    ] = None,
    since: Annotated[
        datetime | None, typer.Option(help="Only requests made on this day or later (UTC).", formats=["%Y-%m-%d"])
    ] = None,
    orders: Annotated[Path | None, typer.Option(help="Past orders with their requests, JSON lines.")] = None,
    generate: Annotated[int | None, typer.Option(help="A made-up year with so many requests.", min=1)] = None,
    seed: Annotated[int, typer.Option(help="Another seed makes another year.")] = 1,
    chart_file: Annotated[Path | None, typer.Option("--chart", help="Write a chart to this file (SVG).")] = None,
    csv_file: Annotated[Path | None, typer.Option("--csv", help="Write every measure of every group here.")] = None,
    jobs: Annotated[int | None, typer.Option(help="Processes; as many as processors by default.", min=1)] = None,
) -> None:
    """Decide past cases again under another policy, and show what it would change.

    The cases come from the database, from a file (--orders) or are made up (--generate). Nothing is written but the
    files asked for.
    """
    configure_logging("error")
    if orders is not None and generate is not None:
        raise Invalid("Cases come from one place: give --orders or --generate, not both.")
    for path in (chart_file, csv_file):
        _require_writable(path)
    settings = load_settings()
    contest = _contest(settings, policy, against, since)
    with ExitStack() as held:
        batches, total = _batches(held, settings, contest, orders, generate, seed)
        advance = held.enter_context(_progress(total))
        result = compare(batches, contest, jobs or os.cpu_count() or 1, advance)
    if not result.counted:
        raise NothingToCompare("There is no past case to compare; try --generate 1000, or an earlier --since.")
    names = (_name(contest), contest.after.version)
    _print(result, names)
    if chart_file is not None:
        _write(chart_file, chart(result.before, result.after, names))
    if csv_file is not None:
        _write(csv_file, report.csv_text(result.before, result.after))


def _contest(settings: Settings, policy: str, against: str | None, since: datetime | None) -> Contest:
    after = files.load(policy)
    from_day = since.replace(tzinfo=UTC) if since else None
    if against is not None:
        return Contest(after, files.load(against), {}, from_day)
    in_force = {key: files.load(store.policy) for key, store in settings.stores.items()}
    versions = {file.version: file for file in in_force.values()}
    otherwise = next(iter(versions.values())) if len(versions) == 1 else files.shipped("default")
    return Contest(after, otherwise, in_force, from_day)


def _name(contest: Contest) -> str:
    """The policies in force, those that are compared with."""
    versions = {file.version for file in contest.in_force.values()} | {contest.otherwise.version}
    return contest.otherwise.version if len(versions) == 1 else "each store's own"


def _batches(
    held: ExitStack, settings: Settings, contest: Contest, orders: Path | None, generate: int | None, seed: int
) -> tuple[Iterable[Batch], int | None]:
    """Where the cases come from, and how many there are, if that is known."""
    if generate is not None:
        return year(generate, seed), generate
    suppliers = known_suppliers(settings.suppliers)
    if orders is not None:
        return orders_file(orders, suppliers), None
    url = held.enter_context(open_database(settings))
    return held.enter_context(stored(url, suppliers, contest.since))


@contextmanager
def _progress(total: int | None) -> Iterator[Callable[[int], None]]:
    """A bar on a terminal, nothing in a pipe."""
    console = Console(stderr=True)
    if not console.is_terminal:
        yield lambda _: None
        return
    columns = (TextColumn("Deciding"), BarColumn(), MofNCompleteColumn(), TimeRemainingColumn())
    with Progress(*columns, console=console, transient=True) as bar:
        task = bar.add_task("", total=total)
        yield lambda cases: bar.advance(task, cases)


def _print(result: Result, names: tuple[str, str]) -> None:
    say(f"{result.counted:,} past cases. before: {names[0]}. after: {names[1]}.")
    print_table(_COLUMNS, report.table(result.before, result.after), "")


def _require_writable(path: Path | None) -> None:
    """Says so before the work, not after it. Raises `NotWritten`."""
    if path is not None and not path.absolute().parent.is_dir():
        raise NotWritten(f"{path} cannot be written: there is no folder {path.absolute().parent}.")


def _write(path: Path, text: str) -> None:
    try:
        path.write_text(text, "utf-8")
    except OSError as error:
        raise NotWritten(f"{path} cannot be written ({error.strerror}); name another file.") from None
