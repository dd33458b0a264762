"""Past cases as they are stored, read page by page. Nothing is written, and no transaction outlives a page."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from datetime import datetime, timedelta
from uuid import UUID

from sqlalchemy import and_, func, select
from sqlalchemy.ext.asyncio import AsyncSession
from sqlalchemy.orm import aliased

from app.cases.models import Case, CaseEventRow, Evidence
from app.cases.vocabulary import Event
from app.db.engine import Database
from app.orders.models import Order
from app.refunds.models import Refund
from app.refunds.states import RefundStatus
from app.whatif.rows import Happened, LineRow, Row, RowsBatch
from app.whatif.terms import KnownSupplier

PAGE = 500
_TOLD = (
    Event.APPROVED, Event.REJECTED, Event.SUPPLIER_AUTHORIZED, Event.SUPPLIER_SILENT, Event.SUPPLIER_CONFIRMED,
    Event.SUPPLIER_REJECTED, Event.VERDICT_TIMED_OUT, Event.TRACKING_ADDED, Event.SHIPMENT_TIMED_OUT,
    Event.GOODS_RECEIVED,
)  # fmt: skip
_YEAR = timedelta(days=365)


@contextmanager
def stored(
    url: str, suppliers: Mapping[str, KnownSupplier], since: datetime | None
) -> Iterator[tuple[Iterator[RowsBatch], int]]:
    """The batches of all stored cases, oldest first, and how many cases there are."""
    with asyncio.Runner() as runner:
        database = Database(url, pool_size=1)
        try:
            yield _batches(runner, database, suppliers, since), runner.run(_count(database, since))
        finally:
            runner.run(database.dispose())


async def _count(database: Database, since: datetime | None) -> int:
    async with database.transaction() as session:
        statement = select(func.count()).select_from(Case)
        return await session.scalar(statement if since is None else statement.where(Case.created_at >= since)) or 0


def _batches(
    runner: asyncio.Runner, database: Database, suppliers: Mapping[str, KnownSupplier], since: datetime | None
) -> Iterator[RowsBatch]:
    after: UUID | None = None
    while True:
        rows, after = runner.run(_page(database, since, after))
        if after is None:
            return
        yield RowsBatch(tuple(rows), suppliers)


async def _page(database: Database, since: datetime | None, after: UUID | None) -> tuple[list[Row], UUID | None]:
    """The cases that follow `after` by id, and the last of them; None when there are no more."""
    statement = select(Case, Order).join(Order, Order.id == Case.order_pk).order_by(Case.id).limit(PAGE)
    if since is not None:
        statement = statement.where(Case.created_at >= since)
    if after is not None:
        statement = statement.where(Case.id > after)
    async with database.transaction() as session:
        found = (await session.execute(statement)).all()
        ids = [case.id for case, _ in found]
        happened = await _events(session, ids)
        evidence = await _evidence(session, ids)
        histories = await _histories(session, ids)
    rows = [
        _row(case, order, happened.get(case.id, ()), evidence.get(case.id, {}), histories[case.id])
        for case, order in found
    ]
    return rows, ids[-1] if ids else None


def _row(
    case: Case,
    order: Order,
    happened: Sequence[Happened],
    evidence: Mapping[str, int],
    history: tuple[int, int, int, int],
) -> Row:
    return Row(
        store=case.store,
        supplier=case.supplier,
        snapshot=order.snapshot,
        remedy=case.remedy,
        declared_at=case.created_at,
        lines=tuple(
            LineRow(line.line_id, line.requested, line.reason, line.approved, line.accepted) for line in case.lines
        ),
        happened=tuple(happened),
        evidence=dict(evidence),
        history=history,
    )


async def _events(session: AsyncSession, ids: Sequence[UUID]) -> dict[UUID, list[Happened]]:
    statement = (
        select(CaseEventRow.case_id, CaseEventRow.type, CaseEventRow.at, CaseEventRow.actor)
        .where(CaseEventRow.case_id.in_(ids), CaseEventRow.type.in_(_TOLD))
        .order_by(CaseEventRow.case_id, CaseEventRow.seq)
    )
    found: dict[UUID, list[Happened]] = {}
    for case_id, kind, at, actor in await session.execute(statement):
        found.setdefault(case_id, []).append(Happened(kind, at, actor))
    return found


async def _evidence(session: AsyncSession, ids: Sequence[UUID]) -> dict[UUID, dict[str, int]]:
    statement = (
        select(Evidence.case_id, Evidence.kind, func.count())
        .where(Evidence.case_id.in_(ids))
        .group_by(Evidence.case_id, Evidence.kind)
    )
    found: dict[UUID, dict[str, int]] = {}
    for case_id, kind, count in await session.execute(statement):
        found.setdefault(case_id, {})[kind] = count
    return found


async def _histories(session: AsyncSession, ids: Sequence[UUID]) -> dict[UUID, tuple[int, int, int, int]]:
    """Orders, earlier cases, spent and refunded of each case's customer in the 365 days before it."""
    mine, theirs, earlier = aliased(Order), aliased(Order), aliased(Case)
    same = and_(theirs.store == mine.store, func.lower(theirs.email) == func.lower(mine.email))
    own_money = theirs.currency == mine.currency
    orders = (
        select(Case.id, func.count(), func.coalesce(func.sum(theirs.captured).filter(own_money), 0))
        .join(mine, mine.id == Case.order_pk)
        .join(theirs, same)
        .where(Case.id.in_(ids), theirs.placed_at <= Case.created_at, theirs.placed_at >= Case.created_at - _YEAR)
        .group_by(Case.id)
    )
    cases = (
        select(Case.id, func.count())
        .join(mine, mine.id == Case.order_pk)
        .join(theirs, same)
        .join(earlier, earlier.order_pk == theirs.id)
        .where(Case.id.in_(ids), earlier.created_at < Case.created_at, earlier.created_at >= Case.created_at - _YEAR)
        .group_by(Case.id)
    )
    refunds = (
        select(Case.id, func.sum(Refund.amount))
        .join(mine, mine.id == Case.order_pk)
        .join(theirs, and_(same, own_money))
        .join(Refund, Refund.order_pk == theirs.id)
        .where(
            Case.id.in_(ids),
            Refund.status == RefundStatus.SUCCEEDED,
            Refund.created_at < Case.created_at,
            Refund.created_at >= Case.created_at - _YEAR,
        )
        .group_by(Case.id)
    )
    counted = {case_id: (int(count), int(spent)) for case_id, count, spent in await session.execute(orders)}
    before = {case_id: int(count) for case_id, count in await session.execute(cases)}
    back = {case_id: int(amount) for case_id, amount in await session.execute(refunds)}
    found = {}
    for case_id in ids:
        count, spent = counted.get(case_id, (1, 0))
        found[case_id] = (count, before.get(case_id, 0), spent, back.get(case_id, 0))
    return found
