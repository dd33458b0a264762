"""The tables as declared are the tables that the migrations make, and they refuse what must not be."""

from __future__ import annotations

import pytest
from sqlalchemy import CheckConstraint
from sqlalchemy.exc import IntegrityError

from app.db.metadata import metadata
from app.refunds.models import Refund
from app.runtime import Runtime
from tests.migrations.tables import differences
from tests.refunds.kit import Scene


async def test_the_tables_are_what_the_migrations_made(runtime: Runtime) -> None:
    assert await differences(runtime, "refund") == []


def test_what_a_comparison_with_the_database_does_not_see() -> None:
    table = metadata.tables["refunds"]
    checks = [str(one.sqltext) for one in table.constraints if isinstance(one, CheckConstraint)]
    due = next(index for index in table.indexes if index.name == "ix_refunds_due")
    assert checks == ["amount > 0"]
    assert str(due.dialect_options["postgresql"]["where"]) == "next_check_at IS NOT NULL"


async def test_a_refund_of_nothing_is_refused(scene: Scene) -> None:
    refund_id = await scene.plan()
    with pytest.raises(IntegrityError, match="amount_positive"):
        await scene.change(Refund, refund_id, amount=0)
