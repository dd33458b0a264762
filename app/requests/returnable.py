"""What of an order can be returned until when, and why not the rest: answers of the engine, line by line. Pure."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from enum import StrEnum
from zoneinfo import ZoneInfo

from app.cases.vocabulary import Reason, Remedy
from app.orders.snapshot import Line
from app.policy.decision import Decision
from app.policy.model import Policy
from app.policy.terms import Outcome
from app.requests.preview import Asked, Part, Previewer

# One reason stands for each kind of right: second thoughts, something wrong with the goods, goods that never came.
SECOND_THOUGHTS, WRONG, NEVER_CAME = Reason.CHANGED_MIND, Reason.DEFECTIVE, Reason.LOST
_KINDS = (SECOND_THOUGHTS, WRONG, NEVER_CAME)


class WhyNot(StrEnum):
    """Why a line cannot be chosen."""

    GIFT_CARD = "gift_card"
    USED_UP = "used_up"
    REFUSED = "refused"


@dataclass(frozen=True, slots=True)
class Term:
    """What becomes of a line that is returned for a reason.

    `until` is the last day on which that holds, where the customer lives; None: no end is known. `ended` is the day
    on which the time was over, `said` what the policy's author tells customers about a refusal.
    """

    reason: Reason
    outcome: Outcome
    until: date | None
    ended: date | None
    said: str | None

    @property
    def offered(self) -> bool:
        """Whether it may be asked for: everything that is not refused by a rule."""
        return self.outcome is not Outcome.REJECT


@dataclass(frozen=True, slots=True)
class Returnable:
    """One line of an order. `free` units can still be returned; `terms` is what each kind of reason gets."""

    line: Line
    free: int
    terms: tuple[Term, ...]
    why_not: WhyNot | None

    def term(self, reason: Reason | str) -> Term | None:
        """What a reason gets, if it was asked for."""
        return next((term for term in self.terms if term.reason == reason), None)


def returnable(asker: Previewer, language: str) -> tuple[Returnable, ...]:
    """Every line of the order, each with the three kinds of reasons."""
    return tuple(_line(asker, line, language, _KINDS) for line in asker.snapshot.lines if line.quantity > 0)


def reasons_for(asker: Previewer, line_id: str, units: int, language: str) -> tuple[Term, ...]:
    """What each reason gets for so many units of a line."""
    return tuple(_term(asker, line_id, units, reason, language) for reason in Reason)


def _line(asker: Previewer, line: Line, language: str, reasons: Iterable[Reason]) -> Returnable:
    free = min(line.quantity, max(0, asker.known.free.get(line.line_id, 0)))
    if line.gift_card:
        return Returnable(line, free, (), WhyNot.GIFT_CARD)
    if free == 0:
        return Returnable(line, 0, (), WhyNot.USED_UP)
    terms = tuple(_term(asker, line.line_id, 1, reason, language) for reason in reasons)
    refused = not any(term.offered for term in terms)
    return Returnable(line, free, terms, WhyNot.REFUSED if refused else None)


def _term(asker: Previewer, line_id: str, units: int, reason: Reason, language: str) -> Term:
    (part,) = asker.parts([Asked(line_id, units, reason)], Remedy.REFUND)
    decision = part.decision
    end = decision.lines[0].window_end
    zone = ZoneInfo(decision.law.zone) if decision.law is not None else ZoneInfo("UTC")
    said = _said(decision, asker.file.policy, language)
    if decision.outcome is Outcome.REJECT:
        return Term(reason, Outcome.REJECT, None, None if said else _day(end, zone), said)
    law = decision.law if decision.law is not None and decision.law.alive else None
    if decision.lines[0].in_time:
        later = law.until if law is not None and law.until is not None else end
        return Term(reason, decision.outcome, _day(max(end, later), zone), None, None)
    if law is not None:
        return Term(reason, decision.outcome, _day(law.until, zone) if law.until else None, None, None)
    return Term(reason, decision.outcome, None, _day(end, zone), None)


def _day(instant: datetime, zone: ZoneInfo) -> date:
    return instant.astimezone(zone).date()


def _said(decision: Decision, policy: Policy, language: str) -> str | None:
    """The policy's own words for the rule or exception that refused."""
    for note in decision.why:
        if note.code in ("rule", "exception"):
            named = note.values.get(note.code)
            says = {one.id: one.say for one in policy.exception} | {one.id: one.say for one in policy.rule}
            say = says.get(str(named))
            if say is not None:
                return say.text(language)
    return None


def outcome_of(parts: Sequence[Part]) -> Outcome:
    """What a request gets at first: the most that any part of it still waits for."""
    found = {part.decision.outcome for part in parts}
    return next(one for one in (Outcome.REJECT, Outcome.OPERATOR, Outcome.EVIDENCE, Outcome.APPROVE) if one in found)
