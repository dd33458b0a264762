"""What replacements mean for others: which units they take, and whether one of them may be at work."""

from __future__ import annotations

from collections.abc import Collection
from uuid import UUID

from sqlalchemy import ColumnElement, select

from app.db.work import Work
from app.remedies.models import Replacement
from app.remedies.states import AT_WORK, IN_DOUBT, RESERVED, UNSETTLED, ReplacementStatus


async def reserved_of_case(work: Work, case_id: UUID) -> dict[str, int]:
    """Units by line in replacements of a case that are neither proven nor given up."""
    return await _units(work, Replacement.case_id == case_id, UNSETTLED)


async def taken_of_order(work: Work, order_pk: UUID, without: UUID | None = None) -> dict[str, int]:
    """Units by line of an order that are replaced or reserved for that; `without` leaves one operation out."""
    condition = Replacement.order_pk == order_pk
    return await _units(work, condition if without is None else condition & (Replacement.id != without), RESERVED)


async def at_work(work: Work, order_pk: UUID, without: UUID | None = None) -> bool:
    """Whether the call of a replacement of the order may still do something; `without` leaves one out."""
    return await _any(work, order_pk, AT_WORK, without)


async def in_doubt(work: Work, order_pk: UUID) -> bool:
    """Whether it is open for a replacement of the order whether it was made."""
    return await _any(work, order_pk, IN_DOUBT, None)


async def _any(work: Work, order_pk: UUID, statuses: Collection[ReplacementStatus], without: UUID | None) -> bool:
    condition = (Replacement.order_pk == order_pk) & Replacement.status.in_([str(one) for one in statuses])
    if without is not None:
        condition &= Replacement.id != without
    return await work.session.scalar(select(Replacement.id).where(condition).limit(1)) is not None


async def _units(work: Work, condition: ColumnElement[bool], statuses: Collection[ReplacementStatus]) -> dict[str, int]:
    statement = select(Replacement.lines).where(condition, Replacement.status.in_([str(one) for one in statuses]))
    units: dict[str, int] = {}
    for lines in await work.session.scalars(statement):
        for line in lines:
            units[line["line_id"]] = units.get(line["line_id"], 0) + int(line["quantity"])
    return units
