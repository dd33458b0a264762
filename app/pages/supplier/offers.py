"""What a supplier can do on the page of a case, and how far the case has come on its side. Pure."""

from __future__ import annotations

from enum import StrEnum

from app.cases.view import CaseView
from app.cases.vocabulary import ENDED, Route, State


class Do(StrEnum):
    """One form of the page."""

    AUTHORISE = "authorise"
    REFUSE = "refuse"
    RECEIVE = "receive"
    VERDICT = "verdict"
    PLEDGE = "pledge"
    PAID = "paid"
    NOTE = "note"


class Step(StrEnum):
    """One step of a case on the supplier's side."""

    AUTHORISATION = "authorisation"
    RECEIPT = "receipt"
    VERDICT = "verdict"
    CREDIT = "credit"


# Nobody has decided yet that the supplier is concerned at all.
BEFORE = frozenset({State.REQUESTED, State.EVIDENCE_NEEDED, State.UNDER_REVIEW})


def offers(view: CaseView, *, promised: bool) -> tuple[Do, ...]:
    """The forms that a case has use for, the one that it waits for first.

    `promised`: the supplier has said how much it owes.
    """
    if view.state in BEFORE:
        return ()
    goods = {
        State.AUTHORIZING: (Do.AUTHORISE, Do.REFUSE),
        State.AWAITING_SHIPMENT: (Do.RECEIVE, Do.AUTHORISE),
        State.IN_TRANSIT: (Do.RECEIVE,),
        State.EXPIRED: (Do.RECEIVE,) if any(line.approved for line in view.lines) else (),
        State.INSPECTING: (Do.VERDICT, Do.RECEIVE) if _more_may_come(view) else (Do.VERDICT,),
        State.CLAIMING: (Do.VERDICT,),
        State.CONTESTED: (Do.AUTHORISE,) if _never_authorised(view) else (Do.VERDICT,),
        State.RESOLVING: _late_verdict(view),
        State.RESOLVED: _late_verdict(view),
    }.get(view.state, ())
    return (*goods, *_credit(view, promised), Do.NOTE)


def _more_may_come(view: CaseView) -> bool:
    return view.route is Route.RETURN and any(line.received < line.approved for line in view.lines)


def _never_authorised(view: CaseView) -> bool:
    """Silent or refused before anything was sent: it may still say yes."""
    judged = any(line.accepted for line in view.lines)
    return view.route is Route.RETURN and view.requires_rma and not view.touched and not judged


def _late_verdict(view: CaseView) -> tuple[Do, ...]:
    """The customer was paid ahead of the supplier, whose word the credit still hangs on."""
    open_units = any(line.accepted < line.approved for line in view.lines)
    return (Do.VERDICT,) if open_units and view.credit_open else ()


def _credit(view: CaseView, promised: bool) -> tuple[Do, ...]:
    if not view.credit_open or view.state in ENDED:
        return ()
    accepted = any(line.accepted for line in view.lines)
    return (Do.PLEDGE, Do.PAID) if accepted and not promised else (Do.PAID,)


def steps(view: CaseView) -> tuple[tuple[Step, ...], int]:
    """The steps of the case in order, and the index of the one at hand; their number when all are done."""
    goods = view.route not in (Route.CLAIM, Route.RETURNLESS)
    found = (
        *((Step.AUTHORISATION,) if goods and view.requires_rma else ()),
        *((Step.RECEIPT,) if goods else ()),
        Step.VERDICT,
        Step.CREDIT,
    )
    return found, len(found) if view.state is State.CLOSED else found.index(_step(view, found))


def _step(view: CaseView, found: tuple[Step, ...]) -> Step:
    if view.state in (State.RESOLVING, State.RESOLVED):
        return Step.CREDIT
    if view.state in (State.AWAITING_SHIPMENT, State.IN_TRANSIT) and Step.RECEIPT in found:
        return Step.RECEIPT
    waits = view.state is State.AUTHORIZING or (view.state is State.CONTESTED and _never_authorised(view))
    return Step.AUTHORISATION if waits and Step.AUTHORISATION in found else Step.VERDICT
