"""How a case goes on once it is decided: when the customer sends, when the supplier answers, what it credits. Pure.

What a past case tells is taken as it was. For the rest there is one simple assumption for each thing, the same under
both policies, listed in `docs/simulate.md`: so a difference between two policies is never one of the assumptions.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import timedelta

from app.cases.vocabulary import Reason, Route
from app.policy.question import Question, SupplierTerms, window_start
from app.policy.terms import SECOND_THOUGHTS
from app.whatif.past import Story

# Days. Those of the supplier are the defaults of its settings RESPONSE_DAYS and INSPECTION_DAYS.
AUTHORISE_DAYS = 3
VERDICT_DAYS = 7
SENDS_DAYS = 3
WAY_BACK_DAYS = 10
LOCAL_DAYS = 4
EVIDENCE_DAYS = 2
# Per cent of the sales price, where a supplier's COST_RATIO is not set.
COST_RATIO = 50


@dataclass(frozen=True, slots=True)
class Course:
    """What happens on a route, in days after the approval.

    `sent` is when the customer proves to have sent the goods, None when nothing is sent; `settled` when the supplier or
    the local centre has spoken, None when it never does. `credited` is per cent of the wholesale price. `ends` says
    that the case ends without money because the customer never sends what has to come back.
    """

    sent: int | None = None
    settled: int | None = None
    credited: int = 0
    ends: bool = False


def course(question: Question, story: Story, route: Route) -> Course:
    """What happens on that route."""
    credited = _credited(question, story, route)
    if route is Route.RETURNLESS:
        return Course(settled=0, credited=credited)
    verdict = VERDICT_DAYS if story.verdict_days is None else story.verdict_days
    if route is Route.CLAIM:
        return Course(settled=None if story.silent else verdict, credited=credited)
    if not story.sends:
        return Course(ends=True)
    asks = route is Route.RETURN and (question.supplier is None or question.supplier.requires_rma)
    wait = (AUTHORISE_DAYS if story.authorise_days is None else story.authorise_days) if asks else 0
    sent = wait + (SENDS_DAYS if story.sends_days is None else story.sends_days)
    if route is Route.LOCAL:
        return Course(sent=sent, settled=sent + LOCAL_DAYS)
    way = WAY_BACK_DAYS if story.way_back_days is None else story.way_back_days
    return Course(sent=sent, settled=None if story.silent else sent + way + verdict, credited=credited)


def wholesale(question: Question) -> int:
    """What the supplier was paid for the goods, in minor units of the order's currency."""
    value = sum(line.value for line in question.lines)
    ratio = question.supplier.cost_ratio if question.supplier else None
    return value * COST_RATIO // 100 if ratio is None else int(value * ratio)


def _credited(question: Question, story: Story, route: Route) -> int:
    """Per cent of the wholesale price that the supplier credits on that route."""
    terms = question.supplier
    if terms is None or story.silent or route is Route.LOCAL or _too_late(question, terms):
        return 0
    faulty = not any(line.reason in SECOND_THOUGHTS for line in question.lines)
    if not faulty and route is not Route.RETURN:
        return 0
    if route is not Route.RETURN and terms.requires_goods and not _photos_are_enough(question, terms):
        return 0
    if story.accepted is not None:
        return story.accepted
    return 100 if faulty else 0


def _photos_are_enough(question: Question, terms: SupplierTerms) -> bool:
    if all(line.reason in (Reason.LOST, Reason.MISSING_PARTS) for line in question.lines):
        return True
    value = sum(line.value for line in question.lines)
    return terms.returnless_below is not None and value <= terms.returnless_below


def _too_late(question: Question, terms: SupplierTerms) -> bool:
    """Whether the supplier's claim window was over when the customer asked. What never arrived is claimed in time."""
    delivered = [parcel.delivered_at for parcel in question.order.fulfilments if parcel.delivered_at]
    if terms.claim_window_days is None or not delivered:
        return False
    start = max(window_start(question.order, line.line_id) for line in question.lines)
    return question.declared_at > start + timedelta(days=terms.claim_window_days)
