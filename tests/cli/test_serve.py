"""`serve` and `worker` as real processes: start, answer, stop, die, start again."""

from __future__ import annotations

import os
import signal
import socket
from pathlib import Path

import httpx
import psycopg
import pytest

from tests.cli.command import SECRET, Running, assert_soon, base_url, silent
from tests.cli.conftest import Makegood


def test_serves_until_sigterm(tmp_path: Path, database_url: str) -> None:
    with Running(tmp_path, "serve", "--port", "0", DATABASE_URL=database_url, MAKEGOOD_SECRET_KEY=SECRET) as service:
        url = base_url(service)
        assert "nobody can use the API" in service.said[0]
        answer = httpx.get(f"{url}/healthz")
        assert answer.status_code == 200
        assert "server" not in answer.headers
        assert httpx.get(f"{url}/readyz").status_code == 200
        assert service.stop() == 0
        assert_soon(lambda: silent(url))
    assert "Traceback" not in "".join(service.said)


def test_ctrl_c_ends_quietly(tmp_path: Path, database_url: str) -> None:
    settings = {"DATABASE_URL": database_url, "MAKEGOOD_SECRET_KEY": SECRET}
    with Running(tmp_path, "serve", "--port", "0", "--no-worker", **settings) as service:
        base_url(service)
        said_before = len(service.said)
        assert service.stop(signal.SIGINT) == 0
        assert service.said[said_before:] == [""]


def test_several_processes_share_the_port_and_stop_together(tmp_path: Path, database_url: str) -> None:
    settings = {"DATABASE_URL": database_url, "MAKEGOOD_SECRET_KEY": SECRET}
    with Running(tmp_path, "serve", "--port", "0", "--processes", "2", "--no-worker", **settings) as service:
        url = base_url(service)
        for _ in range(8):
            assert httpx.get(f"{url}/healthz").status_code == 200
        assert service.stop() == 0
        assert_soon(lambda: silent(url))


@pytest.mark.parametrize(
    ("proxies", "client"), [('["127.0.0.0/8"]', "203.0.113.7"), ('["10.0.0.1"]', "127.0.0.1"), ("[]", "203.0.113.7")]
)
def test_only_a_trusted_proxy_is_believed_who_calls(
    tmp_path: Path, database_url: str, proxies: str, client: str
) -> None:
    told = {"DATABASE_URL": database_url, "MAKEGOOD_SECRET_KEY": SECRET, "MAKEGOOD_TRUSTED_PROXIES": proxies}
    with Running(tmp_path, "serve", "--port", "0", "--no-worker", **told) as service:
        wrong = {"Authorization": "Bearer wrong", "X-Forwarded-For": "198.51.100.9, 203.0.113.7"}
        assert httpx.get(f"{base_url(service)}/api/v1/cases", headers=wrong).status_code == 401
    with psycopg.connect(database_url) as connection:
        assert connection.execute("SELECT client FROM guesses").fetchall() == [(client,)]


def test_processes_end_when_their_parent_is_killed(tmp_path: Path, database_url: str) -> None:
    settings = {"DATABASE_URL": database_url, "MAKEGOOD_SECRET_KEY": SECRET}
    with Running(tmp_path, "serve", "--port", "0", "--processes", "2", "--no-worker", **settings) as service:
        url = base_url(service)
        os.kill(service.pid, signal.SIGKILL)
        assert_soon(lambda: silent(url))
        assert silent(url)


def test_the_embedded_database_stops_with_the_service(tmp_path: Path, data_dir: Path) -> None:
    settings = {"MAKEGOOD_DATA_DIR": str(data_dir), "MAKEGOOD_SECRET_KEY": SECRET}
    with Running(tmp_path, "serve", "--port", "0", "--no-worker", **settings) as service:
        base_url(service)
        assert (data_dir / "postgres" / "postmaster.pid").exists()
        assert service.stop() == 0
    assert not (data_dir / "postgres" / "postmaster.pid").exists()


def test_the_embedded_database_survives_a_killed_service(tmp_path: Path, data_dir: Path) -> None:
    settings = {"MAKEGOOD_DATA_DIR": str(data_dir), "MAKEGOOD_SECRET_KEY": SECRET}
    with Running(tmp_path, "serve", "--port", "0", **settings) as service:
        assert httpx.get(f"{base_url(service)}/readyz").status_code == 200
        assert service.stop(signal.SIGKILL) == -signal.SIGKILL
    assert (data_dir / "postgres" / "postmaster.pid").exists()

    with Running(tmp_path, "serve", "--port", "0", **settings) as service:
        assert httpx.get(f"{base_url(service)}/readyz").status_code == 200
        assert service.stop() == 0


def test_a_taken_port_is_one_sentence(makegood: Makegood, database_url: str) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = str(taken.getsockname()[1])
        done = makegood("serve", "--port", port, DATABASE_URL=database_url, MAKEGOOD_SECRET_KEY=SECRET)
    assert done.code == 1
    assert f"Port {port} of 127.0.0.1 cannot be used (Address already in use)" in done.err


def test_what_the_processes_would_die_of_is_said_before_they_start(makegood: Makegood, database_url: str) -> None:
    settings = {
        "DATABASE_URL": database_url,
        "MAKEGOOD_SECRET_KEY": SECRET,
        "MAKEGOOD_SUPPLIERS__ACME__CHANNEL": "http",
        "MAKEGOOD_SUPPLIERS__ACME__BASE_URL": "https://acme.example",
        "MAKEGOOD_SUPPLIERS__ACME__API_TOKEN": "hush",
        "MAKEGOOD_SUPPLIERS__ACME__WEBHOOK_SECRET": "whsec_not*base64",
    }
    done = makegood("serve", "--port", "0", "--processes", "2", **settings)
    assert done.code == 1
    assert "MAKEGOOD_SUPPLIERS__ACME__WEBHOOK_SECRET must be whsec_ followed by base64" in done.err


def test_a_worker_alone_works_until_sigterm(tmp_path: Path, database_url: str) -> None:
    settings = {"DATABASE_URL": database_url, "MAKEGOOD_SECRET_KEY": SECRET}
    with Running(tmp_path, "worker", "--concurrency", "2", **settings) as worker:
        worker.until("up to 2 jobs at a time")
        assert worker.stop() == 0
    assert "Traceback" not in "".join(worker.said)
