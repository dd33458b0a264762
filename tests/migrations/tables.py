"""Whether the tables as declared are those that the migrations make, forth and back."""

from __future__ import annotations

from alembic import command
from alembic.autogenerate import compare_metadata
from alembic.migration import MigrationContext
from sqlalchemy import Connection

from app.db.metadata import metadata
from app.db.migrate import alembic_config
from app.runtime import Runtime


async def differences(runtime: Runtime, *names: str) -> list[str]:
    """What autogenerate would change in whatever has one of these words in its name."""

    def compare(connection: Connection) -> list[str]:
        context = MigrationContext.configure(connection, opts={"compare_type": True, "compare_server_default": True})
        return [str(one) for one in compare_metadata(context, metadata)]

    async with runtime.database.engine.connect() as connection:
        found = await connection.run_sync(compare)
    return [one for one in found if any(name in one for name in names)]


async def assert_forth_and_back(runtime: Runtime, revision: str, *names: str) -> None:
    """Nothing differs at the head, something does at the earlier `revision`, and nothing after the way back."""
    config = alembic_config(runtime.database.url)
    assert await differences(runtime, *names) == []
    await runtime.database.dispose()
    command.downgrade(config, revision)
    assert await differences(runtime, *names) != []
    await runtime.database.dispose()
    command.upgrade(config, "head")
    assert await differences(runtime, *names) == []
