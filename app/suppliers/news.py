"""What a supplier's answer, event or poll means for a case."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from app.cases import service as cases
from app.cases.facts import authorisation_changed
from app.cases.models import Case, CaseLine
from app.cases.states import allowed_events
from app.cases.vocabulary import Event, State
from app.db.work import Work
from app.ledger import service as ledger
from app.suppliers.base import CreditPromise, SupplierAnswer, SupplierStatus


async def take_in(work: Work, case: Case, answer: SupplierAnswer, *, quiet: bool = False) -> bool:
    """Applies an answer to a locked case, and answers whether the case needed it.

    What it no longer needs becomes a note, or nothing when `quiet`.
    """
    events = {
        SupplierStatus.AUTHORIZED: _authorized,
        SupplierStatus.REFUSED: _refused,
        SupplierStatus.RECEIVED: _received,
        SupplierStatus.CONFIRMED: _confirmed,
        SupplierStatus.REJECTED: _rejected,
    }
    if answer.status is SupplierStatus.PENDING:
        return False
    if answer.status is SupplierStatus.CREDITED:
        return await _credited(work, case, answer, quiet)
    if answer.verdict and not _known(case, {line.line_id: line.accepted_quantity for line in answer.verdict})[0]:
        text = "The supplier's verdict names no line of this case: " + ", ".join(one.line_id for one in answer.verdict)
        await cases.add_problem(work, case, "supplier_nonsense", text[:300])
        return False
    event, data = events[answer.status](case, answer)
    if event is Event.SUPPLIER_CONFIRMED:
        data["news"] = data["news"] or await _promises_more(work, case, answer.credit)
        if await ledger.is_settled(work, case.id):
            data["credit_settled"] = True
    if quiet and not _is_news(case, event, data):
        return False
    return await _told(work, case, event, data)


async def _told(work: Work, case: Case, event: Event, data: Mapping[str, Any]) -> bool:
    transition = await cases.record_news(work, case, event, data, f"supplier:{case.supplier}")
    return transition.event.type is event


async def _promises_more(work: Work, case: Case, told: CreditPromise | None) -> bool:
    """Whether a promise says an amount that was not known, or a higher one; a lower one is for a person to agree to."""
    if told is None:
        return False
    known = await ledger.credit_of(work, case.id)
    if known is None or known.amount is None:
        return True
    return known.currency == told.amount.currency and told.amount.minor > known.amount


def _is_news(case: Case, event: Event, data: Mapping[str, Any]) -> bool:
    """A poll repeats what is known; only what would move the case or change its facts is news."""
    if event is Event.SUPPLIER_AUTHORIZED:
        return bool(data["changed"])
    if event is Event.GOODS_RECEIVED:
        return any(units > _line(case, line_id).received for line_id, units in data["lines"].items())
    if event is Event.SUPPLIER_CONFIRMED:
        return bool(data["news"])
    return event in allowed_events(State(case.state))


def _authorized(case: Case, answer: SupplierAnswer) -> tuple[Event, dict[str, Any]]:
    told = {
        "rma_number": answer.rma_number,
        "return_address": dict(answer.return_address) if answer.return_address else None,
        "instructions": answer.instructions,
    }
    return Event.SUPPLIER_AUTHORIZED, {**told, "changed": authorisation_changed(case, told) or case.rma_number is None}


def _refused(_case: Case, answer: SupplierAnswer) -> tuple[Event, dict[str, Any]]:
    return Event.SUPPLIER_REFUSED, {"reason": answer.reason or "the supplier gave no reason"}


def _received(case: Case, answer: SupplierAnswer) -> tuple[Event, dict[str, Any]]:
    told = {line.line_id: line.quantity for line in answer.received}
    lines, strange = _known(case, told)
    return Event.GOODS_RECEIVED, {
        "lines": lines or ({line.line_id: line.approved for line in case.lines} if not told else {}),
        "conditions": {line.line_id: line.condition for line in answer.received if line.condition},
        "received_at": answer.received_at,
        **strange,
    }


def _confirmed(case: Case, answer: SupplierAnswer) -> tuple[Event, dict[str, Any]]:
    told = {line.line_id: line.accepted_quantity for line in answer.verdict}
    lines, strange = _known(case, told)
    conditions = {line.line_id: line.condition for line in answer.verdict if line.condition}
    data: dict[str, Any] = {"lines": lines, "conditions": conditions, **strange}
    notes = {line.line_id: line.note for line in answer.verdict if line.note}
    if notes:
        data["notes"] = notes
    if told and not any(lines.values()):
        return Event.SUPPLIER_REJECTED, {**data, "reason": "the supplier accepts nothing"}
    data["news"] = any(units > _line(case, line_id).accepted for line_id, units in lines.items())
    if answer.credit is not None:
        data["credit"] = credit_data(answer.credit)
    return Event.SUPPLIER_CONFIRMED, data


def _rejected(_case: Case, answer: SupplierAnswer) -> tuple[Event, dict[str, Any]]:
    return Event.SUPPLIER_REJECTED, {
        "reason": answer.reason or "the supplier gave no reason",
        "lines": {},
        "conditions": {line.line_id: line.condition for line in answer.verdict if line.condition},
        "notes": {line.line_id: line.note for line in answer.verdict if line.note} or None,
    }


async def _credited(work: Work, case: Case, answer: SupplierAnswer, quiet: bool) -> bool:
    if answer.credit is None or case.supplier is None:
        if not quiet:
            await cases.note(work, case, "The supplier says it paid and not how much.", f"supplier:{case.supplier}")
        return False
    payment = credit_data(answer.credit)
    settled = await ledger.credit_paid(work, case.id, case.supplier, payment)
    if settled and (case.credit_open or not quiet):
        return await _told(work, case, Event.CREDIT_SETTLED, {"credit": payment})
    if not settled and not quiet:
        text = f"The supplier paid {answer.credit.amount}, less than it promised."
        await cases.note(work, case, text, f"supplier:{case.supplier}", {"credit": payment})
    return not settled


def credit_data(credit: CreditPromise) -> dict[str, Any]:
    """A credit as events carry it."""
    return {
        "amount": credit.amount.text,
        "currency": credit.amount.currency,
        "reference": credit.reference,
        "expected_at": credit.expected_at.isoformat() if credit.expected_at else None,
        "paid_at": credit.paid_at.isoformat() if credit.paid_at else None,
    }


def _known(case: Case, told: Mapping[str, int]) -> tuple[dict[str, int], dict[str, Any]]:
    """The units of lines that the case has, never more than were approved; and what was strange about the rest."""
    ids = {line.line_id: line for line in case.lines}
    lines = {line_id: min(units, ids[line_id].approved) for line_id, units in told.items() if line_id in ids}
    unknown = sorted(set(told) - set(ids))
    above = sorted(line_id for line_id in lines if told[line_id] > lines[line_id])
    strange: dict[str, Any] = {}
    if unknown:
        strange["unknown_lines"] = unknown[:20]
    if above:
        strange["above_approved"] = {line_id: told[line_id] for line_id in above}
    return lines, strange


def _line(case: Case, line_id: str) -> CaseLine:
    return next(line for line in case.lines if line.line_id == line_id)
