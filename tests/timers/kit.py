"""Cases and timers by the thousand, straight into the database."""

from __future__ import annotations

from sqlalchemy import text

from app.db.work import Work
from tests.api.kit import case_in

__all__ = ["add_cases", "add_timers", "case_in"]


async def add_timers(work: Work, case_id: str, count: int) -> None:
    """`count` timers of a case: the even ones due in the last hours, the odd ones fired long ago or due much later."""
    await work.session.execute(
        text(
            "INSERT INTO timers (id, case_id, kind, step, due_at, fired_at) "
            "SELECT gen_random_uuid(), :case, 'reply', 'end', "
            "CASE WHEN n % 4 = 1 THEN now() + interval '30 days' ELSE now() - n * interval '0.1 second' END, "
            "CASE WHEN n % 4 = 3 THEN now() END FROM generate_series(0, :last) AS n"
        ),
        {"case": case_id, "last": count - 1},
    )
    await work.session.execute(text("ANALYZE timers"))


async def add_cases(work: Work, like: str, count: int) -> None:
    """`count` copies of a case without lines; one in ten needs attention, one in three of these has a legal date."""
    columns = "request_id, order_pk, store, supplier, remedy, requires_rma, policy_version"
    await work.session.execute(
        text(
            f"INSERT INTO cases (id, reference, state, attention, legal_due_at, due_at, {columns}) "
            "SELECT gen_random_uuid(), 'MG-' || n, 'under_review', "
            "CASE WHEN n % 10 = 0 THEN ARRAY['under_review'] ELSE ARRAY[]::text[] END, "
            "CASE WHEN n % 30 = 0 THEN now() + (n % 97) * interval '1 hour' END, "
            f"now() + (n % 89) * interval '1 hour', {columns} "
            "FROM cases, generate_series(1, :count) AS n WHERE cases.id = :like"
        ),
        {"like": like, "count": count},
    )
    await work.session.execute(text("ANALYZE cases"))
