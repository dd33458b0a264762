"""Which units are replaced or reserved for a replacement, for everybody who counts units."""

from __future__ import annotations

from collections.abc import Collection
from uuid import UUID

from sqlalchemy import ColumnElement, select

from app.db.work import Work
from app.remedies.models import Replacement
from app.remedies.states import RESERVED, UNSETTLED, ReplacementStatus


async def reserved_of_case(work: Work, case_id: UUID) -> dict[str, int]:
    """Units by line in replacements of a case that are neither proven nor given up."""
    return await _units(work, Replacement.case_id == case_id, UNSETTLED)


async def taken_of_order(work: Work, order_pk: UUID, without: UUID | None = None) -> dict[str, int]:
    """Units by line of an order that are replaced or reserved for that; `without` leaves one operation out."""
    condition = Replacement.order_pk == order_pk
    return await _units(work, condition if without is None else condition & (Replacement.id != without), RESERVED)


async def _units(work: Work, condition: ColumnElement[bool], statuses: Collection[ReplacementStatus]) -> dict[str, int]:
    statement = select(Replacement.lines).where(condition, Replacement.status.in_([str(one) for one in statuses]))
    units: dict[str, int] = {}
    for lines in await work.session.scalars(statement):
        for line in lines:
            units[line["line_id"]] = units.get(line["line_id"], 0) + int(line["quantity"])
    return units
