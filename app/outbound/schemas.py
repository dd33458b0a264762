"""Events, receivers and replays on the wire."""

from __future__ import annotations

from datetime import datetime
from typing import Any, Literal
from uuid import UUID

from pydantic import BaseModel, Field, field_validator

from app.outbound.models import OutboundAttempt, OutboundEvent, OutboundSending, SendingStatus
from app.outbound.vocabulary import EventType, names_nothing
from app.wire import Body, Instant, Wish, Word

_CASE = {
    "case": {
        "id": "0199f5a2-0000-7000-8000-000000000002",
        "reference": "MG-7K3F9QXY",
        "state": "resolving",
        "store": "alpha",
        "supplier": "acme",
        "order": {"id": "5196695273621", "number": "#1106"},
        "route": "return",
        "remedy": "refund",
    },
    "from_state": "inspecting",
    "to_state": "resolving",
    "event": "supplier_confirmed",
    "event_seq": 6,
    "actor": "supplier",
}
_ID = "0199f5a2-0000-7000-8000-000000000008"


class EventFilter(Wish):
    """Which events to list."""

    type: EventType | None = Field(None, examples=["refund.succeeded"])
    case: str | None = Field(None, max_length=60, description="Id or reference.", examples=["MG-7K3F9QXY"])
    since: Instant | None = Field(None, examples=["2026-11-20T00:00:00Z"])
    receiver: str | None = Field(None, max_length=40, examples=["crm"])
    status: SendingStatus | None = Field(
        None, description="With a receiver: how it stands with that one; else with any.", examples=["failed"]
    )

    @field_validator("receiver")
    @classmethod
    def _lower(cls, value: str | None) -> str | None:
        return value.lower() if value else value


class SendingOut(BaseModel):
    """Where an event stands with one receiver."""

    receiver: str = Field(examples=["crm"])
    status: SendingStatus = Field(examples=["delivered"])
    tries: int = Field(description="Since it was queued; a replay begins anew.", examples=[1])
    next_try_at: datetime | None = Field(examples=[None])
    delivered_at: datetime | None = Field(examples=["2026-11-20T10:00:01Z"])


class OutboundEventOut(BaseModel):
    """One event as receivers are told of it. `id` is the `webhook-id` of every sending."""

    id: UUID = Field(examples=[_ID])
    type: EventType = Field(examples=["case.state_changed"])
    timestamp: datetime
    sequence: int = Field(description="Grows with each event of one case.", examples=[48])
    store: str | None = Field(examples=["alpha"])
    case_id: UUID | None = Field(examples=["0199f5a2-0000-7000-8000-000000000002"])
    data: dict[str, Any] = Field(examples=[_CASE])
    sendings: list[SendingOut]

    @classmethod
    def of(cls, event: OutboundEvent, sendings: list[OutboundSending]) -> OutboundEventOut:
        """The event with where it stands."""
        return cls.model_validate(_shared(event, sendings))


class AttemptOut(BaseModel):
    """One try. Without `finished_at` it is under way, or its worker ended before it could note the answer."""

    receiver: str = Field(examples=["crm"])
    number: int = Field(examples=[1])
    started_at: datetime
    finished_at: datetime | None
    http_status: int | None = Field(examples=[204])
    error: str | None = Field(description="Why there was no answer.", examples=[None])
    body: str | None = Field(description="The first 1024 bytes of the answer.", examples=["taken"])


class EventDetailOut(OutboundEventOut):
    """An event with every try, oldest first."""

    attempts: list[AttemptOut]

    @classmethod
    def with_attempts(
        cls, event: OutboundEvent, sendings: list[OutboundSending], attempts: list[OutboundAttempt]
    ) -> EventDetailOut:
        """The event with where it stands and how it got there."""
        tries = [AttemptOut.model_validate(one, from_attributes=True) for one in attempts]
        return cls.model_validate({**_shared(event, sendings), "attempts": tries})


class ReceiverOut(BaseModel):
    """One receiver of the settings, without its secrets, and how it fares."""

    key: str = Field(examples=["crm"])
    host: str = Field(description="The path and query of its address are not shown.", examples=["https://crm.example"])
    types: list[str] = Field(description="Empty: all.", examples=[["refund", "case.created"]])
    stores: list[str] = Field(description="Empty: all.", examples=[["alpha"]])
    secrets: int = Field(description="How many sign; more than one while they are rotated.", examples=[1])
    state: Literal["ok", "failing", "disabled"] = Field(
        description="`failing`: the last tries failed. `disabled`: it answered 410; a test enables it again.",
        examples=["ok"],
    )
    failures: int = Field(description="Failed tries in a row.", examples=[0])
    failing_since: datetime | None = Field(examples=[None])
    paused_until: datetime | None = Field(description="Nothing is sent before.", examples=[None])
    disabled_at: datetime | None = Field(examples=[None])
    last_success_at: datetime | None = Field(description="To about ten seconds.", examples=["2026-11-20T10:00:01Z"])
    last_failure_at: datetime | None = Field(examples=[None])
    last_error: str | None = Field(description="Of the last failure; null after a success.", examples=[None])
    waiting: int = Field(description="Events that wait to be sent; 1000 stands for that many or more.", examples=[0])
    oldest_waiting_at: datetime | None = Field(description="When the oldest of them was queued.", examples=[None])


class ReplayBody(Body):
    """Whom to send it to."""

    receiver: Word | None = Field(
        None, description="Only this one, whatever it wants. Null: each that wants it.", examples=["crm"]
    )


class StretchBody(Body):
    """Which events are sent again."""

    since: Instant = Field(examples=["2026-11-20T00:00:00Z"])
    until: Instant | None = Field(None, description="Up to now when left out.", examples=["2026-11-21T00:00:00Z"])
    receiver: Word | None = Field(None, description="Null: each that wants them.", examples=["crm"])
    types: list[Word] = Field(
        default_factory=list, max_length=40, description="Types or groups; empty: all.", examples=[["refund"]]
    )
    failed_only: bool = Field(False, description="Only those that were given up.", examples=[True])

    @field_validator("types")
    @classmethod
    def _known(cls, value: list[str]) -> list[str]:
        unknown = names_nothing(value)
        if unknown:
            raise ValueError("names no type of event")
        return value


class StretchOut(BaseModel):
    """What will be sent again, step by step."""

    since: datetime
    until: datetime
    receiver: str | None = Field(examples=["crm"])
    types: list[str] = Field(examples=[["refund"]])
    failed_only: bool = Field(examples=[True])


def _shared(event: OutboundEvent, sendings: list[OutboundSending]) -> dict[str, Any]:
    return {
        "id": event.id,
        "type": event.type,
        "timestamp": event.created_at,
        "sequence": event.seq,
        "store": event.store,
        "case_id": event.case_id,
        "data": event.data,
        "sendings": [SendingOut.model_validate(one, from_attributes=True) for one in sendings],
    }
