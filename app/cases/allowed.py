"""The actions that a person can take on a case, and which of them a case allows. Pure."""

from __future__ import annotations

from collections.abc import Callable
from enum import StrEnum

from app.cases.states import allowed_events
from app.cases.view import CaseView
from app.cases.vocabulary import Event, State


class Action(StrEnum):
    """The last part of an action's path."""

    APPROVE = "approve"
    REJECT = "reject"
    REQUEST_EVIDENCE = "request-evidence"
    RECORD_RMA = "record-rma"
    RECORD_TRACKING = "record-tracking"
    RECORD_RECEIPT = "record-receipt"
    RECORD_VERDICT = "record-verdict"
    ABSORB = "absorb"
    CHANGE_REMEDY = "change-remedy"
    APPEAL = "appeal"
    CANCEL = "cancel"
    REOPEN = "reopen"
    HOLD = "hold"
    LIFT_HOLD = "lift-hold"
    NOTE = "note"


_EVENTS: dict[Action, tuple[Event, ...]] = {
    Action.APPROVE: (Event.APPROVED,),
    Action.REJECT: (Event.REJECTED,),
    Action.REQUEST_EVIDENCE: (Event.POLICY_NEEDS_EVIDENCE,),
    Action.RECORD_RMA: (Event.SUPPLIER_AUTHORIZED,),
    Action.RECORD_TRACKING: (Event.TRACKING_ADDED,),
    Action.RECORD_RECEIPT: (Event.GOODS_RECEIVED,),
    Action.RECORD_VERDICT: (Event.SUPPLIER_CONFIRMED, Event.SUPPLIER_REJECTED),
    Action.ABSORB: (Event.ABSORBED,),
    Action.CHANGE_REMEDY: (Event.REMEDY_CHANGED,),
    Action.APPEAL: (Event.APPEALED,),
    Action.CANCEL: (Event.CUSTOMER_CANCELLED,),
    Action.REOPEN: (Event.REOPENED,),
    Action.HOLD: (Event.HOLD_SET,),
    Action.LIFT_HOLD: (Event.HOLD_LIFTED,),
    Action.NOTE: (Event.NOTE_ADDED,),
}
# Conditions of the transitions that are plain from the case alone, so that nobody is offered what must fail.
_CONDITIONS: dict[Action, Callable[[CaseView], bool]] = {
    Action.APPROVE: lambda view: not view.holds,
    Action.RECORD_RMA: lambda view: view.state is not State.CONTESTED or not view.touched,
    Action.RECORD_RECEIPT: lambda view: any(line.approved for line in view.lines),
    Action.RECORD_VERDICT: lambda view: any(line.approved for line in view.lines),
    Action.CHANGE_REMEDY: lambda view: not view.covered,
    Action.CANCEL: lambda view: not view.touched,
    Action.LIFT_HOLD: lambda view: bool(view.holds),
}


def allowed_actions(view: CaseView) -> list[Action]:
    """The actions that the case's state has a transition for and that its counters and holds do not rule out."""
    events = set(allowed_events(view.state))
    return [
        action
        for action in Action
        if events.intersection(_EVENTS[action]) and (action not in _CONDITIONS or _CONDITIONS[action](view))
    ]
