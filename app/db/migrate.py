"""Brings the database to the current schema, and tells which schema it has."""

from __future__ import annotations

import time
from pathlib import Path

import psycopg
from alembic import command
from alembic.config import Config
from alembic.runtime.migration import MigrationContext
from alembic.script import ScriptDirectory
from sqlalchemy import create_engine

from app.db.engine import libpq_url
from app.errors import ConfigError

# Two processes that start at once must not migrate at once: the second waits here and then finds nothing to do.
_MIGRATION_LOCK = 7_350_113
_LOCK_SECONDS = 0.2


def migrations_folder() -> Path:
    """Where the migrations are: inside the installed package, or at the top of a checkout."""
    installed = Path(__file__).parent.parent / "migrations"
    return installed if installed.is_dir() else Path(__file__).parents[2] / "migrations"


def alembic_config(url: str) -> Config:
    """Alembic's configuration for this database, without a file."""
    config = Config()
    config.set_main_option("script_location", str(migrations_folder()))
    config.attributes["url"] = libpq_url(url)
    return config


def head_revision() -> str:
    """The revision that this code needs."""
    config = Config()
    config.set_main_option("script_location", str(migrations_folder()))
    head = ScriptDirectory.from_config(config).get_current_head()
    if head is None:
        raise ConfigError("The installation holds no migrations; install Makegood again.")
    return head


def current_revision(url: str) -> str | None:
    """The revision that the database has; None for an empty one."""
    engine = create_engine("postgresql+psycopg://", creator=lambda: psycopg.connect(libpq_url(url)))
    try:
        with engine.connect() as connection:
            return MigrationContext.configure(connection).get_current_revision()
    finally:
        engine.dispose()


def upgrade(url: str) -> str:
    """Runs every missing migration under a lock, and answers the revision reached."""
    with psycopg.connect(libpq_url(url), autocommit=True) as guard:
        # Not waited for by one statement: CREATE INDEX CONCURRENTLY would wait for that statement in turn.
        while guard.execute("SELECT pg_try_advisory_lock(%s)", [_MIGRATION_LOCK]).fetchone() != (True,):
            time.sleep(_LOCK_SECONDS)
        command.upgrade(alembic_config(url), "head")
    return head_revision()
