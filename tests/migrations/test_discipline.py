"""Every migration from the oldest code that must survive it on only adds; so an upgrade needs no downtime."""

from __future__ import annotations

from pathlib import Path

import psycopg
import pytest
from alembic import command
from alembic.script import ScriptDirectory

from app.db.migrate import OLDEST_CODE, alembic_config, head_revision, known_revisions
from tests.migrations.discipline import harm_done, overheard, schema_of


def later_revisions() -> list[tuple[str, str]]:
    """The migrations after OLDEST_CODE, oldest first, each with the one before it."""
    script = ScriptDirectory.from_config(alembic_config(""))
    steps = [(str(each.down_revision), each.revision) for each in script.iterate_revisions("head", OLDEST_CODE)]
    return steps[::-1]


def test_the_oldest_code_is_one_that_there_was() -> None:
    assert OLDEST_CODE in known_revisions()
    assert [OLDEST_CODE, *(revision for _, revision in later_revisions())][-1] == head_revision()


def test_every_migration_leaves_the_release_before_what_it_uses(empty_database: str) -> None:
    config = alembic_config(empty_database)
    command.upgrade(config, OLDEST_CODE)
    harm: dict[str, list[str]] = {}
    for _, revision in later_revisions():
        before = schema_of(empty_database)
        with overheard() as statements:
            command.upgrade(config, revision)
        done = harm_done(before, schema_of(empty_database), statements)
        if done:
            harm[revision] = done
    assert harm == {}


def test_no_migration_leans_on_code_that_will_change() -> None:
    script = ScriptDirectory.from_config(alembic_config(""))
    leaning = [each.path for each in script.walk_revisions() if " app" in _imports(Path(each.path))]
    assert leaning == []


def _imports(path: Path) -> str:
    lines = path.read_text("utf-8").splitlines()
    return " ".join(line.replace(".", " ") for line in lines if line.startswith(("import ", "from ")))


@pytest.mark.parametrize(
    ("statement", "harm"),
    [
        ("ALTER TABLE orders DROP COLUMN email", "orders.email is gone"),
        ("ALTER TABLE orders RENAME COLUMN email TO mail", "orders.email is gone"),
        ("DROP TABLE guesses", "the table guesses is gone"),
        ("ALTER TABLE guesses RENAME TO tries", "the table guesses is gone"),
        ("ALTER TABLE orders ALTER COLUMN email TYPE varchar(99)", "orders.email was text and is"),
        ("ALTER TABLE orders ALTER COLUMN email SET NOT NULL", "orders.email may no longer be null"),
        ("ALTER TABLE orders ALTER COLUMN created_at DROP DEFAULT", "orders.created_at has lost its default"),
        ("ALTER TABLE orders ADD COLUMN tag text NOT NULL", "orders.tag must have a value"),
        ("ALTER TABLE orders DROP CONSTRAINT uq_orders_store_order_id", "ON CONFLICT relies on it"),
        ("ALTER TABLE orders ADD CONSTRAINT x CHECK (captured > 0) NOT VALID", "the check x binds"),
        ("CREATE UNIQUE INDEX x ON orders (number)", "the unique index x binds"),
        ("CREATE INDEX x ON public.orders (number)", "an index on orders is made while nobody may write"),
        ('CREATE INDEX IF NOT EXISTS x ON "orders"(number)', "an index on orders is made while nobody may write"),
        (
            "ALTER TABLE orders ADD COLUMN tag text, ADD CONSTRAINT x CHECK (tag <> '')",
            "",
        ),
        ("ALTER TABLE orders ADD CONSTRAINT x CHECK (captured > 0)", "a constraint on orders is checked under a lock"),
    ],
)  # fmt: skip
def test_what_older_code_would_not_survive_is_seen(database_url: str, statement: str, harm: str) -> None:
    before = schema_of(database_url)
    with psycopg.connect(database_url, autocommit=True) as connection:
        connection.execute(statement.encode())
    found = harm_done(before, schema_of(database_url), [statement])
    assert any(harm in one for one in found) if harm else found == []


@pytest.mark.parametrize(
    "statement",
    [
        "ALTER TABLE orders ADD COLUMN tag text",
        "ALTER TABLE orders ADD COLUMN tag text NOT NULL DEFAULT ''",
        "ALTER TABLE orders ALTER COLUMN number DROP NOT NULL",
        "CREATE INDEX CONCURRENTLY x ON orders (number)",
        "CREATE TABLE extras (id uuid PRIMARY KEY, order_pk uuid REFERENCES orders (id), UNIQUE (order_pk))",
        "DROP INDEX ix_orders_number_store",
    ],
)
def test_what_older_code_survives_is_let_through(database_url: str, statement: str) -> None:
    before = schema_of(database_url)
    with psycopg.connect(database_url, autocommit=True) as connection:
        connection.execute(statement.encode())
    assert harm_done(before, schema_of(database_url), [statement]) == []
