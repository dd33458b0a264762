"""Asks the policy about a stored case."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import timedelta
from typing import Any
from uuid import UUID

from sqlalchemy import select

from app.cases.models import Case, CaseEventRow, CaseLine
from app.cases.vocabulary import Event, Reason, Remedy, State
from app.db.work import Work
from app.orders import service as orders
from app.orders.models import Order
from app.policy import rules
from app.refunds import service as refunds
from app.refunds.states import RESERVED

_UNDECIDED = {State.REQUESTED, State.EVIDENCE_NEEDED, State.UNDER_REVIEW}
_GAVE_UP = {State.REJECTED, State.CANCELLED, State.EXPIRED, State.SUPERSEDED}


@dataclass(frozen=True, slots=True)
class Decision:
    """The event that the policy applies to the case, with its data and who decided."""

    event: Event
    data: Mapping[str, Any]
    actor: str


async def decide(work: Work, case: Case) -> Decision:
    """What the built-in policy says to a case in `requested`."""
    order = await work.session.get_one(Order, case.order_pk)
    free = await free_units(work, order, without=case.id)
    supplier = work.settings.suppliers.get(case.supplier or "")
    question = rules.Question(
        order=orders.snapshot_of(order),
        asked=[
            rules.Asked(line.line_id, line.requested, Reason(line.reason), free.get(line.line_id, 0))
            for line in case.lines
        ],
        remedy=Remedy(case.remedy),
        has_supplier=supplier is not None,
        requires_goods=supplier.requires_goods if supplier else None,
        window=timedelta(days=work.settings.return_window_days),
        now=work.now,
        evidence_was_asked=await _evidence_was_asked(work, case.id),
    )
    answer = rules.decide(question)
    actor = f"policy:{case.policy_version}"
    starts = {line_id: start.isoformat() for line_id, start in answer.window_start.items()}
    if answer.doubts:
        return Decision(Event.POLICY_DEFERRED, {"reason": "; ".join(answer.doubts), "window_start": starts}, actor)
    reason = f"within {work.settings.return_window_days} days and quantity free"
    data = {"route": answer.route, "remedy": case.remedy, "reason": reason, "window_start": starts}
    return Decision(Event.APPROVED, data, actor)


async def free_units(work: Work, order: Order, without: UUID) -> dict[str, int]:
    """Units of each line that nobody has refunded and no live case other than `without` asks for."""
    free = {line.line_id: line.quantity for line in orders.snapshot_of(order).lines}
    ours = {refund.id for refund in await refunds.of_order(work, order.id) if refund.status in RESERVED}
    external = orders.external_of(await orders.observed(work, order.id), ours)
    for line_id, units in external.lines.items():
        free[line_id] = free.get(line_id, 0) - units
    statement = (
        select(Case.state, CaseLine)
        .join(CaseLine, CaseLine.case_id == Case.id)
        .where(Case.order_pk == order.id, Case.id != without, Case.state.not_in([str(one) for one in _GAVE_UP]))
    )
    for state, line in await work.session.execute(statement):
        claimed = line.requested if state in _UNDECIDED else line.approved
        free[line.line_id] = free.get(line.line_id, 0) - max(0, claimed - line.external)
    return free


async def _evidence_was_asked(work: Work, case_id: UUID) -> bool:
    statement = select(CaseEventRow.seq).where(
        CaseEventRow.case_id == case_id, CaseEventRow.type == Event.POLICY_NEEDS_EVIDENCE
    )
    return await work.session.scalar(statement.limit(1)) is not None
