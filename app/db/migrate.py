"""Brings the database to the current schema, and tells which schema it has."""

from __future__ import annotations

import time
from functools import cache
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
# The schema whose code still works with the newest one: while an upgrade goes on, processes of that release and later
# ones run beside the new. A migration that takes away what older code uses moves this to the release that no longer
# uses it; tests/migrations holds every later migration to it. It is kept in the database, as the comment of
# alembic_version, for code that does not know the newest migrations.
OLDEST_CODE = "0013"
OLDEST_CODE_SQL = "SELECT obj_description('alembic_version'::regclass)"


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


@cache
def known_revisions() -> frozenset[str]:
    """Every revision that this code knows."""
    script = ScriptDirectory.from_config(alembic_config(""))
    return frozenset(each.revision for each in script.walk_revisions())


def fits(revision: str | None, oldest_code: str | None) -> bool:
    """Whether this code works with a schema: its own, or a newer one that says so (`oldest_code`, see OLDEST_CODE)."""
    if revision == head_revision():
        return True
    return revision is not None and revision not in known_revisions() and oldest_code in known_revisions()


@cache
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


def oldest_code_of(url: str) -> str | None:
    """The schema whose code still works with this database, as the last migration left it; None when none said."""
    with psycopg.connect(libpq_url(url), connect_timeout=10) as connection:
        row = connection.execute(OLDEST_CODE_SQL).fetchone()
    return str(row[0]) if row and row[0] else None


def upgrade(url: str) -> str:
    """Runs every missing migration under a lock, and answers the revision reached."""
    with psycopg.connect(libpq_url(url), autocommit=True) as guard:
        # Not waited for by one statement: CREATE INDEX CONCURRENTLY would wait for that statement in turn.
        while guard.execute("SELECT pg_try_advisory_lock(%s)", [_MIGRATION_LOCK]).fetchone() != (True,):
            time.sleep(_LOCK_SECONDS)
        command.upgrade(alembic_config(url), "head")
    return head_revision()
