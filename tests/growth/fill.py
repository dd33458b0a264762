"""Fills a database as three years of trade leave it: copies of one exemplary return, and deliveries, by SQL alone.

The newest part of the cases is open, the rest has ended; what retention erases is erased. Rows are written in the order
of time, with the indexes in place, as they really grow. Needs the rights of a superuser (foreign keys are not checked).
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import psycopg
from psycopg import sql

Connection = psycopg.Connection[tuple[Any, ...]]

# Of a hundred cases, the last eight are open; of ten open ones, so many stand in each state.
OPEN_PERCENT = 8
_OPEN = (
    "resolved", "awaiting_shipment", "resolved", "in_transit", "authorizing", "resolved", "inspecting", "under_review",
    "resolved", "contested", "awaiting_shipment", "resolving", "in_transit", "resolved", "claiming", "resolved",
    "evidence_needed", "awaiting_shipment", "resolved", "in_transit",
)  # fmt: skip
_ENDED = ("closed",) * 16 + ("rejected", "cancelled", "expired", "superseded")

_FUNCTIONS = """
CREATE FUNCTION pg_temp.id_of(at timestamptz, salt text, n bigint) RETURNS uuid LANGUAGE sql IMMUTABLE AS $$
    SELECT (lpad(to_hex((extract(epoch FROM at) * 1000)::bigint), 12, '0') || '7' || substr(md5(salt || n), 1, 3) || '8'
        || substr(md5(salt || n), 4, 15))::uuid
$$;
CREATE FUNCTION pg_temp.at_of(n bigint, of bigint) RETURNS timestamptz LANGUAGE sql IMMUTABLE AS $$
    SELECT timestamptz '{now}' - interval '3 years' * (1 - n::float8 / (of + 1))
$$;
"""
_MADE = """
CREATE TEMP TABLE made AS
SELECT n, at, at_of_order, place, store, state, ended,
    pg_temp.id_of(at, 'case', n) AS case_id, pg_temp.id_of(at, 'request', n) AS request_id,
    pg_temp.id_of(at_of_order, 'order', place) AS order_pk, pg_temp.id_of(at, 'refund', n) AS refund_id,
    pg_temp.id_of(at, 'photo', n) AS photo_id, pg_temp.id_of(at, 'replacement', n) AS replacement_id,
    pg_temp.id_of(at, 'event', n) AS event_id
