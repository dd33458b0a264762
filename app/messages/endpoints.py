"""Messages: every mail as it was or would be sent."""

from __future__ import annotations

from typing import Annotated
from uuid import UUID

from fastapi import APIRouter, Query
from sqlalchemy import select

from app.api import BadCursor, InWork, Page, Paging, Reader
from app.cases import queries as cases
from app.cases.models import Case
from app.errors import NotFound
from app.errors_http import refusals
from app.messages.models import Message
from app.messages.schemas import MessageFilter, MessageOut

router = APIRouter(prefix="/messages", tags=["messages"])


@router.get(
    "",
    summary="Lists messages",
    description="Newest first. A message about a whole request is found for each of its cases.",
    responses=refusals(BadCursor),
)
async def list_messages(
    _reader: Reader, work: InWork, paging: Paging, wanted: Annotated[MessageFilter, Query()]
) -> Page[MessageOut]:
    """One page of messages."""
    statement = select(Message).order_by(Message.id.desc()).limit(paging.limit + 1)
    if wanted.status is not None:
        statement = statement.where(Message.status == wanted.status)
    if paging.after is not None:
        statement = statement.where(Message.id < paging.after)
    if wanted.case is not None:
        case_id = await cases.find_id(work, wanted.case)
        case = await work.session.get(Case, case_id) if case_id else None
        if case is None:
            return Page(items=[])
        of_request = Message.case_id.is_(None) & (Message.request_id == case.request_id)
        statement = statement.where((Message.case_id == case.id) | of_request)
    rows = list(await work.session.scalars(statement))
    return paging.page(rows, [MessageOut.model_validate(row, from_attributes=True) for row in rows])


@router.get(
    "/{id}",
    summary="Shows a message",
    description="Subject, text and HTML, and what became of it.",
    responses=refusals(NotFound),
)
async def get_message(_reader: Reader, work: InWork, id: UUID) -> MessageOut:
    """The message by its id."""
    found = await work.session.get(Message, id)
    if found is None:
        raise NotFound(f"There is no message {id}.")
    return MessageOut.model_validate(found, from_attributes=True)
