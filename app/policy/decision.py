"""What a policy decided, with everything that is needed to say why. Pure values that JSON keeps.

A decision holds no sentence and nothing about a person: codes and values only, which `words.py` turns into plain words
in each language. Amounts are minor units of `currency` with `exponent`.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from pydantic import TypeAdapter

from app.cases.vocabulary import Reason, Remedy, Route
from app.policy.law.model import Cite, Payer
from app.policy.terms import EvidenceKind, Outcome

Value = str | int | bool


@dataclass(frozen=True, slots=True)
class Note:
    """One thing to say: the code of a sentence and the values in it. Values named `minor` or `…_minor` are money,
    `day` or `…_day` are dates (`2026-11-22`)."""

    code: str
    values: Mapping[str, Value] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Fired:
    """A rule of the policy that held, and the values that its condition looked at.

    `kind` is `rule`, `exception`, `evidence`, `abuse` or `section`; `rule` is the id, or the section's key.
    """

    kind: str
    rule: str
    line_id: str | None = None
    values: Mapping[str, Value] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Step:
    """One named step of the arithmetic: minor units, or a number as text (`"10"` per cent)."""

    name: str
    minor: int | None = None
    number: str | None = None


@dataclass(frozen=True, slots=True)
class WantedEvidence:
    """Evidence that is still missing: an item of the policy and how many more of it."""

    item: str
    kind: EvidenceKind
    count: int


@dataclass(frozen=True, slots=True)
class DecidedLine:
    """One line: its window, and whether the request came in time (`in_time` by the policy or by law)."""

    line_id: str
    quantity: int
    reason: Reason
    value: int
    route: Route
    window_start: datetime
    window_end: datetime
    in_time: bool


@dataclass(frozen=True, slots=True)
class LawFigures:
    """What the law said at that moment, the strictest over the rights that the lines rest on.

    `fee_at_most` is minor units that may be kept (None: no limit). `cites` are the articles behind the
    figures. `zone` is the customer's, in whose days the dates are meant.
    """

    alive: bool
    until: datetime | None
    due_at: datetime | None
    fee_at_most: int | None
    way_back: Payer
    refund_all: bool
    outbound_shipping: bool
    cash: bool
    covered: bool = True
    zone: str = "UTC"
    forbids: tuple[str, ...] = ()
    cites: tuple[Cite, ...] = ()


@dataclass(frozen=True, slots=True)
class Decision:
    """The answer to a `Question`.

    `why` says what decided the outcome, first things first. `corrected` is what the policy wanted and the law forbids,
    with what was done instead. `merchant_cost` is what the supplier's terms or the law leave with the merchant.
    `fee` is kept of the refund (0 where the law forbids it). `conditions` are told to the customer (`packaging:wanted`,
    `condition:tried`) and never stop a refund by themselves. `window_end` is the last moment in which every line is
    welcome. `law` is None only where no law was asked.
    """

    outcome: Outcome
    route: Route
    remedy: Remedy
    lines: tuple[DecidedLine, ...]
    currency: str
    exponent: int
    value: int
    fee: int
    way_back: Payer
    policy_version: str
    law_version: str | None
    decided_at: datetime
    window_end: datetime | None = None
    evidence: tuple[WantedEvidence, ...] = ()
    conditions: tuple[str, ...] = ()
    remedies: tuple[Remedy, ...] = ()
    why: tuple[Note, ...] = ()
    corrected: tuple[Note, ...] = ()
    merchant_cost: tuple[Note, ...] = ()
    fired: tuple[Fired, ...] = ()
    arithmetic: tuple[Step, ...] = ()
    law: LawFigures | None = None

    def to_json(self) -> dict[str, Any]:
        """As plain JSON, the way it is stored."""
        stored: dict[str, Any] = _DECISION.dump_python(self, mode="json")
        return stored

    @classmethod
    def from_json(cls, stored: Mapping[str, Any]) -> Decision:
        """The decision as it was stored."""
        return _DECISION.validate_python(stored)


_DECISION: TypeAdapter[Decision] = TypeAdapter(Decision)
