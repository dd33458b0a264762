"""What every measurement uses: a durable PostgreSQL of its own, fresh databases, and the real service in processes."""

from __future__ import annotations

import contextlib
import os
import signal
import subprocess
import sys
import time
import uuid
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path

import psycopg

from app.db.embedded import EmbeddedPostgres
from app.db.migrate import head_revision, upgrade
from tests.cli.command import environment
from tests.database import with_database

# What the stores and suppliers of a measurement sign with.
SHOPIFY_SECRET = "shopify-secret-of-the-benchmarks"
WOOCOMMERCE_SECRET = "woocommerce-secret-of-the-benchmarks"
SUPPLIER_SECRET = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw"
API_KEY = "operator-key-of-the-benchmarks-0123456789"
# A store `alpha` on Shopify, a store `beta` on WooCommerce and a supplier `acme`; none of them answers.
SETTINGS = {
    "MAKEGOOD_SECRET_KEY": "a-secret-for-the-benchmarks-0123456789",
    "MAKEGOOD_API_KEYS__OPS": API_KEY,
    "MAKEGOOD_LOG_JSON": "true",
    "MAKEGOOD_POLL_SECONDS": "0",
    "MAKEGOOD_WEBHOOK_CHECK_MINUTES": "0",
    "MAKEGOOD_STORES__ALPHA__PLATFORM": "shopify",
    "MAKEGOOD_STORES__ALPHA__DOMAIN": "alpha.myshopify.com",
    "MAKEGOOD_STORES__ALPHA__CLIENT_ID": "alpha-client",
    "MAKEGOOD_STORES__ALPHA__CLIENT_SECRET": SHOPIFY_SECRET,
    "MAKEGOOD_STORES__ALPHA__API_URL": "http://127.0.0.1:9",
    "MAKEGOOD_STORES__ALPHA__DEFAULT_SUPPLIER": "acme",
    "MAKEGOOD_STORES__BETA__PLATFORM": "woocommerce",
    "MAKEGOOD_STORES__BETA__URL": "http://127.0.0.1:9",
    "MAKEGOOD_STORES__BETA__CONSUMER_KEY": "ck_bench",
    "MAKEGOOD_STORES__BETA__CONSUMER_SECRET": "cs_bench",
    "MAKEGOOD_STORES__BETA__WEBHOOK_SECRET": WOOCOMMERCE_SECRET,
    "MAKEGOOD_STORES__BETA__DEFAULT_SUPPLIER": "acme",
    "MAKEGOOD_SUPPLIERS__ACME__CHANNEL": "http",
    "MAKEGOOD_SUPPLIERS__ACME__BASE_URL": "http://127.0.0.1:9",
    "MAKEGOOD_SUPPLIERS__ACME__API_TOKEN": "acme-token",
    "MAKEGOOD_SUPPLIERS__ACME__WEBHOOK_SECRET": SUPPLIER_SECRET,
}
# Of 16 MB each: as much as `max_wal_size`.
_LOG_FILES = 256
# Seconds that a process may take to start or to end.
_PATIENCE = 90.0


@dataclass
class Served:
    """A process of ours that runs: where it answers (empty for a worker), its id, and the file of what it says."""

    process: subprocess.Popen[bytes]
    log: Path
    url: str = ""

    @property
    def pid(self) -> int:
        """The id of the process; its children are in its group."""
        return self.process.pid

    def kill(self) -> None:
        """`kill -9` for the process and its children."""
        with contextlib.suppress(ProcessLookupError):
            os.killpg(self.pid, signal.SIGKILL)
        self.process.wait(_PATIENCE)

    def stop(self) -> None:
        """Has it end by itself, and kills it when it does not."""
        if self.process.poll() is None:
            self.process.terminate()
            try:
                self.process.wait(_PATIENCE)
            except subprocess.TimeoutExpired:
                self.kill()

    def until(self, words: str) -> str:
        """The first line that holds `words`; fails with what was said when it ends before, or takes too long."""
        deadline = time.monotonic() + _PATIENCE
        while time.monotonic() < deadline:
            said = self.log.read_text("utf-8", "replace")
            found = next((line for line in said.splitlines(keepends=True) if words in line and line[-1] == "\n"), None)
            if found is not None:
                return found
            if self.process.poll() is not None:
                break
            time.sleep(0.02)
        raise RuntimeError(f"{words!r} was never said:\n{self.log.read_text('utf-8', 'replace')[-4000:]}")


