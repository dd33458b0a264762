"""What the status page tells of each case of a request."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from sqlalchemy import select
from sqlalchemy.dialects.postgresql import distinct_on

from app.cases import legal, queries
from app.cases.models import Case, CaseEventRow
from app.cases.queries import CaseFacts
from app.cases.service import view_of
from app.cases.vocabulary import Event, State
from app.db.work import Work
from app.money import Money
from app.orders.models import Order
from app.orders.service import snapshot_of
from app.pages.customer.look import Deed, Stage, allowed, progress
from app.policy.decision import Decision
from app.policy.law.model import Payer
from app.policy.model import Policy
from app.refunds.states import RefundStatus
from app.remedies.states import IN_DOUBT, ReplacementStatus
from app.requests.models import ReturnRequest
from app.stores.asked import RefundMethod
from app.timers import service as timers
from app.timers.models import TimerKind

# Clocks whose end tells the customer something: theirs, and how long the others take.
_TOLD = (TimerKind.EVIDENCE, TimerKind.REPLY, TimerKind.RMA, TimerKind.SHIP, TimerKind.INSPECTION)
_MAY_BE_OUT = frozenset({RefundStatus.SUBMITTING, RefundStatus.UNKNOWN, RefundStatus.NEEDS_REVIEW})
_UNDER_WAY = _MAY_BE_OUT | {RefundStatus.PLANNED}


@dataclass(frozen=True, slots=True)
class Paid:
    """Money that went to the customer, and when. `credit`: as credit in the store, with the coupon's `code` if any."""

    amount: Money
    at: datetime
    credit: bool = False
    code: str | None = None


@dataclass(frozen=True, slots=True)
class Sent:
    """A new order in place of what was bought, and when it was placed. `name` is empty where nobody knows it."""

    name: str
    at: datetime


@dataclass(frozen=True, slots=True)
class Standing:
    """One case as its customer sees it.

    `due` is the clock that ends next, where it tells the customer something, and `by_law` until when the refund is due
    by law. `coming` is money that is on its way, `sent` are new orders that were placed. `wanted` is what was asked of
    the customer, `refusal` why they were refused. `conditions` are codes for how the goods should come back, `decided`
    the last decision with its policy.
    """

    case: Case
    state: State
    stages: tuple[Stage, ...]
    current: int
    due: tuple[str, datetime] | None
    by_law: datetime | None
    paid: tuple[Paid, ...]
    coming: Money | None
    sent: tuple[Sent, ...]
    by_hand: bool
    wanted: Sequence[str]
    refusal: str | None
    conditions: tuple[str, ...]
    way_back: Payer | None
    may: frozenset[Deed]
    decided: tuple[Decision, Policy] | None

    @property
    def reference(self) -> str:
        """The case's name for people."""
        return self.case.reference


async def standings(work: Work, request: ReturnRequest) -> list[Standing]:
    """All cases of a request, in the order they were opened."""
    cases = await queries.of_request(work, request.id)
    refused = await _refusals(work, [case.id for case in cases if case.state == State.REJECTED])
    ends = await timers.next_due(work, [case.id for case in cases], _TOLD)
    return [_standing(facts, refused, ends.get(facts.case.id)) for facts in await queries.facts(work, cases)]


def _standing(facts: CaseFacts, refused: Mapping[UUID, str], due: tuple[str, datetime] | None) -> Standing:
    case, view = facts.case, view_of(facts.case)
    stages, current = progress(view) or ((), 0)
    decision = Decision.from_json(facts.decision[0].data) if facts.decision else None
    sent = Deed.GUIDE in allowed(view)
    return Standing(
        case=case,
        state=view.state,
        stages=stages,
        current=current,
        due=due,
        by_law=case.legal_due_at if legal.is_unpaid(case) else None,
        paid=tuple(_paid(facts)),
        coming=_coming(facts),
        sent=tuple(_sent(facts)),
        by_hand=_by_hand(facts.order),
        wanted=facts.wanted,
        refusal=refused.get(case.id),
        conditions=decision.conditions if decision and sent else (),
        way_back=decision.way_back if decision and sent else None,
        may=_may(facts, allowed(view)),
        decided=(decision, facts.decision[1].policy) if decision and facts.decision and facts.decision[1] else None,
    )


def _paid(facts: CaseFacts) -> list[Paid]:
    return [
        Paid(
            Money(one.refund.amount, one.refund.currency, one.refund.exponent),
            one.refund.settled_at,
            one.refund.method == RefundMethod.STORE_CREDIT,
            one.refund.credit_code,
        )
        for one in facts.refunds
        if one.refund.status == RefundStatus.SUCCEEDED and one.refund.settled_at is not None
    ]


def _sent(facts: CaseFacts) -> list[Sent]:
    return [
        Sent(one.replacement.order_name or "", one.replacement.settled_at)
        for one in facts.replacements
        if one.replacement.status == ReplacementStatus.MADE and one.replacement.settled_at is not None
    ]


def _may(facts: CaseFacts, may: frozenset[Deed]) -> frozenset[Deed]:
    """Another remedy can be chosen until one may have gone out."""
    gone = any(one.refund.status in _MAY_BE_OUT for one in facts.refunds)
    gone = gone or any(one.replacement.status in IN_DOUBT for one in facts.replacements)
    return may - {Deed.REMEDY} if gone else may


def _coming(facts: CaseFacts) -> Money | None:
    under_way = [one.refund for one in facts.refunds if one.refund.status in _UNDER_WAY]
    if not under_way:
        return None
    return Money(sum(one.amount for one in under_way), under_way[0].currency, under_way[0].exponent)


def _by_hand(order: Order) -> bool:
    return snapshot_of(order).paid_by_hand


async def _refusals(work: Work, case_ids: Sequence[UUID]) -> dict[UUID, str]:
    """Why each of these cases was refused the last time, as the customer was told."""
    if not case_ids:
        return {}
    statement = (
        select(CaseEventRow.case_id, CaseEventRow.data)
        .where(CaseEventRow.case_id.in_(case_ids), CaseEventRow.type == Event.REJECTED)
        .ext(distinct_on(CaseEventRow.case_id))
        .order_by(CaseEventRow.case_id, CaseEventRow.seq.desc())
    )
    return {case_id: str(data.get("reason") or "") for case_id, data in await work.session.execute(statement)}
