"""The tables as declared are the tables that the migrations make."""

from __future__ import annotations

from app.db.metadata import metadata
from app.runtime import Runtime
from tests.migrations.tables import differences


async def test_the_tables_are_what_the_migrations_made(runtime: Runtime) -> None:
    assert await differences(runtime, "replacement", "case_lines") == []


def test_what_a_comparison_with_the_database_does_not_see() -> None:
    table = metadata.tables["replacements"]
    due = next(index for index in table.indexes if index.name == "ix_replacements_due")
    assert str(due.dialect_options["postgresql"]["where"]) == "next_check_at IS NOT NULL"
