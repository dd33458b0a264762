"""The PostgreSQL of tests and campaigns: TEST_DATABASE_URL, or an embedded one shared by all processes of the user."""

from __future__ import annotations

import os
import tempfile
import uuid
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import psycopg
from filelock import FileLock

from app.db.embedded import EmbeddedPostgres


@contextmanager
def a_server() -> Iterator[str]:
    """The URL of a server until the block ends."""
    given = os.environ.get("TEST_DATABASE_URL")
    if given:
        yield given
        return
    # PostgreSQL runs as a user of its own when the tests run as root, so the folder must be one it can reach.
    folder = Path(tempfile.gettempdir()) / f"makegood-tests-{os.getuid()}"
    folder.mkdir(exist_ok=True)
    lock = FileLock(folder / "start.lock")
    with lock:
        server = EmbeddedPostgres(folder)
        _hurry(server.url)
    try:
        yield server.url
    finally:
        with lock:
            server.release()


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
