"""The tables as declared are those of the migrations, forth and back."""

from __future__ import annotations

from alembic import command
from alembic.autogenerate import compare_metadata
from alembic.migration import MigrationContext
from sqlalchemy import Connection

from app.db.base import Base
from app.db.migrate import alembic_config
from app.runtime import Runtime


async def differences(runtime: Runtime) -> list[str]:
    """What autogenerate would change in the tables that this part owns."""

    def compare(connection: Connection) -> list[str]:
        context = MigrationContext.configure(connection, opts={"compare_type": True, "compare_server_default": True})
        return [str(one) for one in compare_metadata(context, Base.metadata)]

    async with runtime.database.engine.connect() as connection:
        found = await connection.run_sync(compare)
    return [one for one in found if "ix_cases" in one or "ix_timers" in one or "timers" in one or "claim_" in one]


async def test_the_tables_are_what_the_migrations_made(runtime: Runtime, database_url: str) -> None:
    assert await differences(runtime) == []
    await runtime.database.dispose()
    command.downgrade(alembic_config(database_url), "0008")
    assert await differences(runtime) != []
    await runtime.database.dispose()
    command.upgrade(alembic_config(database_url), "head")
    assert await differences(runtime) == []
