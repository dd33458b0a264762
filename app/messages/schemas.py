"""A message on the wire."""

from __future__ import annotations

from datetime import datetime
from uuid import UUID

from pydantic import BaseModel, Field, field_validator

from app.messages.models import MessageStatus
from app.messages.render import MessageKind
from app.wire import Body, Wish


class PreviewWish(Wish):
    """Which message to show with made-up facts."""

    kind: MessageKind = Field(examples=["rma_issued"])
    locale: str | None = Field(
        None, description="The reader's, such as `fr-CA`; the store's by default.", max_length=40, examples=["he-IL"]
    )
    store: str = Field(description="Whose name, colour and wording.", max_length=40, examples=["alpha"])

    @field_validator("store")
    @classmethod
    def _lower(cls, value: str) -> str:
        return value.lower()


class PreviewOut(BaseModel):
    """A message as it would be written."""

    kind: MessageKind = Field(examples=["rma_issued"])
    language: str = Field(examples=["he"])
    subject: str = Field(examples=["How to send back your items from order #1106"])
    text: str = Field(examples=["Hello, you can now send back your items."])
    html: str = Field(examples=["<p>Hello, you can now send back your items.</p>"])
    own_wording: bool = Field(description="Whether these are the store's own words.", examples=[False])
    fault: str | None = Field(
        description="Why the store's own words cannot be used: file, line and what is wrong.", examples=[None]
    )


class BouncedBody(Body):
    """What is known of a mail that came back."""

    detail: str | None = Field(
        None, description="Why, without the address.", max_length=500, examples=["550 5.1.1 mailbox unknown"]
    )


class MessageFilter(Wish):
    """Which messages to list."""

    case: str | None = Field(None, description="A case's id or reference.", max_length=40, examples=["MG-7K3F9QXY"])
    status: MessageStatus | None = Field(None, examples=["sent"])


class MessageOut(BaseModel):
    """One mail, as it was or would be sent."""

    id: UUID = Field(examples=["0199f5a2-0000-7000-8000-000000000005"])
    request_id: UUID | None = Field(
        description="Null for the daily digest.", examples=["0199f5a2-0000-7000-8000-000000000003"]
    )
    case_id: UUID | None = Field(
        description="Null when it is about the whole request.", examples=["0199f5a2-0000-7000-8000-000000000002"]
    )
    kind: MessageKind = Field(examples=["rma_issued"])
    recipient: str = Field(examples=["ann@example.com"])
    language: str = Field(examples=["en"])
    subject: str = Field(examples=["Your return MG-7K3F9QXY is approved"])
    text: str = Field(examples=["Hello, your return is approved."])
    html: str = Field(examples=["<p>Hello, your return is approved.</p>"])
    reply_to: str | None = Field(examples=["help@alpha.example"])
    status: MessageStatus = Field(
        description=(
            "`stored`: not sent, because no mail server is set or the store is in a dry run. `uncertain`: sent, "
            "perhaps, and never sent again. `bounced`: the address takes no mail."
        ),
        examples=["sent"],
    )
    error: str | None = Field(examples=[None])
    attempts: int = Field(examples=[1])
    created_at: datetime
    sent_at: datetime | None
