"""The real endpoint without a database, and a server that does nothing at all: the ceilings of what is measured.

`python -m tests.benchmarks.peers.server undurable|noop` says `listening on <url>` and serves until it is ended.
"""

from __future__ import annotations

import asyncio
import socket
import sys
from datetime import datetime
from typing import Any, cast

import uvicorn
import uvloop
from starlette.types import ASGIApp

from app.body_deadline import BodyDeadline
from app.main import create_app
from app.patience import PatientProtocol
from app.runtime import build_runtime
from app.settings_load import load_settings
from app.webhooks.inbox import Arrival
from app.webhooks.intake import Intake

_OK = b"HTTP/1.1 200 OK\r\ncontent-length: 0\r\n\r\n"


class Undurable(Intake):
    """Acknowledges at once, and forgets."""

    async def store(self, arrival: Arrival, now: datetime) -> bool:
        """Nothing is stored."""
        return True


def undurable() -> ASGIApp:
    """The service as it is, signature check and all, up to where it would store."""
    runtime = build_runtime(load_settings(), "postgresql://nobody@127.0.0.1:9/none")
    runtime.intake = Undurable("postgresql://nobody@127.0.0.1:9/none")
    return BodyDeadline(create_app(runtime))


class Noop(asyncio.Protocol):
    """Answers 200 as soon as so many bytes came as the first request's head announces."""

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """A client has come."""
        self._transport = cast(asyncio.Transport, transport)
        self._whole = self._got = 0

    def data_received(self, data: bytes) -> None:
        """Counts."""
        if not self._got:
            head, _, _ = data.partition(b"\r\n\r\n")
            length = head.lower().partition(b"content-length:")[2].split(b"\r\n", 1)[0]
            self._whole = len(head) + 4 + int(length)
        self._got += len(data)
        if self._got >= self._whole:
            self._got = 0
            self._transport.write(_OK)


def listening() -> socket.socket:
    """A socket on a free port, said aloud."""
    found = socket.create_server(("127.0.0.1", 0), backlog=1024)
    sys.stdout.write(f"listening on http://127.0.0.1:{found.getsockname()[1]}\n")
    sys.stdout.flush()
    return found


def serve(app: ASGIApp, **options: Any) -> None:
    """With uvicorn, in this process."""
    wanted: dict[str, Any] = {"log_config": None, "access_log": False, "server_header": False, **options}
    uvicorn.Server(uvicorn.Config(app, **wanted)).run([listening()])


async def _noop() -> None:
    server = await asyncio.get_running_loop().create_server(Noop, sock=listening())
    await server.serve_forever()


if __name__ == "__main__":
    if sys.argv[1] == "noop":
        uvloop.run(_noop())
    else:
        serve(undurable(), http=PatientProtocol, ws="none", timeout_keep_alive=65)
