"""Looks up what a policy wants to know of the past: the customer's last year, and how often an article came damaged."""

from __future__ import annotations

from collections.abc import Set
from datetime import timedelta
from uuid import UUID

from sqlalchemy import BigInteger, and_, cast, func, select
from sqlalchemy.dialects.postgresql import distinct_on

from app.cases.models import Case, CaseEventRow, CaseLine, Evidence
from app.cases.vocabulary import Event, Reason
from app.db.work import Work
from app.orders.models import Order
from app.policy.models import DecisionRow
from app.policy.question import History, Present
from app.refunds.models import Refund
from app.refunds.states import RefundStatus

_YEAR = timedelta(days=365)
_DAMAGE_DAYS = timedelta(days=90)
_DAMAGE = [str(reason) for reason in (Reason.DAMAGED_IN_TRANSIT, Reason.DEFECTIVE)]


async def of_customer(work: Work, order: Order, without: UUID) -> History:
    """The customer by the order's e-mail, in the same store; without an e-mail only this order is known."""
    known = Order.id == order.id
    if order.email is not None:
        mine = func.lower(Order.email) == order.email.lower()
        known = and_(Order.store == order.store, mine, Order.placed_at >= work.now - _YEAR) | known
    same = Order.currency == order.currency
    bought = select(func.count(), func.coalesce(func.sum(Order.captured).filter(same), 0)).where(known)
    count, spent = (await work.session.execute(bought)).one()
    cases = select(func.count()).select_from(Case).join(Order, Order.id == Case.order_pk)
    paid = select(func.coalesce(func.sum(Refund.amount), 0)).join(Order, Order.id == Refund.order_pk)
    paid = paid.where(known, same, Refund.status == RefundStatus.SUCCEEDED, Refund.created_at >= work.now - _YEAR)
    recent = cases.where(known, Case.id != without, Case.created_at >= work.now - _YEAR)
    return History(
        orders=int(count),
        cases=int(await work.session.scalar(recent) or 0),
        spent=int(spent),
        refunded=int(await work.session.scalar(paid) or 0),
    )


async def recent_damage(work: Work, case: Case) -> dict[str, int]:
    """Other cases of the last 90 days in which the same SKU came damaged or defective, by line id."""
    counts = await damaged(work, case.store, {line.sku for line in case.lines if line.sku}, without=case.id)
    return {line.line_id: counts.get(line.sku or "", 0) for line in case.lines} if counts else {}


async def damaged(work: Work, store: str, skus: Set[str], without: UUID) -> dict[str, int]:
    """Cases of the last 90 days in which one of these SKUs came damaged or defective, by SKU."""
    if not skus:
        return {}
    statement = (
        select(CaseLine.sku, func.count())
        .join(Case, Case.id == CaseLine.case_id)
        .where(
            CaseLine.sku.in_(skus),
            CaseLine.reason.in_(_DAMAGE),
            Case.store == store,
            Case.id != without,
            Case.created_at >= work.now - _DAMAGE_DAYS,
        )
        .group_by(CaseLine.sku)
    )
    return {str(sku): int(count) for sku, count in await work.session.execute(statement)}


async def evidence(work: Work, case_id: UUID) -> Present:
    """What the customer has shown and told so far."""
    statement = select(Evidence.kind, func.count()).where(Evidence.case_id == case_id).group_by(Evidence.kind)
    counts = {kind: int(count) for kind, count in await work.session.execute(statement)}
    return Present(photos=counts.get("photo", 0) + counts.get("link", 0), answers=counts.get("answer", 0))


async def asked_by_hand(work: Work, case_id: UUID) -> bool:
    """Whether the last who asked for evidence was a person."""
    statement = (
        select(CaseEventRow.actor)
        .where(CaseEventRow.case_id == case_id, CaseEventRow.type == Event.POLICY_NEEDS_EVIDENCE)
        .order_by(CaseEventRow.seq.desc())
        .limit(1)
    )
    actor = await work.session.scalar(statement)
    return actor is not None and not actor.startswith("policy:")


async def fee_kept(work: Work, order_pk: UUID, without: UUID) -> int:
    """Minor units that the last approvals of the order's other cases keep."""
    newest = (
        select(DecisionRow.case_id, DecisionRow.outcome, DecisionRow.data)
        .join(Case, Case.id == DecisionRow.case_id)
        .where(Case.order_pk == order_pk, Case.id != without)
        .ext(distinct_on(DecisionRow.case_id))
        .order_by(DecisionRow.case_id, DecisionRow.seq.desc())
        .subquery()
    )
    fee = cast(newest.c.data["fee"].astext, BigInteger)
    total = select(func.coalesce(func.sum(fee), 0)).where(newest.c.outcome == "approve")
    return int(await work.session.scalar(total) or 0)
