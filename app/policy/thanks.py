"""What a policy says of the time after a return: the section `[thanks]`. Pure."""

from __future__ import annotations

from decimal import Decimal

from pydantic import BaseModel, ConfigDict, Field, model_validator

from app.cases.vocabulary import Reason
from app.policy.terms import EVERY_REASON, NONE, Amounts


class Thanks(BaseModel):
    """One message after a return was settled: thanks, a question, perhaps an offer. In places that is advertising."""

    model_config = ConfigDict(extra="forbid", frozen=True, str_strip_whitespace=True)

    mail: bool = Field(True, description="Whether the customer is thanked at all.")
    after_days: int = Field(3, ge=0, le=60, description="Days after the end of the last case of the request.")
    survey: bool = Field(True, description="Whether they are asked how it went: one question.")
    suggestions: bool = Field(
        False, description="Whether up to three products are shown that others who bought the same have kept."
    )
    coupon_percent: Decimal | None = Field(
        None, gt=0, le=100, description="Per cent off the next order, as text; no coupon without one of the two."
    )
    coupon_amount: Amounts = Field(NONE, description="Or an amount off, in the store's currency.")
    coupon_days: int = Field(60, ge=1, le=730, description="Days in which the coupon can be used.")
    coupon_reasons: frozenset[Reason] = Field(
        EVERY_REASON, description="For which reasons there is a coupon: one line of the request is enough."
    )

    @property
    def offers(self) -> bool:
        """Whether there is a coupon for anybody."""
        return self.mail and (self.coupon_percent is not None or bool(self.coupon_amount))

    @model_validator(mode="after")
    def _one_offer(self) -> Thanks:
        if self.coupon_percent is not None and self.coupon_amount:
            raise ValueError("coupon_percent and coupon_amount exclude each other; keep one")
        return self
