"""A message on the wire."""

from __future__ import annotations

from datetime import datetime
from uuid import UUID

from pydantic import BaseModel, Field

from app.messages.models import MessageStatus
from app.messages.render import MessageKind
from app.wire import Wish


class MessageFilter(Wish):
    """Which messages to list."""

    case: str | None = Field(None, description="A case's id or reference.", max_length=40, examples=["MG-7K3F9QXY"])
    status: MessageStatus | None = Field(None, examples=["sent"])


class MessageOut(BaseModel):
    """One mail, as it was or would be sent."""

    id: UUID = Field(examples=["0199f5a2-0000-7000-8000-000000000005"])
    request_id: UUID | None = Field(
        description="Null when it is about no return request.", examples=["0199f5a2-0000-7000-8000-000000000003"]
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
            "perhaps, and never sent again."
        ),
        examples=["sent"],
    )
    error: str | None = Field(examples=[None])
    attempts: int = Field(examples=[1])
    created_at: datetime
    sent_at: datetime | None
