"""Takes a return request in and splits it into one case for each supplier."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy import select, update

from app.cases import service as cases
from app.cases.models import Case, CaseLine
from app.cases.observe import apply_observed, hold_if_disputed
from app.cases.vocabulary import Reason, Remedy, State
from app.db.base import new_id
from app.db.work import Work
from app.errors import Invalid
from app.evidence import reuse
from app.evidence import service as evidence
from app.evidence.service import Shown
from app.messages import service as messages
from app.orders import service as orders
from app.orders.models import Order
from app.orders.snapshot import Line, OrderSnapshot
from app.policy import store as policies
from app.requests.models import ReturnRequest
from app.requests.suppliers import supplier_of
from app.settings import Settings


class UnknownLine(Invalid):
    """The order has no such line."""

    code = "unknown_line"
    title = "The order has no such line"


class AmbiguousLine(Invalid):
    """The order has several lines with that SKU."""

    code = "ambiguous_line"
    title = "Which line is meant?"


class QuantityNotAvailable(Invalid):
    """More units are asked for than the order has."""

    code = "quantity_not_available"
    title = "More than was ordered"


class EmailDoesNotMatch(Invalid):
    """The e-mail is not the order's."""

    code = "email_does_not_match"
    title = "The e-mail is not the order's"


class DuplicateLine(Invalid):
    """The same line stands twice in one request."""

    code = "duplicate_line"
    title = "A line stands twice in the request"


@dataclass(frozen=True, slots=True)
class WantedLine:
    """One line as the customer names it, by the store's line id or by SKU.

    `variant` is what it is to be exchanged for: its id, and its title where that is known.
    """

    quantity: int
    reason: Reason
    line_id: str | None = None
    sku: str | None = None
    note: str | None = None
    variant: tuple[str, str | None] | None = None


@dataclass(frozen=True, slots=True)
class Wanted:
    """A request as it comes in. `origin` is the door (see `ReturnRequest`), `store_return_id` the store's own return.

    `declared_at` is when the customer declared it, where that was before now: rights and dates count from it.
    `locale` is the language in which it was made, where that is known. `shown` is what the customer has shown and told
    already, by supplier: the policy decides with it.
    """

    remedy: Remedy
    lines: Sequence[WantedLine]
    origin: str
    actor: str
    email: str | None = None
    store_return_id: str | None = None
    locale: str | None = None
    shown: Mapping[str | None, Shown] = field(default_factory=dict)
    declared_at: datetime | None = None


async def submit(work: Work, order: Order, wanted: Wanted) -> tuple[ReturnRequest, list[Case]]:
    """Stores the request and opens its cases; the policy decides each at once. The order must be locked.

    Raises `UnknownLine`, `AmbiguousLine`, `DuplicateLine`, `QuantityNotAvailable`, `EmailDoesNotMatch`.
    """
    snapshot = orders.snapshot_of(order)
    if wanted.email and order.email and wanted.email.strip().lower() != order.email.lower():
        raise EmailDoesNotMatch(f"The order {order.number} was placed with another e-mail address.")
    chosen = _choose(snapshot, wanted.lines)
    request = ReturnRequest(
        id=new_id(),
        store=order.store,
        order_pk=order.id,
        origin=wanted.origin,
        store_return_id=wanted.store_return_id,
        email=wanted.email,
        locale=wanted.locale,
        remedy=wanted.remedy,
        lines=[
            {
                "line_id": line.line_id,
                "sku": line.sku,
                "title": line.title,
                "quantity": one.quantity,
                "reason": one.reason,
                "note": one.note,
            }
            for line, one in chosen
        ],
        created_at=wanted.declared_at or work.now,
    )
    work.session.add(request)
    await work.session.flush()
    await apply_observed(work, order)
    # The receipt is the first that the customer hears, whatever the policy decides at once.
    receipt_id = new_id()
    opened = []
    for supplier, lines in _by_supplier(work.settings, order.store, chosen).items():
        opened.append(await _open(work, request, order, supplier, lines, wanted))
    await hold_if_disputed(work, order)
    await messages.receipt(work, request, order, opened, receipt_id)
    return request, opened


