"""What the customer is asked for and told: evidence that is missing, condition and packaging. Pure."""

from __future__ import annotations

from collections.abc import Sequence

from app.policy.costs import bound_by
from app.policy.decision import Note, WantedEvidence
from app.policy.law.model import Forbidden
from app.policy.lines import LineCase
from app.policy.model import EvidenceItem, Policy
from app.policy.question import Present, Question
from app.policy.terms import EvidenceKind, Want, Wear

_WORSE = {Wear.SEALED: 0, Wear.UNUSED: 1, Wear.TRIED: 2, Wear.ANY: 3}


def evidence(
    looked: Sequence[LineCase], question: Question, policy: Policy
) -> tuple[tuple[WantedEvidence, ...], list[Note]]:
    """The items still missing, each once for the case, and whether the law forbids to insist on some.

    What was given serves the items of its kind in the file's order.
    """
    needed = []
    corrected = []
    for item in policy.evidence:
        lines = [one for one in looked if one.line.reason in item.reasons and _applies(one, item)]
        bound = [one for one in lines if not _may_not_insist(one)]
        if bound:
            needed.append(item)
            bound[0].fire("evidence", item.id, item.when or "")
        elif lines:
            corrected.append(Note("evidence_not_required", {"item": item.id}))
    return _missing(needed, question.evidence), corrected


def _applies(one: LineCase, item: EvidenceItem) -> bool:
    return item.when is None or one.holds(item.when, item.id)


def _may_not_insist(one: LineCase) -> bool:
    law = bound_by(one)
    return law is not None and law.alive and Forbidden.REASON_REQUIRED in law.forbids


def _missing(needed: Sequence[EvidenceItem], present: Present) -> tuple[WantedEvidence, ...]:
    spare = {EvidenceKind.PHOTO: present.photos, EvidenceKind.ANSWER: present.answers}
    found = []
    for item in needed:
        given = min(item.count, spare[item.kind])
        spare[item.kind] -= given
        if item.count > given:
            found.append(WantedEvidence(item.id, item.kind, item.count - given))
    return tuple(found)


def worn(looked: Sequence[LineCase], policy: Policy) -> list[Note]:
    """Lines whose goods are known to be in a worse state than is expected; a person looks at them."""
    expected = policy.condition.expected
    found = []
    for one in looked:
        known = next((wear for wear in Wear if wear == one.line.condition), None)
        if one.line.reason in policy.condition.reasons and known is not None and _WORSE[known] > _WORSE[expected]:
            found.append(Note("worn", {"line": one.line.line_id, "condition": str(known), "expected": str(expected)}))
    return found


def conditions(looked: Sequence[LineCase], policy: Policy) -> tuple[tuple[str, ...], list[Note]]:
    """How the goods should come back, as told to the customer. Original packaging is only asked for where it may be."""
    told: list[str] = []
    corrected: list[Note] = []
    section, packaging = policy.condition, policy.packaging
    if section.expected is not Wear.ANY and any(one.line.reason in section.reasons for one in looked):
        told.append(f"condition:{section.expected}")
    boxed = [one for one in looked if one.line.reason in packaging.reasons]
    if boxed and packaging.original is not Want.ANY:
        wanted = packaging.original
        if wanted is Want.REQUIRED and any(_packaging_is_free(one) for one in boxed):
            wanted = Want.WANTED
            corrected.append(Note("packaging_not_required"))
        told.append(f"packaging:{wanted}")
    return tuple(told), corrected


def _packaging_is_free(one: LineCase) -> bool:
    law = bound_by(one)
    return law is not None and law.alive and Forbidden.ORIGINAL_PACKAGING in law.forbids
