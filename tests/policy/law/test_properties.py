"""What must hold whatever the dates are: later facts move no date the wrong way, and the strictest is the strictest."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta

from hypothesis import assume, given, settings
from hypothesis import strategies as st

from app.money import Money
from app.policy.law.assess import assess, read
from app.policy.law.library import laws_for
from app.policy.law.model import Cure, LawFacts, LegalView, Payer, Right
from app.policy.law.surcharge import surcharge

# The first look at a country's holidays takes its time.
calm = settings(deadline=None)
ORDERED = datetime(2026, 9, 1, 8, tzinfo=UTC)
FRANCE = "eu@2026-11-21+eu-fr@2026-11-21"
COUNTRIES = ["FR", "IT", "DE", "ES", "GB", "IL", "US", "AU", "JP", None]

later = st.integers(0, 500 * 24).map(lambda hours: ORDERED + timedelta(hours=hours))
maybe = st.none() | later
amounts = st.integers(0, 10_000_000).map(lambda minor: Money(minor, "ILS", 2))


@st.composite
def facts(draw: st.DrawFn, right: Right | None = None) -> LawFacts:
    return LawFacts(
        country=draw(st.sampled_from(COUNTRIES)),
        region=draw(st.sampled_from([None, None, "NY", "CA", "TX"])),
        consumer=draw(st.sampled_from([None, True, True, False])),
        right=right or draw(st.sampled_from(list(Right))),
        ordered_at=ORDERED,
        declared_at=draw(later),
        delivered_at=draw(maybe),
        shipped_at=draw(maybe),
        informed=draw(st.booleans()),
        informed_at=draw(maybe),
        agreed_at=draw(maybe),
        dispatch_proved_at=draw(maybe),
        goods_back_at=draw(maybe),
        promised_by=draw(maybe),
        merchant_collects=draw(st.booleans()),
        nothing_to_return=draw(st.booleans()),
        protected_group=draw(st.booleans()),
        exempt=draw(st.sampled_from([False, False, False, True])),
        major=draw(st.sampled_from([None, True, False])),
        repair_chosen=draw(st.booleans()),
        repair_days=draw(st.integers(0, 60)),
    )


def not_later(one: datetime | None, other: datetime | None) -> bool:
    """`one` comes no later than `other`; None is never."""
    return other is None or (one is not None and one <= other)


@calm
@given(facts())
def test_the_same_facts_give_the_same_answer_also_by_its_version(one: LawFacts) -> None:
    view = assess(one)
    assert assess(one) == view
    assert assess(one, view.version) == view


@calm
@given(facts())
def test_a_view_does_not_contradict_itself(one: LawFacts) -> None:
    view = assess(one)
    assert view.covered or not view.alive
    assert view.covered or view.advisory
    assert (view.due_at is None) == (view.due_start is None)
    assert view.due_at is None or view.waits_for == ()
    if not view.alive:
        assert (view.due_at, view.waits_for, view.forbids, view.fee.caps) == (None, (), frozenset(), ())
        assert (view.cash, view.refund_all, view.outbound_shipping) == (False, False, False)
    if view.alive and view.statutory_until is not None:
        assert one.declared_at <= view.statutory_until
    if view.act_at is not None and view.due_at is not None:
        assert view.due_at - timedelta(hours=25) < view.act_at <= view.due_at


@calm
@given(facts(), amounts, st.integers(0, 20_000))
def test_the_strictest_is_never_less_strict_than_any_candidate(one: LawFacts, amount: Money, kept: int) -> None:
    one = replace(one, consumer=None)
    whole = assess(one)
    for law in laws_for(one.country, one.region):
        part = read(law, one)
        assert whole.covered or not part.covered
        if part.alive:
            assert_not_less_strict(whole, part, amount, kept)


def assert_not_less_strict(whole: LegalView, part: LegalView, amount: Money, kept: int) -> None:
    assert whole.alive
    assert whole.statutory_until is None or not_later(part.statutory_until, whole.statutory_until)
    assert not_later(whole.due_at, part.due_at)
    assert whole.cash >= part.cash
    assert whole.refund_all >= part.refund_all
    assert whole.outbound_shipping >= part.outbound_shipping
    assert whole.forbids >= part.forbids
    assert whole.way_back is Payer.MERCHANT or part.way_back is Payer.CUSTOMER
    assert set(part.cites) <= set(whole.cites)
    most, mine = part.fee.of(amount, kept), whole.fee.of(amount, kept)
    assert most is None or (mine is not None and mine <= most)
    if part.cures and Cure.REFUND in part.cures[0]:
        assert Cure.REFUND in whole.cures[0]


@calm
@given(facts(), amounts)
def test_an_unknown_country_is_never_less_strict_than_a_known_one(one: LawFacts, amount: Money) -> None:
    """But for the days, which are counted where each law is at home."""
    one = replace(one, consumer=None)
    known, unknown = assess(one), assess(replace(one, country=None, region=None))
    assert unknown.alive or not known.alive or near_the_end(one, known)
    if known.alive and unknown.alive:
        assert unknown.forbids >= known.forbids or near_the_end(one, known)
        most, mine = known.fee.of(amount), unknown.fee.of(amount)
        assert most is None or (mine is not None and mine <= most)


def near_the_end(one: LawFacts, view: LegalView) -> bool:
    """So near to the end of a window that a holiday or zone decides."""
    until = [end for law in laws_for(None) if (end := read(law, one).statutory_until)]
    ends = [*until, *([view.statutory_until] if view.statutory_until else [])]
    return any(abs(end - one.declared_at) < timedelta(days=6) for end in ends)


@calm
@given(facts(), later)
def test_a_later_declaration_never_makes_the_refund_due_earlier(one: LawFacts, other: datetime) -> None:
    first, second = sorted((one.declared_at, other))
    early, late = (assess(replace(one, declared_at=at)) for at in (first, second))
    assume(early.alive and late.alive)
    assume(early.laws == late.laws and len(early.laws) == 1)
    assert not_later(early.due_at, late.due_at)
    assert early.statutory_until == late.statutory_until or one.right is Right.NON_DELIVERY


@calm
@given(facts(), later)
def test_proof_of_dispatch_never_makes_the_refund_due_later(one: LawFacts, proved: datetime) -> None:
    without = assess(replace(one, dispatch_proved_at=None))
    assert not_later(assess(replace(one, dispatch_proved_at=proved)).due_at, without.due_at)


@calm
@given(facts(), later)
def test_goods_that_come_back_never_make_the_refund_due_later(one: LawFacts, back: datetime) -> None:
    without = assess(replace(one, goods_back_at=None))
    assert not_later(assess(replace(one, goods_back_at=back)).due_at, without.due_at)


@calm
@given(facts(), later, later)
def test_later_proof_and_later_goods_never_make_the_refund_due_earlier(
    one: LawFacts, early: datetime, late: datetime
) -> None:
    first, second = sorted((early, late))
    for name in ("dispatch_proved_at", "goods_back_at", "agreed_at"):
        before, after = (assess(replace(one, **{name: at})) for at in (first, second))  # type: ignore[arg-type]
        assert not_later(before.due_at, after.due_at)


@calm
@given(facts(Right.WITHDRAWAL), later)
def test_goods_are_waited_for_only_where_they_have_to_come_back(one: LawFacts, back: datetime) -> None:
    kept = assess(replace(one, nothing_to_return=True))
    sent = assess(replace(one, nothing_to_return=False, goods_back_at=back))
    assert not_later(kept.due_at, sent.due_at)
    assert not kept.waits_for


@calm
@given(facts(), later, later)
def test_a_later_parcel_never_shortens_the_window(one: LawFacts, early: datetime, late: datetime) -> None:
    first, second = sorted((early, late))
    early_view, late_view = (assess(replace(one, delivered_at=at)) for at in (first, second))
    assume(one.right is not Right.NON_DELIVERY)
    assert late_view.alive or not early_view.alive
    if early_view.alive and early_view.statutory_until is not None:
        assert not_later(early_view.statutory_until, late_view.statutory_until)


@calm
@given(facts(Right.WITHDRAWAL))
def test_not_informing_costs_the_customer_nothing(one: LawFacts) -> None:
    told, untold = assess(replace(one, informed=True)), assess(replace(one, informed=False))
    assert untold.alive or not told.alive
    if told.alive:
        assert untold.statutory_until is None or not_later(told.statutory_until, untold.statutory_until)
        assert untold.way_back is Payer.MERCHANT or told.way_back is Payer.CUSTOMER


@calm
@given(facts())
def test_a_protected_customer_or_a_repair_never_has_less_time(one: LawFacts) -> None:
    plain = assess(replace(one, protected_group=False, repair_chosen=False))
    more = assess(replace(one, protected_group=True, repair_chosen=True))
    assert more.alive or not plain.alive
    if plain.alive and plain.statutory_until is not None:
        assert not_later(plain.statutory_until, more.statutory_until)


@calm
@given(facts(), amounts, st.integers(0, 100_000))
def test_a_fee_is_within_the_amount_and_never_more_than_before(one: LawFacts, amount: Money, kept: int) -> None:
    limit = assess(one).fee
    fee = limit.of(amount, kept)
    assert fee is None or 0 <= fee <= amount.minor
    first = limit.of(amount)
    assert first is None or (fee is not None and fee <= first)
    more = limit.of(amount.with_minor(amount.minor + 1))
    assert first is None or (more is not None and first <= more)


@calm
@given(amounts, st.sampled_from([Right.WITHDRAWAL, Right.NON_DELIVERY]), st.integers(0, 900), st.integers(0, 900))
def test_the_meter_never_runs_backwards(amount: Money, right: Right, one: int, other: int) -> None:
    first, second = sorted((one, other))
    early, late = (
        surcharge(FRANCE, right, amount, ORDERED, ORDERED + timedelta(days=days), "FR") for days in (first, second)
    )
    assert early.days_late == first
    assert 0 <= early.amount.minor <= late.amount.minor <= amount.minor
    assert early.percent <= late.percent <= 100


@calm
@given(st.sampled_from([Right.WITHDRAWAL, Right.NON_DELIVERY]), st.integers(0, 900))
def test_the_meter_foretells_its_next_step(right: Right, days: int) -> None:
    amount = Money(10_000, "EUR", 2)
    now = surcharge(FRANCE, right, amount, ORDERED, ORDERED + timedelta(days=days))
    if now.next_day is None:
        assert surcharge(FRANCE, right, amount, ORDERED, ORDERED + timedelta(days=3650)).percent == now.percent
        return
    ahead = (now.next_day - ORDERED.date()).days
    before, then = (
        surcharge(FRANCE, right, amount, ORDERED, ORDERED + timedelta(days=late)) for late in (ahead - 1, ahead)
    )
    assert (before.percent, before.next_day) == (now.percent, now.next_day)
    assert then.percent == now.next_percent
    assert (then.percent, then.legal_rate is None) != (now.percent, now.legal_rate is None)