def _choose(snapshot: OrderSnapshot, wanted: Sequence[WantedLine]) -> list[tuple[Line, WantedLine]]:
    chosen: list[tuple[Line, WantedLine]] = []
    for one in wanted:
        line = _find_line(snapshot, one)
        if any(other.line_id == line.line_id for other, _ in chosen):
            raise DuplicateLine(f"The line {line.line_id} stands twice in the request; put its units together.")
        if one.quantity > line.quantity:
            raise QuantityNotAvailable(
                f"{one.quantity} units of line {line.line_id} are asked for, and the order has {line.quantity}.",
                line_id=line.line_id,
                available=line.quantity,
            )
        chosen.append((line, one))
    return chosen


def _find_line(snapshot: OrderSnapshot, wanted: WantedLine) -> Line:
    if wanted.line_id is not None:
        found = [line for line in snapshot.lines if line.line_id == wanted.line_id.rsplit("/", 1)[-1]]
    else:
        found = [line for line in snapshot.lines if line.sku is not None and line.sku == wanted.sku]
    named = wanted.line_id or wanted.sku
    if not found:
        known = ", ".join(f"{line.line_id} ({line.sku or line.title})" for line in snapshot.lines)
        raise UnknownLine(f"The order has no line {named!r}; it has: {known[:500]}.")
    if len(found) > 1:
        raise AmbiguousLine(f"Several lines have the SKU {named!r}; name one by line_id.")
    return found[0]


def _by_supplier(
    settings: Settings, store: str, chosen: list[tuple[Line, WantedLine]]
) -> dict[str | None, list[tuple[Line, WantedLine]]]:
    split: dict[str | None, list[tuple[Line, WantedLine]]] = {}
    for line, one in chosen:
        split.setdefault(supplier_of(settings, store, line), []).append((line, one))
    return split


async def _open(
    work: Work,
    request: ReturnRequest,
    order: Order,
    supplier: str | None,
    lines: list[tuple[Line, WantedLine]],
    wanted: Wanted,
) -> Case:
    terms = work.settings.suppliers.get(supplier or "")
    case = Case(
        id=new_id(),
        reference=await _free_reference(work),
        request_id=request.id,
        order_pk=order.id,
        store=order.store,
        supplier=supplier,
        state=State.REQUESTED,
        remedy=request.remedy,
        cycle=1,
        requires_rma=terms.requires_rma if terms else True,
        holds=[],
        credit_open=False,
        policy_version=(await policies.pin(work, order.store)).version,
        tracking=[],
        store_return_id=request.store_return_id,
        problems=[],
        attention=[],
        seq=0,
        created_at=request.created_at,
        updated_at=work.now,
        lines=[_case_line(position, line, one) for position, (line, one) in enumerate(lines)],
    )
    data: dict[str, Any] = {"lines": {line.line_id: one.quantity for line, one in lines}, "origin": request.origin}
    shown = wanted.shown.get(supplier)
    if shown is None:
        await cases.open_case(work, case, data, wanted.actor)
        return case
    work.session.add(case)
    await work.session.flush()
    kept = await evidence.keep(work, case, wanted.actor, shown)
    await cases.open_case(work, case, {**data, "evidence": kept.told}, wanted.actor)
    await reuse.point_out(work, case, kept.photos)
    return case


def _case_line(position: int, line: Line, one: WantedLine) -> CaseLine:
    return CaseLine(
        line_id=line.line_id,
        position=position,
        sku=line.sku,
        title=line.title,
        reason=one.reason,
        note=one.note,
        requested=one.quantity,
        approved=0,
        shipped=0,
        received=0,
        accepted=0,
        cleared=0,
        refunded=0,
        external=0,
        replaced=0,
        variant_id=one.variant[0] if one.variant else None,
        variant_title=one.variant[1] if one.variant else None,
    )


async def _free_reference(work: Work) -> str:
    while True:
        reference = cases.new_reference()
        if await work.session.scalar(select(Case.id).where(Case.reference == reference)) is None:
            return reference


async def of_store_return(work: Work, store: str, store_return_id: str) -> UUID | None:
    """The request that was made from a store's own return, if it was taken in before."""
    return await work.session.scalar(
        select(ReturnRequest.id).where(ReturnRequest.store == store, ReturnRequest.store_return_id == store_return_id)
    )


async def note_store_status(work: Work, store: str, store_return_id: str, status: str) -> None:
    """Keeps what the store's own return is known to be, so that only a change of it is news."""
    await work.session.execute(
        update(ReturnRequest)
        .where(ReturnRequest.store == store, ReturnRequest.store_return_id == store_return_id)
        .values(store_status=status)
    )
