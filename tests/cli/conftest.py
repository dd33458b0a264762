"""The command inside this process: the same code as `python -m app.cli`, without the second that a start takes."""

from __future__ import annotations

import logging
import os
import sys
import uuid
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

import psycopg
import pytest
import structlog

from app.cli import main
from tests.cli.command import folder_for_postgres
from tests.database import with_database
from tests.leaks import WATCH


@dataclass(frozen=True)
class Done:
    """What a command that ended has left: exit code and what it said."""

    code: int
    out: str
    err: str


class Makegood(Protocol):
    """Runs a command with these settings and no other."""

    def __call__(self, *arguments: str, **settings: str) -> Done:
        """Runs `makegood` with these arguments to its end."""
        ...


@pytest.fixture
def makegood(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], tmp_path: Path) -> Iterator[Makegood]:
    root = logging.getLogger()
    before = root.handlers[:], root.level
    for name in list(os.environ):
        if name.startswith(("MAKEGOOD_", "DATABASE_URL")):
            monkeypatch.delenv(name)
    monkeypatch.chdir(tmp_path)

    def run(*arguments: str, **settings: str) -> Done:
        with monkeypatch.context() as patch:
            for name, value in settings.items():
                patch.setenv(name, value)
            patch.setattr(sys, "argv", ["makegood", *arguments])
            with pytest.raises(SystemExit) as ended:
                main()
        code = ended.value.code
        said = capsys.readouterr()
        WATCH.heard(said.err)
        return Done(code if isinstance(code, int) else 0, said.out, said.err)

    yield run
    root.handlers[:], root.level = before
    structlog.reset_defaults()


@pytest.fixture
def data_dir() -> Iterator[Path]:
    """A data folder for an embedded PostgreSQL."""
    with folder_for_postgres() as folder:
        yield folder


@pytest.fixture
def empty_database(postgres_url: str) -> Iterator[str]:
    """A database with nothing in it."""
    name = f"test_{uuid.uuid4().hex[:16]}"
    with psycopg.connect(postgres_url, autocommit=True) as connection:
        connection.execute(f'CREATE DATABASE "{name}"')
    yield with_database(postgres_url, name)
    with psycopg.connect(postgres_url, autocommit=True) as connection:
        connection.execute(f'DROP DATABASE "{name}" WITH (FORCE)')
