"""Runs the measurements and prints a table for each; exits 1 when a ratio that is wanted was missed."""

from __future__ import annotations

import argparse
import importlib
import importlib.util
import os
import platform
import shutil
import sys
import tempfile
import time
from logging import CRITICAL
from pathlib import Path

import structlog

from tests.benchmarks.bench import Bench, durable_server
from tests.benchmarks.table import Row, missed, shown

NAMES = ("intake", "kills", "processing", "latency", "statements", "growth", "resources")


def main() -> int:
    """The command line."""
    known = [name for name in NAMES if importlib.util.find_spec(f"tests.benchmarks.{name}")]
    parser = argparse.ArgumentParser(prog="python -m tests.benchmarks", description=__doc__)
    parser.add_argument("--quick", action="store_true", help="fewer and shorter measurements, for a look")
    parser.add_argument("--only", nargs="+", choices=known, default=known, metavar="NAME", help=", ".join(known))
    wanted = parser.parse_args()
    # Parts of the service run in this process, whose output is the table.
    structlog.configure(wrapper_class=structlog.make_filtering_bound_logger(CRITICAL))
    say(f"{machine()}{'; a quick run' if wanted.quick else ''}\n\n")
    # PostgreSQL runs as a user of its own when this runs as root, and must reach the folder.
    folder = Path(tempfile.mkdtemp(prefix="makegood-bench-"))
    folder.chmod(0o755)
    rows: list[Row] = []
    try:
        with durable_server(folder) as server_url:
            for name in wanted.only:
                rows += measured(name, Bench(wanted.quick, folder, server_url))
    finally:
        shutil.rmtree(folder, ignore_errors=True)
    failures = missed(rows)
    for row in failures:
        say(f"MISSED: {row.measure}: {row.value} {row.unit}, wanted {row.wanted}\n")
    return 1 if failures else 0


def measured(name: str, bench: Bench) -> list[Row]:
    """The rows of one module, printed as soon as they are there."""
    module = importlib.import_module(f"tests.benchmarks.{name}")
    began = time.monotonic()
    rows: list[Row] = module.measure(bench)
    say(f"{shown(module.TITLE, rows)}\n({time.monotonic() - began:.0f} s)\n\n")
    return rows


def machine() -> str:
    """One line about where this runs: ratios hold elsewhere, numbers do not."""
    busy = os.getloadavg()[0]
    return (
        f"{os.cpu_count()} cores ({_processor()}), {platform.system()} {platform.release()}, Python "
        f"{platform.python_version()}, load before the run {busy:.1f}"
    )


def _processor() -> str:
    try:
        lines = Path("/proc/cpuinfo").read_text("utf-8").splitlines()
    except OSError:
        return platform.machine()
    return next((line.split(":", 1)[1].strip() for line in lines if line.startswith("model name")), platform.machine())


def say(text: str) -> None:
    """At once, for whoever watches."""
    sys.stdout.write(text)
    sys.stdout.flush()


if __name__ == "__main__":
    sys.exit(main())
