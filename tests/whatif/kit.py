"""Policies and comparisons for tests."""

from __future__ import annotations

from collections.abc import Iterable

from app.policy.files import PolicyFile, parse
from app.whatif.generate import year
from app.whatif.judge import Contest
from app.whatif.past import Batch
from app.whatif.report import rows
from app.whatif.run import Result, compare
from app.whatif.tally import ALL, Group

PLAIN = 'name = "plain"\nversion = "1"\n'


def policy(extra: str = "") -> PolicyFile:
    """A policy of defaults with these sections beside."""
    return parse(PLAIN + extra, "plain.toml")


def run(
    after: PolicyFile, before: PolicyFile | None = None, batches: Iterable[Batch] | None = None, jobs: int = 1
) -> Result:
    """Compares; by default over four hundred generated cases."""
    contest = Contest(after, before or policy())
    return compare(year(400, 5) if batches is None else batches, contest, jobs, lambda _: None)


def changed(result: Result, group: Group = ALL) -> set[str]:
    """The names of the rows that the policy changes."""
    return {row.name for row in rows(result.before.of(group), result.after.of(group)) if row.difference}
