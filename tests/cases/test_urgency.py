"""Cases that need attention come in the order of their dates, page by page, and each says why."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID, uuid4

import pytest
from httpx import AsyncClient
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from sqlalchemy import text, update

from app.cases import queries
from app.cases.attention import Situation, attention_why
from app.cases.models import Case
from app.cases.queries import Conditions
from app.cases.urgency import Mark
from app.runtime import Runtime
from tests.api.kit import V1
from tests.timers.kit import add_cases, case_in

DAY = datetime(2026, 12, 1, tzinfo=UTC)
# Few different dates, so that ties are the rule.
DATES = st.none() | st.integers(-3, 3).map(lambda days: DAY + timedelta(days=days))
STATES = st.sampled_from(["under_review", "contested", "authorizing", "resolved", "closed"])
ROWS = st.lists(st.tuples(DATES, DATES, STATES, st.booleans()), min_size=1, max_size=12)


def key(case: Case) -> tuple[datetime, datetime, UUID]:
    never = datetime.max.replace(tzinfo=UTC)
    settled = case.state in ("resolved", "closed")
    return (never if settled else case.legal_due_at or never, case.due_at or never, case.id)


@pytest.fixture
async def like(client: AsyncClient, runtime: Runtime) -> str:
    """A case to copy that itself needs nobody."""
    case = await case_in(client, runtime, "awaiting_shipment")
    assert case["needs_attention"] is False
    return str(case["id"])


async def lay_out(runtime: Runtime, like: str, rows: list[tuple[datetime | None, datetime | None, str, bool]]) -> None:
    async with runtime.work() as work:
        await work.session.execute(text("DELETE FROM cases WHERE reference LIKE 'MG-%-copy'"))
        for legal, due, state, needed in rows:
            columns = "request_id, order_pk, store, supplier, remedy, requires_rma, policy_version"
            await work.session.execute(
                text(
                    f"INSERT INTO cases (id, reference, state, legal_due_at, due_at, attention, {columns}) "
                    f"SELECT CAST(:id AS uuid), 'MG-' || CAST(:id AS text) || '-copy', :state, "
                    f"CAST(:legal AS timestamptz), CAST(:due AS timestamptz), CAST(:attention AS text[]), {columns} "
                    "FROM cases WHERE id = :like"
                ),
                {
                    "id": str(uuid4()), "state": state, "legal": legal, "due": due, "like": like,
                    "attention": [state] if needed else [],
                },
            )  # fmt: skip


async def pages(runtime: Runtime, size: int) -> list[Case]:
    """The whole list, read page by page."""
    found: list[Case] = []
    after: Mark | None = None
    while True:
        async with runtime.work() as work:
            part = await queries.most_urgent(work, Conditions(), after, size)
        found += part
        if len(part) < size:
            return found
        after = Mark.read(Mark.of(part[-1]).written())


@given(rows=ROWS, size=st.integers(1, 5))
@settings(max_examples=40, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
async def test_any_dates_in_any_page_size(rows: Any, size: int, like: str, runtime: Runtime) -> None:
    await lay_out(runtime, like, rows)
    found = await pages(runtime, size)
    assert [key(case) for case in found] == sorted(key(case) for case in found)
    assert len({case.id for case in found}) == len(found) == sum(needed for *_, needed in rows)


@given(DATES, DATES, st.uuids())
def test_a_mark_is_read_as_it_was_written(legal: datetime | None, due: datetime | None, case_id: UUID) -> None:
    mark = Mark(legal, due, case_id)
    assert Mark.read(mark.written()) == mark


@pytest.mark.parametrize(
    "cursor", ["", "x", "AAAA", "!" * 43, "A" * 43, "e946107e5a57406ba4f54e2bb2ad12cb", "/////////w==" + "A" * 31]
)
def test_a_cursor_of_another_making_is_no_mark(cursor: str) -> None:
    with pytest.raises(ValueError, match="not a mark"):
        Mark.read(cursor)


async def test_the_api_pages_through_the_most_urgent(client: AsyncClient, runtime: Runtime, like: str) -> None:
    await lay_out(
        runtime,
        like,
        [
            (None, None, "under_review", True),
            (DAY + timedelta(days=2), None, "under_review", True),
            (DAY, DAY, "contested", True),
            (DAY - timedelta(days=9), DAY, "resolved", True),
            (None, DAY + timedelta(days=1), "under_review", True),
            (DAY, None, "under_review", False),
        ],
    )
    seen, cursor = [], None
    while True:
        query = {"needs_attention": "true", "limit": "2", **({"cursor": cursor} if cursor else {})}
        answer = (await client.get(f"{V1}/cases", params=query)).json()
        seen += answer["items"]
        cursor = answer["next_cursor"]
        if cursor is None:
            break
    states = [one["state"] for one in seen]
    # A date that the law set for money that was paid is not urgent any more.
    assert states == ["contested", "under_review", "resolved", "under_review", "under_review"]
    assert all(len(one["attention_why"]) >= 1 for one in seen)
    assert "By law the refund is due on 2026-12-01" in seen[0]["attention_why"][-1]
    refused = await client.get(f"{V1}/cases", params={"needs_attention": "true", "cursor": "AAAA"})
    assert (refused.status_code, refused.json()["code"]) == (422, "bad_cursor")
    mark = Mark(DAY, None, uuid4()).written()
    refused = await client.get(f"{V1}/cases", params={"cursor": mark})
    assert (refused.status_code, refused.json()["code"]) == (422, "bad_cursor")


async def test_the_list_reads_its_index_and_sorts_nothing(client: AsyncClient, runtime: Runtime, like: str) -> None:
    async with runtime.work() as work:
        await add_cases(work, like, 5000)
        for after in (None, Mark(DAY, DAY, uuid4()), Mark(None, None, uuid4())):
            statement = queries.most_urgent_statement(Conditions(), after, 50)
            sql = str(statement.compile(work.session.get_bind(), compile_kwargs={"literal_binds": True}))
            lines = list(await work.session.scalars(text("EXPLAIN " + sql.replace(":", r"\:"))))
            assert any("ix_cases_attention" in line for line in lines), lines
            assert not any("Seq Scan" in line or "Sort" in line for line in lines), lines


async def test_each_reason_says_what_to_do(runtime: Runtime, like: str) -> None:
    words = [
        "under_review", "contested", "supplier_by_hand", "hold:fraud", "hold:chargeback", "claim_window:2026-12-03",
        "problem:credit_overdue", "problem:something_new", "legal_conflict:fraud", "legal:late", "legal:due_in_3_days",
        "legal:surcharge", "some_other_word",
    ]  # fmt: skip
    async with runtime.work() as work:
        await work.session.execute(update(Case).where(Case.id == UUID(like)).values(attention=words))
        case = await work.session.get_one(Case, UUID(like))
        told = attention_why(Situation(case, "Acme", DAY, []))
    assert len(told) == len(words)
    assert len(set(told)) == len(told)
    assert all(sentence[0].isupper() and sentence.endswith(".") and len(sentence) > 20 for sentence in told)
