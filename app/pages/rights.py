"""What the law gives readers in a country, in the figures that a page tells: days, refund, way back, fee."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

from app.policy.law.assess import assess
from app.policy.law.calendar import local_day, zone_of
from app.policy.law.model import LawFacts, LegalView, Right, Start
from app.policy.model import Policy

# Soon after a leap day: see `claims`.
_ARRIVED = datetime(2024, 3, 4, 12, tzinfo=UTC)
_WEEK = 7


@dataclass(frozen=True, slots=True)
class LegalRight:
    """One right. None: no such figure is known.

    `days` is how long it can be declared after delivery, `refund_days` when the money is due after `refund_from`,
    `send_back_days` how long the goods may take after declaring. `shipping`: the standard delivery is refunded too.
    `waits`: the refund may wait for the goods, or the proof that they were sent.
    """

    days: int | None
    refund_days: int | None
    refund_from: Start | None
    waits: bool
    send_back_days: int | None
    shipping: bool


def law_version(country: str | None, policy: Policy) -> str:
    """The law packs that were asked."""
    return assess(_facts(Right.WITHDRAWAL, country, policy, 0)).version


def legal_right(right: Right, country: str | None, policy: Policy) -> LegalRight | None:
    """The figures of a right there; None where the law packs know of none."""
    views = [assess(_facts(right, country, policy, later)) for later in range(_WEEK)]
    if not views[0].covered or not views[0].alive:
        return None
    # Terms that end on a holiday are longer: of a week of days the shortest term is the one that the law names.
    facts = [_facts(right, country, policy, later) for later in range(_WEEK)]
    return LegalRight(
        days=_shortest(
            country, [(one.delivered_at, view.statutory_until) for one, view in zip(facts, views, strict=True)]
        ),
        refund_days=_shortest(
            country, [(_begun(one, view), view.due_at) for one, view in zip(facts, views, strict=True)]
        ),
        refund_from=views[0].due_start,
        waits=Start.DISPATCH_PROVED in _waits(right, country, policy),
        send_back_days=_shortest(
            country, [(one.declared_at, view.send_back_until) for one, view in zip(facts, views, strict=True)]
        ),
        shipping=views[0].outbound_shipping,
    )


def _facts(right: Right, country: str | None, policy: Policy, later: int, *, sent: bool = True) -> LawFacts:
    arrived = _ARRIVED.replace(tzinfo=zone_of(country)).astimezone(UTC) + timedelta(days=later)
    declared = arrived + timedelta(days=1)
    never = right is Right.NON_DELIVERY
    return LawFacts(
        country=country,
        right=right,
        ordered_at=arrived - timedelta(days=8),
        declared_at=declared + timedelta(days=60 if never else 0),
        delivered_at=None if never else arrived,
        informed=policy.law.informed,
        agreed_at=declared,
        dispatch_proved_at=declared if sent and not never else None,
        nothing_to_return=never,
    )


def _waits(right: Right, country: str | None, policy: Policy) -> tuple[Start, ...]:
    return assess(_facts(right, country, policy, 0, sent=False)).waits_for


def _begun(facts: LawFacts, view: LegalView) -> datetime | None:
    """The instant of the event from which the refund's term counts."""
    if view.due_start in (Start.AGREED, Start.DISPATCH_PROVED, Start.GOODS_BACK):
        return facts.agreed_at
    return facts.declared_at if view.due_start is Start.DECLARED else None


def _shortest(country: str | None, terms: list[tuple[datetime | None, datetime | None]]) -> int | None:
    found = [
        (local_day(country, end) - local_day(country, begin)).days
        for begin, end in terms
        if begin is not None and end is not None
    ]
    return min(found, default=None)
