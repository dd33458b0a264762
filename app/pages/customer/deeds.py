"""What a customer does with a case: tracking, correction, cancellation, appeal.

Everything goes through the actions that operators use, so that the same guards hold; the actor is the customer.
"""

from __future__ import annotations

import re
from collections.abc import Awaitable, Callable
from dataclasses import dataclass

from fastapi import APIRouter
from starlette.datastructures import FormData
from starlette.responses import Response

from app.cases import actions
from app.cases.action_bodies import ActionBody, ReasonedBody, RecordTrackingBody
from app.cases.actions import QuantityNotFree, Target
from app.cases.refunding import lock_both
from app.cases.states import TransitionNotAllowed
from app.cases.vocabulary import Reason, Remedy
from app.db.work import Work
from app.orders.models import Order
from app.pages.customer.look import Deed
from app.pages.customer.standing import Standing, standings
from app.pages.customer.start import Token
from app.pages.customer.status import Reference, named, status_page
from app.pages.customer.visit import AVisit, Visit, request_of
from app.pages.forms import CheckedForm, field
from app.pages.rate import allow
from app.requests import changes
from app.requests.changes import Change, NothingChanged
from app.requests.drafts import CUSTOMER
from app.requests.models import ReturnRequest
from app.requests.offers import offers
from app.requests.preview import Asked, preview
from app.requests.returnable import reasons_for

router = APIRouter(include_in_schema=False)

_TRACKING = re.compile(r"[A-Za-z0-9][A-Za-z0-9 ./-]{3,59}", re.ASCII)
_LONGEST_REASON = 1000
_MOST_PARCELS = 10
# Nobody does more with one request by hand.
_DEEDS, _PER_SECONDS = 60, 3600
Errors = list[tuple[str, str]]


@dataclass(frozen=True, slots=True)
class Counter:
    """A deed at work: the request with its locked case, and the form that came."""

    visit: Visit
    work: Work
    token: str
    request: ReturnRequest
    order: Order
    one: Standing
    target: Target
    form: FormData

    def text(self, name: str, most: int = 200) -> str:
        """A field of the form; on the page each name ends with the case's reference."""
        return field(self.form, f"{name}-{self.one.reference}", most)

    async def again(self, name: str, code: str, **told: str) -> Response:
        """The status page with what is wrong, and what was entered."""
        reference = self.one.reference
        entered = {f"{key}-{reference}": value for key, value in told.items()}
        errors = [(f"{name}-{reference}", code)]
        return await status_page(self.visit, self.work, self.token, self.request, errors=errors, told=entered)

    def done(self, word: str) -> Response:
        """Back to the status page, which says what was done."""
        return self.visit.go(f"/r/{self.token}?done={word}")


async def at_counter(
    visit: Visit,
    token: str,
    reference: str,
    form: FormData,
    deed: Deed,
    action: Callable[[Counter], Awaitable[Response]],
) -> Response:
    """Does a deed with one case of the request that the link names, order and case locked.

    Raises `NotFound` for a case of another request, `TransitionNotAllowed` where the case does not allow the deed.
    """
    async with visit.runtime.work() as work:
        request = await request_of(visit, work, token)
        await allow(work, "deed", str(request.id), _DEEDS, _PER_SECONDS)

    async def done(work: Work) -> Response:
        request = await request_of(visit, work, token)
        case_id = named(await standings(work, request), reference).case.id
        order, case = await lock_both(work, case_id)
        one = named(await standings(work, request), reference)
        if deed not in one.may:
            raise TransitionNotAllowed("The return does not allow this any more.")
        target = Target(work, order, case, CUSTOMER)
        return await action(Counter(visit, work, token, request, order, one, target, form))

    return await visit.runtime.carry_out(done)


@router.post("/returns/{store}/r/{token}/{reference}/tracking")
async def track(visit: AVisit, token: Token, reference: Reference, form: CheckedForm) -> Response:
    """The parcel that the customer has sent."""

    async def tracked(at: Counter) -> Response:
        number, carrier = at.text("number"), at.text("carrier")
        known = {str(parcel.get("tracking_number")) for parcel in at.one.case.tracking}
        if not _TRACKING.fullmatch(number) or (len(known) >= _MOST_PARCELS and number not in known):
            return await at.again("number", "tracking_missing", number=number, carrier=carrier)
        body = RecordTrackingBody(tracking_number=number, carrier=carrier or None)
        await actions.record_tracking(at.target, body)
        return at.done("tracking")

    return await at_counter(visit, token, reference, form, Deed.TRACK, tracked)


