"""Photos and answers: as a step before a request is sent, and afterwards for one of its cases.

Photos are decoded and kept before anything is locked: decoding takes a while, and a bucket may be far away.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from uuid import UUID

from fastapi import APIRouter
from starlette.datastructures import FormData
from starlette.responses import Response

from app.cases import queries
from app.cases.states import TransitionNotAllowed
from app.cases.vocabulary import State
from app.db.work import Work
from app.evidence import keeping
from app.evidence import service as evidence
from app.evidence.forms import pictures_in
from app.evidence.links import thumbnail_url
from app.evidence.pictures import PhotoNotReadable, PhotoTooLarge
from app.orders.models import Order
from app.pages.customer import look
from app.pages.customer.deeds import Counter, at_counter
from app.pages.customer.look import Deed
from app.pages.customer.standing import Standing, standings
from app.pages.customer.start import Token
from app.pages.customer.status import Reference, named
from app.pages.customer.visit import AVisit, Visit, draft_held, request_of
from app.pages.customer.walk import Desk, Errors, at_desk
from app.pages.forms import CheckedForm, field
from app.pages.rate import allow
from app.policy.decision import Decision, WantedEvidence
from app.policy.terms import EvidenceKind, Outcome
from app.requests.drafts import Wish, present
from app.requests.offers import Needed, needed

router = APIRouter(include_in_schema=False)

MOST_PHOTOS = 10
MOST_OF_A_CASE = 40
_LONGEST_ANSWER = 2000
# Uploads of one draft or request, and whose time is up.
_UPLOADS, _PER_SECONDS = 40, 3600
_MORE = WantedEvidence("more", EvidenceKind.ANSWER, 1)


@dataclass(frozen=True, slots=True)
class Part:
    """What is asked for some lines, and what was shown already. `answers` is item, question and answer so far."""

    key: str
    lines: Sequence[str]
    photos_wanted: Sequence[str]
    answers: Sequence[tuple[str, str, str]]
    photos: Sequence[tuple[UUID, str]]


@router.get("/returns/{store}/evidence")
async def evidence_step(visit: AVisit) -> Response:
    """Only what the reasons need; photos of other things are welcome too."""

    async def shown(desk: Desk) -> Response:
        return _page(desk, []) if desk.wish.explained and desk.wish.remedy else visit.go("/remedy")

    return await at_desk(visit, shown, change=False)


@router.post("/returns/{store}/evidence")
async def keep_evidence(visit: AVisit, form: CheckedForm) -> Response:
    """Keeps answers and photos in the draft; a photo may be taken away again."""
    held = draft_held(visit)
    if held is None:
        return visit.go("?again=1")
    async with visit.runtime.work() as work:
        await allow(work, "photos", str(held), _UPLOADS, _PER_SECONDS)
    errors: Errors = []
    kept: dict[str, list[UUID]] = {}
    try:
        for name in {name for name in form if name.startswith("photos-")}:
            kept[name] = await keeping.keep(visit.runtime, await pictures_in(form, name))
    except (PhotoNotReadable, PhotoTooLarge) as refusal:
        errors.append(("photos-0", refusal.code))

    async def chosen(desk: Desk) -> Response:
        if not desk.wish.explained or desk.wish.remedy is None:
            return visit.go("/remedy")
        parts = needed(desk.asker, desk.wish.asked, desk.wish.remedy)
        wish, full = _with(desk.wish, parts, form, kept)
        desk.keep(wish)
        wrong = [*errors, *([("photos-0", "photos_too_many")] if full else [])]
        stays = wrong or field(form, "do", 10) == "add" or field(form, "remove", 40)
        return _page(replace(desk, wish=wish), wrong) if stays else visit.go("/review")

    return await at_desk(visit, chosen, change=True)


def _with(wish: Wish, parts: Sequence[Needed], form: FormData, kept: dict[str, list[UUID]]) -> tuple[Wish, bool]:
    """The wish with the form's answers and photos, and whether there were more photos than may be."""
    removed = field(form, "remove", 40)
    photos = {key: tuple(one for one in ids if str(one) != removed) for key, ids in wish.photos.items()}
    answers = {key: dict(told) for key, told in wish.answers.items()}
    for part in parts:
        key = part.supplier or ""
        photos[key] = (*photos.get(key, ()), *kept.get(f"photos-{part.key}", ()))
        for one in part.wanted or (_MORE,):
            name = f"answer-{part.key}-{one.item}"
            if one.kind is EvidenceKind.ANSWER and name in form:
                answers.setdefault(key, {})[one.item] = field(form, name, _LONGEST_ANSWER)
    full = sum(map(len, photos.values())) > MOST_PHOTOS
    if full:
        photos = dict(wish.photos)
    return replace(wish, photos=photos, answers=answers), full


