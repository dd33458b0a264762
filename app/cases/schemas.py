"""A case on the wire: how it is asked for and how it answers."""

from __future__ import annotations

from datetime import date, datetime
from typing import Annotated, Any
from uuid import UUID

from fastapi import Path
from pydantic import AfterValidator, BaseModel, Field, field_validator

from app.api import MoneyOut
from app.cases.allowed import Action
from app.cases.vocabulary import Event, Ground, Hold, Reason, Remedy, Route, State
from app.ledger.models import CreditStatus
from app.orders.schemas import OrderRef
from app.policy.law.model import Confidence, Right, Start
from app.policy.schemas import DecisionOut
from app.refunds.schemas import RefundOut
from app.remedies.schemas import ReplacementOut
from app.suppliers.claim_window import CountedFrom
from app.timers.models import TimerKind
from app.wire import Instant, Wish, storable

CaseName = Annotated[
    str,
    Path(description="The case's id or its reference.", max_length=40, examples=["MG-7K3F9QXY"]),
    AfterValidator(storable),
]


class CaseFilter(Wish):
    """Which cases to list; all conditions must hold."""

    state: State | None = Field(None, examples=["under_review"])
    store: str | None = Field(None, max_length=40, examples=["alpha"])
    supplier: str | None = Field(None, max_length=40, examples=["acme"])
    reason: Reason | None = Field(None, description="Cases with a line returned for this.", examples=["defective"])
    order: str | None = Field(
        None, max_length=120, description="The store's id or the printed number.", examples=["1106"]
    )
    email: str | None = Field(
        None, max_length=320, description="The order's or the request's.", examples=["ann@example.com"]
    )
    updated_since: Instant | None = Field(None, examples=["2026-11-20T10:00:00Z"])
    needs_attention: bool | None = Field(
        None, description="Whether a person should look; true: most urgent first.", examples=[True]
    )

    @field_validator("store", "supplier")
    @classmethod
    def _lower(cls, value: str | None) -> str | None:
        return value.lower() if value else value


class CaseLineOut(BaseModel):
    """One line with its counters in units; `quantity` is what was requested."""

    line_id: str = Field(examples=["12695210000533"])
    sku: str | None = Field(examples=["LAMP-01"])
    title: str = Field(examples=["Lamp"])
    quantity: int = Field(examples=[1])
    reason: Reason = Field(examples=["defective"])
    note: str | None = Field(examples=["does not light"])
    condition: str | None = Field(description="As the supplier found it.", examples=["defective"])
    requested: int = Field(examples=[1])
    approved: int = Field(examples=[1])
    shipped: int = Field(examples=[1])
    received: int = Field(examples=[1])
    accepted: int = Field(description="By the supplier's verdict.", examples=[1])
    refunded: int = Field(description="By us, proven.", examples=[0])
    external: int = Field(description="By somebody else in the store, while the case was open.", examples=[0])
    replaced: int = Field(description="By a new order that was made in the store.", examples=[0])
    variant_id: str | None = Field(description="What an exchange is for.", examples=[None])
    variant_title: str | None = Field(description="What that is called.", examples=[None])


class TrackingOut(BaseModel):
    """A parcel on its way back."""

    tracking_number: str | None = Field(None, examples=["JD014600003828"])
    carrier: str | None = Field(None, examples=["DHL"])
    tracking_url: str | None = Field(None, examples=["https://track.example/JD014600003828"])
    shipped_at: datetime | None = None


class CiteOut(BaseModel):
    """One figure of the law that was used: from which article, and how well it was checked."""

    right: Right = Field(examples=["withdrawal"])
    law: str = Field(description="The law pack.", examples=["eu"])
    rule: str = Field(examples=["withdrawal.refund_days"])
    article: str = Field(examples=["Directive 2011/83/EU art. 13(1)(2)"])
    confidence: Confidence = Field(
        description="`text`: the text was read; `secondary`: a source about it; `unverified`: nothing.",
        examples=["secondary"],
    )
    value: str = Field(examples=["14"])
    sets: str = Field(description="What it set.", examples=["due_at"])


class SurchargeOut(BaseModel):
    """What a late refund costs beside the refund, as of now or of the day it was paid. A person settles it."""

    amount: MoneyOut
    percent: int = Field(description="Of what was unpaid when it became late.", examples=[5])
    days_late: int = Field(examples=[12])
    legal_rate: bool = Field(description="Interest at the legal rate is owed beside; it is not in `amount`.")
    next_day: date | None = Field(description="When it rises next.", examples=["2026-12-28"])
    next_percent: int | None = Field(examples=[10])
    articles: list[str] = Field(examples=[["eu-fr: art. L242-4 Code de la consommation"]])


class LegalOut(BaseModel):
    """What the law says of the case. Drafts that need counsel: `cites` tells how well each figure was checked."""

    due_at: datetime | None = Field(
        description="The last instant at which the refund is in time; it goes out at the beginning of that day. "
        "Null while no such date runs."
    )
    due_start: Start | None = Field(description="The event that the date is counted from.", examples=["declared"])
    waits_for: list[Start] = Field(
        description="Any of these would start or release a date.", examples=[["dispatch_proved", "goods_back"]]
    )
    alive: bool = Field(description="A right was declared in time: refusing needs `override` and a reason.")
    statutory_until: datetime | None = Field(
        description="Until when a right can be declared; null without one, and where no end is known."
    )
    law_version: str = Field(description="The law packs, pinned.", examples=["eu@2026-11-21+eu-fr@2026-11-21"])
    cites: list[CiteOut]
    conflict: list[Hold] = Field(
        description="Holds that stop the money although the date has come.", examples=[["fraud"]]
    )
    surcharge: SurchargeOut | None


