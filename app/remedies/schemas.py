"""A replacement on the wire."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import Literal
from uuid import UUID

from pydantic import BaseModel, Field, model_validator

from app.cases.vocabulary import Ground
from app.orders.schemas import OrderRef
from app.refunds.schemas import AttemptOut
from app.remedies.models import Replacement, ReplacementAttempt
from app.remedies.states import ReplacementStatus
from app.wire import Body, Identifier, Sentence, Wish, Word


class ReplacementFilter(Wish):
    """Which replacements to list."""

    status: ReplacementStatus | None = Field(None, examples=["needs_review"])
    case: str | None = Field(None, description="A case's id or reference.", max_length=40, examples=["MG-7K3F9QXY"])


class SettleReplacementBody(Body):
    """What became of a replacement whose outcome no machine can know."""

    outcome: Literal["made", "not_made"] = Field(
        description="`made`: the new order is in the store. `not_made`: there is none, and none will be.",
        examples=["made"],
    )
    order_name: Word | None = Field(None, description="The new order's name; needed where it is made.")
    store_order_id: Identifier | None = Field(None, description="The new order's id in the store.")
    reason: Sentence = Field(
        description="How you know; it is kept in the case's audit trail.", examples=["Seen in the list of orders."]
    )

    @model_validator(mode="after")
    def _consistent(self) -> SettleReplacementBody:
        if (self.outcome == "made") != (self.order_name is not None):
            raise ValueError("name the new order with order_name where it is made, and only there")
        if self.outcome == "not_made" and self.store_order_id is not None:
            raise ValueError("a replacement that was not made has no store_order_id")
        return self


class ReplacementLineOut(BaseModel):
    """Units of a line that are sent again."""

    line_id: str = Field(examples=["12695210000533"])
    quantity: int = Field(examples=[1])
    variant_id: str | None = Field(description="Another variant; null: the same as was bought.", examples=[None])


class ReplacementOut(BaseModel):
    """One intended order in place of goods that were bought; its id is the marker of that order in the store."""

    id: UUID = Field(examples=["0199f5a2-0000-7000-8000-000000000005"])
    case_id: UUID = Field(examples=["0199f5a2-0000-7000-8000-000000000002"])
    store: str = Field(examples=["alpha"])
    order: OrderRef = Field(description="The order whose goods are replaced.")
    status: ReplacementStatus = Field(examples=["made"])
    ground: Ground = Field(description="Why it may go out.", examples=["supplier"])
    order_name: str | None = Field(description="The new order.", examples=["#1107"])
    store_order_id: str | None = Field(description="Its id in the store.", examples=["5196695273622"])
    detail: str | None = Field(description="Why it stands where it stands.", examples=["the store confirmed it"])
    lines: list[ReplacementLineOut]
    attempts: list[AttemptOut]
    created_at: datetime
    next_check_at: datetime | None = Field(description="When it is looked at again.")
    settled_at: datetime | None = Field(description="When its outcome was proven.")

    @classmethod
    def of(cls, replacement: Replacement, attempts: Sequence[ReplacementAttempt], order: OrderRef) -> ReplacementOut:
        """The replacement with its attempts, oldest first."""
        return cls(
            id=replacement.id,
            case_id=replacement.case_id,
            store=replacement.store,
            order=order,
            status=ReplacementStatus(replacement.status),
            ground=Ground(replacement.ground),
            order_name=replacement.order_name,
            store_order_id=replacement.store_order_id,
            detail=replacement.detail,
            lines=[ReplacementLineOut.model_validate(line) for line in replacement.lines],
            attempts=[AttemptOut.model_validate(attempt, from_attributes=True) for attempt in attempts],
            created_at=replacement.created_at,
            next_check_at=replacement.next_check_at,
            settled_at=replacement.settled_at,
        )
