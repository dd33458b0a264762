"""During an upgrade older processes meet the newer schema: they start, are ready, and say so."""

from __future__ import annotations

from pathlib import Path

import httpx
import psycopg
import pytest

from app.db.migrate import OLDEST_CODE, head_revision, oldest_code_of
from tests.cli.command import SECRET, Running, base_url, run


def make_newer(url: str, survivor: str) -> None:
    """As the migrations of a later release would leave it; its tables do not matter here."""
    with psycopg.connect(url) as connection:
        connection.execute("UPDATE alembic_version SET version_num = '9999'")
        connection.execute(f"COMMENT ON TABLE alembic_version IS '{survivor}'".encode())


def test_migrating_says_which_code_still_works(database_url: str) -> None:
    assert oldest_code_of(database_url) == OLDEST_CODE


def test_a_process_of_the_release_before_is_ready_on_the_newer_schema(tmp_path: Path, database_url: str) -> None:
    make_newer(database_url, head_revision())
    settings = {"DATABASE_URL": database_url, "MAKEGOOD_SECRET_KEY": SECRET}
    with Running(tmp_path, "serve", "--port", "0", "--no-worker", **settings) as service:
        url = base_url(service)
        answer = httpx.get(f"{url}/readyz")
        assert answer.status_code == 200, answer.text
        assert answer.json()["checks"]["schema"] == {"ok": True, "revision": "9999", "expected": head_revision()}
        assert any("newer schema 9999" in warning for warning in answer.json()["warnings"])
        assert service.stop() == 0
    again = run(tmp_path, "migrate", DATABASE_URL=database_url)
    assert (again.returncode, again.stdout) == (0, "The database has schema 9999.\n")


@pytest.mark.parametrize("command", ["serve", "worker", "migrate"])
def test_a_schema_that_older_code_does_not_survive_is_refused(tmp_path: Path, database_url: str, command: str) -> None:
    make_newer(database_url, "9998")
    done = run(tmp_path, command, DATABASE_URL=database_url, MAKEGOOD_SECRET_KEY=SECRET)
    assert done.returncode == 1
    assert "schema 9999, which this version does not know" in done.stderr
