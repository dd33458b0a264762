"""Reads cases with all that is shown of them, in a fixed number of statements whatever the page holds."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from uuid import UUID

from sqlalchemy import (
    ColumnElement,
    DateTime,
    Select,
    Text,
    Uuid,
    cast,
    func,
    literal,
    literal_column,
    or_,
    select,
    tuple_,
    union,
)
from sqlalchemy.dialects.postgresql import distinct_on

from app.cases.attention import Situation, attention_why
from app.cases.claims import Claim, claim_of
from app.cases.models import DUE_NEXT, LEGAL_FIRST, Case, CaseEventRow, CaseLine, Evidence
from app.cases.urgency import Mark
from app.cases.vocabulary import Event, State
from app.db.work import Work
from app.errors import NotFound
from app.ledger.models import SupplierCredit
from app.orders.models import Order
from app.orders.service import snapshot_of
from app.policy import store as policies
from app.policy.store import Kept
from app.refunds import queries as refunds
from app.refunds.queries import RefundFacts
from app.remedies import queries as replacements
from app.remedies.queries import ReplacementFacts
from app.requests.models import ReturnRequest
from app.timers import service as timers

# Written out, not bound, so that the partial index over cases that need attention is used.
_NOTHING: ColumnElement[list[str]] = literal_column("'{}'")
_LEGAL_FIRST: ColumnElement[datetime] = literal_column(LEGAL_FIRST.text)
_DUE_NEXT: ColumnElement[datetime] = literal_column(DUE_NEXT.text)
# What has an index of its own, followed by the id; the rarest first.
_INDEXED = (("state", Case.state), ("store", Case.store), ("supplier", Case.supplier))


@dataclass(frozen=True, slots=True)
class CaseFacts:
    """A case as it is shown `at` a moment.

    `due` is the clock that ends next and its date, `wanted` the evidence that is still missing, `why` what a person
    should do.
    """

    case: Case
    order: Order
    due: tuple[str, datetime] | None
    refunds: Sequence[RefundFacts]
    replacements: Sequence[ReplacementFacts]
    credit: SupplierCredit | None
    claim: Claim | None
    wanted: Sequence[str]
    why: Sequence[str]
    at: datetime
    decision: Kept | None


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
    return list(await work.session.scalars(_newest_first(conditions, after).limit(limit)))


def _newest_first(conditions: Conditions, after: UUID | None) -> Select[Case]:
    """In the order of the index of the first thing that all of them have in common, and as a range of it.

    Told that a state is equal to something, PostgreSQL may as well read all cases in the order of their ids: it holds
    every state to be as frequent among new ones as among old ones, and passes all the open ones by on its way to the
    first that is closed.
    """
    for name, column in _INDEXED:
        value = getattr(conditions, name)
        if value is not None:
            rest = _conditions(replace(conditions, **{name: None}))
            found = select(Case).where(column.between(value, value), *rest).order_by(column.desc(), Case.id.desc())
            if after is None:
                return found
            return found.where(tuple_(column, Case.id) < tuple_(literal(value), literal(after, Uuid())))
    found = select(Case).where(*_conditions(conditions)).order_by(Case.id.desc())
    return found if after is None else found.where(Case.id < after)


async def most_urgent(work: Work, conditions: Conditions, after: Mark | None, limit: int) -> list[Case]:
    """Cases that need attention, most urgent first, that come after the mark of the page before."""
    return list(await work.session.scalars(most_urgent_statement(conditions, after, limit)))


def most_urgent_statement(conditions: Conditions, after: Mark | None, limit: int) -> Select[Case]:
    """How `most_urgent` asks, in the order of its index."""
    wanted = _conditions(replace(conditions, needs_attention=True))
    statement = select(Case).where(*wanted).order_by(_LEGAL_FIRST, _DUE_NEXT, Case.id).limit(limit)
    if after is None:
        return statement
    mark = tuple_(_instant(after.legal), _instant(after.due), literal(after.id, Uuid()))
    return statement.where(tuple_(_LEGAL_FIRST, _DUE_NEXT, Case.id) > mark)


def needs_attention() -> ColumnElement[bool]:
    """What is true of cases that a person should look at, in the words of their index."""
    return Case.attention != _NOTHING


def _instant(at: datetime | None) -> ColumnElement[datetime]:
    # psycopg has no value for infinity; PostgreSQL reads it from text.
    return cast(literal(at.isoformat() if at else "infinity", Text()), DateTime(timezone=True))


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
        # Two look-ups joined: with "or" between them every case would be held against both.
        bought = select(Case.id).join(Order, Order.id == Case.order_pk).where(func.lower(Order.email) == email)
        asked = select(Case.id).join(ReturnRequest, ReturnRequest.id == Case.request_id)
        either = union(bought, asked.where(func.lower(ReturnRequest.email) == email))
        found.append(Case.id.in_(either.subquery().select()))
    if wanted.updated_since is not None:
        found.append(Case.updated_at >= wanted.updated_since)
    if wanted.needs_attention is not None:
        found.append(needs_attention() if wanted.needs_attention else Case.attention == _NOTHING)
    return found


async def facts(work: Work, cases: Sequence[Case]) -> list[CaseFacts]:
    """The cases with all that is shown of them."""
    ids = [case.id for case in cases]
    orders = {case_order.id: case_order for case_order in await _orders_of(work, cases)}
    due = await timers.next_due(work, ids)
    paid = await refunds.of_cases(work, ids, orders)
    replaced = await replacements.of_cases(work, ids, orders)
    statement = select(SupplierCredit).where(SupplierCredit.case_id.in_(ids))
    credits = {credit.case_id: credit for credit in await work.session.scalars(statement)}
    wanted = await wanted_evidence(work, cases)
    decided = await policies.latest(work, ids)
    found = []
    for case in cases:
        order = orders[case.order_pk]
        # Most cases have no last day to claim, and reading a snapshot takes time.
        claim = claim_of(case, snapshot_of(order), work.settings, work.now) if case.claim_until else None
        supplier = work.settings.suppliers.get(case.supplier or "")
        named = (supplier.name if supplier else None) or case.supplier or "the supplier"
        missing = wanted.get(case.id, [])
        why = attention_why(Situation(case, named, case.due_at, missing))
        money = (paid[case.id], replaced[case.id], credits.get(case.id))
        decision = decided.get(case.id)
        found.append(CaseFacts(case, order, due.get(case.id), *money, claim, missing, why, work.now, decision))
    return found


async def _orders_of(work: Work, cases: Sequence[Case]) -> Sequence[Order]:
    wanted = {case.order_pk for case in cases}
    return (await work.session.scalars(select(Order).where(Order.id.in_(wanted)))).all()


async def wanted_evidence(work: Work, cases: Sequence[Case]) -> dict[UUID, list[str]]:
    """What each case that waits for evidence has asked for, as it was put to the customer."""
    ids = [case.id for case in cases if case.state == State.EVIDENCE_NEEDED]
    if not ids:
        return {}
    statement = (
        select(CaseEventRow.case_id, CaseEventRow.data)
        .where(CaseEventRow.case_id.in_(ids), CaseEventRow.type == Event.POLICY_NEEDS_EVIDENCE)
        .ext(distinct_on(CaseEventRow.case_id))
        .order_by(CaseEventRow.case_id, CaseEventRow.seq.desc())
    )
    return {
        case_id: [str(item) for item in data.get("items") or ()]
        for case_id, data in await work.session.execute(statement)
    }


async def of_request(work: Work, request_id: UUID) -> list[Case]:
    """The cases of a request, in the order they were opened."""
    statement = select(Case).where(Case.request_id == request_id).order_by(Case.id)
    return list(await work.session.scalars(statement))


async def events(work: Work, case_id: UUID, after: int, limit: int) -> list[CaseEventRow]:
    """The audit trail after the event number `after`."""
    statement = select(CaseEventRow).where(CaseEventRow.case_id == case_id, CaseEventRow.seq > after)
    return list(await work.session.scalars(statement.order_by(CaseEventRow.seq).limit(limit)))


async def photo(work: Work, case_id: UUID, evidence_id: UUID) -> UUID | None:
    """The photo of a case behind one of its pieces of evidence; None when that is none."""
    statement = select(Evidence.photo_id).where(Evidence.case_id == case_id, Evidence.id == evidence_id)
    return await work.session.scalar(statement)


async def evidence(work: Work, case_id: UUID, after: UUID | None, limit: int) -> list[Evidence]:
    """A case's evidence, newest first."""
    statement = select(Evidence).where(Evidence.case_id == case_id).order_by(Evidence.id.desc()).limit(limit)
    if after is not None:
        statement = statement.where(Evidence.id < after)
    return list(await work.session.scalars(statement))
