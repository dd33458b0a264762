"""Feedback: what customers say of their returns, one by one and by product and reason."""

from __future__ import annotations

from typing import Annotated

from fastapi import APIRouter, Query

from app.api import BadCursor, InWork, Page, Paging, Reader
from app.errors_http import refusals
from app.feedback import service as feedback
from app.feedback.schemas import FeedbackFilter, FeedbackOut, SummaryOut, SummedOut

router = APIRouter(prefix="/feedback", tags=["feedback"])


@router.get(
    "",
    summary="Lists customers' answers",
    description="Newest first: how satisfied a customer was with a return, from 1 to 5, and in what words.",
    responses=refusals(BadCursor),
)
async def list_feedback(
    _reader: Reader, work: InWork, paging: Paging, wanted: Annotated[FeedbackFilter, Query()]
) -> Page[FeedbackOut]:
    """One page of answers."""
    found = await feedback.search(work, wanted.conditions(), paging.after, paging.limit + 1)
    lines = await feedback.lines_of(work, found)
    return paging.page(found, [FeedbackOut.of(one, lines[one.request_id]) for one in found])


@router.get(
    "/summary",
    summary="Sums the answers up by product and reason",
    description="Products with most unhappy customers first. A request with several lines counts for each of them.",
    responses=refusals(),
)
async def summarise_feedback(
    _reader: Reader,
    work: InWork,
    wanted: Annotated[FeedbackFilter, Query()],
    limit: Annotated[int, Query(ge=1, le=200, description="Rows.")] = 50,
) -> SummaryOut:
    """The answers by product and reason."""
    found = await feedback.summary(work, wanted.conditions(), limit)
    return SummaryOut(items=[SummedOut.of(one) for one in found])
