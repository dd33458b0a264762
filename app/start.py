"""From settings to a database that can be used: the one that is named, or the embedded one, with the right schema."""

from __future__ import annotations

import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from urllib.parse import urlsplit

import psycopg
from psycopg.conninfo import conninfo_to_dict

from app.db.embedded import EmbeddedPostgres
from app.db.engine import libpq_url
from app.db.metadata import metadata
from app.db.migrate import current_revision, fits, head_revision, known_revisions, oldest_code_of, upgrade
from app.errors import ConfigError, Unavailable
from app.settings import Settings

OLDEST_POSTGRESQL = 14
# What libpq and the server say, and what a person can do about it. Their own words are not shown: for a URL that is
# misread they may hold parts of the password.
_CAUSES = (
    ("Connection refused", "nothing listens there; start PostgreSQL or mend the host and port in DATABASE_URL"),
    ("No such file", "there is no such socket; start PostgreSQL or mend the host in DATABASE_URL"),
    ("timeout", "it does not answer in time; check the network and the host in DATABASE_URL"),
    ("authentication failed", "it refuses the user or the password in DATABASE_URL"),
    ("no password supplied", "it wants a password; put one into DATABASE_URL"),
    ("pg_hba", "its pg_hba.conf does not let this machine and user in"),
    ("does not exist", "it has no such user or database; mend DATABASE_URL or create it"),
    ("resolve host", "the name of the host is not known; mend DATABASE_URL (write @ : / in a password as %40 %3A %2F)"),
    ("too many clients", "it has no connection left; raise max_connections or run fewer processes"),
    ("starting up", "it is still starting; try again in a moment"),
)


class DatabaseUnreachable(Unavailable):
    """No connection to the database. The text names the host and never a password."""

    code = "database_unreachable"
    title = "The database does not answer"


class SchemaMismatch(ConfigError):
    """The database's schema is not the one that this version works with."""

    code = "schema_mismatch"
    title = "The database has another schema"


@dataclass(frozen=True, slots=True)
class DatabaseState:
    """What a look at a database tells: PostgreSQL's major version, the schema it has, and what code works with it."""

    postgresql: int
    revision: str | None
    has_our_tables: bool
    oldest_code: str | None = None

    @property
    def is_empty(self) -> bool:
        """True when nothing of Makegood is in it."""
        return self.revision is None and not self.has_our_tables

    @property
    def is_current(self) -> bool:
        """True when it has exactly the schema that this version needs."""
        return self.revision == head_revision()

    @property
    def can_be_used(self) -> bool:
        """True when this version works with the schema: it is its own, or a newer one that older code survives."""
        return fits(self.revision, self.oldest_code)

    @property
    def is_older(self) -> bool:
        """True when this version knows the schema and can bring it up."""
        return self.is_empty or (not self.is_current and self.revision in known_revisions())


@contextmanager
def reach_database(settings: Settings) -> Iterator[str]:
    """The URL of the database, whatever its schema; the embedded one is held open until the block ends."""
    if settings.database_url is not None:
        yield settings.database_url.get_secret_value()
        return
    try:
        server = EmbeddedPostgres(settings.data_dir)
    except (OSError, RuntimeError, subprocess.SubprocessError) as error:
        log = settings.data_dir / "postgres" / "log"
        reason = f"The embedded PostgreSQL does not start ({type(error).__name__}); its log is {log}."
        raise DatabaseUnreachable(reason) from error
    try:
        yield server.url
    finally:
        server.release()


@contextmanager
def open_database(settings: Settings) -> Iterator[str]:
    """The URL of a database with the schema that this version needs, held open until the block ends.

    The embedded database and an empty one are migrated here, under a lock. Raises `DatabaseUnreachable`, and
    `SchemaMismatch` for an older schema in a database of the operator's own, and for one that is too new.
    """
    with reach_database(settings) as url:
        state = look_at(url)
        if state.is_empty or (settings.database_url is None and state.is_older):
            upgrade(url)
        elif not state.can_be_used:
            raise SchemaMismatch(mismatch(state))
        yield url


def migrate(url: str) -> tuple[str | None, str]:
    """Brings the database to the current schema; answers the revision before and after.

    A newer schema that this version works with is left as it is: an older release that starts again during an upgrade
    does no harm.
    """
    state = look_at(url)
    if state.revision is not None and state.can_be_used:
        return state.revision, state.revision
    if not state.is_older:
        raise SchemaMismatch(mismatch(state))
    return state.revision, upgrade(url)


def look_at(url: str) -> DatabaseState:
    """What this database is. Raises `DatabaseUnreachable`, or `ConfigError` when PostgreSQL is too old."""
    try:
        with psycopg.connect(libpq_url(url), connect_timeout=10) as connection:
            postgresql = connection.info.server_version // 10_000
            if postgresql < OLDEST_POSTGRESQL:
                raise ConfigError(
                    f"The database at {host_of(url)} is PostgreSQL {postgresql}; "
                    f"Makegood needs {OLDEST_POSTGRESQL} or newer."
                )
            found = connection.execute(
                "SELECT EXISTS (SELECT FROM pg_tables WHERE schemaname = current_schema() AND tablename = ANY(%s))",
                [sorted(metadata.tables)],
            ).fetchone()
    except psycopg.OperationalError as error:
        raise DatabaseUnreachable(f"The database at {host_of(url)} cannot be used: {_cause(error)}.") from None
    except psycopg.ProgrammingError:
        raise ConfigError(
            "DATABASE_URL is not a PostgreSQL URL; it looks like postgresql://user:password@host/name."
        ) from None
    revision = current_revision(url)
    oldest_code = oldest_code_of(url) if revision is not None else None
    return DatabaseState(postgresql, revision, bool(found and found[0]), oldest_code)


def mismatch(state: DatabaseState) -> str:
    """One sentence that says what is wrong with the schema and what to do."""
    needed = head_revision()
    if state.is_older:
        return f"The database has schema {state.revision} and this version needs {needed}; run: makegood migrate"
    if state.revision is None:
        return "The database has tables of Makegood's names and no schema version; give Makegood an empty database."
    return (
        f"The database has schema {state.revision}, which this version does not know (it needs {needed}); "
        "install a newer Makegood."
    )


def host_of(url: str) -> str:
    """The host (or socket folder) that a database URL names, without user and password."""
    try:
        named = conninfo_to_dict(libpq_url(url)).get("host")
    except psycopg.ProgrammingError:
        named = None
    # A password with an unescaped @ moves the border between user and host; the host is what follows the last one.
    return str(named or urlsplit(url).hostname or "the local socket").rpartition("@")[2]


def _cause(error: psycopg.OperationalError) -> str:
    text = str(error)
    return next((cause for marker, cause in _CAUSES if marker in text), "it refuses the connection")
