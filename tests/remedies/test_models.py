"""The tables as declared are the tables that the migrations make."""

from __future__ import annotations

from alembic.autogenerate import compare_metadata
from alembic.migration import MigrationContext
from sqlalchemy import Connection

import app.db.metadata
from app.db.base import Base
from app.runtime import Runtime


async def test_the_tables_are_what_the_migrations_made(runtime: Runtime) -> None:
    def differences(connection: Connection) -> list[str]:
        context = MigrationContext.configure(connection, opts={"compare_type": True, "compare_server_default": True})
        found = [str(one) for one in compare_metadata(context, Base.metadata)]
        assert app.db.metadata
        return [one for one in found if "replacement" in one or "case_lines" in one]

    async with runtime.database.engine.connect() as connection:
        assert await connection.run_sync(differences) == []


def test_what_a_comparison_with_the_database_does_not_see() -> None:
    table = Base.metadata.tables["replacements"]
    due = next(index for index in table.indexes if index.name == "ix_replacements_due")
    assert str(due.dialect_options["postgresql"]["where"]) == "next_check_at IS NOT NULL"
