"""The tables as declared are the tables that the migrations make, and they refuse what must not be."""

from __future__ import annotations

import pytest
from alembic.autogenerate import compare_metadata
from alembic.migration import MigrationContext
from sqlalchemy import CheckConstraint, Connection
from sqlalchemy.exc import IntegrityError

import app.db.metadata
from app.db.base import Base
from app.refunds.models import Refund
from app.runtime import Runtime
from tests.refunds.kit import Scene


async def test_the_tables_are_what_the_migrations_made(runtime: Runtime) -> None:
    def differences(connection: Connection) -> list[str]:
        context = MigrationContext.configure(connection, opts={"compare_type": True, "compare_server_default": True})
        found = [str(one) for one in compare_metadata(context, Base.metadata)]
        assert app.db.metadata
        return [one for one in found if "refund" in one]

    async with runtime.database.engine.connect() as connection:
        assert await connection.run_sync(differences) == []


def test_what_a_comparison_with_the_database_does_not_see() -> None:
    table = Base.metadata.tables["refunds"]
    checks = [str(one.sqltext) for one in table.constraints if isinstance(one, CheckConstraint)]
    due = next(index for index in table.indexes if index.name == "ix_refunds_due")
    assert checks == ["amount > 0"]
    assert str(due.dialect_options["postgresql"]["where"]) == "next_check_at IS NOT NULL"


async def test_a_refund_of_nothing_is_refused(scene: Scene) -> None:
    refund_id = await scene.plan()
    with pytest.raises(IntegrityError, match="amount_positive"):
        await scene.change(Refund, refund_id, amount=0)
