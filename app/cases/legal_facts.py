"""What the law is told of a case. Pure.

The facts come from the case's own trail, so the same trail always says the same. The first proof counts: a second
parcel or a later receipt never starts a clock anew.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from app.cases.vocabulary import Event, Route
from app.policy.facts import Progress

# The events of the trail that the law looks at.
TOLD_BY = frozenset(
    {
        Event.APPROVED,
        Event.ABSORBED,
        Event.SUPPLIER_CONFIRMED,
        Event.TRACKING_ADDED,
        Event.GOODS_RECEIVED,
        Event.CUSTOMER_CANCELLED,
        Event.REOPENED,
    }
)
_AGREED = frozenset({Event.APPROVED, Event.ABSORBED, Event.SUPPLIER_CONFIRMED})


@dataclass(frozen=True, slots=True)
class Told:
    """One event of the trail."""

    type: Event
    at: datetime
    data: Mapping[str, Any]


def progress_of(declared_at: datetime, events: Iterable[Told], route: Route | None) -> tuple[datetime, Progress]:
    """Reads the trail, oldest first: when the customer declared, and what happened since, each for the first time.

    A case that is reopened is agreed to anew; one that the customer had called off is declared anew too.
    """
    moves = route not in (Route.CLAIM, Route.RETURNLESS)
    first: dict[Event, datetime] = {}
    called_off = False
    for event in events:
        if event.type is Event.REOPENED:
            first = {kind: at for kind, at in first.items() if kind not in _AGREED}
            declared_at, called_off = (event.at if called_off else declared_at), False
        called_off = called_off or event.type is Event.CUSTOMER_CANCELLED
        first.setdefault(event.type, _received(event) if event.type is Event.GOODS_RECEIVED else event.at)
    judged = first.get(Event.SUPPLIER_CONFIRMED) if moves else None
    back = _first(first.get(Event.GOODS_RECEIVED), judged if route is not None else None)
    sent = first.get(Event.TRACKING_ADDED)
    approved = first.get(Event.APPROVED)
    if moves and approved is not None:
        # Who approves a return agrees to the money when the goods are on their way, not before.
        proof = _first(sent, back)
        approved = max(approved, proof) if proof is not None else None
    agreed = _first(approved, first.get(Event.ABSORBED), first.get(Event.SUPPLIER_CONFIRMED))
    return declared_at, Progress(agreed, sent, back, nothing_moves=not moves)


def _first(*moments: datetime | None) -> datetime | None:
    return min((moment for moment in moments if moment is not None), default=None)


def _received(event: Told) -> datetime:
    """When the goods came, as far as it is told and not after it was told."""
    told = event.data.get("received_at")
    try:
        moment = datetime.fromisoformat(str(told)) if told else event.at
    except ValueError:
        return event.at
    return min(moment, event.at) if moment.tzinfo else event.at
