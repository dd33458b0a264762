"""A policy file as typed values. Pure.

One TOML file is one policy. Every section has a default, so a file says only what differs from it. Unknown keys are
refused. `files.py` reads and versions them, `docs/policy.md` explains every key.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from decimal import Decimal
from typing import Annotated, Any, Literal

from pydantic import BaseModel, ConfigDict, Field, field_validator

from app.cases.vocabulary import Reason, Remedy, Route
from app.policy.law.model import Payer
from app.policy.terms import (
    EVERY_REASON,
    FLAWED,
    NONE,
    SECOND_THOUGHTS,
    Amounts,
    EvidenceKind,
    Late,
    Outcome,
    Statutory,
    Want,
    Wear,
    WindowStart,
)
from app.policy.thanks import Thanks

_ID = re.compile(r"[a-z0-9][a-z0-9_-]{0,59}", re.ASCII)
_COUNTRY = re.compile(r"[A-Z]{2}", re.ASCII)


def _country_codes(codes: frozenset[str]) -> frozenset[str]:
    for code in codes:
        if not _COUNTRY.fullmatch(code):
            raise ValueError(f"{code!r} is not a country code of two capital letters")
    return codes


class _Part(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True, str_strip_whitespace=True)


class _Named(_Part):
    id: str = Field(description="Its name in decisions: small letters, digits, `-` and `_`.")

    @field_validator("id")
    @classmethod
    def _plain(cls, value: str) -> str:
        if not _ID.fullmatch(value):
            raise ValueError("must be small letters, digits, - and _")
        return value


class Say(_Part):
    """What is told to the customer, by language."""

    en: str = Field(min_length=1, max_length=400, description="English.")
    fr: str | None = Field(None, max_length=400, description="French; English is shown without it.")
    he: str | None = Field(None, max_length=400, description="Hebrew; English is shown without it.")

    def text(self, language: str) -> str:
        """The text in `language`, else in English."""
        return {"fr": self.fr, "he": self.he}.get(language) or self.en


class Window(_Part):
    """In which time a request is welcome. The law's own window is never shortened by it."""

    days: int = Field(30, ge=0, le=3650, description="Days after the start in which a return is welcome.")
    starts: WindowStart = Field(
        WindowStart.DELIVERED, alias="from", description="`delivered` (the last parcel) or `placed` (the order)."
    )
    by_reason: dict[Reason, Annotated[int, Field(ge=0, le=3650)]] = Field(
        {}, description="Days for single reasons, such as `{defective = 365}`."
    )
    late: Late = Field(
        Late.OPERATOR, description="A request after the window goes to the `operator`, or is a `reject`."
    )

    def days_for(self, reason: Reason) -> int:
        """Days of the window for a reason."""
        return self.by_reason.get(reason, self.days)


class Condition(_Part):
    """The state in which goods should come back, told to the customer and compared with what is known."""

    expected: Wear = Field(Wear.TRIED, description="`sealed`, `unused`, `tried` (as in a shop) or `any`.")
    reasons: frozenset[Reason] = Field(SECOND_THOUGHTS, description="For which reasons it matters.")


class Packaging(_Part):
    """What is said about the original packaging."""

    original: Want = Field(Want.WANTED, description="`required`, `wanted` or `any`.")
    reasons: frozenset[Reason] = Field(SECOND_THOUGHTS, description="For which reasons it matters.")


class ExceptionRule(_Named):
    """Goods that are not taken back on second thoughts."""

    when: str = Field(description="CEL condition over `order`, `line`, `customer`, `supplier`, `request`.")
    reasons: frozenset[Reason] = Field(SECOND_THOUGHTS, description="For which reasons it is an exception.")
    statutory: Statutory | None = Field(
        None, description="The legal exception it is; without one the right of withdrawal stays alive."
    )
    outcome: Late = Field(Late.OPERATOR, description="`operator` or `reject`.")
    say: Say | None = Field(None, description="What the customer is told.")


class EvidenceItem(_Named):
    """Something the customer is asked for; only what is missing is asked for."""

    kind: EvidenceKind = Field(EvidenceKind.PHOTO, description="`photo` or `answer`.")
    count: int = Field(1, ge=1, le=10, description="How many of them.")
    reasons: frozenset[Reason] = Field(description="For which reasons it is needed.")
    when: str | None = Field(None, description="CEL condition; always needed without one.")
    say: Say | None = Field(None, description="The question, when `id` is not one that Makegood has words for.")


