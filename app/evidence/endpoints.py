"""Evidence of a case: photos, links and answers, added on behalf of the customer."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Annotated, Any
from uuid import UUID

from fastapi import APIRouter, Request
from fastapi.exceptions import RequestValidationError
from pydantic import Field, ValidationError, model_validator
from starlette.exceptions import HTTPException
from starlette.responses import JSONResponse, Response

from app.api import BadCursor, InRuntime, InWork, Operator, Page, Paging, Reader
from app.cases import queries
from app.cases.actions import Target
from app.cases.models import Evidence
from app.cases.refunding import lock_both
from app.cases.schemas import CaseName, EvidenceOut
from app.cases.states import TransitionNotAllowed
from app.db.idempotency import IdempotencyKeyReused
from app.db.work import Work
from app.errors import AppError, NotFound
from app.errors_http import InvalidRequest, RequestTooLarge, refusals
from app.evidence import service
from app.evidence.bucket import BucketUnavailable
from app.evidence.forms import MOST_PHOTOS, pictures_in, texts_in
from app.evidence.keeping import content_of, keep
from app.evidence.links import photo_url, thumbnail_url
from app.evidence.pictures import CONTENT_TYPE, PhotoNotReadable, PhotoTooLarge, Picture
from app.once import InOnce
from app.wire import Body, Sentence

router = APIRouter(prefix="/cases", tags=["evidence"])


class MediaTypeNotSupported(AppError):
    """Neither JSON nor multipart."""

    status = 415
    code = "unsupported_media_type"
    title = "Unsupported media type"


Links = Annotated[
    list[Annotated[str, Field(pattern=r"^https://[^\s]+$", max_length=2000)]], Field(max_length=MOST_PHOTOS)
]
Answers = Annotated[list[Sentence], Field(max_length=MOST_PHOTOS)]


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
    texts = {"type": "array", "items": {"type": "string"}, "maxItems": MOST_PHOTOS}
    photos = {"type": "array", "items": {"type": "string", "contentMediaType": "application/octet-stream"}}
    return {"type": "object", "properties": {"photos": photos, "links": texts, "answers": texts}}


@router.post(
    "/{case}/evidence",
    status_code=201,
    summary="Adds evidence to a case",
    description=(
        "Links (`https` only) and answers, as JSON or as fields of a form, and up to 10 photos (JPEG, PNG, WebP, HEIC) "
        "as files of a form; answers with all evidence of the case. Photos are decoded and kept without metadata. The "
        "same link, answer or photo again changes nothing. A photo that was shown in another request before has a "
        "person look at the case (`problem:photo_reused`)."
    ),
    responses=refusals(
        NotFound,
        TransitionNotAllowed,
        IdempotencyKeyReused,
        PhotoNotReadable,
        PhotoTooLarge,
        MediaTypeNotSupported,
        RequestTooLarge,
        BucketUnavailable,
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
    body, pictures = await _read(request)
    photos = await keep(runtime, pictures) if pictures else []

    async def added(work: Work) -> Page[EvidenceOut]:
        order, locked = await lock_both(work, await queries.required_id(work, case))
        await service.add(Target(work, order, locked, f"operator:{operator}"), body.links, body.answers, photos)
        rows = await queries.evidence(work, locked.id, None, 200)
        return Page[EvidenceOut](items=[_shown(work, row) for row in rows])

    return await once.carry_out(runtime, body, added, 201)


@router.get(
    "/{case}/evidence",
    summary="Lists a case's evidence",
    description="Newest first. A photo is seen at `url`, for some days and without a token.",
    responses=refusals(NotFound, BadCursor),
)
async def list_evidence(_reader: Reader, work: InWork, case: CaseName, paging: Paging) -> Page[EvidenceOut]:
    """One page of evidence."""
    case_id = await queries.required_id(work, case)
    rows = await queries.evidence(work, case_id, paging.after, paging.limit + 1)
    return paging.page(rows, [_shown(work, row) for row in rows])


def _shown(work: Work, row: Evidence) -> EvidenceOut:
    out = EvidenceOut.model_validate(row, from_attributes=True)
    if row.photo_id is not None:
        out.url = photo_url(work.settings, row.photo_id, work.now)
        out.thumbnail_url = thumbnail_url(work.settings, row.photo_id, work.now)
    return out


@router.get(
    "/{case}/evidence/{evidence}",
    summary="Shows a photo",
    description="The picture itself, to be saved; links and answers are in the list.",
    response_class=Response,
    responses={
        **refusals(NotFound, BucketUnavailable),
        200: {"description": "The picture.", "content": {CONTENT_TYPE: {"schema": {"type": "string"}}}},
    },
)
async def get_photo(_reader: Reader, runtime: InRuntime, case: CaseName, evidence: UUID) -> Response:
    """The photo of a case, as it is kept."""
    async with runtime.work() as work:
        photo_id = await queries.photo(work, await queries.required_id(work, case), evidence)
    content = await content_of(runtime, photo_id) if photo_id else None
    if content is None:
        raise NotFound(f"The case has no photo {evidence}.")
    headers = {"X-Content-Type-Options": "nosniff", "Content-Disposition": f'attachment; filename="{evidence}.jpg"'}
    return Response(content, media_type=CONTENT_TYPE, headers=headers)


async def _read(request: Request) -> tuple[EvidenceBody | _WithPhotos, Sequence[Picture]]:
    kind = request.headers.get("content-type", "").partition(";")[0].strip().lower()
    try:
        if kind in ("multipart/form-data", "application/x-www-form-urlencoded"):
            texts, pictures = await _form(request)
            if not pictures:
                return EvidenceBody.model_validate(texts), ()
            digests = [picture.digest for picture in pictures]
            return _WithPhotos.model_validate({**texts, "photos": digests}), pictures
        if kind == "application/json":
            return EvidenceBody.model_validate_json(await request.body()), ()
    except ValidationError as error:
        raise RequestValidationError([{**one, "loc": ("body", *one["loc"])} for one in error.errors()]) from None
    raise MediaTypeNotSupported("Send application/json, or multipart/form-data.")


async def _form(request: Request) -> tuple[dict[str, list[str]], Sequence[Picture]]:
    """The texts of a form by name, and its photos. Raises `PhotoNotReadable` or `PhotoTooLarge`."""
    try:
        form = await request.form(max_files=MOST_PHOTOS, max_fields=10 * MOST_PHOTOS)
    except HTTPException as error:
        if error.status_code == RequestTooLarge.status:
            raise
        raise InvalidRequest("The form cannot be read.") from None
    try:
        return texts_in(form), await pictures_in(form)
    finally:
        await form.close()
