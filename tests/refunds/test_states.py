"""Which way a refund may go, and in which statuses its money is spoken for: the rules of money, written down again."""

from __future__ import annotations

import pytest

from app.refunds.states import RESERVED, UNDER_WAY, UNSETTLED, RefundNotMovable, RefundStatus, check_move

WAYS = {
    "planned": "submitting void succeeded unknown needs_review",
    "submitting": "succeeded rejected unknown planned needs_review",
    "unknown": "succeeded rejected needs_review planned",
    "needs_review": "succeeded rejected",
    "succeeded": "",
    "rejected": "",
    "void": "",
}


def test_the_published_words() -> None:
    """They are in the database and on the wire."""
    assert [str(status) for status in RefundStatus] == [
        "planned", "submitting", "succeeded", "rejected", "unknown", "needs_review", "void",
    ]  # fmt: skip


@pytest.mark.parametrize("before", RefundStatus)
def test_every_way_is_allowed_or_refused(before: RefundStatus) -> None:
    """The three ends are final, and money in doubt goes back only by proof."""
    allowed = WAYS[before].split()
    for after in RefundStatus:
        if after in allowed:
            check_move(before, after)
        else:
            with pytest.raises(RefundNotMovable) as refused:
                check_move(before, after)
            told = ", ".join(sorted(allowed)) or "nothing"
            assert refused.value.detail == f"A refund that is {before} cannot become {after}; it can become: {told}."
    assert RefundNotMovable.code == "refund_not_movable"
    assert RefundNotMovable.title


def test_money_in_doubt_stays_reserved() -> None:
    """Only what was refused or taken back gives its money free."""
    assert set(RefundStatus) - RESERVED == {RefundStatus.REJECTED, RefundStatus.VOID}


def test_what_blocks_another_call_for_the_order() -> None:
    """A call that is out, and one whose outcome is open."""
    assert {"submitting", "unknown"} == UNDER_WAY


def test_what_a_case_still_waits_for() -> None:
    """Everything that is not at its end."""
    assert {"planned", "submitting", "unknown", "needs_review"} == UNSETTLED
