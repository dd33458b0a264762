"""Clients that let the server wait: cut in time, few enough to hold, and no hindrance to others. Over real sockets."""

from __future__ import annotations

import asyncio
import contextlib
import logging
import socket
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest
import uvicorn
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import PlainTextResponse
from starlette.routing import Route
from starlette.types import ASGIApp

import app.patience
from app.body_deadline import BodyDeadline
from app.logging_repeats import OncePerMinute
from app.main import create_app
from app.patience import PatientProtocol
from app.runtime import build_runtime
from app.settings import Settings
from tests.cli.command import SECRET, Running, assert_soon, base_url
from tests.webhooks.test_intake import body_of, sign

GET = b"GET /short HTTP/1.1\r\nHost: x\r\n\r\n"
POST = b"POST /read HTTP/1.1\r\nHost: x\r\nContent-Length: 10\r\n\r\n"


async def short(request: Request) -> PlainTextResponse:
    return PlainTextResponse("short")


async def long(request: Request) -> PlainTextResponse:
    return PlainTextResponse("x" * 20_000_000)


async def read(request: Request) -> PlainTextResponse:
    return PlainTextResponse(f"{len(await request.body())} bytes")


async def refuse(request: Request) -> PlainTextResponse:
    return PlainTextResponse("too large", 413)


@contextlib.contextmanager
def serving(application: ASGIApp) -> Iterator[uvicorn.Server]:
    """A server that is set up as `makegood serve` sets up its own, and running."""
    with socket.create_server(("127.0.0.1", 0)) as listening:
        options: dict[str, Any] = {"http": PatientProtocol, "ws": "none", "log_config": None, "access_log": False}
        server = uvicorn.Server(uvicorn.Config(application, timeout_graceful_shutdown=1, **options))
        thread = threading.Thread(target=asyncio.run, args=(server.serve([listening]),), daemon=True)
        thread.start()
        assert_soon(lambda: server.started)
        yield server
        server.should_exit = True
        thread.join(30)


@pytest.fixture
def server(monkeypatch: pytest.MonkeyPatch) -> Iterator[uvicorn.Server]:
    monkeypatch.setattr(app.patience, "HEAD_SECONDS", 0.3)
    monkeypatch.setattr(app.patience, "READER_SECONDS", 0.3)
    monkeypatch.setattr(app.patience, "MOST_CONNECTIONS", 20)
    monkeypatch.setattr(app.patience, "MOST_HELD", 8 * 1024 * 1024)
    routes = [Route(f"/{one.__name__}", one, methods=["GET", "POST"]) for one in (short, long, read, refuse)]
    with serving(BodyDeadline(Starlette(routes=routes), seconds=30)) as running:
        yield running


@pytest.fixture
def port(server: uvicorn.Server) -> int:
    return port_of(server)


def port_of(server: uvicorn.Server) -> int:
    found: int = server.servers[0].sockets[0].getsockname()[1]
    return found


def connect(port: int) -> socket.socket:
    return socket.create_connection(("127.0.0.1", port), timeout=20)


def until_cut(connection: socket.socket) -> bytes:
    """All that comes until the server ends the connection; fails when it does not."""
    received = b""
    with contextlib.suppress(ConnectionError):
        while piece := connection.recv(65536):
            received += piece
    return received


def is_deaf(connection: socket.socket, more: bytes) -> bool:
    """Sends some more; true when the other side has ended the connection."""
    try:
        connection.sendall(more)
    except ConnectionError:
        return True
    return False


def is_served(port: int) -> bool:
    return httpx.get(f"http://127.0.0.1:{port}/short", timeout=20).text == "short"


@pytest.mark.parametrize("begun", [b"", b"G", b"GET /short HTTP/1.1\r\nX-Slow: ", b"\r\n", GET + b"GET /sh"])
def test_an_unfinished_head_is_cut(port: int, begun: bytes) -> None:
    with connect(port) as connection:
        connection.sendall(begun)
        assert until_cut(connection).endswith(b"short" if begun.startswith(GET) else b"")


def test_a_head_that_drips_is_cut_too(port: int) -> None:
    with connect(port) as connection:
        connection.sendall(b"GET /short HTTP/1.1\r\nX-Slow: ")
        assert_soon(lambda: is_deaf(connection, b"x"))


def test_an_endless_head_is_refused(port: int) -> None:
    with connect(port) as connection:
        connection.sendall(b"GET /short HTTP/1.1\r\nX-Long: ")
        with contextlib.suppress(ConnectionError):
            for _ in range(100):
                connection.sendall(b"x" * 65536)
        assert b"431" in until_cut(connection)[:20]


def test_whoever_does_not_read_an_answer_is_cut(server: uvicorn.Server, port: int) -> None:
    with connect(port) as connection:
        connection.sendall(b"GET /long HTTP/1.1\r\nHost: x\r\n\r\n")
        assert_soon(lambda: len(server.server_state.connections) == 1)
        # Nothing is read until the server has given up; what is in the buffers is all there ever is.
        assert_soon(lambda: not server.server_state.connections)
        assert len(until_cut(connection)) < 20_000_000