@router.post("/returns/{store}/r/{token}/{reference}/cancel")
async def cancel(visit: AVisit, token: Token, reference: Reference, form: CheckedForm) -> Response:
    """The customer keeps the goods after all."""

    async def cancelled(at: Counter) -> Response:
        await actions.cancel(at.target, ActionBody(note=at.text("why", _LONGEST_REASON) or None))
        return at.done("cancel")

    return await at_counter(visit, token, reference, form, Deed.CANCEL, cancelled)


@router.post("/returns/{store}/r/{token}/{reference}/appeal")
async def appeal(visit: AVisit, token: Token, reference: Reference, form: CheckedForm) -> Response:
    """The customer wants a person to look at a refusal."""

    async def appealed(at: Counter) -> Response:
        reason = at.text("reason", _LONGEST_REASON)
        if not reason:
            return await at.again("reason", "appeal_missing")
        await actions.reopen(at.target, ReasonedBody(reason=reason))
        return at.done("appeal")

    return await at_counter(visit, token, reference, form, Deed.APPEAL, appealed)


@router.get("/returns/{store}/r/{token}/{reference}/change")
async def show_change(visit: AVisit, token: Token, reference: Reference) -> Response:
    """What may be corrected while nobody has decided."""
    async with visit.runtime.work() as work:
        request = await request_of(visit, work, token)
        one = named(await standings(work, request), reference)
        if Deed.CHANGE not in one.may:
            raise TransitionNotAllowed("The return does not allow this any more.")
        order = await work.session.get_one(Order, request.order_pk)
        return await _change_page(visit, work, token, order, one, _as_it_is(one), [])


@router.post("/returns/{store}/r/{token}/{reference}/change")
async def change(visit: AVisit, token: Token, reference: Reference, form: CheckedForm) -> Response:
    """Corrects quantities, reasons, notes or the remedy."""

    async def changed(at: Counter) -> Response:
        wanted, errors = _wanted(form, at.one)
        if not errors:
            try:
                await changes.change(at.target, wanted)
                return at.done("change")
            except NothingChanged:
                errors = [("change", "nothing_changed")]
            except QuantityNotFree as refusal:
                errors = [(f"units-{refusal.extra['line_id']}", "units_not_free")]
        return await _change_page(visit, at.work, token, at.order, at.one, wanted, errors)

    return await at_counter(visit, token, reference, form, Deed.CHANGE, changed)


def _as_it_is(one: Standing) -> Change:
    lines = one.case.lines
    return Change(
        units={line.line_id: line.requested for line in lines},
        reasons={line.line_id: Reason(line.reason) for line in lines},
        notes={line.line_id: line.note or "" for line in lines},
        remedy=Remedy(one.case.remedy),
    )


def _wanted(form: FormData, one: Standing) -> tuple[Change, Errors]:
    units: dict[str, int] = {}
    reasons: dict[str, Reason] = {}
    notes: dict[str, str] = {}
    errors: Errors = []
    for line in one.case.lines:
        count, reason = field(form, f"units-{line.line_id}", 10), field(form, f"reason-{line.line_id}", 40)
        note = field(form, f"note-{line.line_id}", _LONGEST_REASON)
        units[line.line_id] = int(count) if count.isascii() and count.isdigit() else 0
        if reason not in set(Reason):
            errors.append((f"reason-{line.line_id}", "reason_missing"))
            continue
        if reason == Reason.OTHER and not note:
            errors.append((f"note-{line.line_id}", "note_missing"))
        reasons[line.line_id], notes[line.line_id] = Reason(reason), note
    if not any(units.values()):
        errors.append((f"units-{one.case.lines[0].line_id}", "all_removed"))
    told = field(form, "remedy", 40)
    remedy = Remedy(told) if told in set(Remedy) else Remedy(one.case.remedy)
    return Change(units, reasons, notes, remedy), errors


async def _change_page(
    visit: Visit, work: Work, token: str, order: Order, one: Standing, wanted: Change, errors: Errors
) -> Response:
    asker = await preview(work, order)
    language = visit.reader.language
    most = {
        line.line_id: max(line.requested, asker.known.free.get(line.line_id, 0) + line.requested)
        for line in one.case.lines
    }
    asked = [Asked(line.line_id, max(1, line.requested), Reason(line.reason)) for line in one.case.lines]
    # What an exchange is for is chosen before a request is sent.
    bare = any(line.variant_id is None for line in one.case.lines)
    found = [offer.remedy for offer in offers(asker, asked) if not (offer.remedy is Remedy.EXCHANGE and bare)]
    return visit.of(order).show(
        "change", status=422 if errors else 200, errors=errors, one=one, order=order, wanted=wanted, most=most,
        here=visit.at(f"/r/{token}"), remedies=list(dict.fromkeys([Remedy(one.case.remedy), *found])),
        terms={line.line_id: reasons_for(asker, line.line_id, 1, language) for line in one.case.lines},
    )  # fmt: skip
