"""SIGTERM as real processes take it: what is under way is finished, nothing new is taken, and the exit code is 0."""

from __future__ import annotations

import base64
import hashlib
import hmac
import json
import signal
import socket
import time
import uuid
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx
import psycopg
import pytest

from app.sandbox.faults import Fault, FaultKind, Gate
from app.sandbox.shopify.book import LineSpec
from app.sandbox.world import CLIENT_SECRET, World
from tests.cli.command import SECRET, Running, assert_soon, base_url, silent
from tests.conftest import API_KEY

# Seconds. Requests get 20 and jobs 30; a machine busy with other tests takes its own time on top.
LONGEST = 60.0


@pytest.fixture
def world() -> Iterator[World]:
    with World() as running:
        yield running


@pytest.fixture
def settings_of(world: World, database_url: str) -> dict[str, str]:
    keys = {"MAKEGOOD_SECRET_KEY": SECRET, "MAKEGOOD_API_KEYS__OPS": API_KEY, "MAKEGOOD_POLL_SECONDS": "0"}
    return {**world.environment(), **keys, "MAKEGOOD_WEBHOOK_CHECK_MINUTES": "0", "DATABASE_URL": database_url}


def scalar(url: str, statement: str) -> Any:
    with psycopg.connect(url) as connection:
        row = connection.execute(statement.encode()).fetchone()
    return row[0] if row else None


class HalfDelivery:
    """A signed webhook of which only a part has been sent."""

    def __init__(self, url: str) -> None:
        body = json.dumps({"id": 1, "note": "x" * 2000}).encode()
        signed = base64.b64encode(hmac.digest(CLIENT_SECRET.encode(), body, hashlib.sha256)).decode()
        host, port = url.removeprefix("http://").split(":")
        head = (
            f"POST /webhooks/shopify/alpha HTTP/1.1\r\nHost: {host}\r\nContent-Type: application/json\r\n"
            f"X-Shopify-Topic: orders/updated\r\nX-Shopify-Hmac-Sha256: {signed}\r\n"
            f"X-Shopify-Shop-Domain: alpha.myshopify.com\r\nX-Shopify-API-Version: 2026-10\r\n"
            f"X-Shopify-Webhook-Id: {uuid.uuid4()}\r\nContent-Length: {len(body)}\r\n\r\n"
        )
        self._rest = body[1000:]
        self._connection = socket.create_connection((host, int(port)), timeout=LONGEST)
        self._connection.sendall(head.encode() + body[:1000])

    def finish(self) -> bytes:
        """Sends the rest, and answers the status line."""
        with self._connection as connection:
            connection.sendall(self._rest)
            return connection.recv(4096).partition(b"\r\n")[0]


@pytest.mark.parametrize("processes", ["1", "2"])
def test_a_delivery_under_way_is_taken_and_no_other(
    tmp_path: Path, database_url: str, settings_of: dict[str, str], processes: str
) -> None:
    arguments = ("serve", "--port", "0", "--no-worker", "--processes", processes)
    with Running(tmp_path, *arguments, **settings_of) as service:
        url = base_url(service)
        half = HalfDelivery(url)
        # Its head has been read before anything that was sent later is answered.
        assert httpx.get(f"{url}/healthz").status_code == 200
        service.signal(signal.SIGTERM)
        assert_soon(lambda: silent(f"{url}/readyz"))
        # Asked a second time, it still finishes.
        service.signal(signal.SIGTERM)
        assert half.finish() == b"HTTP/1.1 200 OK"
        began = time.monotonic()
        assert service.ended() == 0
        assert time.monotonic() - began < LONGEST
    assert scalar(database_url, "SELECT count(*) FROM deliveries") == 1
    assert "Traceback" not in "".join(service.said)


def ask_for_a_return(world: World, url: str) -> str:
    """A return request whose supplier is asked by a job; answers the case's id."""
    lamp = LineSpec(sku="LAMP-01", title="Lamp", price="19.99", quantity=1, vendor="Acme")
    order = world.shop.create_order([lamp])
    world.shop.fulfil(order.id)
    world.shop.deliver(order.id)
    lines = [{"sku": "LAMP-01", "quantity": 1, "reason": "changed_mind"}]
    body = {"store": "alpha", "order": str(order.id), "remedy": "refund", "lines": lines}
    headers = {"Authorization": f"Bearer {API_KEY}"}
    answer = httpx.post(f"{url}/api/v1/return-requests", json=body, headers=headers, timeout=LONGEST)
    assert answer.status_code == 201, answer.text
    return str(answer.json()["cases"][0]["id"])


def held(world: World) -> Gate:
    """Acme's answer to the next return waits at a gate, and the job that asked waits with it."""
    gate = Gate(LONGEST)
    world.suppliers["acme"].faults.add("POST /returns", Fault(FaultKind.SLOW_AFTER, gate=gate))
    return gate


def asked(world: World) -> int:
    return sum(call.method == "POST" for call in world.suppliers["acme"].calls)


@pytest.mark.parametrize("signals", [1, 2])
def test_a_job_under_way_is_finished_by_the_worker_inside(
    tmp_path: Path, world: World, database_url: str, settings_of: dict[str, str], signals: int
) -> None:
    gate = held(world)
    with Running(tmp_path, "serve", "--port", "0", **settings_of) as service:
        case = ask_for_a_return(world, base_url(service))
        assert_soon(lambda: asked(world) == 1)
        for _ in range(signals):
            service.signal(signal.SIGTERM)
        gate.open()
        assert service.ended() == 0
    assert scalar(database_url, f"SELECT state FROM cases WHERE id = '{case}'") == "awaiting_shipment"
    assert asked(world) == 1
    assert "Traceback" not in "".join(service.said)


def test_a_job_under_way_is_finished_by_a_worker_alone(
    tmp_path: Path, world: World, database_url: str, settings_of: dict[str, str]
) -> None:
    gate = held(world)
    with Running(tmp_path, "serve", "--port", "0", "--no-worker", **settings_of) as service:
        case = ask_for_a_return(world, base_url(service))
        with Running(tmp_path, "worker", **settings_of) as worker:
            worker.until("jobs at a time")
            assert_soon(lambda: asked(world) == 1)
            worker.signal(signal.SIGTERM)
            worker.signal(signal.SIGTERM)
            gate.open()
            assert worker.ended() == 0
        assert service.stop() == 0
    assert scalar(database_url, f"SELECT state FROM cases WHERE id = '{case}'") == "awaiting_shipment"
    assert asked(world) == 1
    # Nothing is left for another worker to take over.
    assert scalar(database_url, "SELECT count(*) FROM procrastinate_jobs WHERE status = 'doing'") == 0
    assert "Traceback" not in "".join(worker.said)


@pytest.mark.parametrize("seconds", [0.0, 0.005, 0.01, 0.05])
def test_a_worker_that_is_stopped_while_it_starts_ends(
    tmp_path: Path, settings_of: dict[str, str], seconds: float
) -> None:
    """What it opens is told to end in the middle of opening it, at one place or another."""
    with Running(tmp_path, "worker", "--concurrency", "2", **settings_of) as worker:
        worker.until("jobs at a time")
        time.sleep(seconds)
        assert worker.stop() == 0
