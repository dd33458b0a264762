"""Evidence of a case: photos, links and answers, added on behalf of the customer."""

from __future__ import annotations

import asyncio
from typing import Annotated, Any
from uuid import UUID

from fastapi import APIRouter, Request
from fastapi.exceptions import RequestValidationError
from pydantic import Field, ValidationError, model_validator
from starlette.datastructures import UploadFile
from starlette.exceptions import HTTPException
from starlette.responses import JSONResponse, Response

from app.api import BadCursor, InRuntime, InWork, Operator, Page, Paging, Reader
from app.cases import evidence, queries
from app.cases.actions import Target
from app.cases.photos import CONTENT_TYPE, MOST_PHOTO_BYTES, Photo, PhotoNotReadable, PhotoTooLarge, clean
from app.cases.refunding import lock_both
from app.cases.schemas import CaseName, EvidenceOut
from app.cases.states import TransitionNotAllowed
from app.db.idempotency import IdempotencyKeyReused
from app.db.work import Work
from app.errors import AppError, NotFound
from app.errors_http import InvalidRequest, RequestTooLarge, refusals
from app.once import InOnce
from app.wire import Body, Sentence

router = APIRouter(prefix="/cases", tags=["evidence"])

_MOST = 10


class MediaTypeNotSupported(AppError):
    """Neither JSON nor multipart."""

    status = 415
    code = "unsupported_media_type"
    title = "Unsupported media type"


Links = Annotated[list[Annotated[str, Field(pattern=r"^https://[^\s]+$", max_length=2000)]], Field(max_length=_MOST)]
Answers = Annotated[list[Sentence], Field(max_length=_MOST)]


class EvidenceBody(Body):
    """Links to photos, and answers to questions; at least one of them, or a photo beside them."""

    links: Links = Field(default=[], examples=[["https://photos.example/lamp.jpg"]])
    answers: Answers = Field(default=[], examples=[["It broke on the second day."]])

    @model_validator(mode="after")
    def _something(self) -> EvidenceBody:
        if not self.links and not self.answers:
            raise ValueError("give at least one photo, link or answer")
        return self


class _WithPhotos(Body):
    """What a form holds; photos by their digest, so that a repeat is recognised."""

    links: Links = []
    answers: Answers = []
    photos: list[str] = []


def _multipart_schema() -> dict[str, Any]:
    texts = {"type": "array", "items": {"type": "string"}, "maxItems": _MOST}
    photos = {"type": "array", "items": {"type": "string", "contentMediaType": "application/octet-stream"}}
    return {"type": "object", "properties": {"photos": photos, "links": texts, "answers": texts}}


@router.post(
    "/{case}/evidence",
    status_code=201,
    summary="Adds evidence to a case",
    description=(
        "Links (`https` only) and answers, as JSON or as fields of a form, and up to 10 photos (JPEG, PNG, WebP) as "
        "files of a form; answers with all evidence of the case. Photos are decoded and kept without metadata. The "
        "same link, answer or photo again changes nothing."
    ),
    responses=refusals(
        NotFound,
        TransitionNotAllowed,
        IdempotencyKeyReused,
        PhotoNotReadable,
        PhotoTooLarge,
        MediaTypeNotSupported,
        RequestTooLarge,
    ),
    response_model=Page[EvidenceOut],
    openapi_extra={
        "requestBody": {
            "required": True,
            "content": {
                "application/json": {"schema": EvidenceBody.model_json_schema()},
                "multipart/form-data": {
                    "schema": _multipart_schema(),
                    "example": {"answers": ["It broke on the second day."]},
                },
            },
        }
    },
)
async def add_evidence(
    case: CaseName, operator: Operator, runtime: InRuntime, once: InOnce, request: Request
) -> JSONResponse:
    """Adds photos, links and answers."""
    body, photos = await _read(request)

    async def added(work: Work) -> Page[EvidenceOut]:
        order, locked = await lock_both(work, await queries.required_id(work, case))
        await evidence.add(Target(work, order, locked, f"operator:{operator}"), body.links, body.answers, photos)
        rows = await queries.evidence(work, locked.id, None, 200)
        return Page[EvidenceOut](items=[EvidenceOut.model_validate(row, from_attributes=True) for row in rows])

    return await once.carry_out(runtime, body, added, 201)


@router.get(
    "/{case}/evidence",
    summary="Lists a case's evidence",
    description="Newest first.",
    responses=refusals(NotFound, BadCursor),
)
async def list_evidence(_reader: Reader, work: InWork, case: CaseName, paging: Paging) -> Page[EvidenceOut]:
    """One page of evidence."""
    case_id = await queries.required_id(work, case)
    rows = await queries.evidence(work, case_id, paging.after, paging.limit + 1)
    return paging.page(rows, [EvidenceOut.model_validate(row, from_attributes=True) for row in rows])


@router.get(
    "/{case}/evidence/{evidence}",
    summary="Shows a photo",
    description="The picture itself, to be saved; links and answers are in the list.",
    response_class=Response,
    responses={
        **refusals(NotFound),
        200: {"description": "The picture.", "content": {CONTENT_TYPE: {"schema": {"type": "string"}}}},
    },
)
async def get_photo(_reader: Reader, work: InWork, case: CaseName, evidence: UUID) -> Response:
    """The photo of a case, as it is kept."""
    case_id = await queries.required_id(work, case)
    content = await queries.photo(work, case_id, evidence)
    if content is None:
        raise NotFound(f"The case has no photo {evidence}.")
    headers = {"X-Content-Type-Options": "nosniff", "Content-Disposition": f'attachment; filename="{evidence}.jpg"'}
    return Response(content, media_type=CONTENT_TYPE, headers=headers)


async def _read(request: Request) -> tuple[EvidenceBody | _WithPhotos, list[Photo]]:
    kind = request.headers.get("content-type", "").partition(";")[0].strip().lower()
    try:
        if kind in ("multipart/form-data", "application/x-www-form-urlencoded"):
            texts, photos = await _form(request)
            if not photos:
                return EvidenceBody.model_validate(texts), []
            return _WithPhotos.model_validate({**texts, "photos": [photo.digest for photo in photos]}), photos
        if kind == "application/json":
            return EvidenceBody.model_validate_json(await request.body()), []
    except ValidationError as error:
        raise RequestValidationError([{**one, "loc": ("body", *one["loc"])} for one in error.errors()]) from None
    raise MediaTypeNotSupported("Send application/json, or multipart/form-data.")


async def _form(request: Request) -> tuple[dict[str, list[str]], list[Photo]]:
    """The texts of a form by name, and its files as photos. Raises `PhotoNotReadable` or `PhotoTooLarge`."""
    try:
        form = await request.form(max_files=_MOST, max_fields=10 * _MOST)
    except HTTPException as error:
        if error.status_code == RequestTooLarge.status:
            raise
        raise InvalidRequest("The form cannot be read.") from None
    texts: dict[str, list[str]] = {}
    photos = []
    try:
        for name, value in form.multi_items():
            if isinstance(value, UploadFile):
                raw = await value.read(MOST_PHOTO_BYTES + 1)
                # Decoding takes a while; other requests go on meanwhile.
                photos.append(await asyncio.to_thread(clean, raw))
            else:
                texts.setdefault(name, []).append(value)
    finally:
        await form.close()
    return texts, photos
