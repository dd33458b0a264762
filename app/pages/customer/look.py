"""How things are put before a customer: when goods arrived, what is asked of them, where a case stands. Pure."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum

from app.cases.allowed import Action, allowed_actions
from app.cases.view import CaseView
from app.cases.vocabulary import BEFORE_RESOLVING, Remedy, Route, State
from app.orders.snapshot import Line, OrderSnapshot
from app.policy.decision import WantedEvidence
from app.policy.model import Policy
from app.policy.words import sentences
from app.requests.changes import CHANGEABLE


@dataclass(frozen=True, slots=True)
class Arrival:
    """Where the units of a line are: `delivered`, `under_way` or `not_sent`; `at` is when the last parcel came or left.

    `parcels` counts the parcels that the line was sent in.
    """

    status: str
    at: datetime | None = None
    parcels: int = 0


def arrival(order: OrderSnapshot, line: Line) -> Arrival:
    """What the store shows of a line's parcels; one whose lines are not told carries every line."""
    parcels = [
        one for one in order.fulfilments if one.status != "cancelled" and (not one.lines or line.line_id in one.lines)
    ]
    if not parcels:
        return Arrival("not_sent")
    came = [one.delivered_at for one in parcels if one.delivered_at]
    if len(came) == len(parcels):
        return Arrival("delivered", max(came), len(parcels))
    left = [one.created_at for one in parcels if one.created_at]
    return Arrival("under_way", max(left, default=None), len(parcels))


def evidence_texts(wanted: Sequence[WantedEvidence], language: str, policy: Policy) -> list[str]:
    """What is asked for, each as one text: the policy's own words where it has some, else ours."""
    return [_evidence(one, language, policy) for one in wanted]


def _evidence(one: WantedEvidence, language: str, policy: Policy) -> str:
    told = sentences(language)["evidence"]
    say = next((item.say for item in policy.evidence if item.id == one.item and item.say is not None), None)
    what = say.text(language) if say is not None else told.get(one.item, one.item)
    return told["times"].format(what=what, count=one.count) if one.count > 1 else what


def condition_text(language: str) -> Callable[[str], str]:
    """The words for how goods should come back, by their code."""
    told = sentences(language)["condition"]
    return lambda code: told.get(code, code)


class Stage(StrEnum):
    """What a case goes through, as customers see it."""

    ASKED = "asked"
    DECIDED = "decided"
    NUMBER = "number"
    SENT = "sent"
    CHECKED = "checked"
    PAID = "paid"


_SENDING = (Stage.ASKED, Stage.DECIDED, Stage.NUMBER, Stage.SENT, Stage.CHECKED, Stage.PAID)
_CLAIMING = (Stage.ASKED, Stage.DECIDED, Stage.CHECKED, Stage.PAID)
_AT_ONCE = (Stage.ASKED, Stage.DECIDED, Stage.PAID)
_STAGES = {Route.RETURN: _SENDING, Route.LOCAL: _SENDING, Route.CLAIM: _CLAIMING, Route.RETURNLESS: _AT_ONCE}
_WAITS_FOR = {
    State.REQUESTED: Stage.DECIDED,
    State.EVIDENCE_NEEDED: Stage.DECIDED,
    State.UNDER_REVIEW: Stage.DECIDED,
    State.AUTHORIZING: Stage.NUMBER,
    State.AWAITING_SHIPMENT: Stage.SENT,
    State.IN_TRANSIT: Stage.CHECKED,
    State.INSPECTING: Stage.CHECKED,
    State.CLAIMING: Stage.CHECKED,
    State.RESOLVING: Stage.PAID,
}


def progress(view: CaseView) -> tuple[tuple[Stage, ...], int] | None:
    """The stages of a case and the index of the one it waits for (their number when all are done).

    None for a case that ended without a remedy of ours.
    """
    stages = _STAGES[view.route] if view.route is not None else _SENDING
    if view.state in (State.RESOLVED, State.CLOSED):
        return stages, len(stages)
    if view.state is State.CONTESTED:
        waits = Stage.CHECKED if view.touched or Stage.NUMBER not in stages else Stage.NUMBER
    elif view.state in _WAITS_FOR:
        waits = _WAITS_FOR[view.state]
    else:
        return None
    return stages, stages.index(waits) if waits in stages else len(stages) - 1


class Deed(StrEnum):
    """What a customer may do with a case."""

    TRACK = "track"
    SHOW = "show"
    CHANGE = "change"
    CANCEL = "cancel"
    APPEAL = "appeal"
    REMEDY = "remedy"
    GUIDE = "guide"


# Decided, and what comes of it is not settled.
_ON_ITS_WAY = frozenset(
    {State.AUTHORIZING, State.AWAITING_SHIPMENT, State.IN_TRANSIT, State.INSPECTING, State.CLAIMING, State.CONTESTED,
     State.RESOLVING}
)  # fmt: skip
_TRACKED = frozenset({State.AWAITING_SHIPMENT, State.IN_TRANSIT})
_SENT = frozenset({Route.RETURN, Route.LOCAL})
# Somebody who was refused, or was too late with an answer or a parcel, may have it looked at again, once; whoever is
# refused again is answered by a person in letters, not by a button.
_APPEALED = frozenset({State.REJECTED, State.EXPIRED})


def allowed(view: CaseView) -> frozenset[Deed]:
    """The deeds that the case's state allows."""
    may = {
        Deed.TRACK: view.state in _TRACKED or (view.state is State.CONTESTED and view.route in _SENT),
        Deed.SHOW: view.state in BEFORE_RESOLVING and view.state is not State.REQUESTED,
        Deed.CHANGE: view.state in CHANGEABLE,
        Deed.CANCEL: Action.CANCEL in allowed_actions(view),
        Deed.REMEDY: view.state in _ON_ITS_WAY and not view.covered and view.remedy is not Remedy.KEEP_ITEM,
        Deed.APPEAL: view.state in _APPEALED and view.cycle == 1,
        Deed.GUIDE: view.route in _SENT and view.state in (*_TRACKED, State.CONTESTED),
    }
    return frozenset(deed for deed, holds in may.items() if holds)
