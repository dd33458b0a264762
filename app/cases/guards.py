"""Predicates of the case machine. Pure: each answers None when it holds, else the reason why it does not.

A guard sees the case *after* the event's effect on the counters, the event's data, and the time.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from datetime import datetime
from typing import Any

from app.cases.view import CaseView
from app.cases.vocabulary import Hold, Remedy, Route

Guard = Callable[[CaseView, Mapping[str, Any], datetime], str | None]


def no_statutory_right(view: CaseView, _data: Mapping[str, Any], now: datetime) -> str | None:
    """The customer has no legal right that is still alive: declared in time, or still to be declared."""
    if view.right_alive:
        return "a legal right of the customer was declared in time and is alive"
    if view.statutory_until is not None and now <= view.statutory_until:
        return f"a legal right of the customer is alive until {view.statutory_until:%Y-%m-%d}"
    return None


def not_held(view: CaseView, _data: Mapping[str, Any], _now: datetime) -> str | None:
    """No hold is set, and there is something to approve."""
    if view.holds:
        return f"the case is on hold: {', '.join(sorted(view.holds))}"
    if not any(line.approved for line in view.lines):
        return "nothing is approved: every quantity is zero"
    return None


def route_returnless(view: CaseView, data: Mapping[str, Any], now: datetime) -> str | None:
    """The customer keeps the goods."""
    return not_held(view, data, now) if view.route is Route.RETURNLESS else "the route is not returnless"


def route_claim(view: CaseView, data: Mapping[str, Any], now: datetime) -> str | None:
    """No goods move and the supplier decides."""
    if view.route is not Route.CLAIM:
        return "the route is not claim"
    return not_held(view, data, now) or _supplier(view)


def route_return_with_rma(view: CaseView, data: Mapping[str, Any], now: datetime) -> str | None:
    """Goods go to a supplier that wants to authorise first."""
    if view.route is not Route.RETURN or not view.requires_rma:
        return "no authorisation is needed"
    return not_held(view, data, now) or _supplier(view)


def route_without_rma(view: CaseView, data: Mapping[str, Any], now: datetime) -> str | None:
    """Goods go to a local centre, or to a supplier that wants no authorisation."""
    if view.route is Route.LOCAL or (view.route is Route.RETURN and not view.requires_rma):
        return not_held(view, data, now)
    return not_held(view, data, now) or _supplier(view) or "the supplier must authorise first"


def _supplier(view: CaseView) -> str | None:
    return None if view.has_supplier else "no supplier is known for these lines; use the route local or returnless"


def may_refuse(view: CaseView, data: Mapping[str, Any], now: datetime) -> str | None:
    """A reason is given, and no legal right is alive or somebody overrides it."""
    if missing := has_reason(view, data, now):
        return missing
    return None if data.get("override") is True else no_statutory_right(view, data, now)


def may_refuse_all(view: CaseView, data: Mapping[str, Any], now: datetime) -> str | None:
    """As `may_refuse`, and nothing was accepted that must still be paid."""
    if any(line.cleared or line.refunded or line.replaced for line in view.lines):
        return "a part was accepted and is paid"
    return may_refuse(view, data, now)


def has_reason(_view: CaseView, data: Mapping[str, Any], _now: datetime) -> str | None:
    """A person says why."""
    return None if str(data.get("reason") or "").strip() else "a reason is needed"


def nothing_moved(view: CaseView, _data: Mapping[str, Any], _now: datetime) -> str | None:
    """No money was paid and no goods were sent."""
    return "goods or money have already moved" if view.touched else None


def was_approved(view: CaseView, _data: Mapping[str, Any], _now: datetime) -> str | None:
    """Somebody approved the return (an expired case may never have been)."""
    return None if any(line.approved for line in view.lines) else "the return was never approved"


def something_asked(view: CaseView, _data: Mapping[str, Any], _now: datetime) -> str | None:
    """At least one unit is still to be returned; a request for nothing is a cancellation."""
    return None if any(line.requested for line in view.lines) else "nothing is left of the request: cancel it instead"


def number_is_new(_view: CaseView, data: Mapping[str, Any], _now: datetime) -> str | None:
    """The authorisation says something that the case does not have yet."""
    return None if data.get("changed") else "the case has this authorisation already"


def confirmed_in_full(view: CaseView, _data: Mapping[str, Any], _now: datetime) -> str | None:
    """The supplier accepts every approved unit."""
    if any(line.accepted < line.approved for line in view.lines):
        return "the supplier accepts less than was approved"
    return was_approved(view, _data, _now)


def confirmed_in_part(view: CaseView, _data: Mapping[str, Any], _now: datetime) -> str | None:
    """The supplier accepts something."""
    return None if any(line.accepted for line in view.lines) else "the supplier accepts nothing"


def confirms_more(_view: CaseView, data: Mapping[str, Any], _now: datetime) -> str | None:
    """The verdict accepts more than the one before, or promises a credit."""
    return None if data.get("news") else "the verdict says nothing new"


def law_may_pay(view: CaseView, _data: Mapping[str, Any], _now: datetime) -> str | None:
    """No chargeback is open: the bank may be paying the customer already."""
    return "a chargeback is open" if Hold.CHARGEBACK in view.holds else None


def law_pays_all(view: CaseView, data: Mapping[str, Any], now: datetime) -> str | None:
    """The law pays, and nothing is left to be decided beside."""
    if any(line.cleared < line.approved for line in view.lines):
        return "only a part of it is due by law"
    return law_pays_part(view, data, now)


def law_pays_part(view: CaseView, data: Mapping[str, Any], now: datetime) -> str | None:
    """As `law_may_pay`, and something is due that nobody has paid."""
    if refusal := law_may_pay(view, data, now):
        return refusal
    return None if any(line.owed for line in view.lines) else "nothing of it is due by law"


def lines_covered(view: CaseView, _data: Mapping[str, Any], _now: datetime) -> str | None:
    """Everything approved has been paid."""
    return None if view.covered else "not everything has been paid"


def goes_out_whole(view: CaseView, data: Mapping[str, Any], now: datetime) -> str | None:
    """As `remedy_may_change`, and the gate is open for all that is approved."""
    if any(line.cleared < line.approved for line in view.lines):
        return "the gate is not open for all of it"
    return remedy_may_change(view, data, now)


def remedy_may_change(view: CaseView, data: Mapping[str, Any], _now: datetime) -> str | None:
    """Something is still open; and who is to keep the goods for a part of the price has not sent them."""
    if view.covered:
        return "there is nothing left to be given"
    if view.remedy is Remedy.KEEP_ITEM and any(line.shipped or line.received for line in view.lines):
        return "the goods have moved, so they cannot be kept"
    return None if data.get("was") != view.remedy else "the case has this remedy already"


def is_kept(view: CaseView, data: Mapping[str, Any], now: datetime) -> str | None:
    """As `remedy_may_change`, and the customer is to keep the goods."""
    return remedy_may_change(view, data, now) if view.remedy is Remedy.KEEP_ITEM else "the goods are not kept"


def not_covered(view: CaseView, _data: Mapping[str, Any], _now: datetime) -> str | None:
    """Something approved is unpaid."""
    return "everything is paid" if view.covered else None


def no_credit_open(view: CaseView, _data: Mapping[str, Any], _now: datetime) -> str | None:
    """The supplier owes nothing."""
    return "a supplier credit is outstanding" if view.credit_open else None


def external_covers(view: CaseView, data: Mapping[str, Any], _now: datetime) -> str | None:
    """What somebody else refunded is all that the case asks for."""
    if data.get("covers"):
        return None
    wanted = [line for line in view.lines if line.requested]
    whole = all(line.settled >= (line.approved or line.requested) for line in wanted)
    return None if whole and wanted else "it does not cover the rest"


def made_whole_before_moving(view: CaseView, data: Mapping[str, Any], _now: datetime) -> str | None:
    """The order's money went back (or never came in) or its units are gone, and no goods are on their way."""
    if view.touched:
        return "goods have moved"
    if data.get("lines") and not any(line.approved for line in view.lines):
        return None
    return None if data.get("made_whole") else "the order was cancelled without giving the money back"


def is_held(_view: CaseView, data: Mapping[str, Any], _now: datetime) -> str | None:
    """There was a hold to lift."""
    return None if data.get("was_held") else "the case is not on hold"