class WayBack(_Part):
    """Who pays for sending goods back."""

    customer_pays: frozenset[Reason] = Field(
        SECOND_THOUGHTS, description="For these reasons the customer pays; for all others the merchant does."
    )


class RestockingFee(_Part):
    """What is kept of the refund. Never where the law forbids it, and never more than it allows."""

    percent: Decimal = Field(Decimal(0), ge=0, le=100, description="Per cent of the value of the goods, as text.")
    at_most: Amounts = Field(NONE, description="The most that is kept, by currency; nothing in one that is not told.")
    reasons: frozenset[Reason] = Field(SECOND_THOUGHTS, description="For which reasons it is kept.")


class Shipping(_Part):
    """What goes back of outbound delivery when an order is withdrawn from as a whole: never the extra for express."""

    express: tuple[str, ...] = Field(
        ("express", "overnight", "next day"), description="Words in the name of a delivery that was express."
    )
    standard: Amounts = Field(
        NONE, description="What standard delivery costs, with tax; empty: all that was paid for delivery goes back."
    )


class Routes(_Part):
    """Whether goods move. Reasons in none of the lists are a `return`."""

    claim: frozenset[Reason] = Field(
        frozenset({Reason.LOST, Reason.MISSING_PARTS}), description="Nothing moves: there is nothing to send."
    )
    claim_unless_goods_wanted: frozenset[Reason] = Field(
        frozenset({Reason.DAMAGED_IN_TRANSIT, Reason.WRONG_ITEM}),
        description="Nothing moves unless the supplier's terms say that it wants the goods (`REQUIRES_GOODS=true`).",
    )
    claim_if_goods_not_wanted: frozenset[Reason] = Field(
        frozenset({Reason.DEFECTIVE, Reason.NOT_AS_DESCRIBED}),
        description="Nothing moves when the supplier's terms say that it does not want them (`REQUIRES_GOODS=false`).",
    )


class Returnless(_Part):
    """When the customer is refunded at once and keeps the goods."""

    reasons: frozenset[Reason] = Field(frozenset(), description="For which reasons; none: never returnless.")
    up_to: Amounts = Field(NONE, description="Always, up to this value of the goods.")
    cheaper_up_to: Amounts = Field(
        NONE, description="Up to this value, where taking the goods back costs more than it brings."
    )
    recent_damage: int | None = Field(
        None,
        ge=1,
        description="As many cases of damage of the same article in 90 days make it returnless up to `cheaper_up_to`.",
    )


class Costs(_Part):
    """What a return costs the merchant, for the comparison. A currency that is not told is not compared."""

    freight: Amounts = Field(NONE, description="One parcel back to the supplier.")
    handling: Amounts = Field(NONE, description="Work and fees for one return.")


class Local(_Part):
    """A centre in the customer's country that takes undamaged goods instead of the supplier."""

    countries: frozenset[str] = Field(frozenset(), description="Customers of these countries send there.")
    reasons: frozenset[Reason] = Field(SECOND_THOUGHTS, description="For which reasons.")
    address: dict[str, str] = Field({}, description="`name`, `line1`, `line2`, `city`, `postal_code`, `country`.")

    _codes = field_validator("countries")(_country_codes)


class Remedies(_Part):
    """What is offered. Makegood carries each of them out by itself."""

    offered: tuple[Remedy, ...] = Field((Remedy.REFUND,), min_length=1, description="Remedies on offer, best first.")
    store_credit_only: frozenset[Reason] = Field(
        frozenset(), description="For these reasons credit instead of money, where the law leaves the choice."
    )
    # A third is where goods with a flaw are commonly settled: what a parcel back and a second sale would cost anyway.
    keep_item_percent: int = Field(
        30, ge=1, le=100, description="Per cent of the price that goes back to who keeps the goods (`keep_item`)."
    )
    keep_item_reasons: frozenset[Reason] = Field(
        FLAWED, description="For which reasons goods may be kept for a part of the price."
    )


class Approve(_Part):
    """Up to where the policy decides alone."""

    up_to: Amounts = Field(NONE, description="Above this value the operator decides; empty: no limit.")


class Absorb(_Part):
    """Up to where the merchant bears a loss without a person."""

    up_to: Amounts = Field(NONE, description="What a supplier does not accept is refunded up to this; empty: never.")


class Abuse(_Part):
    """Limits over the customer's last 365 days. Beyond them a person decides; nobody is refused for them."""

    cases: int | None = Field(None, ge=1, description="As many cases before this one.")
    refunded: Amounts = Field(NONE, description="As much refunded before.")
    refunded_percent: Decimal | None = Field(
        None, ge=0, le=100, description="As much of what was paid was refunded; counts from the third order on."
    )


