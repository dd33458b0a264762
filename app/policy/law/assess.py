"""What the law gives a customer in a case: every candidate law is read, and the strictest answer is taken. Pure."""

from __future__ import annotations

from dataclasses import replace

from app.policy.law.calendar import country_code, zone_of
from app.policy.law.due import due_of
from app.policy.law.library import Law, laws_for, version_of
from app.policy.law.model import Cure, FeeCap, FeeLimit, LawFacts, LegalView, Payer
from app.policy.law.pack import Figure, Ground, cites
from app.policy.law.strictest import no_right, strictest
from app.policy.law.window import Days, reject_until, window_of

_NO_COUNTRY = "The customer's country is not known: the strictest of all laws was taken."
_NO_STATE = "The customer's state is not known: the strictest of the country's laws was taken."
_BUSINESS = "The customer is known to be a business: consumer law does not apply, the merchant's own policy decides."
_NO_DATE = "The pack of {law} has no date for this refund: the merchant's own policy decides."
_NO_RULE = "The pack of {law} has no rule for {right}; that is not a finding that there is no such right."
_NO_PACK = "There is no law pack for {country}: nothing is known of the law there, the merchant's own policy decides."


def assess(facts: LawFacts, version: str | None = None) -> LegalView:
    """The strictest of the laws that may hold for this customer.

    `version` is that of an earlier answer (kept on the case): its packs are asked again, whatever was shipped since. A
    pack that it does not name, because the customer's country was corrected, is taken as it is now.

    Raises `UnknownLaw` for a version that is not shipped.
    """
    laws = laws_for(facts.country, facts.region, version)
    if len(laws) == 1 and facts.consumer is not False:
        return read(laws[0], facts)
    zone = zone_of(facts.country, facts.region).key
    nothing = no_right(facts.right, version_of(laws), tuple(law.id for law in laws), zone)
    if facts.consumer is False:
        return replace(nothing, covered=True, advisory=(_BUSINESS,))
    country = country_code(facts.country)
    if not laws:
        return replace(nothing, advisory=(_NO_PACK.format(country=country),))
    view = strictest(nothing, [read(law, facts) for law in laws])
    return replace(view, advisory=(_NO_STATE if country else _NO_COUNTRY, *view.advisory))


def read(law: Law, facts: LawFacts) -> LegalView:
    """What one law alone says to a consumer. With no country known, days are counted where the law is at home."""
    country = country_code(facts.country) or law.pack.applies.home
    ground = law.pack.ground(facts.right)
    view = no_right(facts.right, version_of((law,)), (law.id,), zone_of(country, facts.region).key)
    if ground is not None and ground.advisory is not None:
        view = replace(view, advisory=(ground.advisory.value,), cites=cites("advisory", ground.advisory))
    if ground is None or not ground.known:
        right = facts.right.replace("_", " ")
        return replace(view, advisory=(*view.advisory, _NO_RULE.format(law=law.pack.name, right=right)))
    days = Days(country, facts.region, law.pack)
    window = window_of(ground, facts, days)
    view = replace(view, covered=True, alive=window.alive, statutory_until=window.until)
    view = replace(view, cites=view.cites + window.cites)
    return _floors(law, ground, facts, _dates(law, ground, facts, days, view)) if window.alive else view


def _dates(law: Law, ground: Ground, facts: LawFacts, days: Days, view: LegalView) -> LegalView:
    """The view of a right that is alive, with what has to happen by when."""
    due = due_of(ground, facts, days)
    reject, why = reject_until(ground, facts, days)
    back = ground.send_back_days
    no_date = () if ground.refund_from else (_NO_DATE.format(law=law.pack.name),)
    return replace(
        view,
        reject_until=reject,
        send_back_until=days.window(facts.declared_at, back.value) if back else None,
        due_at=due.at,
        due_start=due.start,
        waits_for=due.waits_for,
        cites=(*view.cites, *why, *cites("send_back_until", back), *due.cites),
        advisory=(*view.advisory, *no_date),
    )


def _floors(law: Law, ground: Ground, facts: LawFacts, view: LegalView) -> LegalView:
    """The view with what goes back, what may be kept, who pays, and what is forbidden."""
    way_back, cures, forbidden = _way_back(ground, facts), _cures(ground, facts, view), law.pack.forbidden(facts.right)
    merchant = facts.merchant_collects or (way_back is not None and way_back.value is Payer.MERCHANT)
    used = (
        *cites("refund_all", ground.refund_all),
        *cites("outbound_shipping", ground.outbound_shipping),
        *cites("fee", ground.fee_percent, ground.fee_most),
        *cites("way_back", way_back, ground.collecting_lifts if facts.merchant_collects else None),
        *cites("cash", ground.cash, ground.same_means),
        *cites("cures", cures),
        *(forbidden[name].cite("forbids") for name in sorted(forbidden)),
    )
    return replace(
        view,
        refund_all=_true(ground.refund_all),
        outbound_shipping=_true(ground.outbound_shipping),
        fee=_fee(ground),
        way_back=Payer.MERCHANT if merchant else Payer.CUSTOMER,
        cash=_true(ground.cash),
        cures=tuple(tuple(step) for step in cures.value) if cures else (),
        forbids=frozenset(forbidden),
        cites=(*view.cites, *used),
    )


def _way_back(ground: Ground, facts: LawFacts) -> Figure[Payer] | None:
    return ground.way_back if facts.informed else ground.way_back_uninformed or ground.way_back


def _cures(ground: Ground, facts: LawFacts, view: LegalView) -> Figure[list[list[Cure]]] | None:
    """The steps that hold now: while goods can be rejected, for a minor failure, or the usual ones."""
    in_time = facts.delivered_at is None or (view.reject_until is not None and facts.declared_at <= view.reject_until)
    if in_time and ground.cures_in_time is not None:
        return ground.cures_in_time
    if facts.major is False and ground.cures_minor is not None:
        return ground.cures_minor
    return ground.cures


def _fee(ground: Ground) -> FeeLimit:
    if ground.fee_percent is None:
        return FeeLimit()
    most = tuple(sorted(ground.fee_most.value.items())) if ground.fee_most else ()
    return FeeLimit((FeeCap(ground.fee_percent.value, most),))


def _true(figure: Figure[bool] | None) -> bool:
    return figure is not None and figure.value
