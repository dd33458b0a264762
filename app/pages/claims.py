"""What a store's rules promise a reader in a country, as values: the page words them, a test holds them to the engine.

Nothing here repeats a rule. Every claim is an answer of the engine to a question of that kind, put on the first day and
around each day on which policy or law may change its mind; so a page cannot promise what is not decided.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from decimal import Decimal

from app.cases.vocabulary import Reason, Remedy, Route
from app.money import Money, currency_exponent
from app.orders.snapshot import Fulfilment, Line, OrderSnapshot, Platform
from app.policy.decision import Decision
from app.policy.engine import decide
from app.policy.facts import Laws, assess_all, facts_of, statutory_until
from app.policy.files import PolicyFile
from app.policy.law.assess import assess
from app.policy.law.calendar import local_day, zone_of
from app.policy.law.model import Payer
from app.policy.question import AskedLine, Present, Question, SupplierTerms, window_start
from app.policy.terms import EvidenceKind, Outcome, WindowStart

# A week of days on which the goods of a question arrive: a term that a holiday moves is longer on some of them only.
# It begins soon after a leap day, so that no term of years has one more day than it mostly has.
_FIRST_DAY = datetime(2024, 3, 4, 12, tzinfo=UTC)
_WEEK = 7
# Days between order, parcel and delivery in a question.
_DISPATCHED, _DELIVERED = 2, 8
_SENT = frozenset({Route.RETURN, Route.LOCAL})
ENOUGH = Present(photos=10, answers=10)


@dataclass(frozen=True, slots=True)
class Shown:
    """Evidence that is asked for: an item of the policy, of which kind, and how many."""

    item: str
    kind: EvidenceKind
    count: int


@dataclass(frozen=True, slots=True)
class Span:
    """From day `first` to day `last` (None: without end) after the start a request ends so, with all evidence shown."""

    first: int
    last: int | None
    outcome: Outcome


@dataclass(frozen=True, slots=True)
class Claim:
    """What the rules say to one reason.

    `starts` is `delivered`, `dispatched` or `placed`. `routes` has several where it depends on the supplier whether
    goods have to come back. `way_back` is None where nothing is ever sent. Where goods come back
    `fee_percent` of the refund is kept, at most `fee_most` minor units.
    """

    reason: Reason
    starts: str
    spans: tuple[Span, ...]
    routes: tuple[Route, ...]
    way_back: Payer | None
    fee_percent: Decimal
    fee_most: int | None
    evidence: tuple[Shown, ...]


@dataclass(frozen=True, slots=True)
class Limits:
    """Amounts on which decisions turn, in minor units of `currency`; None: no such amount is told in it.

    `approve` is the most that is decided without a person. For `keep_reasons` goods are kept up to `keep`, and up to
    `may_keep` where the way back is not worth it.
    """

    currency: str
    exponent: int
    approve: int | None
    keep: int | None
    may_keep: int | None
    keep_reasons: tuple[Reason, ...]


@dataclass(frozen=True, slots=True)
class Rules:
    """All that a page tells of a store's rules to readers in one country."""

    country: str | None
    claims: tuple[Claim, ...]
    limits: Limits


class Asker:
    """Puts questions to the engine for readers in one country."""

    def __init__(
        self, file: PolicyFile, country: str | None, currency: str, suppliers: Sequence[SupplierTerms]
    ) -> None:
        self.file = file
        self.country = country
        # A store without suppliers still has a page; then nothing is known of what a supplier wants back.
        self.suppliers = tuple(suppliers) or (SupplierTerms(""),)
        self.currency = currency
        self.exponent = currency_exponent(currency)

    def ask(
        self,
        reason: Reason,
        day: int,
        value: int,
        *,
        evidence: Present = ENOUGH,
        supplier: SupplierTerms | None = None,
        begins: datetime = _FIRST_DAY,
    ) -> Decision:
        """The decision on one unit worth `value`, asked for `day` days after the start."""
        order = self.order(reason, value, begins)
        start = self.start(order)
        declared = start + timedelta(days=day)
        question = Question(
            order=order,
            lines=(AskedLine("1", 1, reason, value, 1),),
            remedy=Remedy.REFUND,
            supplier=supplier or self.suppliers[0],
            declared_at=declared,
            now=declared,
            evidence=evidence,
        )
        return decide(question, self.file, self.laws(order, reason, declared))

    def laws(self, order: OrderSnapshot, reason: Reason, declared: datetime) -> Laws:
        """What the law says to a request."""
        return assess_all(facts_of(order, [reason], declared, self.file.policy), assess)

    def starts(self, order: OrderSnapshot) -> str:
        """What the days count from: `placed`, `delivered` or, for a parcel that never came, `dispatched`."""
        if self.file.policy.window.starts is WindowStart.PLACED:
            return "placed"
        return "delivered" if order.fulfilments[0].delivered_at else "dispatched"

    def start(self, order: OrderSnapshot) -> datetime:
        """The instant from which the days count."""
        if self.file.policy.window.starts is WindowStart.PLACED:
            return order.placed_at
        return window_start(order, "1")

    def order(self, reason: Reason, value: int, delivered: datetime) -> OrderSnapshot:
        """An order of one unit that was delivered then, or never if that is the reason."""
        zone = zone_of(self.country)
        # Noon where the customer lives, so that so many days later is so many calendar days later.
        arrived = delivered.replace(tzinfo=zone).astimezone(UTC)
        placed, sent = arrived - timedelta(days=_DELIVERED), arrived - timedelta(days=_DELIVERED - _DISPATCHED)
        never = reason is Reason.LOST
        return OrderSnapshot(
            platform=Platform.SHOPIFY,
            order_id="1",
            number="1",
            currency=self.currency,
            exponent=self.exponent,
            total=value,
            captured=value,
            status="paid",
            placed_at=placed,
            updated_at=arrived,
            lines=(Line("1", "", 1, value),),
            fulfilments=(Fulfilment("1", "", sent, None if never else arrived),),
            country=self.country,
        )


