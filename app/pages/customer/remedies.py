"""The page on which a customer chooses another remedy for a case, until one has gone out."""

from __future__ import annotations

from collections.abc import Sequence

from fastapi import APIRouter
from starlette.responses import Response

from app.cases import actions
from app.cases.action_bodies import ChangeRemedyBody
from app.cases.states import TransitionNotAllowed
from app.cases.vocabulary import Reason, Remedy, State
from app.db.work import Work
from app.orders.models import Order
from app.pages.customer.deeds import Counter, Errors, at_counter
from app.pages.customer.look import Deed
from app.pages.customer.standing import Standing, standings
from app.pages.customer.start import Token
from app.pages.customer.status import Reference, named
from app.pages.customer.visit import AVisit, Visit, request_of
from app.pages.forms import CheckedForm, field
from app.policy.terms import Outcome
from app.requests.offers import Offer, offers
from app.requests.preview import Asked, preview

router = APIRouter(include_in_schema=False)


@router.get("/returns/{store}/r/{token}/{reference}/remedy")
async def show_remedies(visit: AVisit, token: Token, reference: Reference) -> Response:
    """What else the customer may have."""
    async with visit.runtime.work() as work:
        request = await request_of(visit, work, token)
        one = named(await standings(work, request), reference)
        if Deed.REMEDY not in one.may:
            raise TransitionNotAllowed("The return does not allow this any more.")
        order = await work.session.get_one(Order, request.order_pk)
        return _page(visit, token, order, one, await _others(work, order, one), [])


@router.post("/returns/{store}/r/{token}/{reference}/remedy")
async def choose_remedy(visit: AVisit, token: Token, reference: Reference, form: CheckedForm) -> Response:
    """Changes the remedy of what is still open. Who chooses has agreed."""

    async def chosen(at: Counter) -> Response:
        found = await _others(at.work, at.order, at.one)
        told = field(form, "remedy", 40)
        if told not in {str(offer.remedy) for offer in found}:
            return _page(visit, token, at.order, at.one, found, [("remedy", "remedy_missing")])
        await actions.change_remedy(at.target, ChangeRemedyBody(remedy=Remedy(told), agreed=True))
        return at.done("remedy")

    return await at_counter(visit, token, reference, form, Deed.REMEDY, chosen)


async def _others(work: Work, order: Order, one: Standing) -> Sequence[Offer]:
    """What the policy and the law give for the open lines, without what the case has and what cannot be any more."""
    asker = await preview(work, order, without=one.case.id)
    asked = [
        Asked(line.line_id, units, Reason(line.reason), line.variant_id)
        for line in one.case.lines
        if (units := line.approved - line.refunded - line.replaced - line.external) > 0
    ]
    settled = one.state is State.CONTESTED or any(line.shipped or line.received for line in one.case.lines)
    no_variant = any(line.variant is None for line in asked)
    impossible = {
        Remedy(one.case.remedy),
        *([Remedy.KEEP_ITEM] if settled else []),
        *([Remedy.EXCHANGE] if no_variant else []),
    }
    # Keeping the goods pays at once: where the policy wants a person to look, the customer cannot choose it alone.
    return [
        offer
        for offer in offers(asker, asked)
        if offer.remedy not in impossible and (offer.remedy is not Remedy.KEEP_ITEM or offer.outcome is Outcome.APPROVE)
    ]


def _page(visit: Visit, token: str, order: Order, one: Standing, found: Sequence[Offer], errors: Errors) -> Response:
    return visit.of(order).show(
        "remedy_case", status=422 if errors else 200, errors=errors, one=one, order=order, offers=found,
        here=visit.at(f"/r/{token}"),
    )  # fmt: skip