def _page(desk: Desk, errors: Errors) -> Response:
    wish = desk.wish
    if wish.remedy is None:
        return desk.visit.go("/remedy")
    parts = needed(desk.asker, wish.asked, wish.remedy)
    missing = {part.key: part.wanted for part in needed(desk.asker, wish.asked, wish.remedy, present(wish))}
    shown = [_part(desk, part, missing.get(part.key, ())) for part in parts]
    return desk.show("evidence", errors, parts=shown, most=MOST_PHOTOS)


def _part(desk: Desk, part: Needed, missing: Sequence[WantedEvidence]) -> Part:
    key, language, policy = part.supplier or "", desk.language, desk.asker.file.policy
    told = desk.wish.answers.get(key, {})
    questions = [one for one in part.wanted if one.kind is EvidenceKind.ANSWER]
    photos = [one for one in missing if one.kind is EvidenceKind.PHOTO]
    return Part(
        key=part.key,
        lines=[desk.title(line_id) for line_id in part.lines],
        photos_wanted=look.evidence_texts(photos, language, policy),
        answers=[
            (one.item, look.evidence_texts([one], language, policy)[0], told.get(one.item, "")) for one in questions
        ],
        photos=[(one, thumbnail_url(desk.work.settings, one, desk.work.now)) for one in desk.wish.photos.get(key, ())],
    )


@router.get("/returns/{store}/r/{token}/{reference}/evidence")
async def show_case(visit: AVisit, token: Token, reference: Reference) -> Response:
    """What a case still wants, and what was added already."""
    async with visit.runtime.work() as work:
        request = await request_of(visit, work, token)
        one = named(await standings(work, request), reference)
        if Deed.SHOW not in one.may:
            raise TransitionNotAllowed("The return does not allow this any more.")
        order = await work.session.get_one(Order, request.order_pk)
        return await _case_page(visit, work, token, order, one, [])


@router.post("/returns/{store}/r/{token}/{reference}/evidence")
async def add_to_case(visit: AVisit, token: Token, reference: Reference, form: CheckedForm) -> Response:
    """Adds photos and answers to a case; the policy decides it anew when that was what it waited for."""
    async with visit.runtime.work() as work:
        request = await request_of(visit, work, token)
        await allow(work, "photos", str(request.id), _UPLOADS, _PER_SECONDS)
    errors: Errors = []
    kept: list[UUID] = []
    try:
        kept = await keeping.keep(visit.runtime, await pictures_in(form))
    except (PhotoNotReadable, PhotoTooLarge) as refusal:
        errors = [("photos", refusal.code)]

    async def added(at: Counter) -> Response:
        answers = [field(form, name, _LONGEST_ANSWER) for name in form if name.startswith("answer-")]
        answers = [text for text in answers if text][:MOST_PHOTOS]
        known = await queries.evidence(at.work, at.one.case.id, None, MOST_OF_A_CASE + 1)
        wrong = list(errors)
        if not wrong and not answers and not kept:
            wrong = [("photos", "evidence_missing")]
        if len(known) + len(answers) + len(kept) > MOST_OF_A_CASE:
            wrong = [("photos", "photos_too_many")]
        if wrong:
            return await _case_page(visit, at.work, token, at.order, at.one, wrong)
        await evidence.add(at.target, [], answers, kept)
        return at.done("evidence")

    return await at_counter(visit, token, reference, form, Deed.SHOW, added)


async def _case_page(visit: Visit, work: Work, token: str, order: Order, one: Standing, errors: Errors) -> Response:
    language = visit.reader.language
    rows = await queries.evidence(work, one.case.id, None, MOST_OF_A_CASE)
    questions = [(_MORE.item, "")]
    if one.state is State.EVIDENCE_NEEDED and one.decided is not None:
        decision, policy = one.decided
        asked = [item for item in _asked(decision) if item.kind is EvidenceKind.ANSWER]
        questions = [(item.item, look.evidence_texts([item], language, policy)[0]) for item in asked] or questions
    return visit.of(order).show(
        "evidence_case", status=422 if errors else 200, errors=errors, one=one, here=visit.at(f"/r/{token}"),
        questions=questions, most=MOST_PHOTOS, answers=[row.text for row in rows if row.kind == "answer" and row.text],
        photos=[thumbnail_url(work.settings, row.photo_id, work.now) for row in rows if row.photo_id],
    )  # fmt: skip


def _asked(decision: Decision) -> Sequence[WantedEvidence]:
    return decision.evidence if decision.outcome is Outcome.EVIDENCE else ()