FROM (
    SELECT n, pg_temp.at_of(n, %(cases)s) AS at, n * 3 / 2 AS place,
        pg_temp.at_of(n * 3 / 2, %(cases)s * 3 / 2) AS at_of_order,
        CASE WHEN n * 3 / 2 %% 10 < 6 THEN 'alpha' ELSE 'beta' END AS store,
        n <= %(cases)s * %(ended)s / 100 AS ended,
        CASE WHEN n <= %(cases)s * %(ended)s / 100 THEN (%(ended_states)s::text[])[1 + n %% 20]
            ELSE (%(open_states)s::text[])[1 + n %% 20] END AS state
    FROM generate_series(1, %(cases)s::bigint) AS n
) AS numbered
"""
_WAITS = "m.state IN ('under_review', 'contested')"
_PAID = "m.state IN ('closed', 'resolved')"
_REPLACED = "m.n % 3 = 0"
# Events are kept for 30 days: as many as three years' worth of cases stand in them, and the oldest few are due to go.
_TOLD_AT = "now() - (now() - m.at) / 36.45"
_SENDING = "CASE WHEN m.n % 700 = 3 THEN 'failed' WHEN m.n % 150 = 4 THEN 'pending' ELSE 'delivered' END"


@dataclass(frozen=True)
class _Copy:
    """How copies of an exemplary row differ from it: an expression for each column. `e` is it, `m` the case."""

    table: str
    columns: Mapping[str, str]
    where: str = "true"


_COPIES = (
    _Copy("return_requests", {"id": "m.request_id", "created_at": "m.at", "email": "'ann' || m.n || '@example.com'"}),
    _Copy(
        "cases",
        {
            "id": "m.case_id",
            "reference": "'MG-' || lpad(m.n::text, 9, '0')",
            "supplier": "CASE WHEN m.n % 4 = 0 THEN 'byhand' ELSE 'acme' END",
            "state": "m.state",
            "credit_open": "m.state = 'resolved'",
            "attention": f"CASE WHEN {_WAITS} THEN ARRAY['decision'] ELSE '{{}}'::text[] END",
            "supplier_call_at": "CASE WHEN m.state IN ('authorizing', 'inspecting') THEN now() + interval '1 hour' END",
            "due_at": "CASE WHEN NOT m.ended THEN m.at + interval '150 days' END",
            "legal_due_at": "m.at + interval '180 days'",
            "created_at": "m.at",
            "updated_at": "least(m.at + interval '20 days', now() - (m.n % 700) * interval '1 hour')",
        },
    ),
    _Copy(
        "case_lines",
        {
            "sku": "'SKU-' || m.n % 500",
            "reason": "(ARRAY['changed_mind', 'defective', 'wrong_size', 'lost'])[1 + m.n % 4]",
        },
    ),
    _Copy("case_events", {"at": "m.at"}),
    _Copy("decisions", {"at": "m.at"}),
    _Copy(
        "photos",
        {
            "id": "m.photo_id",
            "content": "CASE WHEN NOT m.ended THEN e.content END",
            "sha256": "md5(m.n::text) || md5(m.n || 'x')",
            "likeness": "('x' || substr(md5(m.n::text), 1, 16))::bit(64)::bigint",
            "bands": "(SELECT array_agg(part << 16 | hashint8(m.n * 4 + part) & 65535) "
            "FROM generate_series(0, 3) AS part)",
            "created_at": "m.at",
            "erased_at": "CASE WHEN m.ended THEN m.at + interval '200 days' END",
        },
    ),
    _Copy("evidence", {"photo_id": "m.photo_id", "created_at": "m.at"}),
    _Copy(
        "timers",
        {
            # One of sixty that run is due.
            "due_at": "CASE WHEN m.ended OR e.fired_at IS NOT NULL THEN m.at + interval '7 days' "
            "ELSE now() + (m.n % 60) * interval '8 hours' - interval '1 hour' END",
            "next_try_at": "NULL",
            "fired_at": "CASE WHEN m.ended OR e.fired_at IS NOT NULL THEN m.at + interval '7 days' END",
            "cancelled_at": "CASE WHEN e.cancelled_at IS NOT NULL OR e.fired_at IS NULL AND e.step <> 'end' "
            "THEN m.at END",
        },
    ),
    _Copy(
        "messages",
        {
            "dedupe_key": "e.dedupe_key || m.n",
            "created_at": "m.at",
            "sent_at": "m.at",
            "erased_at": "CASE WHEN m.at < now() - interval '365 days' THEN m.at + interval '365 days' END",
        },
    ),
    _Copy("ledger_entries", {"posting": "e.posting || m.n", "created_at": "m.at"}, _PAID),
    _Copy(
        "supplier_credits",
        {"status": "CASE WHEN m.ended THEN 'paid' ELSE 'expected' END", "created_at": "m.at"},
        _PAID,
    ),
    _Copy(
        "refunds",
        {
            "id": "m.refund_id",
            "status": "CASE WHEN m.state = 'resolving' THEN 'planned' ELSE 'succeeded' END",
            "next_check_at": "CASE WHEN m.state = 'resolving' THEN now() + interval '1 hour' END",
            "store_refund_id": "m.n::text",
            "created_at": "m.at",
            "settled_at": "CASE WHEN m.state <> 'resolving' THEN m.at + interval '15 days' END",
        },
        f"{_PAID} OR m.state = 'resolving'",
    ),
    _Copy("refund_attempts", {"started_at": "m.at"}, _PAID),
    _Copy(
        "observed_refunds",
        {"store_refund_id": "m.n::text", "operation_id": "m.refund_id", "first_seen_at": "m.at"},
        _PAID,
    ),
    _Copy(
        "replacements",
        {
            "id": "m.replacement_id",
            "status": "CASE WHEN m.state = 'resolving' THEN 'planned' ELSE 'made' END",
            "next_check_at": "CASE WHEN m.state = 'resolving' THEN now() + interval '1 hour' END",
            "store_order_id": "(70000 + m.n)::text",
            "order_name": "'#R' || m.n",
            "created_at": "m.at",
            "settled_at": "CASE WHEN m.state <> 'resolving' THEN m.at + interval '15 days' END",
        },
        _REPLACED,
    ),
    _Copy("replacement_attempts", {"started_at": "m.at", "finished_at": "m.at"}, _REPLACED),
    _Copy("outbound_events", {"id": "m.event_id", "created_at": _TOLD_AT}),
    _Copy(
        "outbound_sendings",
        {
            # As `outbound_events` numbers its rows, after the exemplary one.
            "seq": "m.n + 1",
            "status": _SENDING,
            "queued_at": _TOLD_AT,
            "next_try_at": f"CASE WHEN {_SENDING} = 'pending' THEN now() + interval '1 hour' END",
            "delivered_at": f"CASE WHEN {_SENDING} = 'delivered' THEN {_TOLD_AT} END",
            "created_at": _TOLD_AT,
        },
    ),
    _Copy("outbound_attempts", {"started_at": _TOLD_AT, "finished_at": _TOLD_AT}),
    _Copy("feedback", {"created_at": "m.at", "updated_at": "m.at"}, "m.n % 5 = 0"),
    _Copy("thanks", {"created_at": "m.at", "next_try_at": "NULL", "code": "'TY' || m.n"}, "m.state <> 'rejected'"),
    _Copy(
        "withdrawals",
        {"source": "'page:' || m.n", "email": "'ann' || m.n || '@example.com'", "declared_at": "m.at"},
        "m.n % 20 = 0",
    ),
    _Copy("privacy_requests", {"received_at": "m.at", "done_at": "m.at", "next_try_at": "NULL"}, "m.n % 4 = 0"),
    _Copy("idempotency_keys", {"key": "'key-' || m.n", "created_at": "m.at"}, "m.at > now() - interval '30 days'"),
)
_REFERENCES = {
    "case_id": "m.case_id",
    "request_id": "m.request_id",
    "order_pk": "m.order_pk",
    "refund_id": "m.refund_id",
    "replacement_id": "m.replacement_id",
    "event_id": "m.event_id",
    "store": "m.store",
    "id": "pg_temp.id_of(m.at, e.id::text, m.n)",
}
_ORDERS = {
    "id": "pg_temp.id_of(m.at, 'order', m.n)",
    "store": "CASE WHEN m.n % 10 < 6 THEN 'alpha' ELSE 'beta' END",
    "order_id": "(5000000000 + m.n)::text",
    "number": "'#' || (10000 + m.n)",
    "email": "'ann' || m.n || '@example.com'",
    "snapshot": "e.snapshot || "
    "jsonb_build_object('order_id', (5000000000 + m.n)::text, 'number', '#' || (10000 + m.n))",
    **dict.fromkeys(("placed_at", "source_updated_at", "read_at", "created_at", "updated_at"), "m.at"),
}
_OLD = "m.at < now() - interval '90 days'"
_DELIVERIES = {
    "id": "pg_temp.id_of(m.at, 'delivery', m.n)",
    "source_kind": "CASE WHEN m.n % 20 = 7 THEN 'supplier' ELSE 'store' END",
    "source": "CASE WHEN m.n % 20 = 7 THEN 'acme' WHEN m.n % 10 < 6 THEN 'alpha' ELSE 'beta' END",
    "dedupe_key": "md5('delivery' || m.n)::uuid::text",
    "webhook_id": "md5('delivery' || m.n)::uuid::text",
    "topic": "CASE WHEN m.n % 20 = 7 THEN 'return.confirmed' WHEN m.n % 50 = 1 THEN 'refunds/create' "
    "ELSE 'orders/updated' END",
    "body": f"CASE WHEN {_OLD} THEN ''::bytea ELSE convert_to(repeat(md5(m.n::text), 60), 'UTF8') END",
    "body_sha256": f"CASE WHEN {_OLD} THEN md5(m.n::text) || md5(m.n || 'x') END",
    "erased_at": f"CASE WHEN {_OLD} THEN m.at + interval '90 days' END",
    "status": "CASE WHEN m.n > %(deliveries)s - 100 THEN 'pending' WHEN m.n % 2000 = 3 THEN 'failed' "
    "WHEN m.n % 12 = 5 THEN 'ignored' ELSE 'processed' END",
    "attempts": "1",
    "received_at": "m.at",
    "processed_at": "m.at",
}
_NUMBERED = "(SELECT n, pg_temp.at_of(n, {of}) AS at FROM generate_series(1, {of}) AS n)"


def fill(url: str, cases: int, deliveries: int) -> None:
    """Copies the return that is in the database (`exemplar.plant`) so many times, and adds so many deliveries."""
    with psycopg.connect(url, autocommit=True) as connection:
        connection.execute("SET session_replication_role = replica")
        connection.execute("SET synchronous_commit = off")
        row = connection.execute("SELECT now()::text").fetchone()
        assert row is not None
        # Ids are made of times, here and there: one moment for all of them.
        connection.execute(_FUNCTIONS.format(now=row[0]).encode())
        _fill_cases(connection, cases)
        of = str(deliveries)
        columns = {name: text.replace("%(deliveries)s", of) for name, text in _DELIVERIES.items()}
        _copy(connection, _Copy("deliveries", columns), _NUMBERED.format(of=of))
        connection.execute("SET session_replication_role = origin")
        _jobs(connection, min(2000, cases // 20))
        connection.execute("VACUUM ANALYZE")


def _fill_cases(connection: Connection, cases: int) -> None:
    _copy(connection, _Copy("orders", _ORDERS), _NUMBERED.format(of=cases * 3 // 2))
    states = {"ended": 100 - OPEN_PERCENT, "ended_states": list(_ENDED), "open_states": list(_OPEN)}
    with psycopg.ClientCursor(connection) as cursor:
        cursor.execute(_MADE, {"cases": cases, **states})
    connection.execute("ANALYZE made")
    for copy in _COPIES:
        names = _columns(connection, copy.table)
        references = {name: text for name, text in _REFERENCES.items() if name in names}
        _copy(connection, _Copy(copy.table, {**references, **copy.columns}, copy.where), "made")


def _columns(connection: Connection, table: str) -> list[str]:
    """By the catalogue, so that a column which is new to the table is copied as the exemplar has it."""
    rows = connection.execute(
        "SELECT column_name FROM information_schema.columns WHERE table_schema = 'public' AND table_name = %s "
        "AND is_generated = 'NEVER' AND identity_generation IS DISTINCT FROM 'ALWAYS' ORDER BY ordinal_position",
        [table],
    )
    return [str(name) for (name,) in rows.fetchall()]


def _copy(connection: Connection, copy: _Copy, numbered: str) -> None:
    names = _columns(connection, copy.table)
    exemplar = f"(SELECT * FROM {copy.table} OFFSET 0)"
    # Materialised first: a table that is read while it is filled would be read by what was just filled in too.
    connection.execute(f"CREATE TEMP TABLE exemplary AS SELECT * FROM {exemplar} AS e")
    values = ", ".join(copy.columns.get(name, f"e.{name}") for name in names)
    listed = sql.SQL(", ").join(map(sql.Identifier, names)).as_string(connection)
    text = (
        f"INSERT INTO {copy.table} ({listed}) SELECT {values} FROM {numbered} AS m CROSS JOIN exemplary AS e "
        f"WHERE {copy.where}" + (" ORDER BY m.n" if numbered == "made" else "")
    )
    connection.execute(text.encode())
    connection.execute("DROP TABLE exemplary")


def _jobs(connection: Connection, count: int) -> None:
    connection.execute(
        "INSERT INTO procrastinate_jobs (task_name, queue_name, status, args) "
        "SELECT 'makegood:messages.send', 'default', "
        "(CASE WHEN n %% 10 = 0 THEN 'todo' ELSE 'failed' END)::procrastinate_job_status, "
        "jsonb_build_object('message_id', id) "
        "FROM (SELECT id, row_number() OVER () AS n FROM messages LIMIT %s) AS mails",
        [count],
    )