class Times(_Part):
    """Response times and reminders."""

    merchant_days: int = Field(2, ge=1, le=30, description="Business days in which the operator decides.")
    escalate_days: int = Field(5, ge=1, le=60, description="Business days after which a waiting case is escalated.")
    ship_reminders: tuple[Annotated[int, Field(ge=1, le=60)], ...] = Field(
        (7, 2), description="Days before the time to ship ends on which the customer is reminded."
    )
    inspection_reminders: tuple[Annotated[int, Field(ge=1, le=60)], ...] = Field(
        (3, 1), description="Days before the time to inspect ends on which the supplier is reminded."
    )


class Law(_Part):
    """What the shop does that the law asks about."""

    informed: bool = Field(
        True, description="Whether customers are told before the order of the right of withdrawal and its costs."
    )
    delivery_days: int | None = Field(
        None, ge=1, le=365, description="Days after the order in which delivery is promised; unset: the law's own term."
    )


class Rule(_Named):
    """A condition and what it sets. For each line the first rule that holds sets a thing, later ones the rest."""

    when: str = Field(description="CEL condition over `order`, `line`, `customer`, `supplier`, `request`.")
    reasons: frozenset[Reason] = Field(EVERY_REASON, description="For which reasons; all when not told.")
    outcome: Literal[Outcome.APPROVE, Outcome.REJECT, Outcome.OPERATOR] | None = Field(
        None, description="`approve` (whatever window, evidence and limits say), `reject` or `operator`."
    )
    route: Route | None = Field(None, description="`return`, `claim`, `returnless` or `local`.")
    window_days: int | None = Field(None, ge=0, le=3650, description="Another window.")
    fee_percent: Decimal | None = Field(None, ge=0, le=100, description="Another restocking fee, as text.")
    way_back: Payer | None = Field(None, description="`customer` or `merchant`.")
    say: Say | None = Field(None, description="What the customer is told.")

    @property
    def sets(self) -> frozenset[str]:
        """The names of what it sets."""
        names = ("outcome", "route", "window_days", "fee_percent", "way_back")
        return frozenset(name for name in names if getattr(self, name) is not None)


class Policy(_Part):
    """A whole policy. `version` is what the author wrote; the pinned version is in `files.PolicyFile`."""

    name: str = Field(description="Its name: small letters, digits, `-` and `_`.")
    version: str = Field(min_length=1, max_length=40, description="The author's own version, such as a date.")
    summary: str = Field("", max_length=400, description="One sentence for people.")
    countries: frozenset[str] = Field(
        frozenset(),
        description="Customers of which countries it is written for; lint asks their laws, or every law without it.",
    )
    law: Law = Law()
    window: Window = Window()
    condition: Condition = Condition()
    packaging: Packaging = Packaging()
    way_back: WayBack = WayBack()
    restocking_fee: RestockingFee = RestockingFee()
    shipping: Shipping = Shipping()
    routes: Routes = Routes()
    returnless: Returnless = Returnless()
    costs: Costs = Costs()
    local: Local = Local()
    remedies: Remedies = Remedies()
    approve: Approve = Approve()
    absorb: Absorb = Absorb()
    abuse: Abuse = Abuse()
    times: Times = Times()
    thanks: Thanks = Thanks()
    exception: tuple[ExceptionRule, ...] = ()
    evidence: tuple[EvidenceItem, ...] = ()
    rule: tuple[Rule, ...] = ()

    _codes = field_validator("countries")(_country_codes)

    @field_validator("name")
    @classmethod
    def _plain_name(cls, value: str) -> str:
        if not _ID.fullmatch(value):
            raise ValueError("must be small letters, digits, - and _")
        return value

    def parts(self) -> Iterator[tuple[str, int, ExceptionRule | EvidenceItem | Rule]]:
        """Everything that has an id and a condition, with where it stands: section and index."""
        yield from (("exception", index, one) for index, one in enumerate(self.exception))
        yield from (("evidence", index, one) for index, one in enumerate(self.evidence))
        yield from (("rule", index, one) for index, one in enumerate(self.rule))

    def model_post_init(self, _context: Any) -> None:
        """Ids stand once. Raises `ValueError`."""
        for kind in (self.exception, self.evidence, self.rule):
            ids = [one.id for one in kind]
            twice = next((name for name in ids if ids.count(name) > 1), None)
            if twice is not None:
                raise ValueError(f"the id {twice!r} stands twice")
