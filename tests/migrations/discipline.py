"""What a migration may do while processes of the release before go on working: add, and take nothing away."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

import psycopg
from sqlalchemy import Engine, event

_COLUMNS = """
SELECT c.relname, a.attname, format_type(a.atttypid, a.atttypmod), a.attnotnull,
       a.atthasdef OR a.attidentity <> '' OR a.attgenerated <> ''
FROM pg_attribute a JOIN pg_class c ON c.oid = a.attrelid
WHERE c.relkind IN ('r', 'p') AND c.relnamespace = current_schema()::regnamespace
  AND a.attnum > 0 AND NOT a.attisdropped
"""
_CONSTRAINTS = """
SELECT conrelid::regclass::text, conname, contype::text, ARRAY(
  SELECT attname FROM pg_attribute a WHERE a.attrelid = conrelid AND a.attnum = ANY(conkey))::text[]
FROM pg_constraint WHERE connamespace = current_schema()::regnamespace AND conrelid <> 0 AND contype <> 'n'
"""
_UNIQUE = """
SELECT indrelid::regclass::text, indexrelid::regclass::text, ARRAY(
  SELECT attname FROM pg_attribute a WHERE a.attrelid = indrelid AND a.attnum = ANY(indkey::int2[]))::text[]
FROM pg_index JOIN pg_class c ON c.oid = indexrelid
WHERE indisunique AND c.relnamespace = current_schema()::regnamespace
"""
_KINDS = {"c": "check", "f": "foreign key", "u": "unique", "p": "primary key"}
# PostgreSQL calls what it makes for a constraint by the constraint's name; both lists then name it once.
_INDEX = re.compile(
    r"CREATE\s+(?:UNIQUE\s+)?INDEX\s+(?P<quietly>CONCURRENTLY\s+)?(?:IF\s+NOT\s+EXISTS\s+)?\S+\s+ON\s+(?:ONLY\s+)?(?P<table>\S+)",
    re.IGNORECASE,
)
_CHECKED_WHOLE = re.compile(
    r"ALTER\s+TABLE\s+(?:ONLY\s+)?(?P<table>\S+)\s+ADD\s+CONSTRAINT(?!.*NOT\s+VALID)", re.IGNORECASE | re.DOTALL
)


@dataclass(frozen=True)
class Column:
    """How a column is: its type, and whether a row may do without it."""

    kind: str
    required: bool
    has_default: bool


@dataclass(frozen=True)
class Schema:
    """What code relies on. `rules` are constraints and unique indexes: table, kind, and the columns they bind."""

    tables: dict[str, dict[str, Column]]
    rules: dict[str, tuple[str, str, frozenset[str]]]


def schema_of(url: str) -> Schema:
    """The schema of a database as it is."""
    tables: dict[str, dict[str, Column]] = {}
    with psycopg.connect(url) as connection:
        for table, name, kind, required, has_default in connection.execute(_COLUMNS.encode()).fetchall():
            tables.setdefault(table, {})[name] = Column(kind, required, has_default)
        unique = connection.execute(_UNIQUE.encode()).fetchall()
        rules: dict[str, tuple[str, str, frozenset[str]]] = {}
        rules |= {name: (table, "unique index", frozenset(columns)) for table, name, columns in unique}
        for table, name, kind, columns in connection.execute(_CONSTRAINTS.encode()).fetchall():
            rules[name] = (table, _KINDS.get(kind) or str(kind), frozenset(columns))
    return Schema(tables, rules)


@contextmanager
def overheard() -> Iterator[list[str]]:
    """Every statement that goes through SQLAlchemy until the block ends."""
    said: list[str] = []

    def note(_connection: Any, _cursor: Any, statement: str, *_: Any) -> None:
        said.append(statement)

    event.listen(Engine, "before_cursor_execute", note)
    try:
        yield said
    finally:
        event.remove(Engine, "before_cursor_execute", note)


def harm_done(before: Schema, after: Schema, statements: Sequence[str]) -> list[str]:
    """One sentence for each thing that code made for `before` would not survive, or would have to wait for."""
    return [*_taken_away(before, after), *_demanded(before, after), *_locked(before, statements)]


def _taken_away(before: Schema, after: Schema) -> Iterator[str]:
    for table, columns in before.tables.items():
        if table not in after.tables:
            yield f"the table {table} is gone or has another name"
            continue
        for name, column in columns.items():
            now = after.tables[table].get(name)
            if now is None:
                yield f"the column {table}.{name} is gone or has another name"
            elif now.kind != column.kind:
                yield f"the column {table}.{name} was {column.kind} and is {now.kind}"
            elif now.required and not column.required:
                yield f"the column {table}.{name} may no longer be null"
            elif column.has_default and not now.has_default and now.required:
                yield f"the column {table}.{name} has lost its default"
    for name, (table, kind, _) in before.rules.items():
        if table in after.tables and name not in after.rules and kind in ("unique", "unique index", "primary key"):
            yield f"the {kind} {name} of {table} is gone: ON CONFLICT relies on it"


def _demanded(before: Schema, after: Schema) -> Iterator[str]:
    for table, columns in before.tables.items():
        for name, column in after.tables.get(table, {}).items():
            if name not in columns and column.required and not column.has_default:
                yield f"the new column {table}.{name} must have a value, and older code gives none"
    for name, (table, kind, bound) in after.rules.items():
        known = before.tables.get(table, {})
        if name not in before.rules and known and bound & known.keys() == bound:
            yield f"the {kind} {name} binds what older code writes into {table}"


def _locked(before: Schema, statements: Sequence[str]) -> Iterator[str]:
    for statement in statements:
        index, constraint = _INDEX.search(statement), _CHECKED_WHOLE.search(statement)
        if index and not index["quietly"] and _name(index["table"]) in before.tables:
            yield f"an index on {_name(index['table'])} is made while nobody may write: make it CONCURRENTLY"
        if constraint and _name(constraint["table"]) in before.tables:
            yield f"a constraint on {_name(constraint['table'])} is checked under a lock: add it NOT VALID"


def _name(written: str) -> str:
    return written.partition("(")[0].strip('";').rpartition(".")[2].strip('"')