class GateOut(BaseModel):
    """Why money may go out, since when, by which event of the trail, and who opened the gate.

    For the ground `law` also which articles set the date, of which law packs, and from which event it counts.
    """

    ground: Ground = Field(examples=["supplier"])
    at: datetime
    event_seq: int = Field(examples=[6])
    actor: str = Field(examples=["supplier:acme"])
    reason: str | None = Field(None, examples=["By law the refund is due until 2026-12-07 22:59 UTC"])
    articles: list[str] = Field([], examples=[["eu: Directive 2011/83/EU art. 13(1)(2)"]])
    law_version: str | None = Field(None, examples=["eu@2026-11-21+eu-fr@2026-11-21"])
    due_at: datetime | None = None
    due_start: Start | None = Field(None, examples=["declared"])


class DueOut(BaseModel):
    """The clock that ends next: what happens by itself, and when."""

    kind: TimerKind = Field(examples=["ship"])
    at: datetime


class CreditOut(BaseModel):
    """What the supplier owes for the case. `amount` is null until the supplier says how much."""

    supplier: str = Field(examples=["acme"])
    status: CreditStatus = Field(examples=["expected"])
    amount: MoneyOut | None
    paid: MoneyOut | None
    reference: str | None = Field(examples=["CN-881"])
    ahead_of_supplier: bool = Field(
        description="The customer was paid before the supplier confirmed: the merchant's money is out."
    )
    expected_at: datetime | None
    paid_at: datetime | None


class ClaimOut(BaseModel):
    """Until when the supplier takes a claim for this case. Null on a case whose supplier has named no last day."""

    last_day: date = Field(description="In the supplier's country.", examples=["2026-11-25"])
    days_left: int = Field(description="0 on the last day and after it; counted to the day of filing.", examples=[3])
    counted_from: CountedFrom = Field(
        description="From dispatch or order while the delivery is not known: a later last day may come to light."
    )
    filed_at: datetime | None = Field(description="When the supplier was told.")
    late: bool = Field(description="Filed, or still not filed, after a last day that is certain.", examples=[False])
    missing_evidence: list[str] = Field(
        description="What the customer was asked for and has not given.", examples=[["A photo of the damage"]]
    )
    note: str | None = Field(description="What being late means.", examples=[None])


class CaseOut(BaseModel):
    """The part of a return request that one supplier handles."""

    id: UUID = Field(examples=["0199f5a2-0000-7000-8000-000000000002"])
    reference: str = Field(description="A short name for people.", examples=["MG-7K3F9QXY"])
    state: State = Field(examples=["awaiting_shipment"])
    store: str = Field(examples=["alpha"])
    supplier: str | None = Field(description="Null when nobody supplies these lines.", examples=["acme"])
    order: OrderRef
    request_id: UUID = Field(examples=["0199f5a2-0000-7000-8000-000000000003"])
    route: Route | None = Field(description="Null until it is decided.", examples=["return"])
    remedy: Remedy = Field(examples=["refund"])
    reasons: list[Reason] = Field(examples=[["defective"]])
    lines: list[CaseLineOut]
    rma_number: str | None = Field(examples=["RMA-1001"])
    return_address: dict[str, str] | None = Field(examples=[{"name": "Acme Returns", "line1": "1 Dock Road"}])
    instructions: str | None = Field(examples=["Write the number on the parcel."])
    tracking: list[TrackingOut]
    gate: GateOut | None
    holds: list[Hold] = Field(examples=[["merchant"]])
    allowed_actions: list[Action] = Field(examples=[["record-tracking", "record-receipt", "cancel", "hold", "note"]])
    needs_attention: bool = Field(examples=[False])
    attention: list[str] = Field(description="Why a person should look, as stable words.", examples=[["under_review"]])
    attention_why: list[str] = Field(
        description="The same in sentences: what to do, and by when.",
        examples=[["Decide by 2026-11-27: approve, reject with a reason, or ask the customer for evidence."]],
    )
    due: DueOut | None
    refunds: list[RefundOut]
    replacements: list[ReplacementOut]
    credit: CreditOut | None
    claim: ClaimOut | None
    legal: LegalOut | None = Field(description="Null for a case that ended before legal dates were kept.")
    decision: DecisionOut | None = Field(description="What the policy said last, in English words too.")
    policy_version: str = Field(examples=["default@1+70c82f00c958"])
    law_version: str | None = Field(examples=["eu@2026-11-21+eu-fr@2026-11-21"])
    created_at: datetime
    updated_at: datetime


class EventOut(BaseModel):
    """One row of the audit trail, which nobody can change."""

    seq: int = Field(examples=[2])
    type: Event = Field(examples=["approved"])
    at: datetime
    actor: str = Field(examples=["operator:ops"])
    from_state: State | None = Field(description="Null for the first event.", examples=["under_review"])
    to_state: State = Field(examples=["authorizing"])
    data: dict[str, Any] = Field(examples=[{"route": "return", "ground": "operator", "reason": "in the window"}])


class EvidenceOut(BaseModel):
    """A link, an answer or a photo that belongs to a case."""

    id: UUID = Field(examples=["0199f5a2-0000-7000-8000-000000000004"])
    kind: str = Field(description="`link`, `answer` or `photo`.", examples=["link"])
    content_type: str | None = Field(None, description="Of a photo.", examples=["image/jpeg"])
    text: str | None = Field(examples=["It broke on the second day."])
    url: str | None = Field(
        description="Of a photo: where it is seen for some days, by whoever has the address.",
        examples=["https://photos.example/lamp.jpg"],
    )
    thumbnail_url: str | None = Field(None, description="Of a photo: the same, small.", examples=[None])
    added_by: str = Field(examples=["operator:ops"])
    created_at: datetime
