"""The audit trail lets personal data be erased, and nothing else be changed."""

from __future__ import annotations

import psycopg
import pytest
from httpx import AsyncClient

from app.db.engine import libpq_url
from app.runtime import Runtime
from tests.api.kit import act, case_in

NOTE = "UPDATE case_events SET data = jsonb_set(data, '{text}', %s) WHERE type = 'note_added'"


async def _noted(client: AsyncClient, runtime: Runtime) -> None:
    case = await case_in(client, runtime, "in_transit", 1)
    await act(client, case, "note", text="call Ann", reason="she asked")


@pytest.mark.parametrize(
    "statement",
    [
        "UPDATE case_events SET actor = 'somebody'",
        "UPDATE case_events SET seq = seq + 100",
        "UPDATE case_events SET at = now()",
        "UPDATE case_events SET to_state = 'closed'",
        "UPDATE case_events SET data = '{}'",
        "UPDATE case_events SET data = data || '{\"lines\": {}}'",
        "UPDATE case_events SET data = makegood_redacted(data, 'operator:x') || '{\"route\": \"claim\"}'",
        "UPDATE case_events SET data = makegood_redacted(data, actor), actor = 'somebody'",
        "UPDATE case_events SET data = data - 'text'",
        "DELETE FROM case_events",
        "UPDATE ledger_entries SET amount = 0",
        "DELETE FROM ledger_entries",
    ],
)
async def test_every_other_change_is_refused(client: AsyncClient, runtime: Runtime, statement: str) -> None:
    await _noted(client, runtime)
    with psycopg.connect(libpq_url(runtime.database.url)) as connection:
        if "ledger_entries" in statement:
            connection.execute(
                "INSERT INTO ledger_entries (id, posting, case_id, account, amount, currency, exponent) "
                "SELECT gen_random_uuid(), 'p', id, 'refunds_paid', 1, 'EUR', 2 FROM cases LIMIT 1"
            )
        with pytest.raises(psycopg.errors.RaiseException, match="never changed or deleted"):
            connection.execute(statement)


async def test_another_text_is_refused_and_the_mark_is_taken(client: AsyncClient, runtime: Runtime) -> None:
    await _noted(client, runtime)
    with psycopg.connect(libpq_url(runtime.database.url), autocommit=True) as connection:
        with pytest.raises(psycopg.errors.RaiseException):
            connection.execute(NOTE, ['"call Bob"'])
        with pytest.raises(psycopg.errors.RaiseException):
            # Not even the mark, while other personal texts of the row stay.
            connection.execute(NOTE, ['"[redacted]"'])
        connection.execute("UPDATE case_events SET data = makegood_redacted(data, actor)")
        rows = connection.execute("SELECT type, actor, data FROM case_events ORDER BY seq").fetchall()
    by_type = {kind: data for kind, _, data in rows}
    assert by_type["note_added"] == {"text": "[redacted]", "reason": "[redacted]"}
    assert by_type["tracking_added"]["tracking_number"] == "[redacted]"
    # What the policy said is no personal data.
    assert "came within the window, which ends on" in by_type["approved"]["reason"]
