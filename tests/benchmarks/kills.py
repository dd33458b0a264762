"""Whether anything that was acknowledged is lost when API, worker and PostgreSQL are killed under load."""

from __future__ import annotations

import contextlib
import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from random import Random

import psycopg

from app.db.embedded import EmbeddedPostgres
from tests.benchmarks.bench import SHOPIFY_SECRET, Bench, durable_server
from tests.benchmarks.load import Plan, result_of, started
from tests.benchmarks.table import Row

TITLE = "Kills: `kill -9` of API, worker and PostgreSQL under load"
_PATIENCE = 60.0
# Seconds of load around each kill; the kill comes somewhere in the middle.
_LOAD = 3.0


def measure(bench: Bench) -> list[Row]:
    """Kills each in turn, starts it anew, and looks for every delivery that was acknowledged."""
    kills = 6 if bench.quick else 50
    folder = bench.folder / "kills"
    folder.mkdir()
    folder.chmod(0o755)
    with durable_server(folder) as server_url:
        scene = _Scene(replace(bench, server_url=server_url), folder)
        with contextlib.closing(scene):
            ways = {"API": scene.kill_api, "PostgreSQL": scene.kill_postgresql, "worker": scene.kill_worker}
            for number in range(kills):
                whose = list(ways)[number % len(ways)]
                scene.kill_under_load(whose, ways[whose])
            missing, repeats = scene.missing(), scene.repeats()
    is_safe = not missing and len(scene.acknowledged) > kills
    return [
        Row("kills", kills, ""),
        Row("acknowledged", len(scene.acknowledged), "deliveries"),
        Row("acknowledged and missing", len(missing), "deliveries", "0", is_safe),
        Row("stored more than once", repeats, "deliveries", "0", repeats == 0),
        *(
            Row(f"longest until webhooks were acknowledged again, {whose} killed", max(gaps), "s")
            for whose, gaps in scene.gaps.items()
        ),
    ]


class _Scene:
    """An API, a worker and a PostgreSQL that can be killed, and what was acknowledged meanwhile."""

    def __init__(self, bench: Bench, folder: Path) -> None:
        self._bench, self._folder = bench, folder
        self._dice = Random(20261122)
        self._database = bench.fresh_database()
        with socket.create_server(("127.0.0.1", 0)) as free:
            self._port = free.getsockname()[1]
        self.acknowledged: list[str] = []
        self.gaps: dict[str, list[float]] = {}
        self._running = contextlib.ExitStack()
        self._start_api()
        self._start_worker()
        self._until_all_work()

    def kill_under_load(self, whose: str, kill: Callable[[], None]) -> None:
        """Sends, kills in the middle of it, waits until webhooks are acknowledged again, and notes what was."""
        load = started(self._plan(_LOAD))
        time.sleep(self._dice.uniform(0.8, 2.0))
        began = time.monotonic()
        kill()
        while not result_of(started(self._plan(0.3))).ids:
            if time.monotonic() - began > _PATIENCE:
                raise RuntimeError(f"nothing is acknowledged any more; see {self._api.log}")
        self.gaps.setdefault(whose, []).append(time.monotonic() - began)
        self.acknowledged += result_of(load).ids
        self._until_all_work()

    def kill_api(self) -> None:
        """Without a word; another one takes the port."""
        self._api.kill()
        self._start_api()

    def kill_worker(self) -> None:
        """Likewise."""
        self._worker.kill()
        self._start_worker()

    def kill_postgresql(self) -> None:
        """The postmaster; its children end when they notice, and it is started anew."""
        pid = int((self._folder / "postgres" / "postmaster.pid").read_text().split()[0])
        os.kill(pid, signal.SIGKILL)
        deadline = time.monotonic() + _PATIENCE
        while subprocess.run(
            [sys.executable, "-m", __name__, str(self._folder)], capture_output=True, check=False
        ).returncode:
            if time.monotonic() > deadline:
                raise RuntimeError(f"PostgreSQL does not start again; see {self._folder / 'postgres' / 'log'}")

    def missing(self) -> list[str]:
        """What was acknowledged and is not there."""
        with psycopg.connect(self._database) as connection:
            found = connection.execute(
                "SELECT name FROM unnest(%s::text[]) AS name WHERE NOT EXISTS "
                "(SELECT FROM deliveries WHERE webhook_id = name)",
                [self.acknowledged],
            ).fetchall()
        return [name for (name,) in found]

    def repeats(self) -> int:
        """How many are there more than once."""
        with psycopg.connect(self._database) as connection:
            found = connection.execute("SELECT count(*) - count(DISTINCT webhook_id) FROM deliveries").fetchone()
        return int(found[0]) if found else 0

    def close(self) -> None:
        """Ends both processes."""
        self._running.close()

    def _plan(self, seconds: float) -> Plan:
        return Plan(f"http://127.0.0.1:{self._port}", 16, 4000, seconds, SHOPIFY_SECRET, warm_up=0.0, wants_ids=True)

    def _start_api(self) -> None:
        arguments = ["serve", "--port", str(self._port), "--no-worker"]
        self._api = self._running.enter_context(self._bench.makegood(self._database, arguments))

    def _start_worker(self) -> None:
        self._worker = self._running.enter_context(self._bench.makegood(self._database, ["worker"]))

    def _until_all_work(self) -> None:
        self._api.until("Makegood serves")
        self._worker.until("Makegood works")


if __name__ == "__main__":
    # In a process of its own, which leaves without letting go: the server is to outlive it.
    # A postmaster that was killed a moment ago may be taken for one that runs: whether it does, a connection tells.
    psycopg.connect(EmbeddedPostgres(Path(sys.argv[1])).url).close()
    os._exit(0)
