"""A sender that never finishes its body gets 408, over real HTTP; one that is merely slow does not."""

from __future__ import annotations

import socket
from collections.abc import Iterator

import pytest
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import PlainTextResponse
from starlette.routing import Route

from app.body_deadline import BodyDeadline
from app.sandbox.server import LoopbackServer

HEAD = b"POST /echo HTTP/1.1\r\nHost: x\r\nContent-Length: 10\r\n\r\n"


async def echo(request: Request) -> PlainTextResponse:
    return PlainTextResponse(await request.body())


async def early(request: Request) -> PlainTextResponse:
    return PlainTextResponse("no need to read on")


@pytest.fixture
def port() -> Iterator[int]:
    paths = {"/echo": echo, "/early": early, "/photos": echo}
    app = Starlette(routes=[Route(path, answer, methods=["POST"]) for path, answer in paths.items()])
    server = LoopbackServer(BodyDeadline(app, seconds=0.3, photo_seconds=20))
    with server:
        yield server.port


def exchange(port: int, *parts: bytes) -> bytes:
    with socket.create_connection(("127.0.0.1", port), timeout=10) as connection:
        for part in parts:
            connection.sendall(part)
        return b"".join(iter(lambda: connection.recv(65536), b""))


def test_an_unfinished_body_is_answered_408_and_the_connection_is_closed(port: int) -> None:
    answer = exchange(port, HEAD, b"12345")
    assert answer.startswith(b"HTTP/1.1 408 ")
    assert b"content-type: application/problem+json" in answer
    assert b'"code": "body_too_slow"' in answer
    assert answer.count(b"HTTP/1.1") == 1


def test_photos_from_a_phone_may_take_longer(port: int) -> None:
    head = HEAD.replace(b"/echo", b"/photos").replace(b"\r\n\r\n", b"\r\nConnection: close\r\n\r\n")
    photos = head.replace(b"Host: x", b"Host: x\r\nContent-Type: multipart/form-data; boundary=x")
    with socket.create_connection(("127.0.0.1", port), timeout=10) as patient:
        patient.sendall(photos + b"12345")
        # Without photos the same body is refused meanwhile.
        assert exchange(port, head, b"12345").startswith(b"HTTP/1.1 408 ")
        patient.sendall(b"67890")
        answer = b"".join(iter(lambda: patient.recv(65536), b""))
    assert answer.endswith(b"\r\n\r\n1234567890")


def test_a_body_in_parts_is_taken(port: int) -> None:
    head = HEAD.replace(b"\r\n\r\n", b"\r\nConnection: close\r\n\r\n")
    assert exchange(port, head, b"12345", b"67890").endswith(b"\r\n\r\n1234567890")


def test_an_answer_that_needs_no_body_is_not_held_up(port: int) -> None:
    head = HEAD.replace(b"/echo", b"/early").replace(b"\r\n\r\n", b"\r\nConnection: close\r\n\r\n")
    assert exchange(port, head).endswith(b"no need to read on")
