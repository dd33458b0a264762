"""A delivery on the wire."""

from __future__ import annotations

from datetime import datetime
from uuid import UUID

from pydantic import BaseModel, Field, field_validator

from app.webhooks.models import Delivery, DeliveryStatus, SourceKind
from app.wire import Wish


class DeliveryFilter(Wish):
    """Which deliveries to list."""

    status: DeliveryStatus | None = Field(None, examples=["failed"])
    store: str | None = Field(None, max_length=40, examples=["alpha"])
    supplier: str | None = Field(None, max_length=40, examples=["acme"])
    topic: str | None = Field(None, max_length=200, examples=["orders/updated"])

    @field_validator("store", "supplier")
    @classmethod
    def _lower(cls, value: str | None) -> str | None:
        return value.lower() if value else value


class DeliveryOut(BaseModel):
    """One webhook as it came. The ids are those that its sender gave."""

    id: UUID = Field(examples=["0199f5a2-0000-7000-8000-000000000006"])
    store: str | None = Field(examples=["alpha"])
    supplier: str | None = Field(examples=[None])
    webhook_id: str | None = Field(examples=["b54557e4-bdd9-4b37-8a5f-bf7d70bcd043"])
    event_id: str | None = Field(examples=["98880550-7158-44d4-b7cd-2c97c8a091b5"])
    delivery_id: str | None = Field(examples=[None])
    topic: str = Field(examples=["orders/updated"])
    status: DeliveryStatus = Field(examples=["processed"])
    error: str | None = Field(description="Why it failed, or why it was ignored.", examples=[None])
    received_at: datetime
    processed_at: datetime | None
    next_try_at: datetime | None
    attempts: int = Field(examples=[1])
    duplicates: int = Field(description="How often it came again.", examples=[0])
    erased_at: datetime | None = Field(
        description="When its body was erased, by retention or because its customer asked.", examples=[None]
    )

    @classmethod
    def of(cls, row: Delivery) -> DeliveryOut:
        """The delivery without its body."""
        return cls.model_validate(_shared(row))


class DeliveryDetailOut(DeliveryOut):
    """A delivery with what was sent."""

    headers: dict[str, str | None] = Field(examples=[{"x-shopify-topic": "orders/updated"}])
    body: str | None = Field(
        description=(
            "As text; null when it is not UTF-8, when it was erased, or when the token may only read (it holds "
            "customers' data)."
        ),
        examples=['{"id": 5196695273621}'],
    )

    @classmethod
    def with_body(cls, row: Delivery, visible: bool) -> DeliveryDetailOut:
        """The delivery; its body only when `visible`."""
        return cls.model_validate(
            {**_shared(row), "headers": row.headers, "body": _text(row.body) if visible and not row.erased_at else None}
        )


def _shared(row: Delivery) -> dict[str, object]:
    of_store = row.source_kind == SourceKind.STORE
    names = ("id", "webhook_id", "event_id", "delivery_id", "topic", "status", "error", "received_at", "processed_at",
             "next_try_at", "attempts", "duplicates", "erased_at")  # fmt: skip
    sources = {"store": row.source if of_store else None, "supplier": None if of_store else row.source}
    return {**{name: getattr(row, name) for name in names}, **sources}


def _text(body: bytes) -> str | None:
    try:
        return body.decode("utf-8")
    except UnicodeDecodeError:
        return None
