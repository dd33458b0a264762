"""The tables as declared are those of the migrations, forth and back."""

from __future__ import annotations

from app.runtime import Runtime
from tests.migrations.tables import assert_forth_and_back


async def test_the_tables_are_what_the_migrations_made(runtime: Runtime) -> None:
    await assert_forth_and_back(runtime, "0008", "ix_cases", "timers", "claim_")
