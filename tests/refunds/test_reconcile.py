"""What an open outcome turns out to be, by what the store shows."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest

from app.orders.snapshot import Platform, RefundState, SeenRefund
from app.refunds.reconcile import (
    KEY_LIFETIME,
    LONGEST_BLIND,
    LONGEST_PENDING,
    LOOK_AFTER,
    Operation,
    Verdict,
    decide,
    next_look,
    out_of_sight,
)

SENT = datetime(2026, 11, 21, 12, tzinfo=UTC)
FIRST_LOOK, REVIEW = timedelta(seconds=120), timedelta(minutes=15)


def operation(platform: Platform, *, refused: bool = False, again: bool = True) -> Operation:
    return Operation(platform, 1999, SENT, SENT, refused, again)


def seen(state: RefundState, amount: int = 1999) -> SeenRefund:
    return SeenRefund("77", amount, state, operation="x")


def verdict(one: Operation, shown: SeenRefund | None, after: timedelta) -> Verdict:
    return decide(one, shown, SENT + after, FIRST_LOOK, REVIEW).verdict


@pytest.mark.parametrize("platform", Platform)
@pytest.mark.parametrize(
    ("state", "expected"),
    [
        (RefundState.SUCCEEDED, Verdict.SUCCEEDED),
        (RefundState.PENDING, Verdict.STILL_UNKNOWN),
        (RefundState.FAILED, Verdict.NEEDS_REVIEW),
        (RefundState.NO_MONEY, Verdict.NEEDS_REVIEW),
        (RefundState.UNCLEAR, Verdict.NEEDS_REVIEW),
    ],
)
def test_what_the_store_shows_decides(platform: Platform, state: RefundState, expected: Verdict) -> None:
    assert verdict(operation(platform), seen(state), FIRST_LOOK) is expected
    assert verdict(operation(platform, refused=True), seen(state), FIRST_LOOK) is expected


def test_a_woocommerce_refund_is_not_paid_before_its_gateway_has_answered() -> None:
    early = timedelta(seconds=10)
    assert verdict(operation(Platform.WOOCOMMERCE), seen(RefundState.UNCLEAR), early) is Verdict.STILL_UNKNOWN
    assert verdict(operation(Platform.SHOPIFY), seen(RefundState.UNCLEAR), early) is Verdict.NEEDS_REVIEW


def test_another_amount_is_for_a_person() -> None:
    shown = seen(RefundState.SUCCEEDED, 1998)
    assert verdict(operation(Platform.SHOPIFY), shown, timedelta(0)) is Verdict.NEEDS_REVIEW


def test_shopify_gets_the_same_request_again_while_the_key_lives() -> None:
    one = operation(Platform.SHOPIFY)
    assert verdict(one, None, timedelta(seconds=10)) is Verdict.SEND_AGAIN
    assert verdict(one, None, KEY_LIFETIME - timedelta(seconds=1)) is Verdict.SEND_AGAIN
    assert verdict(one, None, KEY_LIFETIME) is Verdict.NEEDS_REVIEW


def test_a_spent_key_is_not_sent_again_and_asked_about_when_no_gateway_can_be_at_work() -> None:
    one = operation(Platform.SHOPIFY, again=False)
    assert verdict(one, None, FIRST_LOOK - timedelta(seconds=1)) is Verdict.STILL_UNKNOWN
    assert verdict(one, None, FIRST_LOOK) is Verdict.NEEDS_REVIEW


def test_woocommerce_is_only_looked_at() -> None:
    one = operation(Platform.WOOCOMMERCE)
    for seconds in (1, 119, 121, 899):
        assert verdict(one, None, timedelta(seconds=seconds)) is Verdict.STILL_UNKNOWN
    assert verdict(one, None, REVIEW) is Verdict.NEEDS_REVIEW
    assert decide(one, None, SENT + timedelta(seconds=130), timedelta(seconds=200), timedelta(0)).verdict is (
        Verdict.STILL_UNKNOWN
    )


@pytest.mark.parametrize("platform", Platform)
def test_a_refusal_is_believed_after_reading_back(platform: Platform) -> None:
    assert verdict(operation(platform, refused=True), None, timedelta(seconds=1)) is Verdict.REJECTED


@pytest.mark.parametrize("platform", Platform)
def test_a_refusal_says_nothing_of_an_earlier_try_that_may_be_at_work(platform: Platform) -> None:
    one = replace(operation(platform, refused=True), doubtful_at=SENT)
    assert verdict(one, None, FIRST_LOOK - timedelta(seconds=1)) is Verdict.STILL_UNKNOWN
    assert verdict(one, None, FIRST_LOOK) is Verdict.REJECTED


def test_what_no_gateway_was_asked_for_is_tried_once_more() -> None:
    one = replace(operation(Platform.WOOCOMMERCE, refused=True), may_try_anew=True)
    assert verdict(one, None, timedelta(seconds=1)) is Verdict.SEND_AGAIN
    assert verdict(one, seen(RefundState.SUCCEEDED), timedelta(seconds=1)) is Verdict.SUCCEEDED


def test_other_lines_are_for_a_person() -> None:
    one = replace(operation(Platform.WOOCOMMERCE), lines={"1": 2, "2": 0})
    for lines, expected in (
        ({"1": 2}, Verdict.SUCCEEDED),
        (None, Verdict.SUCCEEDED),
        ({"1": 1}, Verdict.NEEDS_REVIEW),
        ({}, Verdict.NEEDS_REVIEW),
        ({"1": 2, "3": 1}, Verdict.NEEDS_REVIEW),
    ):
        assert verdict(one, replace(seen(RefundState.SUCCEEDED), lines=lines), FIRST_LOOK) is expected


def test_a_store_out_of_sight_is_waited_for_longer_when_it_has_shown_the_refund() -> None:
    assert not out_of_sight(LONGEST_BLIND - timedelta(seconds=1), False)
    assert out_of_sight(LONGEST_BLIND, False)
    assert not out_of_sight(LONGEST_BLIND, True)
    assert out_of_sight(LONGEST_PENDING, True)


def test_a_payment_pending_for_a_week_is_shown_to_a_person() -> None:
    one = operation(Platform.SHOPIFY)
    assert verdict(one, seen(RefundState.PENDING), timedelta(days=7)) is Verdict.STILL_UNKNOWN
    assert verdict(one, seen(RefundState.PENDING), timedelta(days=8)) is Verdict.NEEDS_REVIEW


def test_looks_become_rarer() -> None:
    waits = [next_look(looks) for looks in range(len(LOOK_AFTER) + 3)]
    assert waits == sorted(waits)
    assert waits[-1] == timedelta(seconds=LOOK_AFTER[-1])


@pytest.mark.parametrize(
    ("platform", "shown", "after", "words"),
    [
        (Platform.SHOPIFY, None, 0, "same key and request go out again"),
        (Platform.SHOPIFY, None, 12 * 3600, "key may have expired"),
        (Platform.WOOCOMMERCE, None, 0, "proves nothing there"),
        (Platform.WOOCOMMERCE, None, 900, "look at the payment gateway"),
        (Platform.SHOPIFY, RefundState.PENDING, 0, "its payment is pending"),
        (Platform.SHOPIFY, RefundState.PENDING, 8 * 86400, "more than a week"),
        (Platform.SHOPIFY, RefundState.SUCCEEDED, 0, "by its marker"),
        (Platform.SHOPIFY, RefundState.FAILED, 0, "its payment failed"),
        (Platform.SHOPIFY, RefundState.NO_MONEY, 0, "no money moved"),
        (Platform.SHOPIFY, RefundState.UNCLEAR, 0, "not whether money moved"),
    ],
)
def test_each_verdict_says_why(platform: Platform, shown: RefundState | None, after: int, words: str) -> None:
    settled = decide(
        operation(platform), seen(shown) if shown else None, SENT + timedelta(seconds=after), FIRST_LOOK, REVIEW
    )
    assert words in settled.detail


def test_a_refusal_and_another_amount_say_why() -> None:
    refused = decide(operation(Platform.SHOPIFY, refused=True), None, SENT, FIRST_LOOK, REVIEW)
    assert "the store refused it" in refused.detail
    other = decide(operation(Platform.SHOPIFY), seen(RefundState.SUCCEEDED, 1998), SENT, FIRST_LOOK, REVIEW)
    assert "another amount" in other.detail


def test_an_operation_may_be_sent_again_unless_it_says_otherwise() -> None:
    one = Operation(Platform.SHOPIFY, 1999, SENT, SENT, refused=False)
    assert verdict(one, None, timedelta(0)) is Verdict.SEND_AGAIN


def test_the_wait_counts_from_the_last_sending_and_the_key_from_the_first() -> None:
    again = SENT + timedelta(hours=1)
    woo = Operation(Platform.WOOCOMMERCE, 1999, SENT, again, refused=False)
    assert verdict(woo, None, timedelta(minutes=74)) is Verdict.STILL_UNKNOWN
    assert verdict(woo, None, timedelta(minutes=75)) is Verdict.NEEDS_REVIEW
    shopify = Operation(Platform.SHOPIFY, 1999, SENT, SENT + timedelta(hours=11), refused=False)
    assert verdict(shopify, None, timedelta(hours=12)) is Verdict.NEEDS_REVIEW


def test_a_pending_payment_is_watched_for_a_week_or_longer_when_people_come_later() -> None:
    one = operation(Platform.SHOPIFY)
    shown = seen(RefundState.PENDING)
    late = SENT + timedelta(days=7, seconds=1)
    assert decide(one, shown, late, FIRST_LOOK, REVIEW).verdict is Verdict.NEEDS_REVIEW
    assert decide(one, shown, late, FIRST_LOOK, timedelta(days=9)).verdict is Verdict.STILL_UNKNOWN


def test_the_times_are_those_that_the_documentation_promises() -> None:
    assert timedelta(hours=12) == KEY_LIFETIME
    assert [int(next_look(looks).total_seconds()) for looks in range(9)] == [10, 20, 30, 60, 120, 240, 600, 600, 600]
    assert {str(one) for one in Verdict} == {"succeeded", "rejected", "still_unknown", "send_again", "needs_review"}


@pytest.mark.parametrize("after", [timedelta(0), REVIEW, KEY_LIFETIME * 9])
def test_what_the_store_has_only_once_may_go_out_again_at_any_time(after: timedelta) -> None:
    """A coupon by its code, until a try after the limit in time; a refusal that was read back stays one."""
    coupon = replace(operation(Platform.WOOCOMMERCE), repeats_removed=True)
    assert verdict(coupon, None, after) is Verdict.SEND_AGAIN
    late = replace(coupon, last_sent_at=SENT + REVIEW)
    assert verdict(late, None, REVIEW + after) is Verdict.NEEDS_REVIEW
    assert verdict(replace(coupon, differs=True), None, after) is Verdict.NEEDS_REVIEW
    assert verdict(replace(coupon, refused=True), None, after) is Verdict.REJECTED
