"""Reads cases with all that is shown of them, in a fixed number of statements whatever the page holds."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from sqlalchemy import ColumnElement, func, literal_column, or_, select

from app.cases.models import Case, CaseEventRow, CaseLine, Evidence
from app.db.work import Work
from app.errors import NotFound
from app.ledger.models import SupplierCredit
from app.orders.models import Order
from app.policy import store as policies
from app.policy.store import Kept
from app.refunds import queries as refunds
from app.refunds.queries import RefundFacts
from app.requests.models import ReturnRequest
from app.timers import service as timers

# Written out, not bound, so that the partial index over cases that need attention is used.
_NOTHING: ColumnElement[list[str]] = literal_column("'{}'")


@dataclass(frozen=True, slots=True)
class CaseFacts:
    """A case as it is shown `at` a moment; `due` is the kind and date of its nearest timer."""

    case: Case
    order: Order
    due: tuple[str, datetime] | None
    refunds: Sequence[RefundFacts]
    credit: SupplierCredit | None
    decision: Kept | None
    at: datetime


@dataclass(frozen=True, slots=True)
class Conditions:
    """What the cases of a list have in common; None does not matter."""

    state: str | None = None
    store: str | None = None
    supplier: str | None = None
    reason: str | None = None
    order: str | None = None
    email: str | None = None
    updated_since: datetime | None = None
    needs_attention: bool | None = None


async def find_id(work: Work, named: str) -> UUID | None:
    """The case with that id or reference, in upper or lower case."""
    try:
        by_name = Case.id == UUID(named)
    except ValueError:
        by_name = Case.reference == named.upper()
    return await work.session.scalar(select(Case.id).where(by_name))


async def required_id(work: Work, named: str) -> UUID:
    """As `find_id`. Raises `NotFound`."""
    found = await find_id(work, named)
    if found is None:
        raise NotFound(f"There is no case {named!r}.")
    return found


async def search(work: Work, conditions: Conditions, after: UUID | None, limit: int) -> list[Case]:
    """Cases, newest first, that come after the item `after` of the page before."""
    statement = select(Case).where(*_conditions(conditions)).order_by(Case.id.desc()).limit(limit)
    if after is not None:
        statement = statement.where(Case.id < after)
    return list(await work.session.scalars(statement))


def _conditions(wanted: Conditions) -> list[ColumnElement[bool]]:
    found: list[ColumnElement[bool]] = []
    for column, value in ((Case.state, wanted.state), (Case.store, wanted.store), (Case.supplier, wanted.supplier)):
        if value is not None:
            found.append(column == value)
    if wanted.reason is not None:
        found.append(Case.id.in_(select(CaseLine.case_id).where(CaseLine.reason == wanted.reason)))
    if wanted.order is not None:
        bare = wanted.order.lstrip("#")
        named = or_(Order.order_id == wanted.order, Order.number.in_([wanted.order, bare, f"#{bare}"]))
        found.append(Case.order_pk.in_(select(Order.id).where(named)))
    if wanted.email is not None:
        email = wanted.email.lower()
        found.append(
            or_(
                Case.order_pk.in_(select(Order.id).where(func.lower(Order.email) == email)),
                Case.request_id.in_(select(ReturnRequest.id).where(func.lower(ReturnRequest.email) == email)),
            )
        )
    if wanted.updated_since is not None:
        found.append(Case.updated_at >= wanted.updated_since)
    if wanted.needs_attention is not None:
        found.append(Case.attention != _NOTHING if wanted.needs_attention else Case.attention == _NOTHING)
    return found


async def facts(work: Work, cases: Sequence[Case]) -> list[CaseFacts]:
    """The cases with all that is shown of them."""
    ids = [case.id for case in cases]
    wanted = {case.order_pk for case in cases}
    orders = {order.id: order for order in await work.session.scalars(select(Order).where(Order.id.in_(wanted)))}
    due = await timers.next_due(work, ids)
    paid = await refunds.of_cases(work, ids)
    statement = select(SupplierCredit).where(SupplierCredit.case_id.in_(ids))
    credits = {credit.case_id: credit for credit in await work.session.scalars(statement)}
    decided = await policies.latest(work, ids)
    return [
        CaseFacts(
            case,
            orders[case.order_pk],
            due.get(case.id),
            paid[case.id],
            credits.get(case.id),
            decided.get(case.id),
            work.now,
        )
        for case in cases
    ]


async def of_request(work: Work, request_id: UUID) -> list[Case]:
    """The cases of a request, in the order they were opened."""
    statement = select(Case).where(Case.request_id == request_id).order_by(Case.id)
    return list(await work.session.scalars(statement))


async def events(work: Work, case_id: UUID, after: int, limit: int) -> list[CaseEventRow]:
    """The audit trail after the event number `after`."""
    statement = select(CaseEventRow).where(CaseEventRow.case_id == case_id, CaseEventRow.seq > after)
    return list(await work.session.scalars(statement.order_by(CaseEventRow.seq).limit(limit)))


async def photo(work: Work, case_id: UUID, evidence_id: UUID) -> bytes | None:
    """The picture of a case's photo."""
    statement = select(Evidence.content).where(Evidence.case_id == case_id, Evidence.id == evidence_id)
    return await work.session.scalar(statement)


async def evidence(work: Work, case_id: UUID, after: UUID | None, limit: int) -> list[Evidence]:
    """A case's evidence, newest first."""
    statement = select(Evidence).where(Evidence.case_id == case_id).order_by(Evidence.id.desc()).limit(limit)
    if after is not None:
        statement = statement.where(Evidence.id < after)
    return list(await work.session.scalars(statement))
