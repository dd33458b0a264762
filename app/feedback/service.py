"""Takes customers' answers, and reads them by product and reason."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy import ColumnElement, Select, func, select
from sqlalchemy.dialects.postgresql import insert

from app.cases.models import Case, CaseLine
from app.db.base import new_id
from app.db.work import Work
from app.errors import Invalid
from app.feedback.models import BEST, WORST, Feedback
from app.requests.models import ReturnRequest

LONGEST_TEXT = 2000


class ScoreOutOfRange(Invalid):
    """The score is none of those that can be given."""

    code = "score_out_of_range"
    title = "The score must be from 1 to 5"


@dataclass(frozen=True, slots=True)
class Conditions:
    """What the answers of a list have in common; None does not matter. `at_most` is the highest score."""

    store: str | None = None
    at_most: int | None = None
    since: datetime | None = None
    sku: str | None = None
    reason: str | None = None


@dataclass(frozen=True, slots=True)
class Summed:
    """The answers about one product and reason: how many, their mean score, how many of them unhappy (1 or 2)."""

    sku: str | None
    title: str
    reason: str
    answers: int
    mean: float
    unhappy: int


async def add(work: Work, request: ReturnRequest, case: Case | None, score: int, text: str | None) -> None:
    """Keeps the one answer of a request, in place of an earlier one. `case` is the one whose page it was given on.

    Raises `ScoreOutOfRange`. The text is the customer's: it is cut at 2000 characters, and shown to nobody outside.
    """
    if not WORST <= score <= BEST:
        raise ScoreOutOfRange(f"A score is from {WORST} to {BEST}.")
    told = (text or "").replace("\x00", "").strip()[:LONGEST_TEXT] or None
    values = {"case_id": case.id if case else None, "score": score, "text": told, "updated_at": work.now}
    answer = insert(Feedback).values(
        id=new_id(), request_id=request.id, store=request.store, created_at=work.now, **values
    )
    await work.session.execute(answer.on_conflict_do_update(index_elements=["request_id"], set_=values))


async def of_request(work: Work, request_id: UUID) -> Feedback | None:
    """The answer of a request, read anew."""
    statement = select(Feedback).where(Feedback.request_id == request_id)
    return await work.session.scalar(statement.execution_options(populate_existing=True))


async def search(work: Work, wanted: Conditions, after: UUID | None, limit: int) -> list[Feedback]:
    """Answers, newest first."""
    statement = select(Feedback).where(*_conditions(wanted)).order_by(Feedback.id.desc()).limit(limit)
    if after is not None:
        statement = statement.where(Feedback.id < after)
    return list(await work.session.scalars(statement))


async def lines_of(work: Work, found: Sequence[Feedback]) -> dict[UUID, list[CaseLine]]:
    """The lines that each answer is about, by the request's id."""
    ids = [one.request_id for one in found]
    statement = select(Case.request_id, CaseLine).join(CaseLine, CaseLine.case_id == Case.id)
    told: dict[UUID, list[CaseLine]] = {request_id: [] for request_id in ids}
    rows = await work.session.execute(statement.where(Case.request_id.in_(ids)).order_by(Case.id, CaseLine.position))
    for request_id, line in rows:
        told[request_id].append(line)
    return told


async def summary(work: Work, wanted: Conditions, limit: int) -> list[Summed]:
    """The answers by product and reason, those with most unhappy customers first."""
    unhappy = func.count().filter(Feedback.score <= 2)
    statement: Select[Any] = (
        select(CaseLine.sku, func.max(CaseLine.title), CaseLine.reason, func.count(), func.avg(Feedback.score), unhappy)
        .join(Case, Case.request_id == Feedback.request_id)
        .join(CaseLine, CaseLine.case_id == Case.id)
        .where(*_conditions(wanted))
        .group_by(func.coalesce(CaseLine.sku, CaseLine.title), CaseLine.sku, CaseLine.reason)
        .order_by(unhappy.desc(), func.count().desc(), func.max(CaseLine.title), CaseLine.reason)
        .limit(limit)
    )
    if wanted.sku is not None:
        statement = statement.where(CaseLine.sku == wanted.sku)
    if wanted.reason is not None:
        statement = statement.where(CaseLine.reason == wanted.reason)
    rows = await work.session.execute(statement)
    return [Summed(sku, title, reason, count, float(mean), bad) for sku, title, reason, count, mean, bad in rows]


def _conditions(wanted: Conditions) -> list[ColumnElement[bool]]:
    found: list[ColumnElement[bool]] = []
    if wanted.store is not None:
        found.append(Feedback.store == wanted.store)
    if wanted.at_most is not None:
        found.append(Feedback.score <= wanted.at_most)
    if wanted.since is not None:
        found.append(Feedback.updated_at >= wanted.since)
    about = select(Case.request_id).join(CaseLine, CaseLine.case_id == Case.id)
    if wanted.sku is not None:
        found.append(Feedback.request_id.in_(about.where(CaseLine.sku == wanted.sku)))
    if wanted.reason is not None:
        found.append(Feedback.request_id.in_(about.where(CaseLine.reason == wanted.reason)))
    return found
