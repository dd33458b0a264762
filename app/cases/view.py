"""What the case machine sees of a case. Pure.

The view is all that the machine decides by. It is stored in the case's columns, and replaying the case's events from
nothing gives the same view.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from app.cases.vocabulary import Ground, Hold, Remedy, Route, State


@dataclass(frozen=True, slots=True)
class LineView:
    """Counters of one line in units: requested ≥ approved ≥ shipped ≥ received ≥ accepted; approved ≥ cleared.

    Cleared is at least what is accepted. Where no goods move (claim, returnless) nothing is shipped or received, and
    units are accepted all the same.

    `cleared` is what the gate has opened for; `refunded` is proven money by us; `external` is what somebody else
    refunded while the case was open; `replaced` is what a new order in the store was made for.
    """

    line_id: str
    requested: int
    approved: int = 0
    shipped: int = 0
    received: int = 0
    accepted: int = 0
    cleared: int = 0
    refunded: int = 0
    external: int = 0
    replaced: int = 0

    @property
    def settled(self) -> int:
        """Units for which the customer has their remedy, from whomever."""
        return self.refunded + self.replaced + self.external

    @property
    def owed(self) -> int:
        """Units for which the remedy may go out and has not."""
        return max(0, self.cleared - self.settled)

    @property
    def open(self) -> int:
        """Approved units whose remedy is still owed, cleared or not."""
        return max(0, self.approved - self.settled)


@dataclass(frozen=True, slots=True)
class CaseView:
    """The machine's whole memory of a case.

    `right_alive`: a statutory right was declared in time. `statutory_until`: until when one can be declared.
    """

    state: State
    lines: tuple[LineView, ...]
    route: Route | None = None
    remedy: Remedy = Remedy.REFUND
    requires_rma: bool = True
    has_supplier: bool = True
    holds: frozenset[Hold] = field(default_factory=frozenset)
    ground: Ground | None = None
    credit_open: bool = False
    right_alive: bool = False
    statutory_until: datetime | None = None
    cycle: int = 1

    def line(self, line_id: str) -> LineView | None:
        """The line with that id."""
        return next((line for line in self.lines if line.line_id == line_id), None)

    @property
    def covered(self) -> bool:
        """True when every approved unit has its remedy, from us or from somebody else."""
        return all(line.open == 0 for line in self.lines)

    @property
    def touched(self) -> bool:
        """True when a remedy was given or goods have moved."""
        return any(line.refunded or line.replaced or line.shipped or line.received for line in self.lines)


Data = Mapping[str, Any]


def quantities(data: Data, key: str = "lines") -> dict[str, int]:
    """Units by line id, as events carry them."""
    found = data.get(key) or {}
    return {str(line_id): int(quantity) for line_id, quantity in found.items()}
