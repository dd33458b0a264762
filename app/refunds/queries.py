"""Reads refunds with their attempts and their orders' names, in a fixed number of statements."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from uuid import UUID

from sqlalchemy import select

from app.db.work import Work
from app.orders.models import Order
from app.refunds.models import Refund, RefundAttempt


@dataclass(frozen=True, slots=True)
class RefundFacts:
    """A refund as it is shown."""

    refund: Refund
    attempts: tuple[RefundAttempt, ...]
    order: Order


async def find(work: Work, refund_id: UUID) -> RefundFacts | None:
    """The refund with that id."""
    refund = await work.session.get(Refund, refund_id)
    return (await facts(work, [refund]))[0] if refund else None


async def search(
    work: Work, status: str | None, case_id: UUID | None, after: UUID | None, limit: int
) -> list[RefundFacts]:
    """Refunds, newest first, that come after the item `after` of the page before."""
    statement = select(Refund).order_by(Refund.id.desc()).limit(limit)
    if status is not None:
        statement = statement.where(Refund.status == status)
    if case_id is not None:
        statement = statement.where(Refund.case_id == case_id)
    if after is not None:
        statement = statement.where(Refund.id < after)
    return await facts(work, list(await work.session.scalars(statement)))


async def of_cases(work: Work, case_ids: Sequence[UUID], orders: Mapping[UUID, Order]) -> dict[UUID, list[RefundFacts]]:
    """The refunds of each case, oldest first; `orders` are those of the cases."""
    statement = select(Refund).where(Refund.case_id.in_(case_ids)).order_by(Refund.id)
    found: dict[UUID, list[RefundFacts]] = {case_id: [] for case_id in case_ids}
    for one in await _with_attempts(work, list(await work.session.scalars(statement)), orders):
        found[one.refund.case_id].append(one)
    return found


async def facts(work: Work, refunds: Sequence[Refund]) -> list[RefundFacts]:
    """The refunds with all that is shown of them."""
    wanted = {refund.order_pk for refund in refunds}
    orders = {order.id: order for order in await work.session.scalars(select(Order).where(Order.id.in_(wanted)))}
    return await _with_attempts(work, refunds, orders)


async def _with_attempts(work: Work, refunds: Sequence[Refund], orders: Mapping[UUID, Order]) -> list[RefundFacts]:
    attempts: dict[UUID, list[RefundAttempt]] = {refund.id: [] for refund in refunds}
    statement = select(RefundAttempt).where(RefundAttempt.refund_id.in_(attempts)).order_by(RefundAttempt.number)
    for attempt in await work.session.scalars(statement):
        attempts[attempt.refund_id].append(attempt)
    return [RefundFacts(refund, tuple(attempts[refund.id]), orders[refund.order_pk]) for refund in refunds]
