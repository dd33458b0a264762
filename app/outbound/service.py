"""Writes events beside what they tell of, in the same transaction: both are kept or neither is.

Each function is called where a thing happens. Without a receiver in the settings they do nothing at all.
"""

from __future__ import annotations

from collections.abc import Collection, Sequence
from datetime import UTC, datetime
from uuid import UUID

from sqlalchemy import insert

from app.cases.models import Case
from app.cases.states import Transition
from app.db.base import new_id
from app.db.work import Work
from app.ledger.models import SupplierCredit
from app.messages.models import Message
from app.money import Money
from app.orders.models import Order
from app.outbound import payloads
from app.outbound.models import OutboundEvent, OutboundSending, SendingStatus
from app.outbound.vocabulary import EventType, wanted
from app.refunds.models import Refund
from app.refunds.states import RefundStatus
from app.settings_events import ReceiverSettings
from app.webhooks.models import Delivery, SourceKind

# A receiver that was down is tried with one event first; a person who tests it waits for the test.
_BEFORE_ALL_OTHERS = datetime(2000, 1, 1, tzinfo=UTC)
# A refund that is being sent is no news: what comes of it is.
_REFUND = {
    RefundStatus.PLANNED: EventType.REFUND_PLANNED,
    RefundStatus.SUCCEEDED: EventType.REFUND_SUCCEEDED,
    RefundStatus.REJECTED: EventType.REFUND_REJECTED,
    RefundStatus.UNKNOWN: EventType.REFUND_UNKNOWN,
    RefundStatus.NEEDS_REVIEW: EventType.REFUND_NEEDS_REVIEW,
    RefundStatus.VOID: EventType.REFUND_VOIDED,
}


async def case_changed(work: Work, case: Case, transition: Transition, actor: str, known: Collection[str]) -> None:
    """An event of a locked case was written. `known` is what it asked attention for before."""
    if not work.settings.events:
        return
    told, kind = await _case(work, case), actor.partition(":")[0]
    before = transition.before
    if before is None:
        reasons = list(dict.fromkeys(line.reason for line in case.lines))
        units = sum(line.requested for line in case.lines)
        opened = payloads.CaseCreated(case=told, reasons=reasons, units=units, actor=kind)
        await _tell(work, EventType.CASE_CREATED, opened, case)
    elif before.state is not transition.after.state:
        moved = payloads.CaseStateChanged(
            case=told,
            from_state=before.state,
            to_state=transition.after.state,
            event=transition.event.type,
            event_seq=case.seq,
            actor=kind,
        )
        await _tell(work, EventType.CASE_STATE_CHANGED, moved, case)
    new = [word for word in case.attention if word not in known]
    if new:
        asks = payloads.CaseNeedsAttention(case=told, new=new, attention=list(case.attention))
        await _tell(work, EventType.CASE_NEEDS_ATTENTION, asks, case)


async def refund_changed(work: Work, refund: Refund) -> None:
    """A refund of a locked case has come to its status just now."""
    type_ = _REFUND.get(RefundStatus(refund.status))
    if not work.settings.events or type_ is None:
        return
    case = await work.session.get_one(Case, refund.case_id)
    told = payloads.RefundTold(
        id=refund.id,
        status=refund.status,
        amount=_amount(refund.amount, refund.currency, refund.exponent),
        ground=refund.ground,
        store_refund_id=refund.store_refund_id,
        created_at=refund.created_at,
        settled_at=refund.settled_at,
    )
    await _tell(work, type_, payloads.RefundChanged(case=await _case(work, case), refund=told), case)


async def credit_changed(work: Work, type_: EventType, credit: SupplierCredit) -> None:
    """What a supplier owes is news: expected, paid or overdue."""
    if not work.settings.events:
        return
    case = await work.session.get_one(Case, credit.case_id)
    owed = paid = None
    if credit.currency is not None and credit.exponent is not None:
        owed = _amount(credit.amount, credit.currency, credit.exponent) if credit.amount is not None else None
        paid = _amount(credit.paid, credit.currency, credit.exponent)
    told = payloads.CreditTold(status=credit.status, amount=owed, paid=paid, expected_at=credit.expected_at)
    await _tell(work, type_, payloads.CreditChanged(case=await _case(work, case), credit=told), case)


