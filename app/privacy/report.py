"""Everything that is kept of a customer. Computed when it is read, and kept nowhere."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any
from uuid import UUID

from sqlalchemy import ColumnElement, func, or_, select

from app.cases.models import Case, CaseEventRow, Evidence
from app.db.work import Work
from app.feedback.models import Feedback
from app.messages.facts import TO_OPERATOR, TO_SUPPLIERS
from app.messages.models import Message
from app.orders.models import Order
from app.policy.models import DecisionRow
from app.privacy.concerns import Subject
from app.privacy.models import PrivacyRequest
from app.privacy.service import orders_meant
from app.refunds import service as refunds
from app.refunds.models import Refund
from app.remedies.models import Replacement
from app.requests.models import ReturnRequest
from app.webhooks.models import Delivery, SourceKind
from app.withdrawals.models import Withdrawal

Found = dict[str, list[dict[str, Any]]]
# The newest of a sender that are searched for the customer; older ones have been emptied by retention, as a rule.
_MOST_DELIVERIES = 2000


async def counts(work: Work, request: PrivacyRequest) -> dict[str, Any]:
    """How much of each kind is kept, without the data itself."""
    return {name: len(rows) for name, rows in (await data_of(work, request)).items()}


async def data_of(work: Work, request: PrivacyRequest) -> Found:
    """What is kept of the customer, by kind, as it is now."""
    pks = await orders_meant(work, request)
    found = (await work.session.scalars(select(Order).where(Order.id.in_(pks)).order_by(Order.id))).all()
    statement = select(ReturnRequest).where(ReturnRequest.order_pk.in_(pks)).order_by(ReturnRequest.id)
    requests = (await work.session.scalars(statement)).all()
    owned = (await work.session.scalars(select(Case).where(Case.order_pk.in_(pks)).order_by(Case.id))).all()
    case_ids = [case.id for case in owned]
    return {
        "orders": [_fields(order, "store", "order_id", "number", "email", "placed_at", "snapshot") for order in found],
        "return_requests": [_fields(one, "id", "email", "remedy", "lines", "created_at") for one in requests],
        "cases": [_case(case) for case in owned],
        "events": await _events(work, case_ids),
        "decisions": await _decisions(work, case_ids),
        "evidence": await _evidence(work, case_ids),
        "refunds": await _refunds(work, pks),
        "replacements": await _replacements(work, pks),
        "withdrawals": await _withdrawals(work, request, pks),
        "messages": await _messages(work, [one.id for one in requests]),
        "feedback": await _feedback(work, [one.id for one in requests]),
        "deliveries": await _deliveries(work, request, found, owned),
    }


def _fields(row: object, *names: str) -> dict[str, Any]:
    return {name: getattr(row, name) for name in names}


def _case(case: Case) -> dict[str, Any]:
    shown = _fields(case, "id", "reference", "state", "route", "remedy", "rma_number", "tracking", "created_at")
    lines = [_fields(line, "line_id", "title", "reason", "note", "condition", "requested") for line in case.lines]
    return {**shown, "lines": lines}


async def _events(work: Work, case_ids: Sequence[UUID]) -> list[dict[str, Any]]:
    statement = select(CaseEventRow).where(CaseEventRow.case_id.in_(case_ids))
    rows = await work.session.scalars(statement.order_by(CaseEventRow.case_id, CaseEventRow.seq))
    return [_fields(row, "case_id", "seq", "type", "at", "actor", "data") for row in rows]


async def _decisions(work: Work, case_ids: Sequence[UUID]) -> list[dict[str, Any]]:
    statement = select(DecisionRow).where(DecisionRow.case_id.in_(case_ids))
    rows = await work.session.scalars(statement.order_by(DecisionRow.case_id, DecisionRow.seq))
    return [_fields(row, "case_id", "seq", "at", "outcome", "policy_version", "law_version", "data") for row in rows]


async def _evidence(work: Work, case_ids: Sequence[UUID]) -> list[dict[str, Any]]:
    """Photos are fetched one by one: `GET /cases/{case}/evidence/{id}`."""
    rows = await work.session.scalars(select(Evidence).where(Evidence.case_id.in_(case_ids)).order_by(Evidence.id))
    return [_fields(row, "id", "case_id", "kind", "text", "url", "content_type", "created_at") for row in rows]


async def _refunds(work: Work, order_pks: Sequence[UUID]) -> list[dict[str, Any]]:
    rows = await work.session.scalars(select(Refund).where(Refund.order_pk.in_(order_pks)).order_by(Refund.id))
    return [
        {**_fields(row, "id", "status", "currency", "created_at"), "amount": refunds.money(row).text} for row in rows
    ]


async def _replacements(work: Work, order_pks: Sequence[UUID]) -> list[dict[str, Any]]:
    theirs = select(Replacement).where(Replacement.order_pk.in_(order_pks)).order_by(Replacement.id)
    return [
        _fields(row, "id", "status", "lines", "order_name", "created_at") for row in await work.session.scalars(theirs)
    ]


async def _withdrawals(work: Work, request: PrivacyRequest, order_pks: Sequence[UUID]) -> list[dict[str, Any]]:
    """Those of the orders, and those with the e-mail whose order was never found."""
    mine: ColumnElement[bool] = Withdrawal.order_pk.in_(order_pks)
    if request.email:
        same = (Withdrawal.store == request.store) & (func.lower(Withdrawal.email) == request.email)
        mine = or_(mine, same & Withdrawal.order_pk.is_(None))
    rows = await work.session.scalars(select(Withdrawal).where(mine).order_by(Withdrawal.id))
    return [_fields(row, "id", "name", "order_named", "email", "goods", "declared_at", "status") for row in rows]


async def _messages(work: Work, request_ids: Sequence[UUID]) -> list[dict[str, Any]]:
    # What the operator is warned of, and what suppliers are asked for, is about the case, not about the customer.
    theirs = (
        Message.request_id.in_(request_ids),
        Message.kind.not_in([str(kind) for kind in TO_OPERATOR | TO_SUPPLIERS]),
    )
    rows = await work.session.scalars(select(Message).where(*theirs).order_by(Message.id))
    return [_fields(row, "id", "kind", "recipient", "subject", "text", "status", "created_at") for row in rows]


async def _feedback(work: Work, request_ids: Sequence[UUID]) -> list[dict[str, Any]]:
    rows = await work.session.scalars(
        select(Feedback).where(Feedback.request_id.in_(request_ids)).order_by(Feedback.id)
    )
    return [_fields(row, "request_id", "score", "text", "created_at", "updated_at") for row in rows]


async def _deliveries(
    work: Work, request: PrivacyRequest, found: Sequence[Order], owned: Sequence[Case]
) -> list[dict[str, Any]]:
    """Raw bodies that name the customer are shown by `GET /deliveries/{id}`."""
    ids = frozenset({order.order_id for order in found} | set(request.orders))
    others = frozenset({str(case.id) for case in owned} | ({request.customer_id} if request.customer_id else set()))
    subject = Subject(request.email, ids, others)
    from_store = (Delivery.source_kind == SourceKind.STORE) & (Delivery.source == request.store)
    suppliers = {case.supplier for case in owned if case.supplier}
    from_supplier = (Delivery.source_kind == SourceKind.SUPPLIER) & Delivery.source.in_(suppliers)
    statement = (
        select(Delivery)
        .where(or_(from_store, from_supplier), Delivery.erased_at.is_(None))
        .order_by(Delivery.id.desc())
        .limit(_MOST_DELIVERIES)
    )
    rows = await work.session.stream_scalars(statement.execution_options(yield_per=100))
    return [_fields(row, "id", "topic", "received_at") async for row in rows if subject.concerns(row.topic, row.body)]
