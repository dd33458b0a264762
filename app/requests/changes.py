"""What a customer may still change in a case of theirs, and the change itself."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from app.cases.action_bodies import ActionBody
from app.cases.actions import QuantityNotFree, Target, UnknownLine
from app.cases.vocabulary import Event, Reason, Remedy, State
from app.errors import Invalid
from app.policy import service as policy

# While nobody has decided.
CHANGEABLE = frozenset({State.EVIDENCE_NEEDED, State.UNDER_REVIEW})


class NothingChanged(Invalid):
    """The change says what the case says already."""

    code = "nothing_changed"
    title = "Nothing was changed"


@dataclass(frozen=True, slots=True)
class Change:
    """What is wanted instead, by line: units (0 takes a line out), reasons and notes; and the remedy."""

    units: Mapping[str, int]
    reasons: Mapping[str, Reason]
    notes: Mapping[str, str]
    remedy: Remedy


async def change(target: Target, wanted: Change) -> None:
    """Corrects a case that nobody has decided yet; the policy decides it anew. Order and case must be locked.

    Raises `UnknownLine`, `QuantityNotFree`, `NothingChanged`, `TransitionNotAllowed`, `GuardFailed`.
    """
    case = target.case
    known = {line.line_id: line for line in case.lines}
    if unknown := [one for one in (*wanted.units, *wanted.reasons) if one not in known]:
        raise UnknownLine(f"The case has no line {unknown[0]!r}.")
    free = await policy.free_units(target.work, target.order, without=case.id)
    for line_id, count in wanted.units.items():
        if count > max(0, free.get(line_id, 0)):
            raise QuantityNotFree(f"{count} units of line {line_id} are more than are free.", line_id=line_id)
    units = {key: count for key, count in wanted.units.items() if count != known[key].requested}
    reasons = {key: reason for key, reason in wanted.reasons.items() if reason != known[key].reason}
    notes = {key: note for key, note in wanted.notes.items() if note != (known[key].note or "")}
    remedy = wanted.remedy if wanted.remedy != case.remedy else None
    if not units and not reasons and not notes and remedy is None:
        raise NothingChanged("The change says what the case says already.")
    await target.record(
        Event.REQUEST_CHANGED, ActionBody(), lines=units, reasons=reasons, notes=notes or None, remedy=remedy
    )
