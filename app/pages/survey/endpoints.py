"""The page behind the link in the thank-you: one question, which can be answered again."""

from __future__ import annotations

from typing import Annotated
from uuid import UUID

from fastapi import APIRouter, Path
from sqlalchemy import select
from starlette.requests import Request
from starlette.responses import RedirectResponse, Response

from app import links
from app.api import InRuntime, client_of
from app.cases.models import Case
from app.db.work import Work
from app.feedback import service as feedback
from app.feedback.models import BEST, WORST
from app.links import LinkInvalid, LinkPurpose
from app.messages.facts import Suggestion
from app.orders.models import Order
from app.orders.service import snapshot_of
from app.pages.catalogue import translations
from app.pages.forms import CheckedForm, field
from app.pages.language import Reader
from app.pages.rate import allow
from app.pages.render import brand_of
from app.pages.shell import personal_page, reader_for
from app.policy import service as policy
from app.requests.models import ReturnRequest
from app.runtime import Runtime
from app.thanks.suggestions import suggestions_for

router = APIRouter(include_in_schema=False)

Token = Annotated[str, Path(max_length=1024)]
StoreKey = Annotated[str, Path(max_length=40)]
# Answers from one address; somebody may change their mind a few times.
_MOST, _SECONDS = 30, 600


@router.get("/returns/{store}/survey/{token}")
async def ask(request: Request, runtime: InRuntime, store: StoreKey, token: Token) -> Response:
    """The question, with the answer that was given before. Nothing is changed: mail scanners open links."""
    async with runtime.work() as work:
        return await _page(request, work, await _request_of(runtime, work, store, token), "")


@router.post("/returns/{store}/survey/{token}")
async def answer(request: Request, runtime: InRuntime, store: StoreKey, token: Token, form: CheckedForm) -> Response:
    """Keeps the answer, and shows the page again."""
    async with runtime.work() as work:
        await allow(work, "survey", client_of(request), _MOST, _SECONDS)
    async with runtime.work() as work:
        asked = await _request_of(runtime, work, store, token)
        score = field(form, "score", 4)
        if score not in _scores():
            return await _page(request, work, asked, field(form, "text"), missing=True)
        await feedback.add(work, asked, None, int(score), field(form, "text", feedback.LONGEST_TEXT))
    return RedirectResponse(request.url.path, status_code=303, headers={"Referrer-Policy": "no-referrer"})


def _scores() -> list[str]:
    return [str(score) for score in range(BEST, WORST - 1, -1)]


async def _request_of(runtime: Runtime, work: Work, store: str, token: str) -> ReturnRequest:
    """The request that the link is for. Raises `LinkInvalid` and `LinkExpired`."""
    named = links.read(runtime.settings, LinkPurpose.SURVEY, token, work.now)
    found = await work.session.get(ReturnRequest, UUID(named))
    if found is None or found.store != store.lower() or found.store not in runtime.settings.stores:
        raise LinkInvalid("This link was not made here, or not for this.")
    return found


async def _page(request: Request, work: Work, asked: ReturnRequest, text: str, *, missing: bool = False) -> Response:
    order = await work.session.get_one(Order, asked.order_pk)
    given = await feedback.of_request(work, asked.id)
    store = work.settings.stores[asked.store]
    reader = reader_for(request, snapshot_of(order).locale or store.locale)
    return personal_page(
        request,
        "survey/survey.html",
        reader,
        brand=brand_of(work.settings, asked.store),
        status=422 if missing else 200,
        order_number=order.number,
        options=[(score, label, "") for score, label in _labels(reader)],
        chosen=[str(given.score)] if given else [],
        text=text or (given.text if given else "") or "",
        given=given is not None and not missing,
        missing=missing,
        suggestions=await _suggestions(work, asked, order) if given else [],
    )


def _labels(reader: Reader) -> list[tuple[str, str]]:
    gettext = translations(reader.language).gettext
    words = (gettext("Very well"), gettext("Well"), gettext("So-so"), gettext("Badly"), gettext("Very badly"))
    return list(zip(_scores(), words, strict=True))


async def _suggestions(work: Work, asked: ReturnRequest, order: Order) -> list[Suggestion]:
    """What the thank-you shows too, where the policy of the request's last case wants that."""
    case = await work.session.scalar(select(Case).where(Case.request_id == asked.id).order_by(Case.id.desc()).limit(1))
    if case is None or not (await policy.policy_of(work, case)).policy.thanks.suggestions:
        return []
    return await suggestions_for(work, order)
