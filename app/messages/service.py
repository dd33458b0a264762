"""Writes messages: rendered once, kept as they were sent until retention takes them, one for each event."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import date, datetime

import structlog
from sqlalchemy.dialects.postgresql import insert

from app.cases.models import Case
from app.db.base import new_id
from app.db.work import Work
from app.jobs import defer
from app.messages.models import Message, MessageStatus
from app.messages.render import Ask, MessageFacts, MessageKind, RenderedMessage, Task, render
from app.money import Money
from app.orders import service as orders
from app.orders.models import Order
from app.refunds.models import Refund
from app.requests.models import ReturnRequest

log = structlog.get_logger()

# Stands for the recipient of a message that has no address to go to.
OPERATOR = "operator"


@dataclass(frozen=True, slots=True)
class LegalDate:
    """A legal date that the operator is warned of; `warning` tells the warnings about one date apart."""

    warning: str
    due_at: datetime
    articles: Sequence[str]


async def about_case(
    work: Work,
    case: Case,
    kind: MessageKind,
    *,
    reason: str | None = None,
    refund: Refund | None = None,
) -> None:
    """Tells the customer about their case, or about one refund of it. One message for each event."""
    order = await work.session.get_one(Order, case.order_pk)
    request = await work.session.get_one(ReturnRequest, case.request_id)
    facts = replace(
        _base(work, order, kind),
        reference=case.reference,
        lines=_lines(case, refund),
        rma_number=case.rma_number,
        return_address=case.return_address,
        instructions=case.instructions,
        amount=Money(refund.amount, refund.currency, refund.exponent) if refund else None,
        by_hand=orders.snapshot_of(order).paid_by_hand,
        reason=reason,
    )
    await _write(work, request, order, facts, f"{kind}:{case.id}:{refund.id if refund else case.seq}", case)


@dataclass(frozen=True, slots=True)
class Reminder:
    """What a reminder tells beside the case. `key` names its event: one message for each."""

    key: str
    last_day: date | None = None
    days_left: int = 0
    final: bool = False
    items: Sequence[str] = ()


async def remind(work: Work, case: Case, kind: MessageKind, reminder: Reminder) -> None:
    """Reminds the customer of something, or tells them of a delay."""
    order = await work.session.get_one(Order, case.order_pk)
    request = await work.session.get_one(ReturnRequest, case.request_id)
    facts = replace(
        _base(work, order, kind),
        reference=case.reference,
        lines=_lines(case, None),
        rma_number=case.rma_number,
        return_address=case.return_address,
        last_day=reminder.last_day,
        final=reminder.final,
        items=reminder.items,
    )
    await _write(work, request, order, facts, f"{kind}:{reminder.key}", case)


async def ask_operator(work: Work, case: Case, task: Task, reminder: Reminder) -> None:
    """Asks the operator to do something. Without `MAKEGOOD_OPERATOR_EMAIL` the message is only stored."""
    order = await work.session.get_one(Order, case.order_pk)
    request = await work.session.get_one(ReturnRequest, case.request_id)
    supplier = work.settings.suppliers.get(case.supplier or "")
    facts = replace(
        _base(work, order, MessageKind.OPERATOR_TASK),
        locale=work.settings.stores[order.store].locale,
        reference=case.reference,
        lines=_lines(case, None),
        task=task,
        supplier=(supplier.name if supplier else None) or case.supplier,
        last_day=reminder.last_day,
        days_left=reminder.days_left,
    )
    key = f"{MessageKind.OPERATOR_TASK}:{task}:{reminder.key}"
    await _write(work, request, order, facts, key, case, recipient=work.settings.operator_email or OPERATOR)


async def to_operator(work: Work, case: Case, kind: MessageKind, about: LegalDate) -> None:
    """Warns the operator of a legal date of the case: one message for each date and warning.

    Goes to `MAKEGOOD_OPERATOR_EMAIL`; without it the message is only stored.
    """
    order = await work.session.get_one(Order, case.order_pk)
    request = await work.session.get_one(ReturnRequest, case.request_id)
    base = _base(work, order, kind)
    facts = replace(
        base,
        locale=work.settings.stores[order.store].locale,
        reference=case.reference,
        due_at=about.due_at,
        articles=about.articles,
        holds=case.holds,
    )
    key = f"{kind}:{case.id}:{about.warning}:{about.due_at.isoformat()}"
    await _write(work, request, order, facts, key, case, recipient=work.settings.operator_email or OPERATOR)


@dataclass(frozen=True, slots=True)
class Letter:
    """What a mail to a supplier tells beside the case. `key` names its event: one mail for each. `locale` is the
    supplier's; the links lead to its pages."""

    key: str
    recipient: str
    locale: str
    link: str | None
    ask: Ask | None = None
    again: bool = False
    last_day: date | None = None
    final: bool = False
    amount: Money | None = None
    all_link: str | None = None
    open_cases: int = 0


