"""By when a refund is owed, and what that date waits for. Pure."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from app.policy.law.model import Cite, LawFacts, Start
from app.policy.law.pack import Ground, cites
from app.policy.law.window import Days

_AT = "due_at"


@dataclass(frozen=True, slots=True)
class Due:
    """When a refund is due, from which event, or what has to come first; from which figures."""

    at: datetime | None
    start: Start | None
    waits_for: tuple[Start, ...]
    cites: tuple[Cite, ...]


NOT_DUE = Due(None, None, (), ())


def due_of(ground: Ground, facts: LawFacts, days: Days) -> Due:
    """The last instant for the refund under a right that is alive; `NOT_DUE` where the pack has no time for it."""
    if ground.refund_from is None:
        return NOT_DUE
    base = cites(
        _AT, ground.refund_days, ground.refund_business_days, ground.refund_from,
        days.pack.counting.start_excluded, days.pack.counting.due_rolls,
    )  # fmt: skip
    if ground.refund_from.value is Start.PROMISED:
        return _unshipped(ground, facts, days, base)
    if ground.refund_from.value is Start.AGREED:
        return _from(Start.AGREED, facts.agreed_at, ground, days, base)
    if ground.refund_from.value is Start.GOODS_BACK:
        return _from_goods(ground, facts, days, base)
    return _from_declaration(ground, facts, days, base)


def _from(start: Start, at: datetime | None, ground: Ground, days: Days, used: tuple[Cite, ...]) -> Due:
    if at is None:
        return Due(None, None, (start,), used)
    return Due(_term(ground, at, days), start, (), used)


def _from_declaration(ground: Ground, facts: LawFacts, days: Days, used: tuple[Cite, ...]) -> Due:
    """From the declaration; while the merchant may withhold, not before goods or proof of dispatch have come."""
    term = _term(ground, facts.declared_at, days)
    if ground.withheld is None or facts.nothing_to_return:
        return Due(term, Start.DECLARED, (), used)
    if facts.merchant_collects and ground.collecting_lifts is not None:
        return Due(term, Start.DECLARED, (), used + cites(_AT, ground.collecting_lifts))
    used += cites(_AT, ground.withheld)
    start, released = _release(facts)
    if released is None:
        return Due(None, None, (Start.DISPATCH_PROVED, Start.GOODS_BACK), used)
    return Due(released, start, (), used) if released > term else Due(term, Start.DECLARED, (), used)


def _from_goods(ground: Ground, facts: LawFacts, days: Days, used: tuple[Cite, ...]) -> Due:
    """From goods or proof of dispatch, the earlier, never before the declaration; from that with nothing to return."""
    if facts.nothing_to_return:
        return _from(Start.DECLARED, facts.declared_at, ground, days, used)
    if facts.merchant_collects and ground.collecting_lifts is not None:
        used += cites(_AT, ground.collecting_lifts)
        return _from(Start.DECLARED, facts.declared_at, ground, days, used)
    start, released = _release(facts)
    if released is None:
        return Due(None, None, (Start.DISPATCH_PROVED, Start.GOODS_BACK), used)
    if released < facts.declared_at:
        return _from(Start.DECLARED, facts.declared_at, ground, days, used)
    return _from(start, released, ground, days, used)


def _unshipped(ground: Ground, facts: LawFacts, days: Days, used: tuple[Cite, ...]) -> Due:
    """Unasked once the time for shipping is over; if the parcel did leave, from the customer's word that it is lost."""
    if facts.shipped_at is not None:
        return _from(Start.DECLARED, facts.declared_at, ground, days, used)
    if facts.promised_by is not None:
        return _from(Start.PROMISED, days.day_ends(facts.promised_by), ground, days, used)
    last = days.due(facts.ordered_at, ground.ship_days.value if ground.ship_days else 0)
    return _from(Start.ORDERED, last, ground, days, used + cites(_AT, ground.ship_days))


def _term(ground: Ground, start: datetime, days: Days) -> datetime:
    if ground.refund_business_days is not None:
        return days.due_business(start, ground.refund_business_days.value)
    return days.due(start, ground.refund_days.value if ground.refund_days else 0)


def _release(facts: LawFacts) -> tuple[Start, datetime | None]:
    """What came first of the goods and the proof that they were sent."""
    back, proved = facts.goods_back_at, facts.dispatch_proved_at
    if proved is not None and (back is None or proved <= back):
        return Start.DISPATCH_PROVED, proved
    return Start.GOODS_BACK, back
