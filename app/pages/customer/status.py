"""The page that follows one request, its receipt, and the guide for sending goods back. They show; nothing changes."""

from __future__ import annotations

from typing import Annotated

import segno
from fastapi import APIRouter, Path, Query
from markupsafe import Markup
from starlette.responses import Response

from app import links
from app.cases.vocabulary import State
from app.db.work import Work
from app.errors import NotFound
from app.links import LinkPurpose
from app.orders.models import Order
from app.pages.customer import look
from app.pages.customer.standing import Standing, standings
from app.pages.customer.start import Token
from app.pages.customer.visit import AVisit, Visit, request_of
from app.requests.models import ReturnRequest

router = APIRouter(include_in_schema=False)

Reference = Annotated[str, Path(max_length=40)]
# What was just done, said once above the page.
_DONE = frozenset({"tracking", "evidence", "change", "cancel", "appeal", "remedy"})
_RATED = frozenset({State.RESOLVED, State.CLOSED, State.REJECTED, State.CANCELLED, State.SUPERSEDED})
_SURVEY_DAYS = 7


@router.get("/returns/{store}/r/{token}")
async def status(visit: AVisit, token: Token, done: Annotated[str | None, Query(max_length=40)] = None) -> Response:
    """Where each case of the request stands, what happens next and by when."""
    async with visit.runtime.work() as work:
        request = await request_of(visit, work, token)
        return await status_page(visit, work, token, request, done=done if done in _DONE else None)


async def status_page(
    visit: Visit,
    work: Work,
    token: str,
    request: ReturnRequest,
    *,
    done: str | None = None,
    errors: list[tuple[str, str]] | None = None,
    told: dict[str, str] | None = None,
) -> Response:
    """The page, also with what is wrong with one of its forms; `told` is what was entered there."""
    order = await work.session.get_one(Order, request.order_pk)
    found = await standings(work, request)
    return visit.of(order).show(
        "status", status=422 if errors else 200, errors=errors or [], told=told or {}, order=order, asked=request,
        standings=found, here=visit.at(f"/r/{token}"), done=done, survey=_survey(visit, request, found),
    )  # fmt: skip


def _survey(visit: Visit, request: ReturnRequest, found: list[Standing]) -> str | None:
    """Where the handling can be rated, as soon as something of the request has come to its end."""
    if not any(one.state in _RATED for one in found):
        return None
    runtime = visit.runtime
    now = runtime.clock.now()
    token = links.sign(runtime.settings, LinkPurpose.SURVEY, str(request.id), now, days=_SURVEY_DAYS)
    return visit.at(f"/survey/{token}")


@router.get("/returns/{store}/r/{token}/receipt")
async def receipt(visit: AVisit, token: Token) -> Response:
    """What was declared, and when: to be kept."""
    async with visit.runtime.work() as work:
        request = await request_of(visit, work, token)
        order = await work.session.get_one(Order, request.order_pk)
        found = await standings(work, request)
        return visit.of(order).show(
            "receipt", order=order, asked=request, standings=found, here=visit.at(f"/r/{token}")
        )


@router.get("/returns/{store}/r/{token}/guide/{reference}")
async def guide(visit: AVisit, token: Token, reference: Reference) -> Response:
    """How to send the goods back, step by step, to be printed. Raises `NotFound` when nothing is to be sent."""
    async with visit.runtime.work() as work:
        request = await request_of(visit, work, token)
        order = await work.session.get_one(Order, request.order_pk)
        one = named(await standings(work, request), reference)
        if look.Deed.GUIDE not in one.may or one.case.rma_number is None:
            raise NotFound("There is nothing to send for this return now.")
        return visit.of(order).show(
            "guide", order=order, one=one, here=visit.at(f"/r/{token}"), qr=qr_code(one.case.rma_number),
            condition=look.condition_text(visit.reader.language),
        )  # fmt: skip


def named(found: list[Standing], reference: str) -> Standing:
    """The case of a request with that reference. Raises `NotFound`: another request's case is none of this reader's."""
    one = next((one for one in found if one.reference == reference.upper()), None)
    if one is None:
        raise NotFound("This request has no such case.")
    return one


def qr_code(text: str) -> Markup:
    """A QR code as an SVG that stands in the page; its size comes from the stylesheet."""
    made = segno.make(text[:200], error="m", micro=False)
    return Markup(made.svg_inline(omitsize=True, border=4, svgclass="qr", lineclass=None))  # noqa: S704
