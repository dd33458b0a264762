"""`python -m tests.mutation`: mutates the money path, runs the quick tests against each mutant, prints survivors."""

from __future__ import annotations

import argparse
import json
import sys
import tempfile
from collections.abc import Sequence
from dataclasses import asdict
from pathlib import Path

from tests.mutation import report, runner
from tests.mutation.mutants import Mutant, mutants_of
from tests.mutation.targets import MACHINE, ROOT, files

WANTED = 90.0
RESULTS = ROOT / ".mutation.json"


def main() -> int:
    """Runs, prints, and answers 1 when less than nine of ten are killed in `app/refunds/` or in the machine."""
    parser = argparse.ArgumentParser(prog="python -m tests.mutation", description=__doc__)
    parser.add_argument("files", nargs="*", help="only these files (default: the whole money path)")
    parser.add_argument("--jobs", type=int, default=1, help="mutants at a time (default: 1)")
    parser.add_argument("--every", type=int, default=1, help="only one mutant of so many: a quick sample")
    parser.add_argument("--count", action="store_true", help="only count the mutants")
    parser.add_argument("--survivors", action="store_true", help="only what survived the run before")
    asked = parser.parse_args()
    mutants = [mutant for file in asked.files or files() for mutant in mutants_of(file)][:: asked.every]
    before = _read()
    if asked.survivors:
        alive = {_key(one) for one in before if one["outcome"] == "survived"}
        mutants = [mutant for mutant in mutants if _key(asdict(mutant)) in alive]
    print(f"{len(mutants)} mutants in {len({mutant.file for mutant in mutants})} files", flush=True)
    if asked.count:
        return 0
    fresh = _run(mutants, asked.jobs)
    judged = {_key(one) for one in fresh}
    kept = [one for one in before if _key(one) not in judged] if asked.files or asked.survivors else []
    results = sorted([*kept, *fresh], key=lambda one: (one["file"], one["line"], one["operator"]))
    RESULTS.write_text(json.dumps(results, indent=1), "utf-8")
    print(report.survivors(results), report.table(results), sep="\n\n")
    groups = ([one for one in results if (one["file"] in MACHINE) == machine] for machine in (True, False))
    return int(any(report.share(group) < WANTED for group in groups))


def _run(mutants: Sequence[Mutant], jobs: int) -> list[report.Result]:
    runner.preload()
    with tempfile.TemporaryDirectory() as name, runner.database():
        folder = Path(name)
        watched = runner.watch(folder)
        print(f"{watched.count} tests pass in {watched.total:.0f} s", flush=True)
        return runner.judge_all(mutants, watched, folder, jobs)


def _read() -> list[report.Result]:
    found: list[report.Result] = json.loads(RESULTS.read_text("utf-8")) if RESULTS.exists() else []
    return found


def _key(result: report.Result) -> tuple[str, str, str, str]:
    """The same mutant in another run: a line may have moved, so its number does not count."""
    return result["file"], result["operator"], result["before"], result["after"]


if __name__ == "__main__":
    sys.exit(main())
