"""The built-in policy. Pure: in the window and quantity free is approved; everything else is for the operator."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from app.cases.vocabulary import Reason, Remedy, Route
from app.orders.snapshot import OrderSnapshot

VERSION = "built-in@1"

_NEVER_COMES_BACK = frozenset({Reason.LOST, Reason.MISSING_PARTS})
_CLAIM_UNLESS_WANTED_BACK = frozenset({Reason.DAMAGED_IN_TRANSIT, Reason.WRONG_ITEM})
_FAULTS = frozenset({Reason.DEFECTIVE, Reason.NOT_AS_DESCRIBED})


@dataclass(frozen=True, slots=True)
class Asked:
    """One line as the customer asks: the units, why, and how many are free (not refunded, not in another case)."""

    line_id: str
    quantity: int
    reason: Reason
    free: int


@dataclass(frozen=True, slots=True)
class Question:
    """All that the policy decides by. `requires_goods` is the supplier's term; None leaves it to the reason."""

    order: OrderSnapshot
    asked: Sequence[Asked]
    remedy: Remedy
    has_supplier: bool
    requires_goods: bool | None
    window: timedelta
    now: datetime
    evidence_was_asked: bool = False


@dataclass(frozen=True, slots=True)
class Answer:
    """`doubts` is empty when the request is approved; else each is a sentence for the operator."""

    route: Route
    doubts: tuple[str, ...]
    window_start: Mapping[str, datetime]


def decide(question: Question) -> Answer:
    """Approves, or says why a person should look."""
    starts = {line.line_id: window_start(question.order, line.line_id) for line in question.asked}
    return Answer(route_for(question), tuple(_doubts(question, starts)), starts)


def window_start(order: OrderSnapshot, line_id: str) -> datetime:
    """When the window of a line begins: delivered, else fulfilled, else placed.

    Several parcels: the last one counts. A parcel whose lines are not told carries every line.
    """
    parcels = [parcel for parcel in order.fulfilments if not parcel.lines or line_id in parcel.lines]
    if parcels and all(parcel.delivered_at for parcel in parcels):
        return max(parcel.delivered_at for parcel in parcels if parcel.delivered_at)
    dates = [date for parcel in parcels for date in (parcel.delivered_at, parcel.created_at) if date]
    return max(dates) if dates else order.placed_at


def route_for(question: Question) -> Route:
    """Whether goods move: a claim when no line has to come back, else a return."""
    return Route.CLAIM if all(_is_claim(question, line) for line in question.asked) else Route.RETURN


def _is_claim(question: Question, line: Asked) -> bool:
    if line.reason in _NEVER_COMES_BACK:
        return True
    if line.reason in _CLAIM_UNLESS_WANTED_BACK:
        return question.requires_goods is not True
    if line.reason in _FAULTS:
        return question.requires_goods is False
    if line.reason is Reason.LATE:
        return not any(parcel.delivered_at for parcel in question.order.fulfilments)
    return False


def _doubts(question: Question, starts: Mapping[str, datetime]) -> list[str]:
    order, found = question.order, []
    if not question.has_supplier:
        found.append("no supplier is known for these lines")
    if question.remedy is not Remedy.REFUND:
        found.append(f"the customer asks for {question.remedy}")
    if question.evidence_was_asked:
        found.append("the evidence asked for has arrived")
    if order.captured <= 0:
        found.append("the store shows no captured payment")
    if order.disputed or order.charged_back:
        found.append("there is a chargeback")
    for line in question.asked:
        if line.quantity > line.free:
            found.append(f"{line.quantity} of line {line.line_id} asked for, {max(0, line.free)} free")
        if question.now > starts[line.line_id] + question.window:
            found.append(f"line {line.line_id} is past the window of {question.window.days} days")
        bought = order.line(line.line_id)
        if bought is not None and bought.gift_card:
            found.append(f"line {line.line_id} is a gift card")
    return found
