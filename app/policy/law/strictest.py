"""The strictest of several views. Pure.

*Strictest* is what costs the merchant most: a right is alive if it is under one law, the window is the longest, the
refund due the earliest, the fee the lowest, and what one law forbids is forbidden.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import replace
from datetime import datetime

from app.policy.law.model import Cure, FeeLimit, LegalView, Payer, Right, Start


def no_right(right: Right, version: str, laws: tuple[str, ...], zone: str) -> LegalView:
    """A view with no right alive and nothing known: nothing is limited, nothing is due."""
    return LegalView(
        version=version,
        laws=laws,
        right=right,
        zone=zone,
        covered=False,
        alive=False,
        statutory_until=None,
        reject_until=None,
        send_back_until=None,
        due_at=None,
        due_start=None,
        waits_for=(),
        refund_all=False,
        outbound_shipping=False,
        fee=FeeLimit(),
        way_back=Payer.CUSTOMER,
        cash=False,
        cures=(),
        forbids=frozenset(),
        cites=(),
        advisory=(),
    )


def strictest(nothing: LegalView, views: Sequence[LegalView]) -> LegalView:
    """What follows from all of `views` at once; version, laws, right and zone are those of `nothing`."""
    alive = [view for view in views if view.alive]
    due_at, due_start = min(((view.due_at, view.due_start) for view in alive if view.due_at), default=(None, None))
    return replace(
        nothing,
        covered=any(view.covered for view in views),
        alive=bool(alive),
        statutory_until=_until(alive or views),
        reject_until=_latest(view.reject_until for view in alive),
        send_back_until=_latest(view.send_back_until for view in alive),
        due_at=due_at,
        due_start=due_start,
        waits_for=() if due_at else _waits(alive),
        refund_all=any(view.refund_all for view in alive),
        outbound_shipping=any(view.outbound_shipping for view in alive),
        fee=FeeLimit(tuple(dict.fromkeys(cap for view in alive for cap in view.fee.caps))),
        way_back=Payer.MERCHANT if any(view.way_back is Payer.MERCHANT for view in alive) else Payer.CUSTOMER,
        cash=any(view.cash for view in alive),
        cures=min((view.cures for view in alive if view.cures), key=_step_of_money, default=()),
        forbids=frozenset(name for view in alive for name in view.forbids),
        cites=tuple(dict.fromkeys(cite for view in views for cite in view.cites)),
        advisory=tuple(dict.fromkeys(sentence for view in views for sentence in view.advisory)),
    )


def _until(views: Sequence[LegalView]) -> datetime | None:
    """The longest window: none that is alive without an end is shorter than one with an end."""
    if any(view.alive and view.statutory_until is None for view in views):
        return None
    return _latest(view.statutory_until for view in views)


def _latest(instants: Iterable[datetime | None]) -> datetime | None:
    return max((instant for instant in instants if instant is not None), default=None)


def _waits(views: Sequence[LegalView]) -> tuple[Start, ...]:
    return tuple(dict.fromkeys(start for view in views for start in view.waits_for))


def _step_of_money(cures: tuple[tuple[Cure, ...], ...]) -> int:
    """At which step the customer can have money; the sooner, the stricter."""
    return next((number for number, step in enumerate(cures) if Cure.REFUND in step), len(cures))
