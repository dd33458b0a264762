"""The socket of a connection: how much it takes, and that one that fails lets go of it in time."""

from __future__ import annotations

import asyncio
import os
import socket
from typing import Any, cast

import psycopg
import pytest
from psycopg.pq.abc import PGconn

from app.webhooks.line import _SEND_BUFFER, Line, _Answer


class Failing:
    """As libpq when its server has gone: it closes the socket, and somebody else's is opened with the same number."""

    def __init__(self) -> None:
        self._ours, self._servers = socket.socketpair()
        self.socket = self._ours.detach()
        self._servers.send(b"x")
        self.others, self.far = socket.socketpair()
        self.others.setblocking(False)
        self.heard = asyncio.Event()

    def flush(self) -> int:
        return 0

    def consume_input(self) -> None:
        number, loop = self.socket, asyncio.get_running_loop()
        os.close(number)
        self.socket = -1

        def opened() -> None:
            os.dup2(self.others.fileno(), number)
            loop.add_reader(number, self.heard.set)

        loop.call_soon(opened)
        raise psycopg.OperationalError("server closed the connection unexpectedly")


async def test_whoever_has_the_number_of_a_failed_socket_next_is_heard() -> None:
    failing = Failing()
    number = failing.socket
    with pytest.raises(psycopg.OperationalError):
        await _Answer(cast(PGconn, cast(Any, failing))).arrives()
    failing.far.send(b"x")
    async with asyncio.timeout(10):
        await failing.heard.wait()
    asyncio.get_running_loop().remove_reader(number)
    os.close(number)
    for one in (failing._servers, failing.others, failing.far):
        one.close()


def send_buffer(one: socket.socket) -> int:
    return one.getsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF)


async def test_a_socket_on_this_machine_takes_more_than_usual(database_url: str) -> None:
    usual, far = socket.socketpair()
    line = Line(database_url)
    connection = await line._connected()
    with usual, far, socket.fromfd(connection.pgconn.socket, socket.AF_UNIX, socket.SOCK_STREAM) as ours:
        assert send_buffer(ours) > send_buffer(usual) or send_buffer(usual) >= _SEND_BUFFER
    await line.aclose()