def rules_for(file: PolicyFile, country: str | None, currency: str, suppliers: Sequence[SupplierTerms]) -> Rules:
    """What the rules promise to readers in that country, for orders paid in `currency`.

    Without a country: to whoever does not say where they are.
    """
    asker = Asker(file, country, currency, suppliers)
    limits = _limits(asker)
    value = _ordinary(asker, limits)
    claims = tuple(_claim(asker, reason, value) for reason in Reason)
    return Rules(country, claims, limits)


def _claim(asker: Asker, reason: Reason, value: int) -> Claim:
    begins, days = _law_days(asker, reason, value)
    answers = [asker.ask(reason, 0, value, supplier=one, begins=begins) for one in asker.suppliers]
    routes = tuple(route for route in Route if route in {answer.route for answer in answers})
    order = asker.order(reason, value, begins)
    percent, most = _fee(asker, reason, value, begins)
    return Claim(
        reason=reason,
        starts=asker.starts(order),
        spans=tuple(_spans(asker, reason, value, begins, days)),
        routes=routes,
        way_back=next((one.way_back for one in answers if one.route in _SENT), None),
        fee_percent=percent,
        fee_most=most,
        evidence=_evidence(asker, reason, value, begins),
    )


def _spans(asker: Asker, reason: Reason, value: int, begins: datetime, law_days: int | None) -> Iterator[Span]:
    """What becomes of a request, from day to day; the engine is asked on both sides of every day that may matter."""
    policy = asker.file.policy
    ends = {policy.window.days_for(reason), *(rule.window_days for rule in policy.rule if rule.window_days is not None)}
    ends |= set() if law_days is None else {law_days}
    first, outcome = 0, asker.ask(reason, 0, value, begins=begins).outcome
    for end in sorted(ends):
        following = asker.ask(reason, end + 1, value, begins=begins).outcome
        if following is not outcome:
            yield Span(first, end, outcome)
            first, outcome = end + 1, following
    yield Span(first, None, outcome)


def _law_days(asker: Asker, reason: Reason, value: int) -> tuple[datetime, int | None]:
    """How many days after the start the law's right lives, when no holiday makes it longer, and a start for which it
    does not; None for the days where no such right ends.
    """
    found = []
    for later in range(_WEEK):
        begins = _FIRST_DAY + timedelta(days=later)
        order = asker.order(reason, value, begins)
        start = asker.start(order)
        until = statutory_until(asker.laws(order, reason, start + timedelta(hours=1)))
        if until is not None:
            found.append(((local_day(asker.country, until) - local_day(asker.country, start)).days, begins))
    if not found:
        return _FIRST_DAY, None
    days, begins = min(found)
    return begins, days


def _fee(asker: Asker, reason: Reason, value: int, begins: datetime) -> tuple[Decimal, int | None]:
    """The per cent that are kept of a refund, and the most: None where there is no such limit."""
    decision = asker.ask(reason, 0, value, begins=begins)
    if not decision.fee:
        return Decimal(0), None
    order = asker.order(reason, value, begins)
    caps = [cap for law in asker.laws(order, reason, asker.start(order)).values() for cap in law.fee.caps]
    told = {step.name: step for step in decision.arithmetic}
    percents = [Decimal(told["fee_percent"].number or 0), *(cap.percent for cap in caps)]
    tops = [told["fee_cap"].minor] if "fee_cap" in told else []
    tops += [Money.parse(dict(cap.most)[asker.currency], asker.currency).minor for cap in caps if cap.most]
    return min(percents), min((top for top in tops if top is not None), default=None)


def _evidence(asker: Asker, reason: Reason, value: int, begins: datetime) -> tuple[Shown, ...]:
    found = asker.ask(reason, 0, value, evidence=Present(), begins=begins)
    return tuple(Shown(one.item, one.kind, one.count) for one in found.evidence)


def _limits(asker: Asker) -> Limits:
    policy = asker.file.policy
    return Limits(
        currency=asker.currency,
        exponent=asker.exponent,
        approve=policy.approve.up_to.minor(asker.currency, asker.exponent),
        keep=policy.returnless.up_to.minor(asker.currency, asker.exponent),
        may_keep=policy.returnless.cheaper_up_to.minor(asker.currency, asker.exponent),
        keep_reasons=tuple(reason for reason in Reason if reason in policy.returnless.reasons),
    )


def _ordinary(asker: Asker, limits: Limits) -> int:
    """A value of goods that is neither so small that they are kept nor so large that a person decides."""
    small = max(limits.keep or 0, limits.may_keep or 0)
    usual: int = max(2 * small, 50 * 10**asker.exponent)
    return usual if limits.approve is None else max(min(usual, limits.approve), min(small + 1, limits.approve))
