"""Reads replacements with their attempts and their orders' names, in a fixed number of statements."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from uuid import UUID

from sqlalchemy import select

from app.db.work import Work
from app.orders.models import Order
from app.remedies.models import Replacement, ReplacementAttempt


@dataclass(frozen=True, slots=True)
class ReplacementFacts:
    """A replacement as it is shown."""

    replacement: Replacement
    attempts: tuple[ReplacementAttempt, ...]
    order: Order


async def find(work: Work, replacement_id: UUID) -> ReplacementFacts | None:
    """The replacement with that id."""
    found = await work.session.get(Replacement, replacement_id)
    return (await facts(work, [found]))[0] if found else None


async def search(
    work: Work, status: str | None, case_id: UUID | None, after: UUID | None, limit: int
) -> list[ReplacementFacts]:
    """Replacements, newest first, that come after the item `after` of the page before."""
    statement = select(Replacement).order_by(Replacement.id.desc()).limit(limit)
    if status is not None:
        statement = statement.where(Replacement.status == status)
    if case_id is not None:
        statement = statement.where(Replacement.case_id == case_id)
    if after is not None:
        statement = statement.where(Replacement.id < after)
    return await facts(work, list(await work.session.scalars(statement)))


async def of_cases(
    work: Work, case_ids: Sequence[UUID], orders: Mapping[UUID, Order]
) -> dict[UUID, list[ReplacementFacts]]:
    """The replacements of each case, oldest first; `orders` are those of the cases."""
    statement = select(Replacement).where(Replacement.case_id.in_(case_ids)).order_by(Replacement.id)
    found: dict[UUID, list[ReplacementFacts]] = {case_id: [] for case_id in case_ids}
    for one in await _with_attempts(work, list(await work.session.scalars(statement)), orders):
        found[one.replacement.case_id].append(one)
    return found


async def facts(work: Work, replacements: Sequence[Replacement]) -> list[ReplacementFacts]:
    """The replacements with all that is shown of them."""
    wanted = {one.order_pk for one in replacements}
    orders = {order.id: order for order in await work.session.scalars(select(Order).where(Order.id.in_(wanted)))}
    return await _with_attempts(work, replacements, orders)


async def _with_attempts(
    work: Work, replacements: Sequence[Replacement], orders: Mapping[UUID, Order]
) -> list[ReplacementFacts]:
    if not replacements:
        return []
    attempts: dict[UUID, list[ReplacementAttempt]] = {one.id: [] for one in replacements}
    statement = select(ReplacementAttempt).where(ReplacementAttempt.replacement_id.in_(attempts))
    for attempt in await work.session.scalars(statement.order_by(ReplacementAttempt.number)):
        attempts[attempt.replacement_id].append(attempt)
    return [ReplacementFacts(one, tuple(attempts[one.id]), orders[one.order_pk]) for one in replacements]
