"""Which way a replacement may go, and what a look that sees nothing means."""

from __future__ import annotations

from datetime import timedelta

import pytest

from app.remedies.states import (
    FEWEST_LOOKS,
    RESERVED,
    ReplacementNotMovable,
    ReplacementStatus,
    Unseen,
    Verdict,
    check_move,
    judge,
    next_look,
)

S = ReplacementStatus
ALLOWED = {
    (S.PLANNED, S.SUBMITTING), (S.PLANNED, S.VOID), (S.PLANNED, S.REJECTED), (S.PLANNED, S.NEEDS_REVIEW),
    (S.SUBMITTING, S.MADE), (S.SUBMITTING, S.UNKNOWN), (S.SUBMITTING, S.PLANNED),
    (S.UNKNOWN, S.MADE), (S.UNKNOWN, S.REJECTED), (S.UNKNOWN, S.NEEDS_REVIEW), (S.UNKNOWN, S.SUBMITTING),
    (S.NEEDS_REVIEW, S.MADE), (S.NEEDS_REVIEW, S.REJECTED),
}  # fmt: skip
LONG = timedelta(minutes=15)


@pytest.mark.parametrize("before", S)
@pytest.mark.parametrize("after", S)
def test_only_these_moves_are_allowed(before: S, after: S) -> None:
    if (before, after) in ALLOWED:
        check_move(before, after)
        return
    with pytest.raises(ReplacementNotMovable) as refused:
        check_move(before, after)
    assert f"{before} cannot become {after}" in refused.value.detail


def test_units_stay_reserved_until_it_is_proven_that_nothing_was_made() -> None:
    assert set(S) - RESERVED == {S.REJECTED, S.VOID}


@pytest.mark.parametrize(
    ("refused", "waited", "looks", "verdict"),
    [
        (True, timedelta(0), 1, Verdict.REJECTED),
        (False, LONG, FEWEST_LOOKS, Verdict.NEEDS_REVIEW),
        (False, LONG, FEWEST_LOOKS - 1, Verdict.STILL_UNKNOWN),
        (False, LONG - timedelta(seconds=1), 99, Verdict.STILL_UNKNOWN),
    ],
)
def test_a_missing_order_is_no_proof(refused: bool, waited: timedelta, looks: int, verdict: Verdict) -> None:
    assert judge(Unseen(refused, waited, looks), LONG) is verdict


def test_looks_become_rarer_and_never_end() -> None:
    assert [next_look(count).total_seconds() for count in (0, 1, 6, 7, 99)] == [10, 20, 600, 600, 600]
