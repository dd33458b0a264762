"""Withdrawals on the wire."""

from __future__ import annotations

from datetime import datetime
from typing import Annotated
from uuid import UUID

from pydantic import BaseModel, Field, field_validator

from app.orders.schemas import OrderRef
from app.wire import Body, Identifier, Quantity, Sentence, Wish
from app.withdrawals.models import WithdrawalStatus


class WithdrawalFilter(Wish):
    """Which withdrawals to list."""

    status: WithdrawalStatus | None = Field(None, examples=["unmatched"])
    store: str | None = Field(None, max_length=40, examples=["alpha"])

    @field_validator("store")
    @classmethod
    def _lower(cls, value: str | None) -> str | None:
        return value.lower() if value else value


class WithdrawnLine(Body):
    """Units of one line of the order."""

    line_id: Identifier = Field(examples=["12695210000533"])
    quantity: Annotated[Quantity, Field(ge=1)] = Field(examples=[1])


class MatchBody(Body):
    """Which order a declaration is about."""

    order: Identifier = Field(description="The store's id or the printed number.", examples=["#1106"])
    lines: list[WithdrawnLine] | None = Field(
        None, description="Default: all that is left of the order.", min_length=1, max_length=100
    )


class CloseBody(Body):
    """Why nothing follows from a declaration."""

    reason: Sentence = Field(examples=["The same declaration came twice."])


class WithdrawalOut(BaseModel):
    """A declaration of withdrawal as the consumer made it, and what became of it."""

    id: UUID = Field(examples=["0199f5a2-0000-7000-8000-000000000009"])
    store: str = Field(examples=["alpha"])
    origin: str = Field(description="`page`, or `woocommerce` for the store's own form.", examples=["page"])
    name: str = Field(examples=["Ann Smith"])
    order_named: str = Field(description="As the consumer wrote it.", examples=["1106"])
    email: str = Field(examples=["ann@example.com"])
    goods: str | None = Field(description="In the consumer's words; null: the whole order.", examples=["the lamp"])
    declared_at: datetime = Field(description="Rights and dates count from this moment.")
    status: WithdrawalStatus = Field(
        description="`unmatched`: say which order is meant; `unclear`: say which lines are.", examples=["unmatched"]
    )
    detail: str | None = Field(description="Why a person is needed, or why it was closed.", examples=[None])
    order: OrderRef | None
    request_id: UUID | None = Field(
        description="The return request made of it.", examples=["0199f5a2-0000-7000-8000-000000000003"]
    )
    receipt_id: UUID | None = Field(
        description="The message that confirmed its receipt; null where the store sent its own.",
        examples=["0199f5a2-0000-7000-8000-000000000005"],
    )
    settled_by: str | None = Field(examples=["operator:ops"])
    settled_at: datetime | None
