"""A return request on the wire."""

from __future__ import annotations

from datetime import datetime
from typing import Annotated
from uuid import UUID

from pydantic import BaseModel, ConfigDict, Field, field_validator, model_validator

from app.cases.schemas import CaseOut
from app.cases.vocabulary import Reason, Remedy
from app.orders.schemas import OrderRef
from app.wire import Body, Identifier, Quantity, Sentence, Word


class WantedLineBody(Body):
    """One line that the customer returns, named by `line_id` or by `sku` (one of them)."""

    model_config = ConfigDict(json_schema_extra={"oneOf": [{"required": ["line_id"]}, {"required": ["sku"]}]})

    line_id: Identifier | None = Field(None, description="The store's id of the line.", examples=["12695210000533"])
    sku: Word | None = Field(None, description="Instead of `line_id`, where only one line has it.")
    quantity: Annotated[Quantity, Field(ge=1)] = Field(examples=[1])
    reason: Reason = Field(description="`other` needs a note.", examples=["defective"])
    note: Sentence | None = Field(None, examples=["does not light"])
    variant_id: Identifier | None = Field(None, description="What an exchange is for: a variant of the same product.")

    @model_validator(mode="after")
    def _named_once(self) -> WantedLineBody:
        if (self.line_id is None) == (self.sku is None):
            raise ValueError("name the line by line_id or by sku, and by one of them only")
        if self.reason is Reason.OTHER and self.note is None:
            raise ValueError("the reason other needs a note that says what is meant")
        return self


class ReturnRequestBody(Body):
    """What the customer wants to return, and why."""

    store: Word = Field(description="The store's key.", examples=["alpha"])
    order: Identifier = Field(
        description="The store's id or the printed number, with or without `#`.", examples=["#1106"]
    )
    email: Annotated[str, Field(pattern=r"^[^@\s]+@[^@\s]+$", max_length=320)] | None = Field(
        None, description="When given, it must be the order's.", examples=["ann@example.com"]
    )
    remedy: Remedy = Field(Remedy.REFUND, examples=["refund"])
    lines: list[WantedLineBody] = Field(min_length=1, max_length=100)

    @field_validator("store")
    @classmethod
    def _lower(cls, value: str) -> str:
        return value.lower()

    @field_validator("order")
    @classmethod
    def _bare(cls, value: str) -> str:
        """A global id counts by its last part."""
        return value.rsplit("/", 1)[-1] if value.startswith("gid://") else value


class RequestedLineOut(BaseModel):
    """One line as it was requested."""

    line_id: str = Field(examples=["12695210000533"])
    sku: str | None = Field(examples=["LAMP-01"])
    title: str = Field(examples=["Lamp"])
    quantity: int = Field(examples=[1])
    reason: Reason = Field(examples=["defective"])
    note: str | None = Field(examples=["does not light"])


class ReturnRequestOut(BaseModel):
    """What the customer declared, and the cases that it was split into: one for each supplier."""

    id: UUID = Field(examples=["0199f5a2-0000-7000-8000-000000000003"])
    store: str = Field(examples=["alpha"])
    order: OrderRef
    origin: str = Field(
        description="`api`, `shopify_return` for the store's own screen, or `withdrawal`.", examples=["api"]
    )
    store_return_id: str | None = Field(
        description="The store's own return, where there is one.", examples=["945000954"]
    )
    email: str | None = Field(examples=["ann@example.com"])
    remedy: Remedy = Field(examples=["refund"])
    lines: list[RequestedLineOut]
    cases: list[CaseOut]
    created_at: datetime
