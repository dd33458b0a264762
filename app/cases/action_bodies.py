"""What each action on a case takes. Every field is optional unless its description says otherwise."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field, model_validator

from app.cases.vocabulary import Remedy, Route
from app.money import Money
from app.wire import Body, Identifier, Instant, Quantity, Sentence, WebLink, Word

# A hundred million million is more than any order; the amount must fit a 64-bit integer in minor units.
Amount = Annotated[str, Field(pattern=r"^[0-9]{1,12}(\.[0-9]{1,4})?$", examples=["9.80"])]


class ActionBody(Body):
    """What every action takes."""

    reason: Sentence | None = Field(None, description="Why; kept in the audit trail.", examples=["Agreed by phone."])
    note: Sentence | None = Field(None, description="For colleagues; kept in the audit trail.", examples=["Ask Ann."])


class ReasonedBody(ActionBody):
    """An action that needs a reason."""

    reason: Sentence = Field(description="Why; kept in the audit trail.", examples=["Agreed by phone."])


class ApprovedLine(Body):
    """Units of one line that are approved."""

    line_id: Identifier = Field(examples=["12695210000533"])
    quantity: Quantity = Field(description="0 up to what was requested.", examples=[1])
    variant_id: Identifier | None = Field(None, description="What an exchange is for; default: as the customer chose.")


class ChosenVariant(Body):
    """What one line is exchanged for."""

    line_id: Identifier = Field(examples=["12695210000533"])
    variant_id: Identifier = Field(examples=["44100871"])


Agreed = Annotated[
    bool,
    Field(
        strict=True,
        description="True: the customer agreed to this remedy. Needed for one that they did not ask for where a legal "
        "right of theirs is alive.",
        examples=[False],
    ),
]


class ApproveBody(ActionBody):
    """What is approved, and which way it goes."""

    route: Route | None = Field(None, description="Default: what the policy would choose.", examples=["return"])
    remedy: Remedy | None = Field(None, description="Default: what the customer asked for.", examples=["refund"])
    agreed: Agreed = False
    lines: list[ApprovedLine] | None = Field(
        None,
        description="Default: everything that was requested. A line that is not named gets 0.",
        min_length=1,
        max_length=100,
    )


class ChangeRemedyBody(ActionBody):
    """What the customer gets instead."""

    remedy: Remedy = Field(examples=["refund"])
    agreed: Agreed = False
    variants: list[ChosenVariant] | None = Field(
        None, description="For an exchange; default: as the customer chose.", min_length=1, max_length=100
    )


class RejectBody(ReasonedBody):
    """Why it is refused. The customer reads the reason."""

    override: Annotated[bool, Field(strict=True)] = Field(
        False, description="True refuses although a legal right of the customer is alive.", examples=[False]
    )


class RequestEvidenceBody(ActionBody):
    """What the customer is asked for."""

    items: list[Sentence] = Field(min_length=1, max_length=20, examples=[["A photo of the damage"]])


class Address(Body):
    """Where the goods go."""

    name: Word | None = Field(None, examples=["Acme Returns"])
    line1: Word | None = Field(None, examples=["1 Dock Road"])
    line2: Word | None = Field(None, examples=["Hall 3"])
    city: Word | None = Field(None, examples=["Rotterdam"])
    region: Word | None = Field(None, examples=["ZH"])
    postal_code: Word | None = Field(None, examples=["3011"])
    country: Word | None = Field(None, examples=["NL"])


class RecordRmaBody(ActionBody):
    """The supplier's authorisation, relayed by a person."""

    rma_number: Word = Field(examples=["RMA-1001"])
    return_address: Address | Sentence | None = Field(
        None,
        description="As an object, or as one text.",
        examples=[{"name": "Acme Returns", "line1": "1 Dock Road", "city": "Rotterdam", "country": "NL"}],
    )
    instructions: Sentence | None = Field(None, examples=["Write the number on the parcel."])


class RecordTrackingBody(ActionBody):
    """The customer's parcel. The same number again corrects it; another number is another parcel."""

    tracking_number: Word = Field(examples=["JD014600003828"])
    carrier: Word | None = Field(None, examples=["DHL"])
    tracking_url: WebLink | None = Field(None, examples=["https://track.example/JD014600003828"])
    shipped_at: Instant | None = Field(None, examples=["2026-11-20T10:00:00Z"])


class ReceivedLine(Body):
    """Units of one line that arrived."""

    line_id: Identifier = Field(examples=["12695210000533"])
    quantity: Quantity = Field(description="0 up to what was approved.", examples=[1])
    condition: Word | None = Field(None, examples=["unopened"])


class RecordReceiptBody(ActionBody):
    """The goods arrived."""

    received_at: Instant | None = Field(None, description="Default: now.", examples=["2026-11-24T09:30:00Z"])
    lines: list[ReceivedLine] | None = Field(
        None, description="Default: everything that was approved.", min_length=1, max_length=100
    )


class VerdictLine(Body):
    """The supplier's finding for one line."""

    line_id: Identifier = Field(examples=["12695210000533"])
    accepted_quantity: Quantity = Field(description="0 up to what was approved.", examples=[1])
    condition: Word | None = Field(None, examples=["defective"])
    note: Annotated[str, Field(max_length=2000)] | None = Field(None, examples=["Broken switch."])


class CreditBody(Body):
    """What the supplier promises to pay."""

    amount: Amount
    currency: Annotated[str, Field(pattern=r"^[A-Z]{3}$")] = Field(examples=["USD"])
    reference: Word | None = Field(None, examples=["CN-881"])
    expected_at: Instant | None = Field(None, examples=["2026-12-01"])

    @model_validator(mode="after")
    def _fits(self) -> CreditBody:
        self.money()
        return self

    def money(self) -> Money:
        """The amount. Raises `BadAmount` when it has more digits than its currency."""
        return Money.parse(self.amount, self.currency)


class RecordVerdictBody(ActionBody):
    """The supplier's verdict, relayed by a person. All zero is a refusal."""

    lines: list[VerdictLine] = Field(min_length=1, max_length=100)
    credit: CreditBody | None = None


class HoldBody(ReasonedBody):
    """Which kind of hold is set."""

    kind: Literal["merchant", "fraud", "data"] = Field(examples=["merchant"])


class LiftHoldBody(ActionBody):
    """Which hold is lifted."""

    kind: Literal["merchant", "fraud", "chargeback", "data"] | None = Field(
        None,
        description="Default: every hold but one that a chargeback set, which must be named.",
        examples=["merchant"],
    )


class NoteBody(ActionBody):
    """A note for the audit trail."""

    text: Sentence = Field(examples=["The customer called and will ship on Monday."])