@dataclass
class Bench:
    """One run. `folder` is its own and goes at the end; `server_url` is a PostgreSQL that waits for the disk."""

    quick: bool
    folder: Path
    server_url: str
    _template: str = field(default="", init=False)

    def fresh_database(self) -> str:
        """The URL of a new database with the current schema."""
        with psycopg.connect(self.server_url, autocommit=True) as connection:
            if not self._template:
                name = f"template_{head_revision()}_{uuid.uuid4().hex[:8]}"
                connection.execute(f'CREATE DATABASE "{name}"')
                upgrade(with_database(self.server_url, name))
                self._template = name
            name = f"bench_{uuid.uuid4().hex[:12]}"
            connection.execute(f'CREATE DATABASE "{name}" TEMPLATE "{self._template}" STRATEGY FILE_COPY')
            # What the copying left to be written must not fall into what is measured next.
            connection.execute("CHECKPOINT")
        return with_database(self.server_url, name)

    @contextlib.contextmanager
    def serve(
        self, url: str, processes: int = 1, with_worker: bool = False, env: Mapping[str, str] | None = None
    ) -> Iterator[Served]:
        """`makegood serve` on a free port of loopback until the block ends."""
        arguments = ["serve", "--port", "0", "--processes", str(processes)]
        with self.makegood(url, [*arguments, *([] if with_worker else ["--no-worker"])], env) as service:
            service.url = service.until("Makegood serves").split()[2]
            yield service

    @contextlib.contextmanager
    def worker(self, url: str, env: Mapping[str, str] | None = None, concurrency: int = 10) -> Iterator[Served]:
        """`makegood worker` until the block ends."""
        with self.makegood(url, ["worker", "--concurrency", str(concurrency)], env) as service:
            service.until("Makegood works")
            yield service

    @contextlib.contextmanager
    def makegood(self, url: str, arguments: list[str], env: Mapping[str, str] | None = None) -> Iterator[Served]:
        """Any command of ours as a process until the block ends."""
        with self.process(
            [sys.executable, "-m", "app.cli", *arguments], {"DATABASE_URL": url, **(env or {})}
        ) as running:
            yield running

    @contextlib.contextmanager
    def process(self, command: list[str], env: Mapping[str, str]) -> Iterator[Served]:
        """Any process, with the settings of a measurement, until the block ends."""
        log = self.folder / f"{uuid.uuid4().hex[:8]}.log"
        with log.open("wb") as out:
            running = Served(
                subprocess.Popen(
                    command,
                    env=environment(**{**SETTINGS, **env}),
                    stdout=out,
                    stderr=subprocess.STDOUT,
                    start_new_session=True,
                ),
                log,
            )
        try:
            yield running
        finally:
            running.stop()


@contextlib.contextmanager
def durable_server(folder: Path) -> Iterator[str]:
    """An embedded PostgreSQL in `folder` as it comes, fsync and all, until the block ends.

    Its checkpoints are pushed out of the way of short measurements, and its log is laid out on the disk as that of a
    server that has run for a while: files are used again, not made and filled with zeros while somebody waits.
    """
    server = EmbeddedPostgres(folder)
    try:
        with psycopg.connect(server.url, autocommit=True) as connection:
            for name, value in (("max_wal_size", "4GB"), ("min_wal_size", "4GB"), ("checkpoint_timeout", "30min")):
                connection.execute(f"ALTER SYSTEM SET {name} = '{value}'")
            connection.execute("SELECT pg_reload_conf()")
            for _ in range(_LOG_FILES):
                connection.execute("SELECT pg_logical_emit_message(false, '', ''), pg_switch_wal()")
            connection.execute("CHECKPOINT")
            for name in ("fsync", "synchronous_commit", "full_page_writes"):
                found = connection.execute("SELECT current_setting(%s)", [name]).fetchone()
                if found != ("on",):
                    raise RuntimeError(f"{name} is {found}: nothing that is measured here would be durable")
        yield server.url
    finally:
        server.release()
