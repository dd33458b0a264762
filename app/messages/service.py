"""Writes messages: rendered once, kept as they were sent until retention takes them, one for each event.

What goes to the operator is in `operator.py`.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import date
from typing import Any
from uuid import UUID

import structlog
from sqlalchemy.dialects.postgresql import insert

from app import links
from app.cases.models import Case, CaseLine
from app.db.base import new_id
from app.db.work import Work
from app.jobs import defer
from app.messages.models import Message, MessageStatus
from app.messages.render import MessageFacts, MessageKind, RenderedMessage, render
from app.money import Money
from app.orders import service as orders
from app.orders.models import Order
from app.outbound import service as outbound
from app.refunds.models import Refund
from app.remedies.models import Replacement
from app.requests.models import ReturnRequest
from app.requests.status_link import status_path, status_token
from app.settings import Settings

log = structlog.get_logger()

# Stands for the recipient of a message that has no address to go to.
OPERATOR = "operator"


async def about_case(
    work: Work,
    case: Case,
    kind: MessageKind,
    *,
    reason: str | None = None,
    refund: Refund | None = None,
) -> None:
    """Tells the customer about their case, or about one refund of it. One message for each event."""
    more = {
        "instructions": case.instructions,
        "amount": Money(refund.amount, refund.currency, refund.exponent) if refund else None,
        "reason": reason,
        "lines": lines_of(case, refund),
        "credit_code": refund.credit_code if refund else None,
    }
    await _tell_customer(work, case, kind, f"{kind}:{case.id}:{refund.id if refund else case.seq}", **more)


async def goods_sent(work: Work, case: Case, replacement: Replacement) -> None:
    """Tells the customer that a new order was placed for them. One message for each replacement."""
    sent = {str(line["line_id"]): line for line in replacement.lines}
    lines = [
        (_what(line, sent[line.line_id]), int(sent[line.line_id]["quantity"]))
        for line in case.lines
        if line.line_id in sent
    ]
    kind = MessageKind.REPLACEMENT_SENT
    await _tell_customer(work, case, kind, f"{kind}:{replacement.id}", lines=lines, new_order=replacement.order_name)


def _what(line: CaseLine, sent: Mapping[str, Any]) -> str:
    variant = line.variant_title if sent.get("variant_id") else None
    return f"{line.title}, {variant}" if variant else line.title


async def goods_arrived(work: Work, case: Case, last_day: date | None) -> None:
    """Tells the customer that goods have come in; `last_day` is until when they should be checked."""
    lines = [(line.title, line.received) for line in case.lines if line.received]
    key = f"{MessageKind.RECEIVED}:{case.id}:{case.seq}"
    await _tell_customer(work, case, MessageKind.RECEIVED, key, lines=lines, last_day=last_day)


async def verdict_given(work: Work, case: Case) -> None:
    """Tells the customer what the supplier says of what it has checked."""
    accepted = [(line.title, line.accepted) for line in case.lines if line.accepted]
    declined = [(line.title, line.approved - line.accepted) for line in case.lines if line.approved > line.accepted]
    verdict = "all" if not declined else "part" if accepted else "none"
    key = f"{MessageKind.VERDICT}:{case.id}:{case.seq}"
    await _tell_customer(work, case, MessageKind.VERDICT, key, lines=accepted, declined=declined, verdict=verdict)


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
    more = {"last_day": reminder.last_day, "final": reminder.final, "items": reminder.items}
    await _tell_customer(work, case, kind, f"{kind}:{reminder.key}", lines=lines_of(case), **more)


async def _tell_customer(work: Work, case: Case, kind: MessageKind, dedupe_key: str, **more: Any) -> None:
    order = await work.session.get_one(Order, case.order_pk)
    request = await work.session.get_one(ReturnRequest, case.request_id)
    facts = replace(
        customer_facts(work, order, request, kind),
        reference=case.reference,
        rma_number=case.rma_number,
        return_address=case.return_address,
        by_hand=orders.snapshot_of(order).paid_by_hand,
        route=case.route,
        remedy=case.remedy,
        **more,
    )
    await write(work, facts, Letter(dedupe_key, request.email or order.email, order.store, request.id, case.id))


def lines_of(case: Case, refund: Refund | None = None) -> list[tuple[str, int]]:
    """Titles and units: the refund's own, else all of the case."""
    if refund is None:
        return [(line.title, line.approved or line.requested) for line in case.lines]
    paid = {str(line["line_id"]): int(line["quantity"]) for line in refund.lines}
    return [(line.title, paid[line.line_id]) for line in case.lines if line.line_id in paid]


