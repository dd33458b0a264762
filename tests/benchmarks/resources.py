"""Start-up to ready, and the memory of API and worker: at rest, after a time of load, and how it grows.

The load is signed order webhooks of 4 kB that go through intake and processing, from four connections. Memory is what
the kernel counts as resident of a process and its children (/proc, so Linux alone), in MiB of 2^20 bytes.
"""

from __future__ import annotations

import base64
import hashlib
import hmac
import http.client
import json
import threading
import time
import uuid
from dataclasses import dataclass, field
from pathlib import Path
from urllib.parse import urlsplit

import httpx
import psycopg

from tests.benchmarks.bench import SHOPIFY_SECRET, Bench, Served
from tests.benchmarks.table import Row, at_most
from tests.database import with_database

TITLE = "Start and memory"

_MIB = 1024 * 1024
# Seconds of load, of rest before the first look, and between two looks.
_FULL, _QUICK = 3600.0, 30.0
_REST = 5.0
_LOOKS = 60
_CONNECTIONS = 4
# Deliveries a second of each connection: a busy shop's, and in an hour no more than a small disk has room for.
_PACE = 25.0
# A leak of 1 kB in each delivery would show as far more than this; caches and the heap's breathing stay below. A short
# run sees the heap still filling, so it wants less.
_GROWTH_FULL, _GROWTH_QUICK = 8.0, 40.0
_ORDERS = 2000
_READY_WITHIN = 90.0


def measure(bench: Bench) -> list[Row]:
    """The rows of this part."""
    return [*_starts(bench), *_memory(bench)]


def _starts(bench: Bench) -> list[Row]:
    """From the command to the first 200 of /readyz: with a schema that is there, and with one that must be made."""
    migrated = _until_ready(bench, bench.fresh_database())
    name = f"empty_{uuid.uuid4().hex[:12]}"
    with psycopg.connect(bench.server_url, autocommit=True) as connection:
        connection.execute(f'CREATE DATABASE "{name}"'.encode())
    empty = _until_ready(bench, with_database(bench.server_url, name))
    return [
        Row("start to ready, schema there", migrated, "s"),
        Row("start to ready, empty database", empty, "s"),
    ]


def _until_ready(bench: Bench, url: str) -> float:
    began = time.monotonic()
    with bench.serve(url) as service:
        while time.monotonic() - began < _READY_WITHIN:
            if httpx.get(f"{service.url}/readyz", timeout=10).status_code == 200:
                return time.monotonic() - began
            time.sleep(0.02)
    raise RuntimeError(f"Not ready within {_READY_WITHIN:g} s")