async def to_supplier(work: Work, case: Case, kind: MessageKind, letter: Letter) -> None:
    """Writes to the supplier about its part of a case: articles and reasons, nothing of the customer, no price."""
    order = await work.session.get_one(Order, case.order_pk)
    request = await work.session.get_one(ReturnRequest, case.request_id)
    asked = [line for line in case.lines if line.approved]
    facts = replace(
        _base(work, order, kind),
        locale=letter.locale,
        reference=case.reference,
        rma_number=case.rma_number,
        lines=[(f"{line.title} ({line.sku})" if line.sku else line.title, line.approved) for line in asked],
        reasons=list(dict.fromkeys(line.reason for line in asked)),
        ask=letter.ask,
        again=letter.again,
        link=letter.link,
        all_link=letter.all_link,
        open_cases=letter.open_cases,
        last_day=letter.last_day,
        final=letter.final,
        amount=letter.amount,
    )
    await _write(work, request, order, facts, f"{kind}:{letter.key}", case, recipient=letter.recipient)


def _lines(case: Case, refund: Refund | None) -> list[tuple[str, int]]:
    """Titles and units: the refund's own, else all of the case."""
    if refund is None:
        return [(line.title, line.approved or line.requested) for line in case.lines]
    paid = {str(line["line_id"]): int(line["quantity"]) for line in refund.lines}
    return [(line.title, paid[line.line_id]) for line in case.lines if line.line_id in paid]


async def receipt(work: Work, request: ReturnRequest, order: Order, cases: list[Case]) -> None:
    """Confirms what the customer declared, with content, date and time; one for the whole request."""
    facts = replace(
        _base(work, order, MessageKind.RECEIPT),
        received_at=request.created_at,
        lines=[(str(line["title"]), int(line["quantity"])) for line in request.lines],
        case_references=[case.reference for case in cases],
    )
    only = cases[0] if len(cases) == 1 else None
    await _write(work, request, order, facts, f"{MessageKind.RECEIPT}:{request.id}", only)


def _base(work: Work, order: Order, kind: MessageKind) -> MessageFacts:
    store = work.settings.stores[order.store]
    return MessageFacts(
        kind=kind,
        locale=orders.snapshot_of(order).locale or store.locale,
        store_name=store.name or order.store,
        order_number=order.number,
        support_email=store.support_email,
    )


def _rendered(facts: MessageFacts) -> tuple[RenderedMessage, str | None]:
    """The message, or an empty one with what went wrong: wording must never undo the event that it tells of."""
    try:
        return render(facts), None
    except Exception as broken:
        log.exception("message_not_rendered", kind=facts.kind)
        return RenderedMessage(
            subject=facts.kind, text="", html="", language="en"
        ), f"{type(broken).__name__}: {broken}"


async def _write(
    work: Work,
    request: ReturnRequest,
    order: Order,
    facts: MessageFacts,
    dedupe_key: str,
    case: Case | None,
    recipient: str | None = None,
) -> None:
    """To `recipient`, or to the customer when none is named."""
    recipient = recipient or request.email or order.email
    if recipient is None:
        return
    sends = work.settings.smtp_url is not None and not work.settings.stores[order.store].dry_run
    sends = sends and recipient != OPERATOR
    rendered, error = _rendered(facts)
    sends = sends and error is None
    statement = (
        insert(Message)
        .values(
            id=new_id(),
            dedupe_key=dedupe_key,
            request_id=request.id,
            case_id=case.id if case else None,
            kind=facts.kind,
            recipient=recipient,
            language=rendered.language,
            subject=rendered.subject,
            text=rendered.text,
            html=rendered.html,
            reply_to=facts.support_email,
            status=MessageStatus.FAILED if error else MessageStatus.QUEUED if sends else MessageStatus.STORED,
            error=error,
            next_try_at=work.now if sends else None,
            created_at=work.now,
        )
        .on_conflict_do_nothing()
        .returning(Message.id)
    )
    written = (await work.session.execute(statement)).scalar_one_or_none()
    if written is not None and sends:
        await defer(work.session, "messages.send", message_id=str(written))
