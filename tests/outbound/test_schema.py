"""The tables as declared are those of the migration, and the page on events is current."""

from __future__ import annotations

from pathlib import Path

from app.outbound import reference
from app.outbound.vocabulary import EventType
from app.runtime import Runtime
from tests.migrations.tables import assert_forth_and_back
from tests.outbound.kit import BY_NAME

PAGE = Path(__file__).parents[2] / "docs" / "events.md"


async def test_the_tables_are_what_the_migration_made(runtime: Runtime) -> None:
    await assert_forth_and_back(runtime, "0013", "outbound_")


def test_the_page_on_events_is_current_and_its_examples_are_events() -> None:
    assert PAGE.read_text("utf-8") == reference.page(), "python -m app.outbound.reference > docs/events.md"
    for type_ in EventType:
        told = reference.example(type_)
        assert BY_NAME[type_].model_validate(told["data"])
        assert f"### {type_}\n" in PAGE.read_text("utf-8")
