"""A site on loopback that answers each request with the next piece of a script, to the byte."""

from __future__ import annotations

import json
import socket
import ssl
import threading
from collections import deque
from collections.abc import Mapping
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import parse_qsl, urlsplit

JSON = "application/json; charset=UTF-8"
HTML = "text/html; charset=UTF-8"


@dataclass(frozen=True, slots=True)
class Say:
    """An answer. `announced` is a Content-Length other than the body's, so that the body seems cut."""

    status: int
    body: bytes
    kind: str = JSON
    headers: Mapping[str, str] = field(default_factory=dict)
    announced: int | None = None


@dataclass(frozen=True, slots=True)
class Cut:
    """The request is read and the connection closed without an answer."""


@dataclass(frozen=True, slots=True)
class Silence:
    """The request is read and nothing is said for as long as the server runs."""


Step = Say | Cut | Silence


def say(value: Any, status: int = 200, **headers: str) -> Say:
    """A JSON answer."""
    return Say(status, json.dumps(value, default=str).encode(), headers=headers)


@dataclass(frozen=True, slots=True)
class Asked:
    """A request as it came; `query` without OAuth's parameters."""

    method: str
    path: str
    query: dict[str, str]
    headers: dict[str, str]
    body: bytes


class ScriptedSite:
    """`with ScriptedSite() as site:` serves at `site.url`; `script` plans answers and `asked` has the calls."""

    def __init__(self, certificate: tuple[str, str] | None = None) -> None:
        self.asked: list[Asked] = []
        self._steps: deque[Step] = deque()
        self._closing = threading.Event()
        self._server = _Server(("127.0.0.1", 0), _handler(self))
        self.port: int = self._server.server_address[1]
        self.url = f"{'https' if certificate else 'http'}://127.0.0.1:{self.port}"
        if certificate:
            context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
            context.load_cert_chain(*certificate)
            self._server.tls = context
        self._thread = threading.Thread(target=self._server.serve_forever, args=(0.02,), daemon=True)

    def script(self, *steps: Step) -> None:
        """The next requests are answered so, in this order; a request beyond the script gets HTTP 599."""
        self._steps.extend(steps)

    @property
    def posts(self) -> list[Asked]:
        """The POSTs among the calls."""
        return [asked for asked in self.asked if asked.method == "POST"]

    def next_step(self, asked: Asked) -> Step:
        """Notes a request and takes its answer."""
        self.asked.append(asked)
        return self._steps.popleft() if self._steps else Say(599, b"nothing planned", HTML)

    def wait_for_end(self) -> None:
        """Blocks until the server stops."""
        self._closing.wait()

    def __enter__(self) -> ScriptedSite:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._closing.set()
        self._server.shutdown()
        self._thread.join()
        self._server.server_close()


class _Server(ThreadingHTTPServer):
    daemon_threads = False
    tls: ssl.SSLContext | None = None

    def finish_request(self, request: Any, client_address: Any) -> None:
        if self.tls is None:
            return super().finish_request(request, client_address)
        with self.tls.wrap_socket(request, server_side=True) as secured:
            return super().finish_request(secured, client_address)

    def handle_error(self, request: Any, client_address: Any) -> None:
        """A client that hung up is part of the test."""


def _handler(site: ScriptedSite) -> type[BaseHTTPRequestHandler]:
    class Handler(BaseHTTPRequestHandler):
        def _serve(self) -> None:
            body = self.rfile.read(int(self.headers.get("Content-Length", 0)))
            parts = urlsplit(self.path)
            query = {name: value for name, value in parse_qsl(parts.query) if not name.startswith("oauth_")}
            headers = {name.lower(): value for name, value in self.headers.items()}
            step = site.next_step(Asked(self.command, parts.path, query, headers, body))
            if isinstance(step, Say):
                self._say(step)
            elif isinstance(step, Silence):
                site.wait_for_end()
            else:
                self.connection.shutdown(socket.SHUT_RDWR)

        def _say(self, step: Say) -> None:
            self.send_response(step.status)
            self.send_header("Content-Type", step.kind)
            self.send_header("Content-Length", str(len(step.body) if step.announced is None else step.announced))
            for name, value in step.headers.items():
                self.send_header(name.replace("_", "-"), value)
            self.end_headers()
            self.wfile.write(step.body)

        do_GET = do_POST = do_PUT = do_DELETE = _serve

        def log_message(self, format: str, *args: Any) -> None:
            """Keeps the test's output clean."""

    return Handler
