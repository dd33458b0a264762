"""The bucket as arithmetic: what is taken comes back with time, money goes first, and what is told only lowers it."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

from hypothesis import given
from hypothesis import strategies as st

from app.pace.base import Told
from app.pace.bucket import KEPT_FOR_MONEY, LOOK_AGAIN, Bucket, Limits

NOW = datetime(2030, 2, 5, 9, tzinfo=UTC)
TEN = Limits(rate=10.0, burst=10.0)
SHOP = Limits(rate=100.0, burst=1000.0, learns=True)


def later(seconds: float) -> datetime:
    return NOW + timedelta(seconds=seconds)


def test_readings_leave_a_part_for_money() -> None:
    bucket = Bucket.full(TEN, NOW)
    for _ in range(8):
        taken = bucket.taken(1, TEN, first=False)
        assert not isinstance(taken, float)
        bucket = taken[0]
    assert bucket.taken(1, TEN, first=False) == 0.1
    for _ in range(2):
        taken = bucket.taken(1, TEN, first=True)
        assert not isinstance(taken, float)
        bucket = taken[0]
    assert bucket.taken(1, TEN, first=True) == 0.1
    # What comes back is money's first.
    bucket = bucket.at_moment(later(0.1), TEN)
    assert bucket.taken(1, TEN, first=False) == 0.2
    assert not isinstance(bucket.taken(1, TEN, first=True), float)


def test_a_call_that_costs_more_than_there_can_be_needs_a_full_bucket() -> None:
    bucket = Bucket.full(SHOP, NOW)
    taken = bucket.taken(1500, SHOP, first=False)
    assert not isinstance(taken, float)
    assert taken[0].tokens == -500
    assert taken[0].taken(10, SHOP, first=True) == 5.1


def test_places_are_counted_and_a_dead_process_holds_none_for_ever() -> None:
    limits = Limits(rate=1000.0, burst=1000.0, parallel=2, lease=60)
    bucket = Bucket.full(limits, NOW)
    taken = bucket.taken(1, limits, first=False)
    assert not isinstance(taken, float)
    bucket, lease = taken
    assert bucket.taken(1, limits, first=False) == LOOK_AGAIN
    more = bucket.taken(1, limits, first=True)
    assert not isinstance(more, float)
    assert len(set(more[0].leases)) == 2
    assert more[0].taken(1, limits, first=True) == LOOK_AGAIN
    assert more[0].ended(1, lease, Told(), limits).leases == (more[1],)
    assert more[0].at_moment(later(61), limits).leases == ()


def test_what_is_told_lowers_the_bucket_and_changes_its_size() -> None:
    taken = Bucket.full(SHOP, NOW).taken(50, SHOP, first=False)
    assert not isinstance(taken, float)
    # It cost less than was taken, so the rest comes back; and more cannot be there than Shopify says.
    told = Told(cost=10, available=700, burst=2000, rate=200)
    after = taken[0].ended(50, None, told, SHOP)
    assert (after.tokens, after.burst, after.rate) == (700, 2000, 200)
    assert taken[0].ended(50, None, Told(cost=10, available=5000), SHOP).tokens == 990
    # A throttled answer with its figures, and one without.
    assert after.ended(50, None, Told(cost=0, available=3, throttled=True), SHOP).tokens == 3
    held = after.ended(1, None, Told(throttled=True), TEN)
    assert held.taken(1, TEN, first=True) == 1.0
    held = after.ended(1, None, Told(hold=7, throttled=True), TEN)
    assert held.taken(1, TEN, first=True) == 7.0
    assert not isinstance(held.at_moment(later(8), TEN).taken(1, TEN, first=True), float)


@given(st.lists(st.tuples(st.floats(0, 3), st.floats(0.1, 20), st.booleans()), max_size=60))
def test_never_more_is_given_than_comes_back(asked: list[tuple[float, float, bool]]) -> None:
    bucket, given_away, now = Bucket.full(TEN, NOW), 0.0, 0.0
    for pause, cost, first in asked:
        now += pause
        bucket = bucket.at_moment(later(now), TEN)
        taken = bucket.taken(cost, TEN, first=first)
        if isinstance(taken, float):
            assert 0 < taken <= (20 + 10 * (1 + KEPT_FOR_MONEY)) / 10
            continue
        bucket, given_away = taken[0], given_away + min(cost, TEN.burst)
        assert given_away <= TEN.burst + TEN.rate * now + 1e-3


def test_a_clock_that_goes_back_gives_nothing() -> None:
    bucket = Bucket(0, 10, 10, NOW).at_moment(later(-60), TEN)
    assert (bucket.tokens, bucket.at) == (0, later(-60))
    assert bucket.at_moment(later(-59.5), TEN).tokens == 5
