"""Runs an ASGI application on loopback in a thread of its own, and lets it cut a connection."""

from __future__ import annotations

import socket
import threading
from types import TracebackType
from typing import Any

import uvicorn
from starlette.types import ASGIApp, Receive, Scope, Send


class Disconnectable:
    """Puts `scope["disconnect"]`, a function that cuts the TCP connection without an answer, before the application.

    uvicorn hands the bound method of its request cycle as `send`; the cycle knows the transport. Only the sandbox uses
    this: no real server could be asked to behave so badly.
    """

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serves one connection event."""
        transport: Any = getattr(getattr(send, "__self__", None), "transport", None)
        if scope["type"] == "http" and transport is not None:
            scope["disconnect"] = transport.abort
        await self._app(scope, receive, send)


class LoopbackServer:
    """`with LoopbackServer(app) as url:` serves `app` at `url` (http://127.0.0.1:port) until the block ends."""

    def __init__(self, app: ASGIApp, port: int = 0) -> None:
        self._socket = socket.socket(socket.AF_INET, socket.SOCK_STREAM)
        self._socket.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            self._socket.bind(("127.0.0.1", port))
        except OSError:
            self._socket.close()
            raise
        self.port: int = self._socket.getsockname()[1]
        self.url = f"http://127.0.0.1:{self.port}"
        config = uvicorn.Config(Disconnectable(app), log_level="critical", lifespan="on", timeout_graceful_shutdown=2)
        self._server = uvicorn.Server(config)
        self._thread = threading.Thread(target=self._run, name=f"sandbox-{self.port}", daemon=True)

    def _run(self) -> None:
        self._server.run(sockets=[self._socket])

    def start(self) -> str:
        """Starts serving; connections made from now on are accepted. Answers the base URL."""
        self._socket.listen(128)
        self._thread.start()
        return self.url

    def leave(self) -> None:
        """Begins to stop, and waits for nothing."""
        self._server.should_exit = True

    def stop(self) -> None:
        """Stops serving and waits for the thread to end."""
        self.leave()
        self._thread.join(timeout=10)
        self._socket.close()

    def __enter__(self) -> str:
        return self.start()

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.stop()
