"""The case machine: `apply(case, event, now)`. Pure: it reads no clock, no database and no network."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any

from app.cases.effects import EFFECTS, told_by_law
from app.cases.table import TRANSITIONS, Row
from app.cases.view import CaseView
from app.cases.vocabulary import Command, Event, State
from app.errors import Conflict


class TransitionNotAllowed(Conflict):
    """The table has no such edge from this state."""

    code = "transition_not_allowed"
    title = "Not possible in this state"


class GuardFailed(Conflict):
    """The edge exists, and its condition does not hold."""

    code = "condition_not_met"
    title = "A condition is not met"


class TransitionConflict(Conflict):
    """Somebody else moved the case at the same time; decide again on the fresh state."""

    code = "case_changed"
    title = "The case changed meanwhile"


@dataclass(frozen=True, slots=True)
class CaseEvent:
    """Something that happened. `data` is plain JSON and holds all that the effect needs."""

    type: Event
    data: Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class Transition:
    """The outcome of an event: the row taken, the case before and after, and what follows."""

    row: Row
    event: CaseEvent
    before: CaseView | None
    after: CaseView

    @property
    def commands(self) -> tuple[Command, ...]:
        """What follows, in order."""
        return self.row.commands


def allowed_events(state: State) -> tuple[Event, ...]:
    """The events that have an edge from `state`, whatever their conditions."""
    found = {row.event for row in TRANSITIONS if row.sources is not None and state in row.sources}
    return tuple(event for event in Event if event in found)


def begin(view: CaseView, data: Mapping[str, Any]) -> Transition:
    """The first transition of a case (row 1)."""
    row = next(row for row in TRANSITIONS if row.sources is None)
    return Transition(row, CaseEvent(row.event, data), None, replace(view, state=State.REQUESTED))


def apply(view: CaseView, event: CaseEvent, now: datetime) -> Transition:
    """Decides what `event` does to a case.

    Raises `TransitionNotAllowed` when the state has no such edge (it lists the events that the state allows), and
    `GuardFailed` when no edge's condition holds.
    """
    rows = [
        row for row in TRANSITIONS if row.event is event.type and row.sources is not None and view.state in row.sources
    ]
    if not rows:
        allowed = [str(one) for one in allowed_events(view.state)]
        raise TransitionNotAllowed(f"{event.type} is not possible while the case is {view.state}.", allowed=allowed)
    effect = EFFECTS.get(event.type)
    changed = effect(view, event.data) if effect else view
    data = {**event.data, "was_held": bool(view.holds)}
    refusals = []
    for row in rows:
        refusal = row.guard(changed, data, now) if row.guard else None
        if refusal is None:
            after = replace(told_by_law(changed, event.data), state=row.target or view.state)
            return Transition(row, event, view, after)
        refusals.append(refusal)
    raise GuardFailed(f"{event.type} is not possible: {refusals[-1]}.")


def replay(start: CaseView, events: Iterable[tuple[CaseEvent, State]]) -> CaseView:
    """The case as its log tells it: each event's effect, and the state that the log recorded after it."""
    view = replace(start, state=State.REQUESTED)
    for event, to_state in events:
        effect = EFFECTS.get(event.type)
        changed = effect(view, event.data) if effect else view
        view = replace(told_by_law(changed, event.data), state=to_state)
    return view
