"""Messages: every mail as it was or would be sent."""

from __future__ import annotations

from typing import Annotated
from uuid import UUID

from fastapi import APIRouter, Query
from sqlalchemy import select
from starlette.responses import JSONResponse

from app.api import BadCursor, InRuntime, InWork, Operator, Page, Paging, Reader
from app.cases import queries as cases
from app.cases.models import Case
from app.db.idempotency import IdempotencyKeyReused
from app.db.work import Work
from app.errors import NotFound
from app.errors_http import RequestTooLarge, refusals
from app.messages import bounces
from app.messages.bounces import MailNotSent
from app.messages.models import Message
from app.messages.preview import preview
from app.messages.schemas import BouncedBody, MessageFilter, MessageOut, PreviewOut, PreviewWish
from app.once import InOnce

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
    "/preview",
    summary="Shows how a message would read",
    description=(
        "With made-up facts, in the language asked for and the store's own wording where it has some "
        "(`MAKEGOOD_WORDING_DIR`). Nothing is stored or sent."
    ),
    responses=refusals(NotFound),
)
async def preview_message(_reader: Reader, work: InWork, wanted: Annotated[PreviewWish, Query()]) -> PreviewOut:
    """A message with made-up facts."""
    if wanted.store not in work.settings.stores:
        raise NotFound(f"There is no store {wanted.store!r}.")
    shown = preview(work, wanted.store, wanted.kind, wanted.locale)
    told = shown.message
    return PreviewOut(
        kind=wanted.kind,
        language=told.language,
        subject=told.subject,
        text=told.text,
        html=told.html,
        own_wording=shown.own,
        fault=shown.fault,
    )


@router.post(
    "/{id}/bounced",
    summary="Says that a mail came back",
    description=(
        "For a mail that the server took and somebody sent back later. Its cases ask for attention, so that the reader "
        "is told another way. Saying it twice changes nothing."
    ),
    response_model=MessageOut,
    responses=refusals(NotFound, MailNotSent, IdempotencyKeyReused, RequestTooLarge),
)
async def message_bounced(
    _operator: Operator, runtime: InRuntime, once: InOnce, id: UUID, body: BouncedBody | None = None
) -> JSONResponse:
    """A mail came back."""
    told = body or BouncedBody()

    async def said(work: Work) -> MessageOut:
        message = await bounces.came_back(work, id, told.detail)
        return MessageOut.model_validate(message, from_attributes=True)

    return await once.carry_out(runtime, told, said)


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
