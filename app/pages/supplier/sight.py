"""What a supplier may see of a case: its own part, and nothing of the customer's name, address or money."""

from __future__ import annotations

import secrets
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from typing import Any

from sqlalchemy import select

from app.cases import queries as stored
from app.cases.models import Case, CaseEventRow
from app.cases.service import view_of
from app.cases.vocabulary import ENDED, State
from app.db.work import Work
from app.evidence.showing import shown_on_page
from app.ledger import service as ledger
from app.ledger.models import SupplierCredit
from app.money import Money
from app.orders.models import Order
from app.pages.supplier.answers import CONDITIONS, MOST_INSTRUCTIONS, MOST_TEXT, Asked, Sheet, Wrong
from app.pages.supplier.offers import Do, offers, steps
from app.privacy.service import MARK
from app.settings_supplier import SupplierSettings
from app.suppliers import queries

_MOST_EVENTS = 50
_MOST_EVIDENCE = 50
MOST_OPEN = 100


@dataclass(frozen=True, slots=True)
class Told:
    """Something that the supplier told us before: when, what it was, and its own words if any."""

    at: datetime
    kind: str
    text: str | None


@dataclass(frozen=True, slots=True)
class OpenCase:
    """A case in the list of all that is open."""

    case: Case
    order_number: str
    store: str
    due: date | None
    waits: bool


def lines_of(case: Case) -> list[Asked]:
    """The lines that the supplier is asked about."""
    return [Asked(number, line.line_id, line.approved) for number, line in enumerate(case.lines, 1) if line.approved]


def sheet_of(work: Work, order: Order, case: Case, texts: Mapping[str, str]) -> Sheet:
    """A form to be read for this case."""
    accepted = {line.line_id: line.accepted for line in case.lines}
    return Sheet(texts, lines_of(case), accepted, work.now, order.placed_at.date() - timedelta(days=1))


def promised(credit: SupplierCredit | None) -> bool:
    """Whether the supplier has said how much it owes."""
    return credit is not None and credit.amount is not None


async def values_of(
    work: Work,
    order: Order,
    case: Case,
    terms: SupplierSettings,
    *,
    filled: Mapping[str, str] | None = None,
    wrong: Mapping[str, Wrong] | None = None,
    sent: Do | None = None,
    done: str = "",
) -> dict[str, Any]:
    """What the page of a case shows. `filled`, `wrong` and `sent` bring back a form that could not be taken."""
    view, credit = view_of(case), await ledger.credit_of(work, case.id)
    names, current = steps(view)
    evidence = await stored.evidence(work, case.id, None, _MOST_EVIDENCE)
    pictures = await shown_on_page(work, case.id)
    numbers = {one.line_id: one.number for one in lines_of(case)}
    return {
        "case": case,
        "order": order,
        "lines": [(numbers[line.line_id], line, _kept(line.note)) for line in case.lines if line.line_id in numbers],
        "offers": offers(view, promised=promised(credit)),
        "ended": case.state in ENDED,
        "undecided": not numbers,
        "verdict_open": case.state in (State.INSPECTING, State.CLAIMING, State.CONTESTED),
        "step_names": names,
        "step_now": current,
        "due": await queries.answer_due(work, case),
        "pictures": [one for one in pictures if not one.added_by.startswith("supplier:")],
        "own_pictures": [one for one in pictures if one.added_by.startswith("supplier:")],
        "answers": [one.text for one in reversed(evidence) if one.kind == "answer" and _kept(one.text)],
        "shown_links": [one.url for one in reversed(evidence) if one.kind == "link" and _kept(one.url)],
        "credit": _credit(credit),
        "history": await _history(work, case),
        "filled": filled or _first_values(work, case, terms, credit),
        "wrong": wrong or {},
        "sent": sent,
        "done": done,
        "once": secrets.token_urlsafe(16),
        "conditions": CONDITIONS,
        "most_text": MOST_TEXT,
        "most_instructions": MOST_INSTRUCTIONS,
    }


def _kept(text: str | None) -> str | None:
    """A text, unless it was erased at the customer's wish."""
    return None if text in (None, "", MARK) else text


def _first_values(work: Work, case: Case, terms: SupplierSettings, credit: SupplierCredit | None) -> dict[str, str]:
    """What the forms propose: what is known, and the day today."""
    address = case.return_address or terms.return_address or {}
    currency = (credit.currency if credit else None) or terms.currency or ""
    rest = _money(credit, (credit.amount or 0) - credit.paid) if credit else None
    known = {
        **{name: str(part) for name, part in address.items()},
        "rma_number": case.rma_number if case.rma_number not in (None, case.reference) else "",
        "instructions": case.instructions or "",
        "received_on": f"{work.now:%Y-%m-%d}",
        "paid_on": f"{work.now:%Y-%m-%d}",
        "credit_currency": currency,
        "pledge_currency": currency,
        "paid_currency": currency,
        "paid_amount": rest.text if rest and rest.minor > 0 else "",
    }
    for asked, line in ((one, next(x for x in case.lines if x.line_id == one.line_id)) for one in lines_of(case)):
        known[f"got_{asked.number}"] = str(line.received or asked.units)
        known[f"accepted_{asked.number}"] = str(line.accepted) if line.accepted else ""
    return {name: value or "" for name, value in known.items()}


def _credit(credit: SupplierCredit | None) -> dict[str, Any] | None:
    if credit is None:
        return None
    return {
        "amount": _money(credit, credit.amount) if credit.amount is not None else None,
        "paid": _money(credit, credit.paid) if credit.paid else None,
        "reference": credit.reference,
        "expected_at": credit.expected_at,
        "status": credit.status,
    }


def _money(credit: SupplierCredit, minor: int | None) -> Money | None:
    if minor is None or credit.currency is None:
        return None
    return Money(minor, credit.currency, credit.exponent or 0)


async def _history(work: Work, case: Case) -> list[Told]:
    """What the supplier itself told us of the case, newest first."""
    statement = (
        select(CaseEventRow)
        .where(CaseEventRow.case_id == case.id, CaseEventRow.actor == f"supplier:{case.supplier}")
        .order_by(CaseEventRow.seq.desc())
        .limit(_MOST_EVENTS)
    )
    return [_told(row) for row in await work.session.scalars(statement)]


def _told(row: CaseEventRow) -> Told:
    if row.type != "note_added":
        return Told(row.at, row.type, _own_words(row.data))
    kind = "not_needed" if "ignored" in row.data else "paid_part" if "credit" in row.data else "note"
    return Told(row.at, kind, _kept(row.data.get("text")) if kind == "note" else None)


def _own_words(data: Mapping[str, Any]) -> str | None:
    said = data.get("reason")
    return said if isinstance(said, str) and said != "[redacted]" and not said.startswith("the supplier ") else None


async def open_cases(work: Work, supplier: str) -> Sequence[OpenCase]:
    """All that is open with a supplier, what waits for it first."""
    found = []
    for case in await queries.open_cases(work, supplier, MOST_OPEN):
        order = await work.session.get_one(Order, case.order_pk)
        credit = await ledger.credit_of(work, case.id)
        waits = _waits_for(offers(view_of(case), promised=promised(credit)))
        due = await queries.answer_due(work, case)
        store = work.settings.stores.get(case.store)
        found.append(OpenCase(case, order.number, (store.name if store else None) or case.store, due, waits))
    return sorted(found, key=lambda one: (not one.waits, one.due or date.max, one.case.id))


def _waits_for(offered: tuple[Do, ...]) -> bool:
    return bool(offered) and offered[0] not in (Do.NOTE, Do.RECEIVE)
