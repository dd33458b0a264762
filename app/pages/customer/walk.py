"""The steps from an order to a request: lines, reasons, remedy, evidence, review. Each GET shows, each POST keeps.

Everything that was filled in is in the draft; a page that is opened too early leads back to the step that is missing.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, replace

from fastapi import APIRouter
from starlette.datastructures import FormData
from starlette.responses import Response

from app.cases.actions import QuantityNotFree
from app.cases.vocabulary import Reason, Remedy
from app.db.work import Work
from app.evidence.service import PhotoGone
from app.orders.models import Order
from app.orders.snapshot import Line
from app.pages.customer import look
from app.pages.customer.visit import AVisit, Visit, draft_held, request_token
from app.pages.forms import CheckedForm, field
from app.requests import drafts, queries
from app.requests.drafts import ChosenLine, DraftChanged, DraftGone, Wish
from app.requests.models import ReturnDraft
from app.requests.offers import needed, offers
from app.requests.preview import Previewer, preview
from app.requests.returnable import Returnable, Term, reasons_for, returnable

router = APIRouter(include_in_schema=False)

_LONGEST_NOTE = 1000
Errors = list[tuple[str, str]]
# Up to so many units are chosen from a list.
_COUNTS = [(str(count), str(count)) for count in range(1, 21)]


@dataclass(frozen=True, slots=True)
class Desk:
    """One step at work: the visit, the draft with what was filled in, and the engine for its order."""

    visit: Visit
    work: Work
    draft: ReturnDraft
    order: Order
    wish: Wish
    asker: Previewer

    @property
    def language(self) -> str:
        """The reader's."""
        return self.visit.reader.language

    def keep(self, wish: Wish) -> None:
        """Stores what was filled in."""
        drafts.keep(self.work, self.draft, wish)

    def title(self, line_id: str) -> str:
        """What the article is called."""
        line = self.asker.snapshot.line(line_id)
        return line.title if line is not None else line_id

    @property
    def lines(self) -> list[tuple[ChosenLine, Line]]:
        """What was chosen, as far as the order still has it."""
        found = [(one, self.asker.snapshot.line(one.line_id)) for one in self.wish.lines]
        return [(one, line) for one, line in found if line is not None]

    def show(self, template: str, errors: Errors | None = None, **values: object) -> Response:
        """A page of the walk; 422 where something has to be corrected."""
        status = 422 if errors else 200
        return self.visit.of(self.order).show(
            template, status=status, errors=errors or [], order=self.order, title=self.title, **values
        )


async def at_desk(visit: Visit, action: Callable[[Desk], Awaitable[Response]], *, change: bool) -> Response:
    """Does a step with the browser's draft; without one the walk begins anew."""
    held = draft_held(visit)
    if held is None:
        return visit.go("?again=1")

    async def done(work: Work) -> Response:
        read = drafts.lock if change else drafts.get
        draft = await read(work, visit.key, held)
        if draft.request_id is not None:
            return visit.go(f"/r/{request_token(visit, draft.request_id)}")
        order = await work.session.get_one(Order, draft.order_pk)
        asker = await preview(work, order)
        return await action(Desk(visit, work, draft, order, drafts.wish_of(draft), asker))

    try:
        return await visit.runtime.carry_out(done)
    except DraftGone:
        return visit.go("?again=1")


@router.get("/returns/{store}/lines")
async def lines(visit: AVisit) -> Response:
    """What can be returned until when, and why not the rest."""

    async def shown(desk: Desk) -> Response:
        return await _lines(desk, {one.line_id: one.quantity for one in desk.wish.lines}, [])

    return await at_desk(visit, shown, change=False)


@router.post("/returns/{store}/lines")
async def choose_lines(visit: AVisit, form: CheckedForm) -> Response:
    """Keeps how many units of which lines are to be returned."""

    async def chosen(desk: Desk) -> Response:
        found = returnable(desk.asker, desk.language)
        units, errors = _units(form, found)
        if errors:
            return await _lines(desk, units, errors)
        desk.keep(drafts.choose(desk.wish, units))
        return visit.go("/reasons")

    return await at_desk(visit, chosen, change=True)


async def _lines(desk: Desk, units: Mapping[str, int], errors: Errors) -> Response:
    known = await queries.of_order(desk.work, desk.order.id)
    before = [(one, f"/r/{request_token(desk.visit, one.id)}") for one in known]
    snapshot = desk.asker.snapshot
    return desk.show(
        "lines", errors, found=returnable(desk.asker, desk.language), units=units, before=before,
        arrivals={line.line_id: look.arrival(snapshot, line) for line in snapshot.lines}, placed=desk.order.placed_at,
        counts=_COUNTS,
    )  # fmt: skip


def _units(form: FormData, found: tuple[Returnable, ...]) -> tuple[dict[str, int], Errors]:
    units: dict[str, int] = {}
    errors: Errors = []
    for one in found:
        name = f"units-{one.line.line_id}"
        told = field(form, name, 10)
        count = int(told) if told.isascii() and told.isdigit() else 0
        if told and (one.why_not is not None or count > one.free or not told.isascii() or not told.isdigit()):
            errors.append((name, "units_not_free"))
        elif count:
            units[one.line.line_id] = count
    if not units and not errors:
        errors.append((f"units-{found[0].line.line_id}" if found else "lines", "nothing_chosen"))
    return units, errors


@router.get("/returns/{store}/reasons")
async def reasons(visit: AVisit) -> Response:
    """Why, for each line; reasons that are refused are said, not offered."""

    async def shown(desk: Desk) -> Response:
        return _reasons(desk, desk.wish.lines, []) if desk.wish.lines else visit.go("/lines")

    return await at_desk(visit, shown, change=False)


