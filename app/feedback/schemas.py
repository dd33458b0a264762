"""Feedback on the wire."""

from __future__ import annotations

from datetime import datetime
from uuid import UUID

from pydantic import BaseModel, Field, field_validator

from app.cases.models import CaseLine
from app.cases.vocabulary import Reason
from app.feedback.models import BEST, WORST, Feedback
from app.feedback.service import Conditions, Summed
from app.wire import Instant, Wish


class FeedbackFilter(Wish):
    """Which answers to read; all conditions must hold."""

    store: str | None = Field(None, max_length=40, examples=["alpha"])
    at_most: int | None = Field(None, description="The highest score.", ge=WORST, le=BEST, examples=[2])
    since: Instant | None = Field(None, description="Given or changed since.", examples=["2026-11-20T10:00:00Z"])
    sku: str | None = Field(None, max_length=120, examples=["LAMP-01"])
    reason: Reason | None = Field(None, examples=["defective"])

    @field_validator("store")
    @classmethod
    def _lower(cls, value: str | None) -> str | None:
        return value.lower() if value else value

    def conditions(self) -> Conditions:
        """As the service asks."""
        return Conditions(**self.model_dump())


class AboutOut(BaseModel):
    """One line of the return that an answer is about."""

    sku: str | None = Field(examples=["LAMP-01"])
    title: str = Field(examples=["Lamp"])
    reason: Reason = Field(examples=["defective"])


class FeedbackOut(BaseModel):
    """One customer's answer about one request."""

    id: UUID = Field(examples=["0199f5a2-0000-7000-8000-000000000009"])
    request_id: UUID = Field(examples=["0199f5a2-0000-7000-8000-000000000003"])
    case_id: UUID | None = Field(
        description="Where it was given on a case's page.", examples=["0199f5a2-0000-7000-8000-000000000002"]
    )
    store: str = Field(examples=["alpha"])
    score: int = Field(description="From 1 (not at all satisfied) to 5 (very).", examples=[4])
    text: str | None = Field(description="The customer's own words.", examples=["Quick, but the box was broken."])
    lines: list[AboutOut]
    created_at: datetime
    updated_at: datetime

    @classmethod
    def of(cls, found: Feedback, lines: list[CaseLine]) -> FeedbackOut:
        """The answer with what it is about."""
        about = [AboutOut(sku=line.sku, title=line.title, reason=Reason(line.reason)) for line in lines]
        return cls(
            id=found.id,
            request_id=found.request_id,
            case_id=found.case_id,
            store=found.store,
            score=found.score,
            text=found.text,
            lines=about,
            created_at=found.created_at,
            updated_at=found.updated_at,
        )


class SummedOut(BaseModel):
    """The answers about one product returned for one reason."""

    sku: str | None = Field(examples=["LAMP-01"])
    title: str = Field(examples=["Lamp"])
    reason: Reason = Field(examples=["defective"])
    answers: int = Field(examples=[12])
    mean_score: float = Field(examples=[3.25])
    unhappy: int = Field(description="Answers of 1 or 2.", examples=[4])

    @classmethod
    def of(cls, summed: Summed) -> SummedOut:
        """As the service sums."""
        return cls(
            sku=summed.sku,
            title=summed.title,
            reason=Reason(summed.reason),
            answers=summed.answers,
            mean_score=round(summed.mean, 2),
            unhappy=summed.unhappy,
        )


class SummaryOut(BaseModel):
    """Products and reasons, those with most unhappy customers first."""

    items: list[SummedOut]
