"""The tables as declared are those of the migration, and the page on events is current."""

from __future__ import annotations

from pathlib import Path

from alembic import command
from alembic.autogenerate import compare_metadata
from alembic.migration import MigrationContext
from sqlalchemy import Connection

from app.db.base import Base
from app.db.migrate import alembic_config
from app.outbound import reference
from app.outbound.vocabulary import EventType
from app.runtime import Runtime
from tests.outbound.kit import BY_NAME

PAGE = Path(__file__).parents[2] / "docs" / "events.md"


async def differences(runtime: Runtime) -> list[str]:
    def compare(connection: Connection) -> list[str]:
        context = MigrationContext.configure(connection, opts={"compare_type": True, "compare_server_default": True})
        return [str(one) for one in compare_metadata(context, Base.metadata)]

    async with runtime.database.engine.connect() as connection:
        found = await connection.run_sync(compare)
    return [one for one in found if "outbound_" in one]


async def test_the_tables_are_what_the_migration_made(runtime: Runtime, database_url: str) -> None:
    assert await differences(runtime) == []
    await runtime.database.dispose()
    command.downgrade(alembic_config(database_url), "0013")
    assert await differences(runtime) != []
    await runtime.database.dispose()
    command.upgrade(alembic_config(database_url), "head")
    assert await differences(runtime) == []


def test_the_page_on_events_is_current_and_its_examples_are_events() -> None:
    assert PAGE.read_text("utf-8") == reference.page(), "python -m app.outbound.reference > docs/events.md"
    for type_ in EventType:
        told = reference.example(type_)
        assert BY_NAME[type_].model_validate(told["data"])
        assert f"### {type_}\n" in PAGE.read_text("utf-8")
