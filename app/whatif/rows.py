"""A stored case as it is sent to where it is counted, and the past case that it becomes there. Pure."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from pydantic import TypeAdapter

from app.cases.vocabulary import Event, Reason, Remedy
from app.money import units_share
from app.orders.snapshot import OrderSnapshot
from app.policy.question import AskedLine, History, Present, Question
from app.whatif.past import PastCase, Story
from app.whatif.terms import KnownSupplier

_SNAPSHOT: TypeAdapter[OrderSnapshot] = TypeAdapter(OrderSnapshot)
_POLICY = "policy:"


@dataclass(frozen=True, slots=True)
class LineRow:
    """A line of a case with the counters that tell how it went."""

    line_id: str
    requested: int
    reason: str
    approved: int
    accepted: int


@dataclass(frozen=True, slots=True)
class Happened:
    """One event of the audit trail."""

    kind: str
    at: datetime
    actor: str


@dataclass(frozen=True, slots=True)
class Row:
    """One case as stored. `evidence` is how many of each kind came; `history` is orders, cases, spent, refunded."""

    store: str
    supplier: str | None
    snapshot: Mapping[str, Any]
    remedy: str
    declared_at: datetime
    lines: tuple[LineRow, ...]
    happened: tuple[Happened, ...]
    evidence: Mapping[str, int]
    history: tuple[int, int, int, int]


@dataclass(frozen=True, slots=True)
class RowsBatch:
    """Some stored cases. `suppliers` are those that are configured."""

    rows: tuple[Row, ...]
    suppliers: Mapping[str, KnownSupplier]

    @property
    def size(self) -> int:
        """How many cases."""
        return len(self.rows)

    def cases(self) -> Iterator[PastCase]:
        """The cases."""
        return (past_case(row, self.suppliers.get(row.supplier or "")) for row in self.rows)


def past_case(row: Row, supplier: KnownSupplier | None) -> PastCase:
    """The case as it was asked, and its story as far as the audit trail tells it."""
    order = _SNAPSHOT.validate_python(row.snapshot)
    orders, cases, spent, refunded = row.history
    question = Question(
        order=order,
        lines=tuple(_asked(order, line) for line in row.lines),
        remedy=Remedy(row.remedy),
        supplier=supplier.terms_in(order.currency, order.exponent) if supplier else None,
        declared_at=row.declared_at,
        now=row.declared_at,
        history=History(orders, cases, spent, refunded),
    )
    return PastCase(question, _story(row, supplier), store=row.store)


def _asked(order: OrderSnapshot, line: LineRow) -> AskedLine:
    bought = order.line(line.line_id)
    units = min(line.requested, bought.quantity) if bought else 0
    value = units_share(bought.total, bought.quantity, 0, units) if bought and bought.quantity else 0
    return AskedLine(line.line_id, line.requested, Reason(line.reason), value, line.requested)


def _story(row: Row, supplier: KnownSupplier | None) -> Story:
    at = {one.kind: one.at for one in row.happened}
    by = {one.kind: one.actor for one in row.happened}
    spoke = Event.SUPPLIER_CONFIRMED in at or Event.SUPPLIER_REJECTED in at
    told = at.get(Event.SUPPLIER_AUTHORIZED, at.get(Event.APPROVED))
    begun = at.get(Event.GOODS_RECEIVED, at.get(Event.APPROVED))
    verdict = at.get(Event.SUPPLIER_CONFIRMED, at.get(Event.SUPPLIER_REJECTED))
    authorised = _days(at.get(Event.APPROVED), at.get(Event.SUPPLIER_AUTHORIZED))
    approved = sum(line.approved for line in row.lines)
    return Story(
        evidence=Present(row.evidence.get("photo", 0) + row.evidence.get("link", 0), row.evidence.get("answer", 0))
        if row.evidence
        else None,
        sends=Event.SHIPMENT_TIMED_OUT not in at or Event.GOODS_RECEIVED in at,
        sends_days=_days(told, at.get(Event.TRACKING_ADDED)),
        way_back_days=_days(at.get(Event.TRACKING_ADDED), at.get(Event.GOODS_RECEIVED)),
        authorise_days=_or_usual(authorised, supplier.authorise_days if supplier else None),
        verdict_days=_or_usual(_days(begun, verdict), supplier.verdict_days if supplier else None),
        silent=not spoke and (Event.SUPPLIER_SILENT in at or Event.VERDICT_TIMED_OUT in at),
        accepted=sum(line.accepted for line in row.lines) * 100 // approved if spoke and approved else None,
        paid_by_person=_person(by),
    )


def _or_usual(happened: int | None, usual: int | None) -> int | None:
    """The days that it took, else those that the supplier's settings give it."""
    return usual if happened is None else happened


def _days(begin: datetime | None, end: datetime | None) -> int | None:
    return None if begin is None or end is None else max(0, (end - begin).days)


def _person(by: Mapping[str, str]) -> bool | None:
    """What a person decided, if one did."""
    for event, paid in ((Event.REJECTED, False), (Event.APPROVED, True)):
        if event in by and not by[event].startswith(_POLICY):
            return paid
    return None
