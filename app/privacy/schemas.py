"""Requests about customers' data on the wire."""

from __future__ import annotations

from datetime import datetime
from typing import Annotated, Any, Literal
from uuid import UUID

from pydantic import BaseModel, Field, field_validator, model_validator

from app.privacy.models import PrivacyKind, PrivacyRequest
from app.wire import Body, Identifier, Wish, Word

_EXAMPLE = {"orders": [{"number": "#1106", "email": "ann@example.com"}], "messages": []}


class PrivacyFilter(Wish):
    """Which requests to list."""

    store: str | None = Field(None, max_length=40, examples=["alpha"])
    kind: PrivacyKind | None = Field(None, examples=["data_request"])

    @field_validator("store")
    @classmethod
    def _lower(cls, value: str | None) -> str | None:
        return value.lower() if value else value


class PrivacyRequestBody(Body):
    """Whose data is meant: by e-mail, by orders, or by both."""

    store: Word = Field(description="The store's key.", examples=["beta"])
    kind: Literal[PrivacyKind.DATA_REQUEST, PrivacyKind.REDACT] = Field(
        description="`data_request` shows what is kept; `redact` erases it, and nothing brings it back.",
        examples=["redact"],
    )
    email: Annotated[str, Field(pattern=r"^[^@\s]+@[^@\s]+$", max_length=320)] | None = Field(
        None, description="Every order and request with this e-mail.", examples=["ann@example.com"]
    )
    orders: list[Identifier] = Field(
        [], max_length=1000, description="The store's ids or printed numbers.", examples=[["1106"]]
    )

    @field_validator("store")
    @classmethod
    def _lower(cls, value: str) -> str:
        return value.lower()

    @model_validator(mode="after")
    def _names_somebody(self) -> PrivacyRequestBody:
        if self.email is None and not self.orders:
            raise ValueError("name the customer by email, by orders, or by both")
        return self


class PrivacyRequestOut(BaseModel):
    """One request about a customer's data. It holds ids and counts, and never the data."""

    id: UUID = Field(examples=["0199f5a2-0000-7000-8000-000000000008"])
    store: str = Field(examples=["alpha"])
    kind: PrivacyKind = Field(examples=["data_request"])
    origin: str = Field(description="`shopify`, or who asked through the API.", examples=["operator:root"])
    customer_id: str | None = Field(description="The store's id of the customer.", examples=["7029431102139"])
    orders: list[str] = Field(description="The store's ids of the orders named.", examples=[["5196695273621"]])
    result: dict[str, int] | None = Field(
        description="How much was found or erased; null before it is done.", examples=[{"orders": 1, "messages": 3}]
    )
    received_at: datetime
    done_at: datetime | None = Field(description="Null while it is being worked on.")

    @classmethod
    def of(cls, row: PrivacyRequest) -> PrivacyRequestOut:
        """The request as it answers."""
        return cls.model_validate({name: getattr(row, name) for name in PrivacyRequestOut.model_fields})


class PrivacyRequestDetailOut(PrivacyRequestOut):
    """A request with the data that is kept of the customer now."""

    data: dict[str, list[dict[str, Any]]] | None = Field(
        description=(
            "For a `data_request`: everything kept of the customer, gathered at this moment. Photos and raw webhooks "
            "are named here and fetched from their own paths. Null for the other kinds."
        ),
        examples=[_EXAMPLE],
    )
