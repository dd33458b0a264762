"""`python -m tests.faults --cases N --seed S`: plays returns with faults, and lets the sandbox's books judge."""

from __future__ import annotations

import argparse
import sys
import time
import uuid
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress

import psycopg
from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

from app.db.migrate import upgrade
from tests.database import a_server, with_database
from tests.faults.campaign import run
from tests.faults.draw import Play, draw
from tests.faults.judge import Verdict
from tests.faults.table import as_markdown, make_table
from tests.faults.troubles import TROUBLES


def main() -> int:
    """Exit 1 on any breach."""
    given = _arguments().parse_args()
    if given.only and given.only not in TROUBLES:
        sys.exit(f"There is no fault {given.only!r}; there are: {', '.join(TROUBLES)}")
    plays = _plays(given)
    console, started = Console(), time.monotonic()
    with _server() as (server_url, template):
        verdicts = _run(console, plays, server_url, template, given.jobs)
    seconds = time.monotonic() - started
    title = f"{len(verdicts)} cases, seed {given.seed}, {seconds:.0f} s"
    console.print(as_markdown(verdicts) if given.markdown else make_table(verdicts, title), markup=False)
    broken = [one for one in verdicts if one.breaches]
    console.print(f"{title}: {f'breaches in {len(broken)} cases' if broken else 'no breach'}", markup=False)
    return 1 if broken else 0


def _arguments() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m tests.faults", description=__doc__)
    parser.add_argument("--cases", type=int, default=400, help="how many plays")
    parser.add_argument("--seed", type=int, default=1, help="the same seed draws the same plays")
    parser.add_argument("--jobs", type=int, default=1, help="processes at a time")
    parser.add_argument("--only", help="one fault, by the name in the table")
    parser.add_argument("--replay", nargs="+", metavar="SEED:INDEX", help="these plays alone")
    parser.add_argument("--markdown", action="store_true", help="prints the table for a document")
    return parser


def _plays(given: argparse.Namespace) -> list[Play]:
    if given.replay:
        pairs = (name.partition(":") for name in given.replay)
        return [draw(int(seed), int(index), given.only) for seed, _, index in pairs]
    return [draw(given.seed, index, given.only) for index in range(given.cases)]


def _run(console: Console, plays: Sequence[Play], server_url: str, template: str, jobs: int) -> list[Verdict]:
    """Plays; tells of each breach at once. Interrupted, it ends with what was played so far."""
    verdicts: list[Verdict] = []
    errors = Console(stderr=True, soft_wrap=True)
    columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TimeRemainingColumn())
    with Progress(*columns, console=console, disable=not console.is_terminal, transient=True) as progress:
        bar = progress.add_task("playing", total=len(plays))
        with suppress(KeyboardInterrupt):
            for done in run(plays, server_url, template, jobs):
                verdicts += done
                for one in done:
                    _tell(errors, one)
                broken = sum(bool(one.breaches) for one in verdicts)
                progress.update(bar, completed=len(verdicts), description=f"playing, {broken} breaches")
    return verdicts


def _tell(errors: Console, one: Verdict) -> None:
    if one.breaches:
        only = f' --only "{one.fault}"'
        errors.print(f"BREACH {one.name} ({one.platform}, {one.fault}): {'; '.join(one.breaches)}", markup=False)
        errors.print(f"  {one.story}\n  python -m tests.faults --replay {one.name}{only}", markup=False)


@contextmanager
def _server() -> Iterator[tuple[str, str]]:
    """A server with a migrated database to copy."""
    template = f"faults_template_{uuid.uuid4().hex[:12]}"
    with a_server() as url, psycopg.connect(url, autocommit=True) as connection:
        connection.execute(f'CREATE DATABASE "{template}"')
        try:
            upgrade(with_database(url, template))
            yield url, template
        finally:
            connection.execute(f'DROP DATABASE "{template}" WITH (FORCE)')


if __name__ == "__main__":
    sys.exit(main())
