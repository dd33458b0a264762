"""What the law is asked and what it answers, as plain values. Pure.

Every instant is aware. A *day* is a calendar day in the customer's zone (`calendar.zone_of`), and a last day ends with
its last microsecond there. Amounts are minor units.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, date, datetime
from decimal import ROUND_FLOOR, Decimal
from enum import StrEnum
from zoneinfo import ZoneInfo

from app.money import Money


class Right(StrEnum):
    """Which right the customer uses. One declaration may rest on several: ask once for each."""

    WITHDRAWAL = "withdrawal"
    NON_CONFORMITY = "non_conformity"
    NON_DELIVERY = "non_delivery"


class Start(StrEnum):
    """The event that started a clock, or that a clock waits for."""

    DECLARED = "declared"
    AGREED = "agreed"
    DISPATCH_PROVED = "dispatch_proved"
    GOODS_BACK = "goods_back"
    DELIVERED = "delivered"
    INFORMED = "informed"
    ORDERED = "ordered"
    PROMISED = "promised"


class Confidence(StrEnum):
    """How far a figure was checked: the text was read, a secondary source was read, or nothing was."""

    TEXT = "text"
    SECONDARY = "secondary"
    UNVERIFIED = "unverified"


class Payer(StrEnum):
    """Who pays the way back."""

    CUSTOMER = "customer"
    MERCHANT = "merchant"


class Forbidden(StrEnum):
    """What the merchant may not do to a customer who uses the right."""

    RESTOCKING_FEE = "restocking_fee"
    CREDIT_ONLY = "credit_only"
    ORIGINAL_PACKAGING = "original_packaging"
    FINAL_SALE = "final_sale"
    SHORTER_WINDOW = "shorter_window"
    REASON_REQUIRED = "reason_required"
    APPROVAL_WORDING = "approval_wording"
    SUPPLIER_TERMS = "supplier_terms"


class Cure(StrEnum):
    """What the customer can have for goods that are not as agreed."""

    REPAIR = "repair"
    REPLACEMENT = "replacement"
    REDUCTION = "reduction"
    REFUND = "refund"


@dataclass(frozen=True, slots=True)
class LawFacts:
    """All that the law looks at. None means not known, or not happened.

    - `country`: ISO 3166 code of two letters; `region`: a state (`CA` or `US-CA`); `consumer`: None counts as True.
    - `delivered_at`: the last parcel of the order; None while one is on its way, unknown, or the customer says that it
      never came. `shipped_at`: when the last outbound parcel left. `promised_by`: the last day promised for delivery.
    - `informed`: the customer was told before the order what the law there wants told (EU, UK: the right of withdrawal
      and who pays the way back; IL: the disclosure document; NY, CA: the return policy was displayed). `informed_at`:
      told later, or the day of the document.
    - `agreed_at`: the merchant agreed that money is owed. `dispatch_proved_at`: the customer proved to have sent the
      goods back. `goods_back_at`: they arrived where the merchant wants them.
    - `merchant_collects`: the merchant offered to fetch the goods. `nothing_to_return`: no goods have to come back
      (nothing arrived, or the customer may keep it), so nothing can be waited for.
    - `protected_group`: IL, a protected customer *and* the deal included a conversation.
    - `exempt`: a statutory exception holds (bespoke, unsealed hygiene, …), as the policy file claims.
    - `major`: the failure is major (AU); None counts as True.
    - `repair_chosen`: the customer chose repair. `repair_days`: whole days on which one, or a replacement, was pending.
    """

    country: str | None
    right: Right
    ordered_at: datetime
    declared_at: datetime
    region: str | None = None
    consumer: bool | None = None
    delivered_at: datetime | None = None
    shipped_at: datetime | None = None
    informed: bool = True
    informed_at: datetime | None = None
    agreed_at: datetime | None = None
    dispatch_proved_at: datetime | None = None
    goods_back_at: datetime | None = None
    promised_by: datetime | None = None
    merchant_collects: bool = False
    nothing_to_return: bool = False
    protected_group: bool = False
    exempt: bool = False
    major: bool | None = None
    repair_chosen: bool = False
    repair_days: int = 0


@dataclass(frozen=True, slots=True)
class FeeCap:
    """At most `percent` of the amount and, where `most` names the currency, at most that (decimal text per currency).

    A cap that has `most` but not in the amount's currency lets nothing be kept: there is no exchange rate here, and
    keeping too much is the wrong that cannot be excused.
    """

    percent: Decimal
    most: tuple[tuple[str, str], ...] = ()

    def of(self, amount: Money, kept: int) -> int:
        """Minor units, rounded down, that may still be kept when `kept` were kept on the same order before."""
        share = int((self.percent * amount.minor / 100).to_integral_value(ROUND_FLOOR))
        if not self.most:
            return max(0, share)
        top = dict(self.most).get(amount.currency)
        if top is None:
            return 0
        return max(0, min(share, Money.parse(top, amount.currency, amount.exponent).minor - kept))


@dataclass(frozen=True, slots=True)
class FeeLimit:
    """What the merchant may keep of a refund: every cap holds. No caps: the law sets no limit."""

    caps: tuple[FeeCap, ...] = ()

    def of(self, amount: Money, kept: int = 0) -> int | None:
        """Minor units that the merchant may keep of `amount`, or None where the law sets no limit.

        `amount`: what would be refunded for the goods. `kept`: minor units kept on the same order before, because a
        limit in money holds for the whole deal.
        """
        return min((cap.of(amount, kept) for cap in self.caps), default=None)

    @property
    def none_allowed(self) -> bool:
        """Nothing may be kept, whatever the amount."""
        return any(cap.percent == 0 for cap in self.caps)


@dataclass(frozen=True, slots=True)
class Cite:
    """One figure that was used: of which pack and rule, from which article, how well checked, and what it set.

    `value` is the figure as text (`"14"`, `"true"`); `sets` names the field of `LegalView` that it went into.
    """

    law: str
    rule: str
    article: str
    confidence: Confidence
    value: str
    sets: str


@dataclass(frozen=True, slots=True)
class LegalView:
    """What the law says: the strictest for the merchant of all candidate laws, and which figures it came from.

    - `version`: the packs that were asked, `eu@2026-11-21+eu-fr@2026-11-21`; `assess(facts, version)` asks them again.
    - `laws`: the candidate laws by id. `zone`: the customer's zone, whose days were counted.
    - `covered`: some pack has a rule for this right. False: nothing is known, which is not the same as no right; read
      `advisory` and let the merchant's own policy or a person decide.
    - `alive`: the declaration was made in time under at least one law.
    - `statutory_until`: until when the right can be declared, the latest. None beside `alive`: no end is known yet
      (not delivered) or at all.
    - `reject_until`: until when faulty goods can be rejected for money at once, where such a term exists (UK).
    - `send_back_until`: until when the customer may send the goods back after declaring.
    - `due_at`: the last instant at which a refund is in time, the earliest. None while no such clock runs.
    - `due_start`: the event from which `due_at` counts. `waits_for`: any of these would start or release the clock.
    - `refund_all`: everything paid goes back. `outbound_shipping`: the standard outbound delivery too, once per order,
      never the extra for express.
    - `fee`: what may be kept. `way_back`: who pays the return at most.
    - `cash`: a right to money; store credit only with the customer's consent.
    - `cures`: for faulty goods, the steps in their order; within a step the customer chooses.
    - `advisory`: sentences for the operator on what the packs do not know.
    """

    version: str
    laws: tuple[str, ...]
    right: Right
    zone: str
    covered: bool
    alive: bool
    statutory_until: datetime | None
    reject_until: datetime | None
    send_back_until: datetime | None
    due_at: datetime | None
    due_start: Start | None
    waits_for: tuple[Start, ...]
    refund_all: bool
    outbound_shipping: bool
    fee: FeeLimit
    way_back: Payer
    cash: bool
    cures: tuple[tuple[Cure, ...], ...]
    forbids: frozenset[Forbidden]
    cites: tuple[Cite, ...]
    advisory: tuple[str, ...]

    @property
    def act_at(self) -> datetime | None:
        """When to pay so as to be in time: the first instant of the last day, because `due_at` itself is too late."""
        if self.due_at is None:
            return None
        day = self.due_at.astimezone(ZoneInfo(self.zone))
        return day.replace(hour=0, minute=0, second=0, microsecond=0).astimezone(UTC)


@dataclass(frozen=True, slots=True)
class LegalRateSpan:
    """Interest at the legal rate is owed for these days, first and last included.

    The rate itself changes twice a year and is not known here, so no amount is made of it.
    """

    first: date
    last: date


@dataclass(frozen=True, slots=True)
class Surcharge:
    """What a late refund costs beside the refund, on one day.

    `days_late` counts calendar days after the due day. `percent` of the amount is `amount` (rounded up). `legal_rate`:
    interest at the legal rate comes beside or instead of it. `next_day`: the day on which it rises, to `next_percent`.
    """

    days_late: int
    percent: int
    amount: Money
    legal_rate: LegalRateSpan | None
    next_day: date | None
    next_percent: int | None
    cites: tuple[Cite, ...]


@dataclass(frozen=True, slots=True)
class Labels:
    """The two labels of the EU withdrawal function in one language, as the law of `law` words them."""

    law: str
    locale: str
    withdraw: str
    confirm: str
    cites: tuple[Cite, ...]
