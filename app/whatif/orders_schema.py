"""One line of a file of past orders, as typed values; every key is in `docs/simulate.md`. Pure."""

from __future__ import annotations

from decimal import Decimal
from typing import Annotated

from pydantic import BaseModel, ConfigDict, Field, model_validator

from app.cases.vocabulary import Reason, Remedy
from app.wire import Instant

Text = Annotated[str, Field(min_length=1, max_length=200)]
Currency = Annotated[str, Field(pattern="^[A-Z]{3}$")]
Amount = Annotated[Decimal, Field(ge=0, max_digits=15)]
Count = Annotated[int, Field(ge=0, le=1_000_000)]
Days = Annotated[int, Field(ge=0, le=3650)]


class _Part(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True, str_strip_whitespace=True, coerce_numbers_to_str=True)


class LineIn(_Part):
    """A line of goods. `total` is what was paid for all its units, with tax and after discounts."""

    id: Text
    quantity: int = Field(1, ge=1, le=1_000_000)
    total: Amount
    shop_total: Amount | None = None
    sku: Text | None = None
    title: Text | None = None
    vendor: Text | None = None


class ParcelIn(_Part):
    """A parcel; without `lines` it carries all of them."""

    dispatched_at: Instant | None = None
    delivered_at: Instant | None = None
    lines: dict[str, int] = {}


class CustomerIn(_Part):
    """The customer's last 365 days before the request, in amounts of the order's currency."""

    orders: Count = 1
    cases: Count = 0
    spent: Amount = Decimal(0)
    refunded: Amount = Decimal(0)


class SupplierIn(_Part):
    """A supplier's terms, where they are not those of a configured supplier."""

    key: Text
    requires_rma: bool = True
    requires_goods: bool | None = None
    claim_window_days: Days | None = None
    returnless_below: Amount | None = None
    cost_ratio: Annotated[Decimal, Field(ge=0, le=1)] | None = None


class EvidenceIn(_Part):
    """What the customer showed."""

    photos: Count = 0
    answers: Count = 0


class AskedIn(_Part):
    """A line that was asked to be taken back."""

    line: Text
    quantity: int = Field(1, ge=1, le=1_000_000)
    reason: Reason


class StoryIn(_Part):
    """What happened afterwards, as far as it is known."""

    evidence: EvidenceIn | None = None
    sent: bool = True
    sends_days: Days | None = None
    way_back_days: Days | None = None
    authorise_days: Days | None = None
    verdict_days: Days | None = None
    silent: bool = False
    accepted_percent: Annotated[int, Field(ge=0, le=100)] | None = None
    paid_by_person: bool | None = None
    freight: Amount | None = None


class RequestIn(_Part):
    """A request, or the part of it that one supplier handled."""

    declared_at: Instant
    lines: list[AskedIn] = Field(min_length=1, max_length=100)
    remedy: Remedy = Remedy.REFUND
    supplier: Text | SupplierIn | None = None
    evidence: EvidenceIn = EvidenceIn()
    customer: CustomerIn = CustomerIn()
    story: StoryIn = StoryIn()


class OrderIn(_Part):
    """One line of the file."""

    id: Text
    store: Text | None = None
    placed_at: Instant
    currency: Currency
    shop_currency: Currency | None = None
    country: Annotated[str, Field(pattern="^[A-Z]{2}$")] | None = None
    region: Text | None = None
    company: bool = False
    lines: list[LineIn] = Field(min_length=1, max_length=1000)
    shipping: Amount = Decimal(0)
    parcels: list[ParcelIn] = Field([], max_length=1000)
    requests: list[RequestIn] = Field([], max_length=1000)

    @model_validator(mode="after")
    def _asks_for_what_is_there(self) -> OrderIn:
        bought = {line.id: line.quantity for line in self.lines}
        for request in self.requests:
            for asked in request.lines:
                if asked.quantity > bought.get(asked.line, 0):
                    raise ValueError(
                        f"{asked.quantity} of line {asked.line} asked for, {bought.get(asked.line, 0)} bought"
                    )
        return self
