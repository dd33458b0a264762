"""How long money waits: from the supplier's confirmation to the refund call's arrival at the store."""

from __future__ import annotations

import socket
import statistics
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass

import httpx

from app.http import tls_context
from app.sandbox.world import CLIENT_SECRET, SHOP, World
from tests.benchmarks.bench import API_KEY, Bench
from tests.benchmarks.load import Plan, result_of, started
from tests.benchmarks.table import Row
from tests.crashes.stage import ACME, new_order

TITLE = "From the supplier's confirmation to the refund call leaving"
_PATIENCE = 120.0
_CONNECTIONS, _SIZE = 16, 4096


@dataclass(frozen=True)
class Show:
    """The service at work with a sandbox world, and a client of its API."""

    world: World
    http: httpx.Client
    url: str

    def file(self) -> str:
        """A return that waits for nothing but the supplier's confirmation; answers its case."""
        order = new_order(self.world, SHOP)
        line = {"sku": "LAMP-01", "quantity": 1, "reason": "changed_mind"}
        wish = {"store": SHOP, "order": order, "remedy": "refund", "lines": [line]}
        answer = self.http.post("/api/v1/return-requests", json=wish)
        answer.raise_for_status()
        return str(answer.json()["cases"][0]["id"])

    def until_authorised(self, case_id: str) -> None:
        """Waits until the supplier has agreed to take it back."""
        deadline = time.monotonic() + _PATIENCE
        while self.http.get(f"/api/v1/cases/{case_id}").json()["rma_number"] is None:
            _wait(deadline)

    def confirm(self, case_id: str) -> float:
        """The supplier confirms; answers the seconds until the refund call arrives, by the sandbox's clock."""
        before = len(self.world.shop.money_calls)
        confirmed_at = time.time()
        self.world.suppliers[ACME].confirm(case_id)
        deadline = time.monotonic() + _PATIENCE
        while len(calls := self.world.shop.money_calls) == before:
            _wait(deadline)
        return calls[-1].at.timestamp() - confirmed_at


def _wait(deadline: float) -> None:
    if time.monotonic() > deadline:
        raise RuntimeError("the return does not go on")
    time.sleep(0.01)


def measure(bench: Bench) -> list[Row]:
    """At rest, then while one API process takes in all that it can."""
    count = 8 if bench.quick else 60
    with playing(bench) as show:
        cases = [show.file() for _ in range(2 * count)]
        for case_id in cases:
            show.until_authorised(case_id)
        rows = _shown("at rest", [show.confirm(case_id) for case_id in cases[:count]])
        plan = Plan(show.url, _CONNECTIONS, _SIZE, 8.0 if bench.quick else 60.0, CLIENT_SECRET)
        load = started(plan)
        time.sleep(2.0)
        busy = []
        for case_id in cases[count:]:
            busy.append(show.confirm(case_id))
            if load.process.poll() is not None:
                break
        rows += _shown(f"under full intake, {len(busy)} refunds", busy)
        return [*rows, Row("intake meanwhile", result_of(load).acknowledged, "deliveries/s")]


def _shown(when: str, seconds: Sequence[float]) -> list[Row]:
    ranked = sorted(seconds)
    last = ranked[min(len(ranked) - 1, int(len(ranked) * 0.99))]
    return [
        Row(f"median, {when}", statistics.median(ranked) * 1000, "ms"),
        Row(f"99th percentile, {when}", last * 1000, "ms"),
    ]


@contextmanager
def playing(bench: Bench) -> Iterator[Show]:
    """A world, one API process without a worker, and one worker."""
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = free.getsockname()[1]
    url, database = f"http://127.0.0.1:{port}", bench.fresh_database()
    with World() as world:
        env = {**world.environment(), "MAKEGOOD_PUBLIC_URL": url, "MAKEGOOD_LOG_LEVEL": "warning"}
        serving = bench.makegood(database, ["serve", "--port", str(port), "--no-worker"], env)
        headers = {"Authorization": f"Bearer {API_KEY}"}
        with serving as service, httpx.Client(base_url=url, headers=headers, timeout=60, verify=tls_context()) as http:
            service.until("Makegood serves")
            with bench.worker(database, env):
                yield Show(world, http, url)
