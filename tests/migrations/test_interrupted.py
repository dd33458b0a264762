"""A migration that is broken off half-way is run again, and comes to its end."""

from __future__ import annotations

import threading

import psycopg
import pytest
from alembic import command

from app.db.migrate import alembic_config, current_revision, head_revision, upgrade
from tests.cli.command import PATIENCE, assert_soon

INVALID = "SELECT indexrelid::regclass::text FROM pg_index WHERE NOT indisvalid"
# Only one that waits for the transaction given: building also waits, a moment, for every statement that is
# under way, so this very look can be what it waits for, at any index.
END_BUILDING = (
    "SELECT pg_terminate_backend(pid) FROM pg_stat_activity "
    "WHERE query LIKE 'CREATE INDEX CONCURRENTLY%%' AND %s = ANY (pg_blocking_pids(pid))"
)


def break_off(url: str, table: str) -> list[BaseException]:
    """Upgrades, with the connection lost while an index of `table` is built; answers what the upgrade died of."""
    died: list[BaseException] = []

    def run() -> None:
        try:
            upgrade(url)
        except Exception as error:  # noqa: BLE001 - whatever it is, the test looks at it
            died.append(error)

    upgrading = threading.Thread(target=run)
    with psycopg.connect(url) as somebody, psycopg.connect(url, autocommit=True) as administrator:
        # An index is built at the side only when everybody who writes has come to an end.
        somebody.execute(f"LOCK TABLE {table} IN ROW EXCLUSIVE MODE".encode())
        upgrading.start()
        held_by = (somebody.info.backend_pid,)
        assert_soon(lambda: administrator.execute(END_BUILDING, held_by).fetchall() != [])
        upgrading.join(PATIENCE)
    return died


@pytest.mark.parametrize(
    ("table", "half_built"),
    [
        ("timers", "ix_timers_running"),
        ("deliveries", "ix_deliveries_emptied"),
        ("supplier_credits", "ix_supplier_credits_open"),
    ],
)
def test_an_index_that_was_half_built_is_built_anew(empty_database: str, table: str, half_built: str) -> None:
    command.upgrade(alembic_config(empty_database), "0015")
    assert len(break_off(empty_database, table)) == 1
    with psycopg.connect(empty_database, autocommit=True) as connection:
        assert connection.execute(INVALID).fetchall() == [(half_built,)]
        assert current_revision(empty_database) == "0015"
        assert upgrade(empty_database) == current_revision(empty_database) == head_revision()
        assert connection.execute(INVALID).fetchall() == []