@dataclass
class _Watched:
    """What one process held at each look: seconds since the load began, and bytes."""

    name: str
    pid: int
    at_rest: int = 0
    looks: list[tuple[float, int]] = field(default_factory=list)

    def rows(self, most: float) -> list[Row]:
        end = self.looks[-1][1]
        growth = slope(self.looks[len(self.looks) // 2 :]) * 3600 / _MIB
        return [
            Row(f"{self.name}: resident at rest", self.at_rest / _MIB, "MiB"),
            Row(f"{self.name}: resident after the load", end / _MIB, "MiB"),
            Row(f"{self.name}: growth in the second half, an hour", growth, "MiB"),
            at_most(f"{self.name}: last tenth over the tenth after half", self._later(), 1 + most / 100),
        ]

    def _later(self) -> float:
        """Memory at the end over that when half the load had passed, each as the mean of a tenth of the looks."""
        half, tenth = len(self.looks) // 2, max(1, len(self.looks) // 10)
        before, after = self.looks[half : half + tenth], self.looks[-tenth:]
        return sum(size for _, size in after) * len(before) / (sum(size for _, size in before) * len(after))


def _memory(bench: Bench) -> list[Row]:
    url = bench.fresh_database()
    seconds = _QUICK if bench.quick else _FULL
    with bench.serve(url) as api, bench.worker(url) as worker:
        watched = [_Watched("API", api.pid), _Watched("worker", worker.pid)]
        time.sleep(_REST)
        for one in watched:
            one.at_rest = resident(one.pid)
        stop = threading.Event()
        senders = [_Sender(api, stop) for _ in range(_CONNECTIONS)]
        began = time.monotonic()
        while (elapsed := time.monotonic() - began) < seconds:
            for one in watched:
                one.looks.append((elapsed, resident(one.pid)))
            stop.wait(seconds / _LOOKS)
        stop.set()
        sent = sum(sender.ended() for sender in senders)
    most = _GROWTH_QUICK if bench.quick else _GROWTH_FULL
    return [
        Row("deliveries meanwhile", sent, f"in {seconds:.0f} s"),
        Row("deliveries read meanwhile", _read(url), "deliveries"),
        *(row for one in watched for row in one.rows(most)),
    ]


def _read(url: str) -> int:
    with psycopg.connect(url) as connection:
        row = connection.execute("SELECT count(*) FROM deliveries WHERE status <> 'pending'").fetchone()
    return int(row[0]) if row else 0


def resident(pid: int) -> int:
    """Bytes of memory that a process and its children hold."""
    return _own(pid) + sum(resident(child) for child in _children(pid))


def _own(pid: int) -> int:
    try:
        status = Path(f"/proc/{pid}/status").read_text("ascii", "replace")
    except (FileNotFoundError, ProcessLookupError):
        return 0
    found = [line.split()[1] for line in status.splitlines() if line.startswith("VmRSS:")]
    return int(found[0]) * 1024 if found else 0


def _children(pid: int) -> list[int]:
    try:
        return [int(child) for child in Path(f"/proc/{pid}/task/{pid}/children").read_text("ascii").split()]
    except (FileNotFoundError, ProcessLookupError):
        return []


def slope(looks: list[tuple[float, int]]) -> float:
    """Bytes a second by which memory grows, as the least squares fit says; 0 for fewer than two looks."""
    count = len(looks)
    mean_at = sum(at for at, _ in looks) / count if count else 0.0
    mean_size = sum(size for _, size in looks) / count if count else 0.0
    spread = sum((at - mean_at) ** 2 for at, _ in looks)
    if spread == 0:
        return 0.0
    return sum((at - mean_at) * (size - mean_size) for at, size in looks) / spread


class _Sender:
    """One connection that sends changed orders, one after the other, until it is told to stop."""

    def __init__(self, service: Served, stop: threading.Event) -> None:
        self._place = urlsplit(service.url)
        self._stop = stop
        self._sent = 0
        self._failed: Exception | None = None
        self._thread = threading.Thread(target=self._run, daemon=True)
        self._thread.start()

    def _run(self) -> None:
        connection = http.client.HTTPConnection(self._place.hostname or "", self._place.port, timeout=30)
        try:
            while not self._stop.is_set():
                body = order(self._sent)
                connection.request("POST", "/webhooks/shopify/alpha", body, headers_of(body))
                answer = connection.getresponse()
                answer.read()
                if answer.status not in (200, 503):
                    raise RuntimeError(f"HTTP {answer.status}")
                self._sent += answer.status == 200
                self._stop.wait(1 / _PACE)
        except (OSError, http.client.HTTPException, RuntimeError) as error:
            self._failed = error
        finally:
            connection.close()

    def ended(self) -> int:
        """Waits for the last answer, and says how many were acknowledged. Raises what went wrong."""
        self._thread.join()
        if self._failed is not None:
            raise self._failed
        return self._sent


def order(number: int) -> bytes:
    """An order of about 4 kB, one of some thousands, in a state that nobody has seen before."""
    order_id = 5_000_000_000_000 + number % _ORDERS
    money = {"shop_money": {"amount": "20.00", "currency_code": "EUR"}}
    line = {
        "id": order_id + 7, "title": "Lamp", "sku": "LAMP-01", "vendor": "Acme", "quantity": 1, "price": "20.00",
        "price_set": money, "product_id": 1, "variant_id": 1, "tax_lines": [], "discount_allocations": [],
    }  # fmt: skip
    now = time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime())
    body = {
        "id": order_id, "admin_graphql_api_id": f"gid://shopify/Order/{order_id}", "name": f"#{number % _ORDERS}",
        "email": "ana@example.com", "created_at": "2026-11-01T08:00:00Z", "updated_at": now, "currency": "EUR",
        "presentment_currency": "EUR", "financial_status": "paid", "total_price_set": money, "line_items": [line],
        "shipping_lines": [], "fulfillments": [], "refunds": [], "note": f"{uuid.uuid4()} {'x' * 3000}",
    }  # fmt: skip
    return json.dumps(body).encode()


def headers_of(body: bytes) -> dict[str, str]:
    """The headers with which Shopify would send it."""
    signed = base64.b64encode(hmac.digest(SHOPIFY_SECRET.encode(), body, hashlib.sha256)).decode()
    return {
        "Content-Type": "application/json",
        "X-Shopify-Topic": "orders/updated",
        "X-Shopify-Hmac-Sha256": signed,
        "X-Shopify-Shop-Domain": "alpha.myshopify.com",
        "X-Shopify-API-Version": "2026-10",
        "X-Shopify-Webhook-Id": str(uuid.uuid4()),
    }
