"""Cases: lists, one case, its audit trail."""

from __future__ import annotations

from typing import Annotated

from fastapi import APIRouter, Query

from app.api import BadCursor, InWork, Page, Paging, Reader
from app.cases import queries
from app.cases.answers import case_out, titles_of
from app.cases.models import Case
from app.cases.queries import Conditions
from app.cases.schemas import CaseFilter, CaseName, CaseOut, EventOut
from app.errors import NotFound
from app.errors_http import refusals
from app.policy import store as policies
from app.policy.schemas import DecisionOut, Language, decision_out

router = APIRouter(prefix="/cases", tags=["cases"])


@router.get(
    "",
    summary="Lists cases",
    description="Newest first. Conditions are joined by and; without any, every case is listed.",
    responses=refusals(BadCursor),
)
async def list_cases(
    _reader: Reader, work: InWork, paging: Paging, wanted: Annotated[CaseFilter, Query()]
) -> Page[CaseOut]:
    """One page of cases."""
    conditions = Conditions(**wanted.model_dump())
    found = await queries.search(work, conditions, paging.after, paging.limit + 1)
    shown = [case_out(facts) for facts in await queries.facts(work, found[: paging.limit])]
    return paging.page(found, shown)


@router.get(
    "/{case}",
    summary="Shows a case",
    description=(
        "Everything that is known of a case: where it stands, what it waits for and until when, what can be done now "
        "(`allowed_actions`), the goods, the parcels, the refunds and what the supplier owes."
    ),
    responses=refusals(NotFound),
)
async def get_case(_reader: Reader, work: InWork, case: CaseName) -> CaseOut:
    """The case by its id or reference."""
    found = await work.session.get_one(Case, await queries.required_id(work, case))
    return case_out((await queries.facts(work, [found]))[0])


@router.get(
    "/{case}/events",
    summary="Shows a case's audit trail",
    description="Every event that the case has seen, oldest first. The trail is only ever added to.",
    responses=refusals(NotFound),
)
async def list_events(
    _reader: Reader,
    work: InWork,
    case: CaseName,
    limit: Annotated[int, Query(ge=1, le=200, description="Items on a page.")] = 50,
    cursor: Annotated[
        str | None, Query(pattern=r"^[0-9]{1,9}$", description="`next_cursor` of the page before.", examples=["50"])
    ] = None,
) -> Page[EventOut]:
    """One page of the trail."""
    case_id = await queries.required_id(work, case)
    rows = await queries.events(work, case_id, int(cursor or 0), limit + 1)
    items = [EventOut.model_validate(row, from_attributes=True) for row in rows[:limit]]
    return Page(items=items, next_cursor=str(items[-1].seq) if len(rows) > limit else None)


@router.get(
    "/{case}/decisions",
    summary="Shows what the policy decided, and why",
    description=(
        "Every decision of the policy about a case, oldest first: what it looked at, which rules held, the arithmetic, "
        "what the law said and changed, and all of it in plain words. A case stays with the policy and law versions "
        "that it was opened with; only one that is opened again takes the newest."
    ),
    responses=refusals(NotFound),
)
async def list_decisions(
    _reader: Reader,
    work: InWork,
    case: CaseName,
    language: Annotated[Language, Query(description="Of the words.", examples=["fr"])] = "en",
    limit: Annotated[int, Query(ge=1, le=200, description="Items on a page.")] = 50,
    cursor: Annotated[
        str | None, Query(pattern=r"^[0-9]{1,9}$", description="`next_cursor` of the page before.", examples=["50"])
    ] = None,
) -> Page[DecisionOut]:
    """One page of decisions."""
    found = await work.session.get_one(Case, await queries.required_id(work, case))
    rows = await policies.decisions(work, found.id, int(cursor or 0), limit + 1)
    items = [decision_out(row, file, titles_of(found), language) for row, file in rows[:limit]]
    return Page(items=items, next_cursor=str(items[-1].seq) if len(rows) > limit else None)
