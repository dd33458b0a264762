"""Real processes: two that serve count into one answer, and a worker alone answers for itself."""

from __future__ import annotations

import base64
import hashlib
import hmac
import json
from pathlib import Path

import httpx
import pytest

from app.errors import ConfigError
from app.metrics.processes import serving_counts
from tests.cli.command import SECRET, Running, assert_soon, base_url
from tests.metrics.reading import series_in, value

SHOP_SECRET = "a-shopify-client-secret-of-a-test"
STORE = {
    "MAKEGOOD_STORES__ALPHA__PLATFORM": "shopify",
    "MAKEGOOD_STORES__ALPHA__DOMAIN": "alpha.myshopify.com",
    "MAKEGOOD_STORES__ALPHA__CLIENT_ID": "alpha-client",
    "MAKEGOOD_STORES__ALPHA__CLIENT_SECRET": SHOP_SECRET,
    "MAKEGOOD_STORES__ALPHA__API_URL": "http://127.0.0.1:9",
    "MAKEGOOD_POLL_SECONDS": "0",
    "MAKEGOOD_WEBHOOK_CHECK_MINUTES": "0",
}


def send(url: str, number: int, secret: str = SHOP_SECRET) -> int:
    """A webhook on a connection of its own, so that any of the processes may get it."""
    body = json.dumps({"id": number}).encode()
    signature = base64.b64encode(hmac.new(secret.encode(), body, hashlib.sha256).digest()).decode()
    headers = {
        "X-Shopify-Hmac-Sha256": signature,
        "X-Shopify-Topic": "orders/updated",
        "X-Shopify-Webhook-Id": f"w-{number}",
    }
    return httpx.post(f"{url}/webhooks/shopify/alpha", content=body, headers=headers, timeout=20).status_code


def test_two_processes_answer_as_one(tmp_path: Path, database_url: str) -> None:
    """Whichever is asked; each process's memory is told apart."""
    settings = {"DATABASE_URL": database_url, "MAKEGOOD_SECRET_KEY": SECRET, **STORE}
    with Running(tmp_path, "serve", "--port", "0", "--processes", "2", "--no-worker", **settings) as service:
        url = base_url(service)
        assert [send(url, number) for number in range(40)] == [200] * 40
        assert [send(url, number) for number in range(5)] == [200] * 5
        assert send(url, 99, "another-secret") == 401
        answers = [series_in(httpx.get(f"{url}/metrics", timeout=20).text) for _ in range(8)]
        labels = {"kind": "store", "source": "alpha", "topic": "orders/updated"}
        for series in answers:
            assert value(series, "makegood_deliveries_total", outcome="received", **labels) == 40
            assert value(series, "makegood_deliveries_total", outcome="duplicate", **labels) == 5
            refused = {**labels, "topic": "unverified"}
            assert value(series, "makegood_deliveries_total", outcome="refused", **refused) == 1
        pids = {dict(labels)["pid"] for name, labels in answers[-1] if name == "process_resident_memory_bytes"}
        assert len(pids) == 2
        assert service.stop() == 0


def test_a_worker_alone_answers_for_itself(tmp_path: Path, database_url: str) -> None:
    settings = {"DATABASE_URL": database_url, "MAKEGOOD_SECRET_KEY": SECRET, **STORE}
    with Running(tmp_path, "worker", "--metrics-port", "0", **settings) as worker:
        url = worker.until("Metrics of this worker").split()[-1].rstrip(".")
        worker.until("jobs at a time")
        assert value(series_in(httpx.get(url, timeout=20).text), "process_start_time_seconds") > 0
        with Running(tmp_path, "serve", "--port", "0", "--no-worker", **settings) as service:
            api = base_url(service)
            assert send(api, 1) == 200
            failed = {"kind": "store", "source": "alpha", "topic": "orders/updated", "outcome": "failed"}
            assert_soon(
                lambda: value(series_in(httpx.get(url, timeout=20).text), "makegood_deliveries_total", **failed) == 1
            )
            told = series_in(httpx.get(f"{api}/metrics", timeout=20).text)
            assert value(told, "makegood_workers") == 1
            assert value(told, "makegood_deliveries_total", **{**failed, "outcome": "received"}) == 1
            assert value(told, "makegood_deliveries_total", **failed) == 0
        assert worker.stop() == 0


def test_a_taken_port_is_one_sentence() -> None:
    with (
        serving_counts("127.0.0.1", 0) as port,
        pytest.raises(ConfigError, match=f"Port {port} of 127.0.0.1"),
        serving_counts("127.0.0.1", port),
    ):
        raise AssertionError("one port, two listeners")
