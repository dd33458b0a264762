"""The pages of suppliers: `/supplier/{token}`. Looking changes nothing, whoever looks; each form is taken once."""

from __future__ import annotations

import re
from typing import Annotated
from uuid import UUID

from fastapi import APIRouter, Path, Request
from sqlalchemy import select
from starlette.datastructures import FormData
from starlette.responses import RedirectResponse, Response

from app.api import InRuntime, InWork
from app.cases.models import Case
from app.cases.refunding import lock_both
from app.db import idempotency
from app.db.work import Work
from app.errors import NotFound
from app.evidence import keeping
from app.evidence.forms import decoded, files_in
from app.evidence.pictures import PhotoNotReadable, PhotoTooLarge, Picture
from app.links import path
from app.orders.models import Order
from app.pages.forms import CheckedForm, FormNotReadable, field
from app.pages.rate import allow
from app.pages.render import brand_of
from app.pages.shell import personal_page, reader_for
from app.pages.supplier import answers, sight
from app.pages.supplier.answers import Wrong
from app.pages.supplier.offers import Do
from app.pages.supplier.taking import DONE, take
from app.runtime import Runtime
from app.settings_supplier import SupplierSettings
from app.suppliers import links
from app.suppliers.links import Reach

router = APIRouter(include_in_schema=False)

Token = Annotated[str, Path(max_length=1024)]
Reference = Annotated[str, Path(max_length=40)]
# Forms of one link, in ten minutes: far more than a person fills in, and an end to a machine's.
_MOST_FORMS, _WITHIN = 60, 600
_ONCE = re.compile(r"[A-Za-z0-9_-]{16,64}", re.ASCII)
# Texts are cut again where each is read; no field of ours is longer.
_MOST = 4000


@router.get("/supplier/{token}")
async def show(request: Request, work: InWork, token: Token) -> Response:
    """The case of a link, or the list of all that is open with a supplier."""
    reach = await links.read(work, token)
    if reach.supplier is not None:
        return await _list(request, work, reach.supplier, token)
    return await _page(request, work, await _named(work, reach, None), token, listed=False)


@router.get("/supplier/{token}/{reference}")
async def show_one(request: Request, work: InWork, token: Token, reference: Reference) -> Response:
    """A case of the list."""
    reach = await links.read(work, token)
    return await _page(request, work, await _named(work, reach, reference), token, listed=True)


@router.post("/supplier/{token}")
async def answer(request: Request, runtime: InRuntime, token: Token, form: CheckedForm) -> Response:
    """What the supplier says on the page of its case."""
    return await _answer(request, runtime, form, token, None)


@router.post("/supplier/{token}/{reference}")
async def answer_one(
    request: Request, runtime: InRuntime, token: Token, reference: Reference, form: CheckedForm
) -> Response:
    """What the supplier says about a case of its list."""
    return await _answer(request, runtime, form, token, reference)


async def _named(work: Work, reach: Reach, reference: str | None) -> UUID:
    """The case that is meant. A link to one case leads to no other. Raises `NotFound`."""
    if (reach.supplier is None) != (reference is None):
        raise NotFound("There is no such page.")
    meant = Case.id == reach.case_id if reach.case_id else Case.reference == (reference or "").upper()
    case = await work.session.scalar(select(Case).where(meant))
    if case is None or case.supplier not in work.settings.suppliers:
        raise NotFound("There is no such case.")
    if reach.supplier is not None and case.supplier != reach.supplier:
        raise NotFound("There is no such case.")
    return case.id


def _terms(work: Work, case: Case) -> SupplierSettings:
    return work.settings.suppliers[case.supplier or ""]


async def _list(request: Request, work: Work, supplier: str, token: str) -> Response:
    terms = work.settings.suppliers.get(supplier)
    if terms is None:
        raise NotFound("There is no such page.")
    found = await sight.open_cases(work, supplier)
    base = path(work.settings, f"/supplier/{token}")
    reader = reader_for(request, terms.locale)
    named = terms.name or supplier
    return personal_page(request, "supplier/list.html", reader, supplier_name=named, cases=found, base=base)


async def _page(
    request: Request, work: Work, case_id: UUID, token: str, *, listed: bool, status: int = 200, **more: object
) -> Response:
    case = await work.session.get_one(Case, case_id)
    order = await work.session.get_one(Order, case.order_pk)
    terms = _terms(work, case)
    given = {"done": done if (done := request.query_params.get("done", "")) in DONE else "", **more}
    values = await sight.values_of(work, order, case, terms, **given)  # type: ignore[arg-type]
    brand = brand_of(work.settings, case.store) if case.store in work.settings.stores else None
    back = path(work.settings, f"/supplier/{token}") if listed else None
    reader = reader_for(request, terms.locale)
    return personal_page(request, "supplier/case.html", reader, brand=brand, status=status, back=back, **values)


async def _answer(request: Request, runtime: Runtime, form: FormData, token: str, reference: str | None) -> Response:
    do, once = _wish(form)
    async with runtime.work() as work:
        reach = await links.read(work, token)
        await allow(work, "supplier", reach.scope, _MOST_FORMS, _WITHIN)
    texts = {name: field(form, name, _MOST) for name in form}
    pictures, unreadable = await _pictures(form)
    # Kept before the transaction: a bucket is not called inside one. What no case takes is swept away.
    photos = [] if unreadable else await keeping.keep(runtime, pictures)

    async def carried_out(work: Work) -> Response:
        reach = await links.read(work, token)
        order, case = await lock_both(work, await _named(work, reach, reference))
        sheet = sight.sheet_of(work, order, case, texts)
        said = answers.read(do, sheet)
        sheet.wrong.update(dict.fromkeys(unreadable, Wrong.PHOTO))
        if sheet.wrong:
            again = {"filled": texts, "wrong": sheet.wrong, "sent": do}
            return await _page(request, work, case.id, token, listed=reference is not None, status=422, **again)
        caller = f"supplier page {case.id}"
        known = await idempotency.claim(work, caller, once, _said(texts, pictures))
        done = known["done"] if known else await take(work, order, case, do, said, sheet, photos)
        if known is None:
            await idempotency.remember(work, caller, once, {"done": done})
        there = f"/supplier/{token}/{reference}" if reference else f"/supplier/{token}"
        return RedirectResponse(f"{path(work.settings, there)}?done={done}", 303)

    return await runtime.carry_out(carried_out)


def _wish(form: FormData) -> tuple[Do, str]:
    once = field(form, "once", 80)
    try:
        do = Do(field(form, "do", 20))
    except ValueError:
        raise FormNotReadable("The form does not say what is wanted.") from None
    if not _ONCE.fullmatch(once):
        raise FormNotReadable("The form has no number of its own.")
    return do, once


async def _pictures(form: FormData) -> tuple[list[Picture], list[str]]:
    """The photos of a form, and the fields with a file that is none."""
    found, unreadable = [], []
    async for name, raw in files_in(form):
        try:
            found.append(await decoded(raw))
        except (PhotoNotReadable, PhotoTooLarge):
            unreadable.append(name)
    return found, unreadable


def _said(texts: dict[str, str], pictures: list[Picture]) -> str:
    """What tells one form from another; what only proves where it comes from does not."""
    told = {name: text for name, text in texts.items() if name not in ("csrf", "once")}
    return repr((sorted(told.items()), [picture.digest for picture in pictures]))
