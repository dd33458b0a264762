"""How a decided case ends: when it is paid, on which ground, and what it costs."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from decimal import Decimal

import pytest

from app.cases.vocabulary import Reason, Remedy
from app.orders.snapshot import Extra, Fulfilment, Line, OrderSnapshot, Platform
from app.policy.files import PolicyFile
from app.policy.question import AskedLine, Present, Question, SupplierTerms
from app.whatif.judge import Contest, Judge
from app.whatif.past import PastCase, Story
from app.whatif.tally import DAY
from tests.whatif.kit import policy

DELIVERED = datetime(2026, 3, 2, 12, tzinfo=UTC)
TERMS = SupplierTerms("acme", requires_rma=True, cost_ratio=Decimal("0.4"), claim_window_days=30)
KNOWN = Story(sends_days=2, way_back_days=5, authorise_days=1, verdict_days=2, accepted=100, freight=700)


def past(reason: Reason = Reason.CHANGED_MIND, story: Story = KNOWN, country: str = "JP", day: int = 3) -> PastCase:
    """A case of 50.00 with 5.00 for delivery; no law pack holds in Japan."""
    order = OrderSnapshot(
        platform=Platform.SHOPIFY, order_id="1", number="1", currency="USD", exponent=2, total=5500, captured=5500,
        status="paid", placed_at=DELIVERED - timedelta(days=8), updated_at=DELIVERED,
        lines=(Line("1", "Lamp", 1, 5000),),
        extras=(Extra("s", "shipping", "Standard", 500),),
        fulfilments=(Fulfilment("1", "sent", DELIVERED - timedelta(days=6), DELIVERED),), country=country,
    )  # fmt: skip
    asked = DELIVERED + timedelta(days=day)
    question = Question(order, (AskedLine("1", 1, reason, 5000, 1),), Remedy.REFUND, TERMS, asked, asked)
    return PastCase(question, story)


def played(case: PastCase, file: PolicyFile | None = None) -> dict[str, int]:
    return dict(Judge(Contest(file or policy(), policy())).play(case).after)


def paid_on(amounts: dict[str, int]) -> int | None:
    days = [int(name.removeprefix(DAY)) for name in amounts if name.startswith(DAY)]
    assert len(days) == amounts.get("paid", 0)
    return days[0] if days else None


def test_goods_that_go_back_are_paid_when_the_supplier_has_spoken() -> None:
    amounts = played(past())
    assert paid_on(amounts) == 1 + 2 + 5 + 2
    assert amounts["refunds:USD"] == 5000
    assert amounts["recovery:USD"] == 2000
    assert amounts["freight:USD"] == 0
    assert amounts["cost:USD"] == 3000


def test_the_way_back_of_faulty_goods_is_the_merchants() -> None:
    amounts = played(past(Reason.DEFECTIVE))
    assert (amounts["freight:USD"], amounts["cost:USD"]) == (700, 5000 + 700 - 2000)


def test_a_customer_who_never_sends_is_not_paid() -> None:
    assert paid_on(played(past(story=replace(KNOWN, sends=False)))) is None


def test_the_law_opens_the_gate_when_the_supplier_is_silent() -> None:
    amounts = played(past(Reason.CHANGED_MIND, replace(KNOWN, sends_days=6, silent=True), country="DE"))
    assert amounts["by_law"] == 1
    assert amounts["refunds:USD"] == 5500
    assert amounts["recovery:USD"] == 0
    assert paid_on(amounts) is not None


def test_a_shorter_legal_date_never_makes_it_later() -> None:
    soon = replace(KNOWN, authorise_days=0, sends_days=0, way_back_days=1, verdict_days=1)
    assert paid_on(played(past(story=soon, country="DE"))) == 2
    assert "by_law" not in played(past(story=soon, country="DE"))


def test_a_refused_claim_is_paid_by_the_merchant_only_under_the_cap() -> None:
    refused = replace(KNOWN, accepted=0)
    case = past(Reason.DAMAGED_IN_TRANSIT, refused)
    assert paid_on(played(case)) is None
    absorbed = played(case, policy('[absorb]\nup_to = {USD = "50.00"}\n'))
    assert (paid_on(absorbed), absorbed["cost:USD"]) == (2, 5000)
    assert paid_on(played(case, policy('[absorb]\nup_to = {USD = "49.99"}\n'))) is None


def test_what_a_person_decided_is_taken_as_it_was() -> None:
    late = past(day=90)
    for decided in (True, False):
        amounts = played(replace(late, story=replace(KNOWN, paid_by_person=decided)))
        assert amounts["operator"] == 1
        assert (paid_on(amounts) is not None) is decided
    assert paid_on(played(late)) is None


EVIDENCE = '[[evidence]]\nid = "photo_of_damage"\ncount = 2\nreasons = ["damaged_in_transit"]\n'


@pytest.mark.parametrize(("sent", "approved"), [(Present(photos=2), 1), (Present(photos=1), 0), (None, 0)])
def test_evidence_costs_days_and_is_counted(sent: Present | None, approved: int) -> None:
    amounts = played(past(Reason.DAMAGED_IN_TRANSIT, replace(KNOWN, evidence=sent)), policy(EVIDENCE))
    assert amounts["evidence"] == 1
    assert amounts.get("approved", 0) == approved
    assert amounts.get("unanswered", 0) == 1 - approved
    assert paid_on(amounts) == (2 + 2 if approved else None)


def test_what_the_policy_alone_would_break_is_counted_and_not_done() -> None:
    fee = policy('[restocking_fee]\npercent = "15"\n')
    within = played(past(country="DE", day=10), fee)
    assert (within["breach"], within["breach.fee_forbidden"], within["fees:USD"]) == (1, 1, 0)
    # After the law's fourteen days a return is a favour, and its terms are the merchant's.
    beyond = played(past(country="DE", day=25), fee)
    assert ("breach" in beyond, beyond["fees:USD"], beyond["refunds:USD"]) == (False, 750, 4250)


def test_the_suppliers_claim_window_is_the_merchants_loss() -> None:
    file = policy("[window]\ndays = 60\n")
    assert played(past(Reason.DAMAGED_IN_TRANSIT, day=29), file)["recovery:USD"] == 2000
    assert paid_on(played(past(Reason.DAMAGED_IN_TRANSIT, day=31), file)) is None


def test_amounts_are_told_in_the_shops_currency_at_the_orders_own_rate() -> None:
    case = past()
    order = replace(case.question.order, shop_currency="EUR", lines=(Line("1", "Lamp", 1, 5000, shop_total=4000),))
    amounts = played(replace(case, question=replace(case.question, order=order)))
    assert (amounts["refunds:EUR"], amounts["recovery:EUR"]) == (4000, 1600)
    assert not [name for name in amounts if name.endswith(":USD")]


def test_freight_that_nobody_knows_is_what_a_policy_says() -> None:
    case = past(Reason.DEFECTIVE, replace(KNOWN, freight=None))
    assert played(case)["freight:USD"] == 0
    assert played(case, policy('[costs]\nfreight = {USD = "9.50"}\n'))["freight:USD"] == 950


def test_both_policies_are_charged_the_same_freight() -> None:
    dear = policy('[costs]\nfreight = {USD = "9.50"}\n')
    both = Judge(Contest(dear, policy())).play(past(Reason.DEFECTIVE, replace(KNOWN, freight=None)))
    assert both.before["freight:USD"] == both.after["freight:USD"] == 950
