"""The command line: what it prints, how it refuses, and what the schema commands do."""

from __future__ import annotations

import json
from pathlib import Path

import psycopg
import pytest

from app import __version__
from app.db.migrate import head_revision
from tests.cli.command import SECRET, run
from tests.cli.conftest import Makegood


def set_schema(url: str, revision: str) -> None:
    with psycopg.connect(url) as connection:
        connection.execute("UPDATE alembic_version SET version_num = %s", [revision])
        # No word of which older code works with it: then none does.
        connection.execute("COMMENT ON TABLE alembic_version IS NULL")


def test_version(makegood: Makegood) -> None:
    done = makegood("--version")
    assert (done.code, done.out) == (0, f"makegood {__version__}\n")


def test_every_command_of_this_release_is_there_and_no_other(makegood: Makegood) -> None:
    said = makegood("--help").out.split("Commands:")[1]
    named = {line.split()[0] for line in said.splitlines() if line.startswith("  ") and line[2] != " "}
    assert named == {
        "serve", "worker", "migrate", "doctor", "openapi", "sandbox", "demo", "webhooks", "deliveries", "cases",
        "policy", "events", "backup", "restore",
    }  # fmt: skip


def test_an_unknown_command_is_a_usage_error(makegood: Makegood) -> None:
    done = makegood("refund-everything")
    assert done.code == 2
    assert "No such command 'refund-everything'" in done.err


def test_openapi_needs_neither_database_nor_good_settings(tmp_path: Path) -> None:
    done = run(tmp_path, "openapi", MAKEGOOD_PUBLIC_URL="nonsense", DATABASE_URL="nonsense")
    assert done.returncode == 0, done.stderr
    document = json.loads(done.stdout)
    assert document["info"]["version"] == __version__
    assert "/webhooks/shopify/{store}" in document["paths"]


def test_migrate_makes_the_schema_and_then_has_nothing_to_do(
    tmp_path: Path, makegood: Makegood, empty_database: str
) -> None:
    first = run(tmp_path, "migrate", DATABASE_URL=empty_database)
    assert (first.returncode, first.stdout) == (0, f"The database has schema {head_revision()} (was empty).\n")
    second = makegood("migrate", DATABASE_URL=empty_database)
    assert (second.code, second.out) == (0, f"The database has schema {head_revision()}.\n")


def test_an_empty_database_is_migrated_by_the_first_command_that_needs_it(
    makegood: Makegood, empty_database: str
) -> None:
    done = makegood("cases", "list", "--json", DATABASE_URL=empty_database)
    assert (done.code, done.out) == (0, "[]\n"), done.err


def test_an_older_schema_is_not_touched_but_named_with_its_mend(makegood: Makegood, database_url: str) -> None:
    set_schema(database_url, "0001")
    done = makegood("serve", "--port", "0", DATABASE_URL=database_url, MAKEGOOD_SECRET_KEY=SECRET)
    needed = head_revision()
    assert done.code == 1
    assert f"The database has schema 0001 and this version needs {needed}; run: makegood migrate" in done.err


@pytest.mark.parametrize("command", [("migrate",), ("worker",), ("deliveries", "list")])
def test_a_newer_schema_is_refused(makegood: Makegood, database_url: str, command: tuple[str, ...]) -> None:
    set_schema(database_url, "9999")
    done = makegood(*command, DATABASE_URL=database_url, MAKEGOOD_SECRET_KEY=SECRET)
    assert done.code == 1
    assert "schema 9999, which this version does not know" in done.err


def test_tables_without_a_schema_version_are_refused(makegood: Makegood, database_url: str) -> None:
    with psycopg.connect(database_url) as connection:
        connection.execute("DROP TABLE alembic_version")
    done = makegood("migrate", DATABASE_URL=database_url)
    assert done.code == 1
    assert "give Makegood an empty database" in done.err


def test_an_unreachable_database_is_one_sentence_without_a_traceback(tmp_path: Path) -> None:
    done = run(tmp_path, "migrate", DATABASE_URL="postgresql://user:hush-hush@127.0.0.1:1/shop")
    assert (done.returncode, done.stdout) == (1, "")
    assert done.stderr == (
        "makegood: The database at 127.0.0.1 cannot be used: nothing listens there; "
        "start PostgreSQL or mend the host and port in DATABASE_URL.\n"
    )


@pytest.mark.parametrize(
    ("url", "sentence"),
    [
        ("postgresql://user:hush@hush@127.0.0.1:1/shop", "The database at 127.0.0.1 cannot be used: "),
        ("postgresql://user:hush/hush@127.0.0.1:1/shop", "The database at user cannot be used: "),
        ("postgresql://user:hush@nowhere.invalid/shop", "The database at nowhere.invalid cannot be used: "),
        ("postgresql:///shop?host=/no/such/folder&password=hush", "The database at /no/such/folder cannot be used: "),
        ("postgresql://user:hush%zz@host/shop", "DATABASE_URL is not a PostgreSQL URL"),
    ],
)
def test_the_password_is_never_repeated(makegood: Makegood, url: str, sentence: str) -> None:
    done = makegood("migrate", DATABASE_URL=url)
    assert done.code == 1
    assert done.err.startswith(f"makegood: {sentence}")
    assert done.err.count("\n") == 1
    assert "hush" not in done.err


def test_a_database_that_fails_on_the_way_is_one_sentence_without_its_rows(
    makegood: Makegood, database_url: str
) -> None:
    with psycopg.connect(database_url) as connection:
        connection.execute("ALTER TABLE deliveries DROP COLUMN topic")
    done = makegood("deliveries", "list", DATABASE_URL=database_url)
    assert done.code == 1
    assert done.err == (
        "makegood: The database did not carry this out (UndefinedColumn); "
        "try again, and see its log if it happens again.\n"
    )


def test_a_wrong_setting_is_one_sentence(makegood: Makegood) -> None:
    done = makegood("migrate", MAKEGOOD_PUBLIK_URL="https://returns.example")
    assert done.code == 1
    assert done.err == "makegood: MAKEGOOD_PUBLIK_URL is not a setting; did you mean MAKEGOOD_PUBLIC_URL?\n"


@pytest.mark.parametrize("command", ["serve", "worker"])
def test_a_service_does_not_start_without_a_secret_key(makegood: Makegood, command: str) -> None:
    done = makegood(command)
    assert done.code == 1
    assert done.err.startswith("makegood: MAKEGOOD_SECRET_KEY is missing")
