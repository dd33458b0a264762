"""The floors under a right that is alive: what goes back, what is forbidden, and what faulty goods entitle to."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from decimal import Decimal

import pytest

from app.money import Money
from app.policy.law.assess import assess
from app.policy.law.model import Cure, FeeCap, FeeLimit, Forbidden, LawFacts, Right

DAY = datetime(2026, 10, 5, 12, tzinfo=UTC)
ALL = frozenset(Forbidden)
REPAIR_FIRST = ((Cure.REPAIR, Cure.REPLACEMENT), (Cure.REDUCTION, Cure.REFUND))
AT_ONCE = ((Cure.REFUND, Cure.REPAIR, Cure.REPLACEMENT),)


def facts(country: str | None, right: Right, region: str | None = None, informed: bool = True) -> LawFacts:
    delivered = None if right is Right.NON_DELIVERY else DAY
    return LawFacts(country, right, DAY, DAY + timedelta(days=2), region, delivered_at=delivered, informed=informed)


@pytest.mark.parametrize(
    ("country", "right", "allowed"),
    [
        ("FR", Right.WITHDRAWAL, set()),
        ("ES", Right.WITHDRAWAL, set()),
        ("GB", Right.WITHDRAWAL, {Forbidden.APPROVAL_WORDING}),
        ("IL", Right.WITHDRAWAL, {Forbidden.APPROVAL_WORDING, Forbidden.RESTOCKING_FEE}),
        ("FR", Right.NON_CONFORMITY, {Forbidden.APPROVAL_WORDING, Forbidden.REASON_REQUIRED}),
        ("GB", Right.NON_CONFORMITY, {Forbidden.APPROVAL_WORDING, Forbidden.REASON_REQUIRED}),
        ("AU", Right.NON_CONFORMITY, {Forbidden.APPROVAL_WORDING, Forbidden.REASON_REQUIRED}),
        ("AU", Right.WITHDRAWAL, ALL),
        ("US", Right.WITHDRAWAL, ALL),
        ("JP", Right.WITHDRAWAL, ALL),
        (None, Right.WITHDRAWAL, set()),
    ],
)
def test_what_is_forbidden(country: str | None, right: Right, allowed: set[Forbidden]) -> None:
    assert assess(facts(country, right)).forbids == ALL - allowed


@pytest.mark.parametrize(
    ("country", "region", "right", "refund_all", "shipping", "cash"),
    [
        ("FR", None, Right.WITHDRAWAL, True, True, True),
        ("GB", None, Right.WITHDRAWAL, True, True, True),
        ("IL", None, Right.WITHDRAWAL, True, True, True),
        ("US", "NY", Right.WITHDRAWAL, True, False, True),
        ("US", "TX", Right.WITHDRAWAL, False, False, False),
        ("US", "TX", Right.NON_DELIVERY, True, True, True),
        ("AU", None, Right.NON_CONFORMITY, True, True, True),
        ("AU", None, Right.WITHDRAWAL, False, False, False),
        ("JP", None, Right.NON_DELIVERY, False, False, False),
    ],
)
def test_what_goes_back(
    country: str, region: str | None, right: Right, refund_all: bool, shipping: bool, cash: bool
) -> None:
    view = assess(facts(country, right, region, informed=region is None))
    assert (view.refund_all, view.outbound_shipping, view.cash) == (refund_all, shipping, cash)


@pytest.mark.parametrize(
    ("country", "days", "major", "cures"),
    [
        ("FR", 2, None, REPAIR_FIRST),
        ("GB", 2, None, AT_ONCE),
        ("GB", 30, None, AT_ONCE),
        ("GB", 31, None, REPAIR_FIRST),
        ("IL", 2, None, ((Cure.REFUND,),)),
        ("AU", 2, None, ((Cure.REFUND, Cure.REPLACEMENT),)),
        ("AU", 2, True, ((Cure.REFUND, Cure.REPLACEMENT),)),
        ("AU", 2, False, ((Cure.REPAIR, Cure.REPLACEMENT, Cure.REFUND),)),
        ("US", 2, None, ()),
    ],
)
def test_what_faulty_goods_entitle_to(
    country: str, days: int, major: bool | None, cures: tuple[tuple[Cure, ...], ...]
) -> None:
    one = replace(facts(country, Right.NON_CONFORMITY), declared_at=DAY + timedelta(days=days), major=major)
    assert assess(one).cures == cures


def test_goods_go_back_within_14_days_of_declaring_rolled_on() -> None:
    one = replace(facts("FR", Right.WITHDRAWAL), declared_at=datetime(2026, 10, 10, 12, tzinfo=UTC))
    assert assess(one).send_back_until == datetime(2026, 10, 26, 22, 59, 59, 999999, tzinfo=UTC)
    assert assess(facts("FR", Right.NON_CONFORMITY)).send_back_until is None


def test_the_refund_goes_out_on_the_last_day_not_at_its_last_instant() -> None:
    one = replace(facts("FR", Right.WITHDRAWAL), nothing_to_return=True, declared_at=datetime(2026, 10, 11, tzinfo=UTC))
    view = assess(one)
    assert view.zone == "Europe/Paris"
    assert view.due_at == datetime(2026, 10, 25, 22, 59, 59, 999999, tzinfo=UTC)
    assert view.act_at == datetime(2026, 10, 24, 22, tzinfo=UTC)  # the clock goes back on that day
    assert assess(facts("FR", Right.WITHDRAWAL)).act_at is None


@pytest.mark.parametrize(
    ("amount", "kept", "fee"),
    [("2000.00", 0, 10000), ("2000.00", 8000, 2000), ("2000.00", 10000, 0), ("2000.00", 12000, 0), ("0.00", 0, 0)],
)
def test_the_limit_in_shekels_holds_once_for_the_whole_order(amount: str, kept: int, fee: int) -> None:
    limit = assess(facts("IL", Right.WITHDRAWAL)).fee
    assert limit.of(Money.parse(amount, "ILS"), kept) == fee
    assert not limit.none_allowed


def test_no_cap_is_no_limit_and_the_lowest_of_several_holds() -> None:
    cap, nothing = FeeCap(Decimal(5), (("ILS", "100.00"),)), FeeCap(Decimal(0))
    assert FeeLimit().of(Money.parse("10.00", "EUR")) is None
    assert FeeLimit((cap, nothing)).of(Money.parse("10.00", "ILS")) == 0
    assert FeeLimit((cap, nothing)).none_allowed
    assert FeeLimit((cap,)).of(Money.parse("10.00", "ILS", 3)) == 500
