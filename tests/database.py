"""The PostgreSQL of tests and campaigns: TEST_DATABASE_URL, or an embedded one shared by all processes of the user."""

from __future__ import annotations

import os
import shutil
import tempfile
import uuid
import zlib
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import psycopg
from filelock import FileLock

from app.db.embedded import EmbeddedPostgres

# Bytes: what the databases of a run with two test processes take at the most, with the log, and room for more.
_ROOM = 4_000_000_000


@contextmanager
def a_server() -> Iterator[str]:
    """The URL of a server until the block ends."""
    given = os.environ.get("TEST_DATABASE_URL")
    if given:
        yield given
        return
    temporary = Path(tempfile.gettempdir())
    # PostgreSQL runs as a user of its own when the tests run as root, so the folder must be one it can reach.
    folder = _roomy(temporary) / f"makegood-tests-{os.getuid()}-{zlib.crc32(bytes(temporary)):08x}"
    with FileLock(temporary / f"makegood-tests-{os.getuid()}.lock"):
        folder.mkdir(exist_ok=True)
        server = EmbeddedPostgres(folder)
        _hurry(server.url)
    try:
        yield server.url
    finally:
        with FileLock(temporary / f"makegood-tests-{os.getuid()}.lock"):
            server.release()
            if not (folder / "postgres/postmaster.pid").exists():
                shutil.rmtree(folder)


def _roomy(temporary: Path) -> Path:
    """Memory where there is enough: to copy the hundreds of files of a database takes a disk ten times as long."""
    memory = Path("/dev/shm")
    if os.access(memory, os.W_OK | os.X_OK) and shutil.disk_usage(memory).free > _ROOM:
        return memory
    return temporary


def _hurry(server_url: str) -> None:
    """Has the server not wait for the disk: what is in it is worth nothing after the run."""
    with psycopg.connect(server_url, autocommit=True) as connection:
        for name in ("fsync", "full_page_writes", "synchronous_commit"):
            connection.execute(f"ALTER SYSTEM SET {name} = off")
        connection.execute("SELECT pg_reload_conf()")


def with_database(server_url: str, name: str) -> str:
    """The same server, another database."""
    head, separator, tail = server_url.partition("?")
    return f"{head.rsplit('/', 1)[0]}/{name}{separator}{tail}"


@contextmanager
def cloned(server_url: str, template: str) -> Iterator[str]:
    """A fresh database, migrated, until the block ends."""
    name = f"test_{uuid.uuid4().hex[:16]}"
    with psycopg.connect(server_url, autocommit=True) as connection:
        connection.execute(f'CREATE DATABASE "{name}" TEMPLATE "{template}" STRATEGY FILE_COPY')
    yield with_database(server_url, name)
    with psycopg.connect(server_url, autocommit=True) as connection:
        connection.execute(f'DROP DATABASE "{name}" WITH (FORCE)')