@router.post("/returns/{store}/reasons")
async def choose_reasons(visit: AVisit, form: CheckedForm) -> Response:
    """Keeps why each line is returned."""

    async def chosen(desk: Desk) -> Response:
        told, errors = [], []
        for one in desk.wish.lines:
            reason, note = field(form, f"reason-{one.line_id}", 40), field(form, f"note-{one.line_id}", _LONGEST_NOTE)
            offered = {str(term.reason) for term in _terms(desk, one) if term.offered}
            if reason not in offered:
                errors.append((f"reason-{one.line_id}", "reason_missing"))
            elif reason == Reason.OTHER and not note:
                errors.append((f"note-{one.line_id}", "note_missing"))
            told.append(replace(one, reason=Reason(reason) if reason in offered else None, note=note or None))
        if errors or not told:
            return _reasons(desk, tuple(told), errors) if told else visit.go("/lines")
        desk.keep(replace(desk.wish, lines=tuple(told)))
        return visit.go("/remedy")

    return await at_desk(visit, chosen, change=True)


def _terms(desk: Desk, one: ChosenLine) -> tuple[Term, ...]:
    return reasons_for(desk.asker, one.line_id, one.quantity, desk.language)


def _reasons(desk: Desk, chosen: tuple[ChosenLine, ...], errors: Errors) -> Response:
    return desk.show("reasons", errors, chosen=[(one, _terms(desk, one)) for one in chosen])


@router.get("/returns/{store}/remedy")
async def remedy(visit: AVisit) -> Response:
    """What the customer can have, with what each costs and brings."""

    async def shown(desk: Desk) -> Response:
        return _remedy(desk, []) if desk.wish.explained else visit.go("/reasons")

    return await at_desk(visit, shown, change=False)


@router.post("/returns/{store}/remedy")
async def choose_remedy(visit: AVisit, form: CheckedForm) -> Response:
    """Keeps what the customer wants."""

    async def chosen(desk: Desk) -> Response:
        if not desk.wish.explained:
            return visit.go("/reasons")
        told = field(form, "remedy", 40)
        if told not in {str(one.remedy) for one in offers(desk.asker, desk.wish.asked)}:
            return _remedy(desk, [("remedy", "remedy_missing")])
        desk.keep(replace(desk.wish, remedy=Remedy(told)))
        return visit.go("/variants") if told == Remedy.EXCHANGE else to_evidence(desk, Remedy(told))

    return await at_desk(visit, chosen, change=True)


def to_evidence(desk: Desk, remedy: Remedy) -> Response:
    """On to what is still wanted, or to the last page."""
    wanted = needed(desk.asker, desk.wish.asked, remedy)
    return desk.visit.go("/evidence" if any(part.wanted for part in wanted) else "/review")


def _remedy(desk: Desk, errors: Errors) -> Response:
    return desk.show(
        "remedy", errors, offers=offers(desk.asker, desk.wish.asked), chosen=desk.wish.remedy,
        condition=look.condition_text(desk.language),
    )  # fmt: skip


@router.get("/returns/{store}/review")
async def review(visit: AVisit) -> Response:
    """Everything that will be sent, once more."""

    async def shown(desk: Desk) -> Response:
        return _review(desk, [])

    return await at_desk(visit, shown, change=False)


def _review(desk: Desk, errors: Errors) -> Response:
    wish = desk.wish
    if not wish.explained or wish.remedy is None:
        return desk.visit.go("/remedy" if wish.explained else "/reasons")
    offer = next((one for one in offers(desk.asker, wish.asked) if one.remedy is wish.remedy), None)
    if offer is None:
        return desk.visit.go("/remedy")
    if wish.remedy is Remedy.EXCHANGE and any(one.variant is None for one in wish.asked):
        return desk.visit.go("/variants")
    missing = [
        text
        for part in needed(desk.asker, wish.asked, wish.remedy, drafts.present(wish))
        for text in look.evidence_texts(part.wanted, desk.language, desk.asker.file.policy)
    ]
    variants = wish.variants if wish.remedy is Remedy.EXCHANGE else {}
    return desk.show(
        "review", errors, lines=desk.lines, offer=offer, variants=variants,
        missing=missing, email=desk.draft.email,
        answers=[text for told in wish.answers.values() for text in told.values() if text],
        photos=[photo for told in wish.photos.values() for photo in told],
        shown=drafts.fingerprint(desk.draft), evidence_days=desk.work.settings.evidence_days,
        condition=look.condition_text(desk.language),
    )  # fmt: skip


@router.post("/returns/{store}/review")
async def confirm(visit: AVisit, form: CheckedForm) -> Response:
    """Sends the request, once: a form that comes twice leads to the same request."""
    shown = field(form, "shown", 64)

    async def confirmed(desk: Desk) -> Response:
        try:
            request = await drafts.confirm(desk.work, desk.draft, shown, desk.language)
        except DraftChanged:
            return _review(desk, [("review", "changed_meanwhile")])
        except QuantityNotFree:
            return await _lines(desk, {}, [("lines", "units_gone")])
        return visit.go(f"/r/{request_token(visit, request.id)}/receipt")

    async def without_photos(desk: Desk) -> Response:
        desk.keep(replace(desk.wish, photos={}))
        return visit.go("/evidence")

    try:
        return await at_desk(visit, confirmed, change=True)
    except PhotoGone:
        return await at_desk(visit, without_photos, change=True)
