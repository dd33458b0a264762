"""What the page claims is what the engine decides: read from the rendered page, asked of the engine at every bound."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from decimal import ROUND_HALF_UP, Decimal
from functools import cache
from pathlib import Path
from zoneinfo import ZoneInfo

import pytest

from app.cases.vocabulary import Reason, Remedy, Route
from app.orders.snapshot import Fulfilment, Line, OrderSnapshot, Platform
from app.pages.language import LANGUAGES, Reader
from app.pages.policy_page import values_of
from app.pages.render import page
from app.policy.decision import Decision
from app.policy.engine import decide
from app.policy.facts import assess_all, facts_of
from app.policy.files import SHIPPED, load
from app.policy.law.assess import assess
from app.policy.lines import exempt
from app.policy.question import AskedLine, Present, Question, SupplierTerms
from app.policy.terms import Outcome
from app.settings import Settings
from tests.conftest import BASE_SETTINGS
from tests.pages.reading import ReadClaim, ReadLimits, claims, limits, read

POLICIES = (*SHIPPED, *(str(file) for file in sorted((Path(__file__).parent / "policies").glob("*.toml"))))
COUNTRIES = {
    "DE": ("Europe/Berlin", "EUR"), "FR": ("Europe/Paris", "EUR"), "GB": ("Europe/London", "GBP"),
    "IL": ("Asia/Jerusalem", "ILS"), "US": ("America/New_York", "USD"), "AU": ("Australia/Sydney", "AUD"),
    "JP": ("Asia/Tokyo", "JPY"), None: ("UTC", "EUR"),
}  # fmt: skip
# On which days goods arrive: holidays, a leap day, both changes of the clock are near.
ARRIVALS = (datetime(2026, 3, 2), datetime(2025, 12, 11), datetime(2024, 2, 29), datetime(2026, 10, 16))  # noqa: DTZ001
ALL = Present(photos=9, answers=9)
# A term of the law that ends on a holiday goes on to the next working day.
ROLLS_ON = 7


def settings_with(policy: str) -> Settings:
    stores = {key: {**store, "policy": policy} for key, store in BASE_SETTINGS["stores"].items()}
    return Settings(**{**BASE_SETTINGS, "stores": stores})


@cache
def rendered(policy: str, country: str | None, language: str) -> str:
    reader = Reader(language, country)
    text, _ = page("policy.html", reader, **values_of(settings_with(policy), "alpha", reader, country))
    return text


@cache
def told(policy: str, country: str | None, language: str = "en") -> tuple[tuple[ReadClaim, ...], ReadLimits]:
    found = read(rendered(policy, country, language))
    return claims(found), limits(found)


@dataclass(frozen=True)
class Asking:
    """A way to put questions that owes nothing to the one by which the page was made."""

    policy: str
    country: str | None
    claim: ReadClaim
    limits: ReadLimits
    arrives: datetime
    wants_goods: bool | None = None

    def on(self, day: int, value: int, evidence: Present = ALL, hour: int = 15, minute: int = 0) -> Decision:
        """The answer to a request so many calendar days after the start, at that hour of the customer's day."""
        zone, currency = ZoneInfo(COUNTRIES[self.country][0]), COUNTRIES[self.country][1]
        arrived = self.arrives.replace(hour=10, tzinfo=zone)
        start = {"delivered": 0, "dispatched": 4, "placed": 6}[self.claim.starts]
        begun = (arrived - timedelta(days=start)).date()
        at = datetime.combine(begun, datetime.min.time(), zone) + timedelta(days=day, hours=hour, minutes=minute)
        order = OrderSnapshot(
            platform=Platform.WOOCOMMERCE,
            order_id="77",
            number="77",
            currency=currency,
            exponent=0 if currency == "JPY" else 2,
            total=value * 2,
            captured=value * 2,
            status="completed",
            placed_at=(arrived - timedelta(days=6)).astimezone(UTC),
            updated_at=arrived.astimezone(UTC),
            lines=(Line("a", "Lamp", 2, value * 2, sku="LAMP-01"),),
            fulfilments=(
                Fulfilment(
                    "p",
                    "sent",
                    (arrived - timedelta(days=4)).astimezone(UTC),
                    None if self.claim.reason is Reason.LOST else arrived.astimezone(UTC),
                ),
            ),
            country=self.country,
        )
        question = Question(
            order=order,
            lines=(AskedLine("a", 1, self.claim.reason, value, 2),),
            remedy=Remedy.REFUND,
            supplier=SupplierTerms("acme", requires_goods=self.wants_goods),
            declared_at=at.astimezone(UTC),
            now=at.astimezone(UTC),
            evidence=evidence,
        )
        file = load(self.policy)
        spared = exempt(question, file.policy)
        facts = facts_of(order, [self.claim.reason], question.declared_at, file.policy, exempt=spared)
        return decide(question, file, assess_all(facts, assess))

    @property
    def ordinary(self) -> tuple[int, ...]:
        """Values on which no amount of the page turns, from the smallest to the largest."""
        low = max(self.limits.keep or 0, self.limits.may_keep or 0) + 1
        high = self.limits.approve or low + 40_000
        return (low, (low + high) // 2, high)


def askings(arrivals: int = len(ARRIVALS)) -> Iterator[Asking]:
    for policy in POLICIES:
        for country in COUNTRIES:
            found, amounts = told(policy, country)
            for claim in found:
                for arrives in ARRIVALS[:arrivals]:
                    yield Asking(policy, country, claim, amounts, arrives)


def where(asking: Asking, day: int) -> str:
    return f"{asking.policy}, {asking.country}, {asking.claim.reason}, day {day}, arrived {asking.arrives:%Y-%m-%d}"


def test_a_page_has_a_claim_for_every_reason() -> None:
    for policy in POLICIES:
        found, _ = told(policy, "FR")
        assert [claim.reason for claim in found] == list(Reason)


@pytest.mark.parametrize("language", LANGUAGES)
def test_every_language_claims_the_same(language: str) -> None:
    for policy in POLICIES:
        for country in COUNTRIES:
            assert told(policy, country, language) == told(policy, country), f"{policy} in {country}"


def test_days_are_what_the_page_says_on_both_sides_of_every_bound() -> None:
    asked = 0
    for asking in askings():
        value = asking.ordinary[1]
        for span in asking.claim.spans:
            first = min(span.first + ROLLS_ON, span.last or 10**6) if span.first else 0
            assert asking.on(first, value).outcome is span.outcome, where(asking, first)
            asked += 1
            if span.last is not None:
                last = asking.on(span.last, value, hour=23, minute=59)
                assert last.outcome is span.outcome, where(asking, span.last)
    assert asked > 1000


def test_the_day_after_a_window_of_the_policy_is_after_it() -> None:
    for asking in askings():
        own = load(asking.policy).policy.window.days_for(asking.claim.reason)
        for span, following in zip(asking.claim.spans, asking.claim.spans[1:], strict=False):
            if span.last == own:
                after = asking.on(own + 1, asking.ordinary[1], hour=0, minute=1)
                # The law's own term may end on that very day, and a holiday carries it on.
                carried = after.law is not None and after.law.alive and after.outcome is not Outcome.REJECT
                assert carried or after.outcome is following.outcome, where(asking, own + 1)


def test_evidence_is_what_the_page_says_and_one_less_is_too_little() -> None:
    for asking in askings(arrivals=1):
        value, evidence = asking.ordinary[1], asking.claim.evidence
        found = asking.on(0, value, Present())
        assert tuple((one.item, str(one.kind), one.count) for one in found.evidence) == evidence, where(asking, 0)
        if evidence and asking.claim.spans[0].outcome is Outcome.APPROVE:
            photos = sum(count for _, kind, count in evidence if kind == "photo")
            answers = sum(count for _, kind, count in evidence if kind == "answer")
            assert asking.on(0, value, Present(photos, answers)).outcome is Outcome.APPROVE, where(asking, 0)
            short = Present(photos - 1, answers) if photos else Present(photos, answers - 1)
            assert asking.on(0, value, short).outcome is Outcome.EVIDENCE, where(asking, 0)


def test_routes_fee_and_way_back_are_what_the_page_says() -> None:
    for asking in askings(arrivals=1):
        claim = asking.claim
        for value in asking.ordinary:
            found = asking.on(0, value)
            assert found.route in claim.routes, where(asking, 0)
            if found.route in (Route.RETURN, Route.LOCAL):
                assert str(found.way_back) == claim.way_back, where(asking, 0)
                assert found.fee == expected_fee(claim, value), (where(asking, 0), value)
            else:
                assert found.fee == 0


def expected_fee(claim: ReadClaim, value: int) -> int:
    share = (Decimal(claim.fee_percent) * value / 100).quantize(Decimal(1), rounding=ROUND_HALF_UP)
    return int(share) if claim.fee_most is None else min(int(share), claim.fee_most)


def test_amounts_turn_decisions_where_the_page_says() -> None:
    for asking in askings(arrivals=1):
        amounts, claim = asking.limits, asking.claim
        if amounts.keep and claim.reason in amounts.keep_reasons:
            assert asking.on(0, amounts.keep).route is Route.RETURNLESS, where(asking, 0)
        if amounts.may_keep and claim.reason in amounts.keep_reasons:
            assert asking.on(0, amounts.may_keep + 1).route is not Route.RETURNLESS, where(asking, 0)
        if amounts.approve and claim.spans[0].outcome is Outcome.APPROVE:
            assert asking.on(0, amounts.approve).outcome is Outcome.APPROVE, where(asking, 0)
            assert asking.on(0, amounts.approve + 1).outcome is Outcome.OPERATOR, where(asking, 0)


def test_the_words_name_the_days_and_amounts_of_the_claims() -> None:
    for policy in POLICIES:
        for country in COUNTRIES:
            found = read(rendered(policy, country, "en"))
            for one in found.all("li", "data-last"):
                last = one.attributes["data-last"]
                if last and int(last) < 365:
                    assert f"{last} day" in one.text()
            for one in found.all("dd", "data-way-back"):
                assert one.text() == ("we pay" if one.attributes["data-way-back"] == "merchant" else "you pay")
            for one in found.all("dd", "data-fee-percent"):
                percent = one.attributes["data-fee-percent"]
                assert one.text() == "nothing" if percent == "0" else one.text().startswith(f"{percent}%")
