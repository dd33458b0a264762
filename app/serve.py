"""Runs the API: one process or several on one port, each with a worker inside unless told otherwise."""

from __future__ import annotations

import asyncio
import multiprocessing
import os
import signal
import socket
import threading
from collections.abc import Callable

import uvicorn
from starlette.types import ASGIApp
from uvicorn.supervisors.multiprocess import Multiprocess

from app import tracing
from app.body_deadline import BodyDeadline
from app.errors import ConfigError
from app.logging import configure_logging
from app.main import create_app
from app.metrics.processes import counting_together
from app.patience import PatientProtocol
from app.runtime import build_runtime
from app.settings import Settings
from app.settings_load import load_settings
from app.worker import settle

# Seconds. Load balancers keep idle connections for 60 and must not find them closed when they send.
_KEEP_ALIVE = 65
# Seconds that requests under way get when the service stops; containers are killed after 30 by default.
_GRACE = 20
# Seconds until the first answer of a process counts as a failed start.
_START = 60.0


def serve(
    settings: Settings,
    database_url: str,
    listening: socket.socket,
    *,
    processes: int,
    with_worker: bool,
    announce: Callable[[], None],
) -> None:
    """Serves on a bound socket until SIGTERM or SIGINT; requests and jobs under way are finished first.

    `database_url` must have the current schema and stay open meanwhile. `announce` is called once, when requests are
    being answered. Raises `ConfigError` for what the processes would otherwise die of.
    """
    asyncio.run(build_runtime(settings, database_url).aclose())
    tracing.check(settings.traces_url)
    factory = "build_with_worker" if with_worker else "build_alone"
    config = uvicorn.Config(
        f"app.serve:{factory}",
        factory=True,
        http=PatientProtocol,
        ws="none",
        workers=processes,
        log_config=None,
        access_log=False,
        server_header=False,
        proxy_headers=True,
        forwarded_allow_ips=settings.trusted_proxies or None,
        timeout_keep_alive=_KEEP_ALIVE,
        timeout_graceful_shutdown=_GRACE,
    )
    # The embedded database's address is known only here; the processes read their settings for themselves.
    if settings.database_url is None:
        os.environ["MAKEGOOD_DATABASE_URL"] = database_url
    with counting_together(processes):
        if processes > 1:
            _AnnouncingFleet(config, [listening], announce).run()
        else:
            _AnnouncingServer(config, announce).run([listening])


def listen(host: str, port: int) -> socket.socket:
    """A bound socket; port 0 takes a free one. Raises `ConfigError` when the address cannot be had."""
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    listening = socket.socket(family, socket.SOCK_STREAM)
    try:
        listening.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        listening.bind((host, port))
    except OSError as error:
        listening.close()
        reason = error.strerror or "unknown address"
        raise ConfigError(f"Port {port} of {host} cannot be used ({reason}); choose another with --port.") from None
    listening.set_inheritable(True)
    return listening


def url_of(listening: socket.socket) -> str:
    """Where a person on this machine finds the service."""
    host, port = listening.getsockname()[:2]
    shown = {"0.0.0.0": "127.0.0.1", "::": "[::1]"}.get(host, f"[{host}]" if ":" in host else host)  # noqa: S104
    return f"http://{shown}:{port}"


def build_with_worker() -> ASGIApp:
    """The application of one process, with a worker inside."""
    return _build(with_worker=True)


def build_alone() -> ASGIApp:
    """The application of one process, without a worker."""
    return _build(with_worker=False)


def _build(with_worker: bool) -> ASGIApp:
    settings = load_settings()
    configure_logging(settings.log_level, settings.log_json)
    _end_with_parent()
    if settings.database_url is None:
        raise ConfigError("A serving process was started without a database; start it with: makegood serve")
    tracing.start(settings.traces_url, "api")
    runtime = build_runtime(settings, settings.database_url.get_secret_value())
    service = BodyDeadline(create_app(runtime, with_worker=with_worker))
    if with_worker:
        settle()
    return service


def _end_with_parent() -> None:
    """A parent that was killed can stop nobody; its processes stop themselves and give the port back."""
    parent = multiprocessing.parent_process()
    if parent is None:
        return

    def watch() -> None:
        parent.join()
        os.kill(os.getpid(), signal.SIGTERM)

    threading.Thread(target=watch, name="parent-watch", daemon=True).start()


class _AnnouncingServer(uvicorn.Server):
    def __init__(self, config: uvicorn.Config, announce: Callable[[], None]) -> None:
        super().__init__(config)
        self._announce = announce

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        await super().startup(sockets)
        if self.started:
            self._announce()


class _AnnouncingFleet(Multiprocess):
    def __init__(self, config: uvicorn.Config, sockets: list[socket.socket], announce: Callable[[], None]) -> None:
        super().__init__(config, sockets)
        self._announce = announce

    def init_processes(self) -> None:
        super().init_processes()
        if all(process.wait_until_ready(_START, self.should_exit) for process in self.processes):
            self._announce()
