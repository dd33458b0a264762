"""What a delivery, a refund and a list cost, counted: the benchmarks' own counts, kept by a test."""

from __future__ import annotations

import pytest

from app.settings import Settings
from tests.benchmarks import statements
from tests.benchmarks.table import Row


def missed(rows: list[Row]) -> list[str]:
    return [f"{row.measure}: {row.value}, wanted {row.wanted}" for row in rows if row.ok is False]


@pytest.mark.parametrize("count", [statements.deliveries, statements.refunds, statements.lists])
async def test_no_unit_costs_more_than_it_may(settings: Settings, database_url: str, count: statements.Count) -> None:
    rows = await count(database_url)
    assert any(row.ok for row in rows)
    assert missed(rows) == []
