"""A refund operation on the wire."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import Any, Literal
from uuid import UUID

from pydantic import BaseModel, Field, model_validator

from app.api import MoneyOut
from app.cases.vocabulary import Ground
from app.money import Money
from app.orders.schemas import OrderRef
from app.refunds.models import Refund, RefundAttempt
from app.refunds.states import RefundStatus
from app.stores.asked import RefundMethod
from app.wire import Body, Identifier, Sentence, Wish


class RefundFilter(Wish):
    """Which refunds to list."""

    status: RefundStatus | None = Field(None, examples=["needs_review"])
    case: str | None = Field(None, description="A case's id or reference.", max_length=40, examples=["MG-7K3F9QXY"])


class SettleBody(Body):
    """What became of a refund whose outcome no machine can know."""

    outcome: Literal["succeeded", "not_made"] = Field(
        description="`succeeded`: the money reached the customer. `not_made`: no money moved, and none will.",
        examples=["succeeded"],
    )
    store_refund_id: Identifier | None = Field(
        None, description="The refund in the store, where there is one.", examples=["998877"]
    )
    reason: Sentence = Field(
        description="How you know; it is kept in the case's audit trail.",
        examples=["Seen as paid in the gateway's dashboard."],
    )

    @model_validator(mode="after")
    def _consistent(self) -> SettleBody:
        if self.outcome == "not_made" and self.store_refund_id is not None:
            raise ValueError("a refund that was not made has no store_refund_id")
        return self


class RefundPartOut(BaseModel):
    """A part of a refund: units of a line, or (without units) shipping or a fee. `total` includes `tax`."""

    line_id: str = Field(examples=["12695210000533"])
    kind: str = Field(description="`line`, `shipping` or `fee`.", examples=["line"])
    quantity: int | None = Field(examples=[1])
    total: MoneyOut
    tax: MoneyOut


class AttemptOut(BaseModel):
    """One sending of the refund. `outcome` is null while the store's answer is awaited."""

    number: int = Field(examples=[1])
    started_at: datetime
    finished_at: datetime | None
    outcome: str | None = Field(description="`ok`, `rejected`, `unknown` or `not_sent`.", examples=["ok"])
    answer: dict[str, Any] | None = Field(examples=[{"store_refund_id": "998877", "state": "succeeded"}])


class RefundOut(BaseModel):
    """One intended movement of money; its id is the key on every try and the marker in the store."""

    id: UUID = Field(examples=["0199f5a2-0000-7000-8000-000000000001"])
    case_id: UUID = Field(examples=["0199f5a2-0000-7000-8000-000000000002"])
    store: str = Field(examples=["alpha"])
    order: OrderRef
    status: RefundStatus = Field(examples=["succeeded"])
    amount: MoneyOut
    fee: MoneyOut = Field(description="What the merchant lawfully keeps; `amount` is without it.")
    ground: Ground = Field(description="Why it may go out.", examples=["supplier"])
    method: RefundMethod = Field(description="Back to what was paid with, or credit in the store.")
    keeps_goods: bool = Field(description="The customer keeps the goods: the store is told an amount and no units.")
    credit_code: str | None = Field(
        description="The coupon that holds the credit, where the store keeps credit so.", examples=[None]
    )
    store_refund_id: str | None = Field(examples=["998877"])
    detail: str | None = Field(
        description="Why it stands where it stands.", examples=["found in the store by its marker"]
    )
    lines: list[RefundPartOut]
    attempts: list[AttemptOut]
    created_at: datetime
    next_check_at: datetime | None = Field(description="When it is looked at again.")
    settled_at: datetime | None = Field(description="When its outcome was proven.")

    @classmethod
    def of(cls, refund: Refund, attempts: Sequence[RefundAttempt], order: OrderRef) -> RefundOut:
        """The refund with its attempts, oldest first."""
        whole = Money(refund.amount, refund.currency, refund.exponent)
        return cls(
            id=refund.id,
            case_id=refund.case_id,
            store=refund.store,
            order=order,
            status=RefundStatus(refund.status),
            amount=MoneyOut.of(whole),
            fee=MoneyOut.of(whole.with_minor(refund.fee or 0)),
            ground=Ground(refund.ground),
            method=RefundMethod(refund.method),
            keeps_goods=refund.amount_only,
            credit_code=refund.credit_code,
            store_refund_id=refund.store_refund_id,
            detail=refund.detail,
            lines=[_part(whole, part) for part in [*refund.lines, *refund.extras]],
            attempts=[AttemptOut.model_validate(attempt, from_attributes=True) for attempt in attempts],
            created_at=refund.created_at,
            next_check_at=refund.next_check_at,
            settled_at=refund.settled_at,
        )


def _part(whole: Money, part: dict[str, Any]) -> RefundPartOut:
    return RefundPartOut(
        line_id=part["line_id"],
        kind=part.get("kind", "line"),
        quantity=part.get("quantity"),
        total=MoneyOut.of(whole.with_minor(int(part["total"]))),
        tax=MoneyOut.of(whole.with_minor(int(part["tax"]))),
    )