def test_more_slow_clients_than_there_is_room_for_starve_nobody(port: int, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(app.patience, "HEAD_SECONDS", 60)
    with contextlib.ExitStack() as all_of_them:
        slow = [all_of_them.enter_context(connect(port)) for _ in range(60)]
        for number, connection in enumerate(slow):
            with contextlib.suppress(ConnectionError):
                connection.sendall(POST if number % 2 else GET[:10])
        assert all(is_served(port) for _ in range(5))
        # The first ones made room for the last ones, which are still waited for.
        assert until_cut(slow[0]) == b""
        slow[-1].sendall(b"0123456789")
        assert slow[-1].recv(65536).startswith(b"HTTP/1.1 200")


def test_unfinished_bodies_are_held_up_to_a_sum(port: int) -> None:
    mebibyte = 1024 * 1024
    with contextlib.ExitStack() as all_of_them:
        slow = [all_of_them.enter_context(connect(port)) for _ in range(4)]
        for connection in slow:
            with contextlib.suppress(ConnectionError):
                connection.sendall(POST.replace(b"10", b"%d" % (4 * mebibyte)) + b"x" * (3 * mebibyte + 1000))
        assert until_cut(slow[0]) == b""
        slow[-1].sendall(b"x" * (mebibyte - 1000))
        slow[-1].shutdown(socket.SHUT_WR)
        assert b"4194304 bytes" in until_cut(slow[-1])


def test_what_follows_a_refused_body_is_not_waited_for(port: int) -> None:
    head = b"POST /refuse HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n"
    with connect(port) as connection:
        connection.sendall(head + b"5\r\nxxxxx\r\n")
        assert b"413" in connection.recv(65536)[:20]
        assert_soon(lambda: is_deaf(connection, b"1\r\nx\r\n"))


def test_a_body_that_waits_for_leave_is_refused_without_being_sent(port: int) -> None:
    expecting = b"Host: x\r\nContent-Length: 10\r\nExpect: 100-continue\r\n\r\n"
    with connect(port) as connection:
        connection.sendall(b"POST /refuse HTTP/1.1\r\n" + expecting)
        answer = until_cut(connection)
        assert answer.startswith(b"HTTP/1.1 413")
        assert b"connection: close" in answer
    with connect(port) as connection:
        connection.sendall(b"POST /read HTTP/1.1\r\n" + expecting)
        assert connection.recv(65536) == b"HTTP/1.1 100 Continue\r\n\r\n"
        connection.sendall(b"0123456789")
        assert connection.recv(65536).startswith(b"HTTP/1.1 200")


def test_who_hangs_up_is_no_fault_of_the_service(
    database_url: str, settings: Settings, caplog: pytest.LogCaptureFixture
) -> None:
    runtime = build_runtime(settings, database_url, pool_size=2)
    with serving(BodyDeadline(create_app(runtime))) as server:
        port = port_of(server)
        head = b"POST /webhooks/shopify/alpha HTTP/1.1\r\nHost: x\r\nContent-Length: 10\r\n\r\n12345"
        for _ in range(3):
            with connect(port) as connection:
                connection.sendall(head)
        assert httpx.get(f"http://127.0.0.1:{port}/healthz").status_code == 200
    assert [record.getMessage() for record in caplog.records if record.levelno >= logging.WARNING] == []


def test_strangers_cannot_fill_the_log(tmp_path: Path, database_url: str) -> None:
    store = {"PLATFORM": "shopify", "DOMAIN": "alpha.myshopify.com", "CLIENT_ID": "x", "CLIENT_SECRET": "alpha-secret"}
    settings = {f"MAKEGOOD_STORES__ALPHA__{name}": value for name, value in store.items()}
    settings |= {"DATABASE_URL": database_url, "MAKEGOOD_SECRET_KEY": SECRET}
    with Running(tmp_path, "serve", "--port", "0", "--no-worker", **settings) as service:
        url = base_url(service)
        port = int(url.rsplit(":", 1)[1])
        with httpx.Client(base_url=url) as http:
            for number in range(30):
                http.post("/webhooks/shopify/alpha", content=b"{}", headers={"x-shopify-hmac-sha256": f"{number}"})
                with connect(port) as connection:
                    connection.sendall(b"\x16\x03\x01 this is no HTTP\r\n\r\n")
                    assert b"400" in until_cut(connection)[:20]
                with connect(port) as connection:
                    connection.sendall(GET[:-2] + b"Connection: upgrade, close\r\nUpgrade: websocket\r\n\r\n")
                    until_cut(connection)
            body = body_of()
            signed = {"x-shopify-hmac-sha256": sign("alpha-secret", body)}
            assert http.post("/webhooks/shopify/alpha", content=body, headers=signed).status_code == 200
        assert service.stop() == 0
    said = "".join(service.said)
    assert said.count("webhook_refused") == 1
    assert said.count("Invalid HTTP request received.") == 1
    assert said.count("\n") < 12, said


def test_repeated_lines_come_once_a_minute_and_say_how_many_were_left_out() -> None:
    at = 0.0
    once = OncePerMinute(now=lambda: at)

    def line(event: str, **more: str) -> logging.LogRecord:
        return logging.makeLogRecord({"msg": {"event": event, **more}})

    assert [once.filter(line("webhook_refused", source="alpha")) for _ in range(5)] == [True] + [False] * 4
    assert once.filter(line("webhook_refused", source="beta"))
    assert all(once.filter(line("refund_sent")) for _ in range(5))
    at = 61.0
    told = line("webhook_refused", source="alpha")
    assert once.filter(told)
    assert told.msg == {"event": "webhook_refused", "source": "alpha", "left_out": 4}
