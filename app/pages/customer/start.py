"""The first page: finds the order, by number and e-mail or by the store's signed link."""

from __future__ import annotations

import re
from typing import Annotated

from fastapi import APIRouter, Path, Query
from starlette.responses import Response

from app.api import client_of
from app.links import LinkInvalid
from app.pages.customer.lookup import OrderNotShown, draft_for, look_up, plain_number
from app.pages.customer.visit import AVisit, Visit, remember_draft
from app.pages.forms import CheckedForm, field
from app.pages.rate import TooManyAttempts
from app.pages.withdrawal.labels import function_labels
from app.requests.order_link import Named, named_by
from app.stores.base import StoreUnavailable

router = APIRouter(include_in_schema=False)

LONGEST_EMAIL = 320
_EMAIL = re.compile(r"[^@\s]+@[^@\s]+")
Token = Annotated[str, Path(max_length=1100)]


@router.get("/returns/{store}")
async def start(visit: AVisit, again: Annotated[str | None, Query(max_length=40)] = None) -> Response:
    """Asks for the order's number and e-mail; `again` says that a look-up was too long ago."""
    return _form(visit, "", "", [], again=again is not None)


@router.post("/returns/{store}")
async def find(visit: AVisit, form: CheckedForm) -> Response:
    """Looks the order up; the answer to a wrong number and to a wrong e-mail is the same."""
    number, email = plain_number(field(form, "number", 200)), field(form, "email", LONGEST_EMAIL)
    errors = []
    if not number:
        errors.append(("number", "number_missing"))
    if not _EMAIL.fullmatch(email):
        errors.append(("email", "email_missing"))
    if errors:
        return _form(visit, number, email, errors)
    try:
        draft = await look_up(visit.runtime, visit.key, number, email, client_of(visit.request))
    except OrderNotShown:
        return _form(visit, number, email, [("number", "not_found")])
    except StoreUnavailable:
        return _form(visit, number, email, [("number", "store_down")], 503)
    except TooManyAttempts as refusal:
        answer = _form(visit, number, email, [("number", "too_often")], 429)
        answer.headers["Retry-After"] = str(refusal.extra["retry_after"])
        return answer
    answer = visit.go("/lines")
    remember_draft(visit, answer, draft)
    return answer


def _form(
    visit: Visit, number: str, email: str, errors: list[tuple[str, str]], status: int = 422, *, again: bool = False
) -> Response:
    country = visit.runtime.settings.stores[visit.key].country or visit.reader.country
    return visit.show(
        "start", status=status if errors else 200, number=number, email=email, errors=errors, again=again,
        withdraw=function_labels(visit.reader.language, country).withdraw,
    )  # fmt: skip


@router.get("/returns/{store}/o/{token}")
async def from_store(visit: AVisit, token: Token) -> Response:
    """The store's link: a button leads on, because machines that open links must not begin anything."""
    _order_of(visit, token)
    return visit.show("arrived", token=token)


@router.post("/returns/{store}/o/{token}")
async def begin(visit: AVisit, token: Token, _form: CheckedForm) -> Response:
    """Begins a draft for the order of the link. Raises `LinkInvalid`, `LinkExpired`, `OrderNotShown`."""
    named = _order_of(visit, token)
    async with visit.runtime.work() as work:
        draft = await draft_for(work, named)
    answer = visit.go("/lines")
    remember_draft(visit, answer, draft)
    return answer


def _order_of(visit: Visit, token: str) -> Named:
    """What the link names. Raises `LinkInvalid`, also at another store's pages, or `LinkExpired`."""
    named = named_by(visit.runtime.settings, token, visit.runtime.clock.now())
    if named.store != visit.key:
        raise LinkInvalid("This link is for another store.")
    return named
