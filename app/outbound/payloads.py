"""What each type of event tells, to the letter: ids, words and amounts, and nothing about the customer."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import Annotated, Any
from uuid import UUID

from pydantic import BaseModel, ConfigDict, Field, PlainSerializer

from app.outbound.vocabulary import EventType
from app.wire import rfc3339

At = Annotated[datetime, PlainSerializer(rfc3339, when_used="json")]


class Told(BaseModel):
    """A part of an event."""

    model_config = ConfigDict(extra="forbid")


class Amount(Told):
    """An amount: always a decimal text, never a number."""

    amount: str = Field(examples=["12.50"])
    currency: str = Field(examples=["EUR"])


class OrderTold(Told):
    """The order, as the store names it."""

    id: str = Field(examples=["5196695273621"])
    number: str = Field(examples=["#1106"])


class CaseTold(Told):
    """The case as it is right after what is told."""

    id: UUID = Field(examples=["0199f5a2-0000-7000-8000-000000000002"])
    reference: str = Field(examples=["MG-7K3F9QXY"])
    state: str = Field(examples=["resolving"])
    store: str = Field(examples=["alpha"])
    supplier: str | None = Field(examples=["acme"])
    order: OrderTold
    route: str | None = Field(examples=["return"])
    remedy: str = Field(examples=["refund"])


class CaseCreated(Told):
    """Of `case.created`."""

    case: CaseTold
    reasons: list[str] = Field(examples=[["defective"]])
    units: int = Field(description="How many articles are asked to go back.", examples=[1])
    actor: str = Field(description="What kind of party did it, never who.", examples=["customer"])


class CaseStateChanged(Told):
    """Of `case.state_changed`."""

    case: CaseTold
    from_state: str = Field(examples=["inspecting"])
    to_state: str = Field(examples=["resolving"])
    event: str = Field(examples=["supplier_confirmed"])
    event_seq: int = Field(description="Number of that event in the case's audit trail.", examples=[6])
    actor: str = Field(description="What kind of party did it, never who.", examples=["supplier"])


class CaseNeedsAttention(Told):
    """Of `case.needs_attention`."""

    case: CaseTold
    new: list[str] = Field(examples=[["contested"]])
    attention: list[str] = Field(examples=[["contested"]])


class RefundTold(Told):
    """A refund."""

    id: UUID = Field(examples=["0199f5a2-0000-7000-8000-000000000005"])
    status: str = Field(examples=["succeeded"])
    amount: Amount
    ground: str = Field(description="What opened the gate.", examples=["supplier"])
    store_refund_id: str | None = Field(examples=["929361464"])
    created_at: At = Field(examples=["2026-11-20T10:00:00Z"])
    settled_at: At | None = Field(examples=["2026-11-20T10:00:02Z"])


class RefundChanged(Told):
    """Of every `refund.…`."""

    case: CaseTold
    refund: RefundTold


class CreditTold(Told):
    """What a supplier owes for a case. `amount` is null until it says how much."""

    status: str = Field(examples=["expected"])
    amount: Amount | None
    paid: Amount | None
    expected_at: At | None = Field(examples=["2026-12-01T00:00:00Z"])


class CreditChanged(Told):
    """Of every `credit.…`."""

    case: CaseTold
    credit: CreditTold


class MessageTold(Told):
    """A mail, without its recipient and its text."""

    id: UUID = Field(examples=["0199f5a2-0000-7000-8000-000000000007"])
    kind: str = Field(examples=["rma_issued"])
    status: str = Field(examples=["bounced"])


class MessageFailed(Told):
    """Of `message.failed`. `case` is null for a mail that is about no single case."""

    case: CaseTold | None
    message: MessageTold


class DeliveryTold(Told):
    """A webhook, without its body."""

    id: UUID = Field(examples=["0199f5a2-0000-7000-8000-000000000006"])
    store: str | None = Field(examples=["alpha"])
    supplier: str | None = Field(examples=[None])
    topic: str = Field(examples=["orders/updated"])
    attempts: int = Field(examples=[1])
    received_at: At = Field(examples=["2026-11-20T09:59:58Z"])


class DeliveryFailed(Told):
    """Of `delivery.failed`."""

    delivery: DeliveryTold


class StoreTold(Told):
    """A store."""

    key: str = Field(examples=["alpha"])
    platform: str = Field(examples=["shopify"])


class StoreUninstalled(Told):
    """Of `store.uninstalled`."""

    store: StoreTold
    uninstalled_at: At = Field(examples=["2026-11-20T10:00:00Z"])


class ReceiverTest(Told):
    """Of `makegood.test`."""

    receiver: str = Field(examples=["crm"])
    text: str = Field(examples=["This is a test."])


DATA: Mapping[EventType, type[Told]] = {
    EventType.CASE_CREATED: CaseCreated,
    EventType.CASE_STATE_CHANGED: CaseStateChanged,
    EventType.CASE_NEEDS_ATTENTION: CaseNeedsAttention,
    EventType.REFUND_PLANNED: RefundChanged,
    EventType.REFUND_SUCCEEDED: RefundChanged,
    EventType.REFUND_REJECTED: RefundChanged,
    EventType.REFUND_UNKNOWN: RefundChanged,
    EventType.REFUND_NEEDS_REVIEW: RefundChanged,
    EventType.REFUND_VOIDED: RefundChanged,
    EventType.CREDIT_EXPECTED: CreditChanged,
    EventType.CREDIT_PAID: CreditChanged,
    EventType.CREDIT_OVERDUE: CreditChanged,
    EventType.MESSAGE_FAILED: MessageFailed,
    EventType.DELIVERY_FAILED: DeliveryFailed,
    EventType.STORE_UNINSTALLED: StoreUninstalled,
    EventType.TEST: ReceiverTest,
}


def envelope(event_id: UUID, type_: str, seq: int, at: datetime, data: Mapping[str, Any]) -> dict[str, Any]:
    """The body that is posted: `type`, `timestamp` and `data` as Standard Webhooks has them, with id and sequence."""
    return {"id": str(event_id), "type": type_, "timestamp": rfc3339(at), "sequence": seq, "data": data}
