"""Evidence of a case: links and answers, added on behalf of the customer."""

from __future__ import annotations

from typing import Annotated, Any

from fastapi import APIRouter, Request
from fastapi.exceptions import RequestValidationError
from pydantic import Field, ValidationError, model_validator
from starlette.datastructures import UploadFile
from starlette.exceptions import HTTPException
from starlette.responses import JSONResponse

from app.api import BadCursor, InWork, Operator, Page, Paging, Reader
from app.cases import evidence, queries
from app.cases.actions import Target
from app.cases.refunding import lock_both
from app.cases.schemas import CaseName, EvidenceOut
from app.cases.states import TransitionNotAllowed
from app.db.idempotency import IdempotencyKeyReused
from app.errors import AppError, NotFound
from app.errors_http import InvalidRequest, RequestTooLarge, refusals
from app.once import InOnce
from app.wire import Body, Sentence

router = APIRouter(prefix="/cases", tags=["evidence"])

_MOST = 10


class PhotosNotSupported(AppError):
    """A photo is stored only after it was decoded and written anew, which this version cannot do."""

    status = 415
    code = "photos_not_supported"
    title = "Photos cannot be uploaded"


class MediaTypeNotSupported(AppError):
    """Neither JSON nor multipart."""

    status = 415
    code = "unsupported_media_type"
    title = "Unsupported media type"


class EvidenceBody(Body):
    """Links to photos, and answers to questions; at least one of them."""

    links: list[Annotated[str, Field(pattern=r"^https://[^\s]+$", max_length=2000)]] = Field(
        default=[], max_length=_MOST, examples=[["https://photos.example/lamp.jpg"]]
    )
    answers: list[Sentence] = Field(default=[], max_length=_MOST, examples=[["It broke on the second day."]])

    @model_validator(mode="after")
    def _something(self) -> EvidenceBody:
        if not self.links and not self.answers:
            raise ValueError("give at least one link or answer")
        return self


def _multipart_schema() -> dict[str, Any]:
    texts = {"type": "array", "items": {"type": "string"}, "maxItems": _MOST}
    photos = {"type": "array", "items": {"type": "string", "contentMediaType": "application/octet-stream"}}
    return {"type": "object", "properties": {"photos": photos, "links": texts, "answers": texts}}


@router.post(
    "/{case}/evidence",
    status_code=201,
    summary="Adds evidence to a case",
    description=(
        "Links (`https` only) and answers, as JSON or as fields of a form; answers with all evidence of the case. The "
        "same link or answer again changes nothing. Photos as files are refused for now (`photos_not_supported`): "
        "give links to them."
    ),
    responses=refusals(
        NotFound, TransitionNotAllowed, IdempotencyKeyReused, PhotosNotSupported, MediaTypeNotSupported, RequestTooLarge
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
    case: CaseName, operator: Operator, work: InWork, once: InOnce, request: Request
) -> JSONResponse:
    """Adds links and answers."""
    body = await _read(request)
    replayed = await once.replay(work, body)
    if replayed is not None:
        return replayed
    order, locked = await lock_both(work, await queries.required_id(work, case))
    await evidence.add(Target(work, order, locked, f"operator:{operator}"), body.links, body.answers)
    rows = await queries.evidence(work, locked.id, None, 200)
    shown = [EvidenceOut.model_validate(row, from_attributes=True) for row in rows]
    return await once.answer(work, Page[EvidenceOut](items=shown), 201)


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


async def _read(request: Request) -> EvidenceBody:
    kind = request.headers.get("content-type", "").partition(";")[0].strip().lower()
    try:
        if kind in ("multipart/form-data", "application/x-www-form-urlencoded"):
            return EvidenceBody.model_validate(await _form(request))
        if kind == "application/json":
            return EvidenceBody.model_validate_json(await request.body())
    except ValidationError as error:
        raise RequestValidationError([{**one, "loc": ("body", *one["loc"])} for one in error.errors()]) from None
    raise MediaTypeNotSupported("Send application/json, or multipart/form-data.")


async def _form(request: Request) -> dict[str, list[str]]:
    """The texts of a form by name. Raises `PhotosNotSupported` for a file, also for one too large to be read."""
    refused = PhotosNotSupported("Photos cannot be uploaded in this version; add links to them, or answers in words.")
    try:
        form = await request.form(max_files=_MOST, max_fields=10 * _MOST)
    except HTTPException as error:
        if error.status_code == RequestTooLarge.status:
            raise refused from None
        raise InvalidRequest("The form cannot be read.") from None
    found: dict[str, list[str]] = {}
    for name, value in form.multi_items():
        if isinstance(value, UploadFile):
            await form.close()
            raise refused
        found.setdefault(name, []).append(value)
    return found