async def message_failed(work: Work, message: Message) -> None:
    """A mail was given up or came back."""
    if not work.settings.events:
        return
    told = payloads.MessageTold(id=message.id, kind=message.kind, status=message.status)
    case = await work.session.get_one(Case, message.case_id) if message.case_id else None
    about = await _case(work, case) if case else None
    await _tell(work, EventType.MESSAGE_FAILED, payloads.MessageFailed(case=about, message=told), case)


async def delivery_failed(work: Work, delivery: Delivery) -> None:
    """A webhook could not be read and waits for a replay."""
    if not work.settings.events:
        return
    of_store = delivery.source_kind == SourceKind.STORE
    told = payloads.DeliveryTold(
        id=delivery.id,
        store=delivery.source if of_store else None,
        supplier=None if of_store else delivery.source,
        topic=delivery.topic,
        attempts=delivery.attempts,
        received_at=delivery.received_at,
    )
    await _tell(work, EventType.DELIVERY_FAILED, payloads.DeliveryFailed(delivery=told), store=told.store)


async def store_uninstalled(work: Work, store: str, at: datetime) -> None:
    """The app was removed from a store."""
    if not work.settings.events:
        return
    settings = work.settings.stores.get(store)
    told = payloads.StoreTold(key=store, platform=settings.platform if settings else "unknown")
    gone = payloads.StoreUninstalled(store=told, uninstalled_at=at)
    await _tell(work, EventType.STORE_UNINSTALLED, gone, store=store)


async def test(work: Work, receiver: str) -> UUID:
    """Writes a test for one receiver; answers the event's id."""
    data = payloads.ReceiverTest(receiver=receiver, text="This is a test; nothing happened.")
    event = await _write(work, EventType.TEST, data, None, None)
    await queue(work, event, [receiver], _BEFORE_ALL_OTHERS)
    return event.id


def receivers_of(work: Work, type_: str, store: str | None) -> list[str]:
    """The keys of the receivers that are told of such an event."""
    return [key for key, one in work.settings.events.items() if _wants(one, type_, store)]


def _wants(receiver: ReceiverSettings, type_: str, store: str | None) -> bool:
    return (
        type_ != EventType.TEST and wanted(receiver.types, type_) and (not receiver.stores or store in receiver.stores)
    )


async def queue(work: Work, event: OutboundEvent, receivers: Sequence[str], due: datetime | None = None) -> None:
    """Has a new event sent to these receivers; `due` is now unless it is given."""
    if receivers:
        rows = [
            {
                "event_id": event.id,
                "receiver": key,
                "seq": event.seq,
                "case_id": event.case_id,
                "status": SendingStatus.PENDING,
                "queued_at": work.now,
                "next_try_at": due or work.now,
                "created_at": event.created_at,
            }
            for key in receivers
        ]
        await work.session.execute(insert(OutboundSending), rows)


async def _tell(
    work: Work, type_: EventType, data: payloads.Told, case: Case | None = None, store: str | None = None
) -> None:
    event = await _write(work, type_, data, case.id if case else None, case.store if case else store)
    await queue(work, event, receivers_of(work, type_, event.store))


async def _write(
    work: Work, type_: EventType, data: payloads.Told, case_id: UUID | None, store: str | None
) -> OutboundEvent:
    # At once, not with the next flush: the database numbers a case's events in the order in which they happened.
    event = OutboundEvent(
        id=new_id(), type=type_, store=store, case_id=case_id, data=data.model_dump(mode="json"), created_at=work.now
    )
    work.session.add(event)
    await work.session.flush()
    return event


async def _case(work: Work, case: Case) -> payloads.CaseTold:
    order = await work.session.get_one(Order, case.order_pk)
    return payloads.CaseTold(
        id=case.id,
        reference=case.reference,
        state=case.state,
        store=case.store,
        supplier=case.supplier,
        order=payloads.OrderTold(id=order.order_id, number=order.number),
        route=case.route,
        remedy=case.remedy,
    )


def _amount(minor: int, currency: str, exponent: int) -> payloads.Amount:
    return payloads.Amount(amount=Money(minor, currency, exponent).text, currency=currency)