async def receipt(
    work: Work, request: ReturnRequest, order: Order, cases: list[Case], message_id: UUID | None = None
) -> None:
    """Confirms what the customer declared, with content, date and time; one for the whole request.

    A `message_id` that was made earlier puts it before what was written since.
    """
    facts = replace(
        customer_facts(work, order, request, MessageKind.RECEIPT),
        received_at=request.created_at,
        lines=[(str(line["title"]), int(line["quantity"])) for line in request.lines],
        case_references=[case.reference for case in cases],
    )
    only = cases[0].id if len(cases) == 1 else None
    key = f"{MessageKind.RECEIPT}:{request.id}"
    recipient = request.email or order.email
    await write(work, facts, Letter(key, recipient, order.store, request.id, only, message_id))


def customer_facts(work: Work, order: Order, request: ReturnRequest, kind: MessageKind) -> MessageFacts:
    """What every message to a customer tells: whose store it is, in which language, and where they can look."""
    snapshot = orders.snapshot_of(order)
    token = status_token(work.settings, request.id, work.now)
    return replace(
        store_facts(work.settings, order.store, kind),
        locale=request.locale or snapshot.locale or work.settings.stores[order.store].locale,
        country=snapshot.country,
        order_number=order.number,
        status_url=links.url(work.settings, status_path(order.store, token)),
    )


def store_facts(settings: Settings, key: str, kind: MessageKind) -> MessageFacts:
    """What every message of a store tells, for readers in the store's own language."""
    store = settings.stores[key]
    return MessageFacts(
        kind=kind,
        locale=store.locale,
        store_name=store.name or key,
        order_number="",
        support_email=store.support_email,
        store=key,
        country=store.country,
        colour=store.colour,
    )


def _rendered(work: Work, facts: MessageFacts) -> tuple[RenderedMessage, str | None]:
    """The message, or an empty one with what went wrong: wording must never undo the event that it tells of."""
    try:
        return render(facts, work.settings.wording_dir), None
    except Exception as broken:
        log.exception("message_not_rendered", kind=facts.kind)
        return RenderedMessage(
            subject=facts.kind, text="", html="", language="en"
        ), f"{type(broken).__name__}: {broken}"


@dataclass(frozen=True, slots=True)
class Letter:
    """To whom a message goes and what it belongs to. `dedupe_key` names the event: one message for each.

    Without a `recipient` nothing is written. `store` None: it is about no store in particular.
    """

    dedupe_key: str
    recipient: str | None
    store: str | None
    request_id: UUID | None = None
    case_id: UUID | None = None
    message_id: UUID | None = None


async def write(work: Work, facts: MessageFacts, letter: Letter) -> None:
    """Words a message and enqueues it; one whose event has had its message changes nothing."""
    if letter.recipient is None:
        return
    dry = letter.store is not None and work.settings.stores[letter.store].dry_run
    rendered, error = _rendered(work, facts)
    sends = work.settings.smtp_url is not None and not dry and letter.recipient != OPERATOR and error is None
    statement = (
        insert(Message)
        .values(
            id=letter.message_id or new_id(),
            dedupe_key=letter.dedupe_key,
            request_id=letter.request_id,
            case_id=letter.case_id,
            kind=facts.kind,
            recipient=letter.recipient,
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
    if written is not None and error is not None:
        await outbound.message_failed(work, await work.session.get_one(Message, written))
    if written is not None and sends:
        await defer(work.session, "messages.send", message_id=str(written))
