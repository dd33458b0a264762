"""The golden tables: country, right, dates and amounts, and what the law says, each row with its source."""

from __future__ import annotations

from collections import Counter

import pytest

from app.policy.law.assess import assess
from app.policy.law.surcharge import surcharge
from tests.policy.law.rows import Row, rows, surcharge_text

ROWS = rows()


@pytest.mark.parametrize("row", ROWS, ids=str)
def test_the_law_says_what_the_table_says(row: Row) -> None:
    assert row.answer(assess(row.facts())) == row.expected()


@pytest.mark.parametrize("row", [row for row in ROWS if row.cells["now"]], ids=str)
def test_a_late_refund_costs_what_the_table_says(row: Row) -> None:
    facts = row.facts()
    view = assess(facts)
    due_at = view.due_at or facts.declared_at
    metered = surcharge(view.version, facts.right, row.amount, due_at, row.instant(row.cells["now"]), facts.country)
    assert surcharge_text(metered) == row.cells["surcharge"]


@pytest.mark.parametrize("row", [row for row in ROWS if row.cells["source"] != "none"], ids=str)
def test_the_answer_cites_the_source_of_the_row(row: Row) -> None:
    facts = row.facts()
    view = assess(facts)
    now = row.instant(row.cells["now"] or row.cells["declared"])
    metered = surcharge(view.version, facts.right, row.amount, view.due_at or now, now, facts.country)
    cited = {f"{cite.article} [{cite.confidence}]" for cite in (*view.cites, *metered.cites)}
    assert row.cells["source"] in cited


def test_every_pack_has_a_table_of_some_length() -> None:
    count = Counter(row.table for row in ROWS)
    assert all(count[table] >= 12 for table in ("eu", "fr", "uk", "il")), count
    assert all(count[table] >= 6 for table in ("us", "au", "elsewhere")), count
