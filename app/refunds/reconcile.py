"""What an unknown outcome turned out to be. Pure: `decide(operation, seen, now)` reads no clock and calls nobody.

Unknown is settled by looking for our marker, never by sending again blindly. What a missing refund proves depends on
the platform: Shopify removes repeats by our key for a while, so the same request may be sent again; in WooCommerce a
missing refund proves nothing, because a refund row is deleted after the gateway paid when any later step fails.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum

from app.orders.snapshot import Platform, RefundState, SeenRefund

# Shopify keeps idempotency keys for a time that it does not promise (taken as 24 h by clients); after half of that a
# resend could pay twice, so only looking is allowed.
KEY_LIFETIME = timedelta(hours=12)
# Looks come quickly at first, then rarely: seconds after the one before. The last value repeats.
LOOK_AFTER = (10, 20, 30, 60, 120, 240, 600)
# A bank may take days over a payment that the store shows as pending.
LONGEST_PENDING = timedelta(days=7)
# A store that cannot be read for so long leaves the question to a person.
LONGEST_BLIND = timedelta(days=1)


class Verdict(StrEnum):
    """What to do with an operation after looking."""

    SUCCEEDED = "succeeded"
    REJECTED = "rejected"
    STILL_UNKNOWN = "still_unknown"
    SEND_AGAIN = "send_again"
    NEEDS_REVIEW = "needs_review"


@dataclass(frozen=True, slots=True)
class Operation:
    """What is known of the operation. `lines` is its units by line id.

    `refused` says that the last answer was a refusal that must be read back; `doubtful_at` is when the newest earlier
    sending went out whose own outcome is open, if there is one. `may_send_again` False: the store has said that the key
    is of no use any more. `may_try_anew`: no gateway was asked, so that a clean refusal may be tried once more.
    `repeats_removed`: what is made has a code of its own that the store has only once, and sending looks for it first,
    so that the same may go out again at any time. `differs`: under that code the store has something else.
    """

    platform: Platform
    amount: int
    first_sent_at: datetime
    last_sent_at: datetime
    refused: bool
    may_send_again: bool = True
    lines: Mapping[str, int] | None = None
    doubtful_at: datetime | None = None
    may_try_anew: bool = False
    repeats_removed: bool = False
    differs: bool = False


@dataclass(frozen=True, slots=True)
class Settlement:
    """The verdict and the sentence that explains it."""

    verdict: Verdict
    detail: str


def decide(
    operation: Operation, seen: SeenRefund | None, now: datetime, first_look: timedelta, review_after: timedelta
) -> Settlement:
    """Judges what the store shows (`seen` is the refund with our marker, or None).

    `first_look` is how long a payment gateway may take; `review_after` is when a person is asked instead.
    """
    if seen is not None:
        return _found(operation, seen, now, first_look, review_after)
    if operation.refused:
        return _refused(operation, now, first_look)
    waited = now - operation.last_sent_at
    if operation.repeats_removed:
        if operation.differs:
            return Settlement(Verdict.NEEDS_REVIEW, "what the store has under its code is not what was promised")
        if operation.last_sent_at - operation.first_sent_at >= review_after:
            return Settlement(Verdict.NEEDS_REVIEW, "no try with its code brought a clear answer: look in the store")
        return Settlement(Verdict.SEND_AGAIN, "the store has each code once: the same request goes out again")
    if operation.platform is Platform.SHOPIFY:
        return _missing_at_shopify(operation, now - operation.first_sent_at, waited < first_look)
    if waited < max(first_look, review_after):
        return Settlement(Verdict.STILL_UNKNOWN, "no such refund in the store yet; that proves nothing there")
    return Settlement(
        Verdict.NEEDS_REVIEW,
        "no such refund in the store; there that is no proof that no money moved: look at the payment gateway",
    )


def decide_twice() -> Settlement:
    """What is done about an operation that the store shows more than once: the customer may be paid twice."""
    return Settlement(Verdict.NEEDS_REVIEW, "the store shows more than one refund with this marker")


def _refused(operation: Operation, now: datetime, first_look: timedelta) -> Settlement:
    if operation.doubtful_at is not None and now - operation.doubtful_at < first_look:
        return Settlement(Verdict.STILL_UNKNOWN, "the store refused it, but an earlier try may still be at work")
    if operation.may_try_anew:
        return Settlement(Verdict.SEND_AGAIN, "the store failed at booking it, and no gateway was asked: once more")
    return Settlement(Verdict.REJECTED, "the store refused it, and reading the order back shows no such refund")


def _missing_at_shopify(operation: Operation, age: timedelta, early: bool) -> Settlement:
    if not operation.may_send_again:
        if early:
            return Settlement(Verdict.STILL_UNKNOWN, "no such refund in the store yet; its key is of no use any more")
        return Settlement(Verdict.NEEDS_REVIEW, "no such refund in the store, and its key is of no use any more")
    if age < KEY_LIFETIME:
        return Settlement(Verdict.SEND_AGAIN, "no such refund in the store; the same key and request go out again")
    return Settlement(Verdict.NEEDS_REVIEW, "no such refund in the store, and the key may have expired")


def _found(
    operation: Operation, seen: SeenRefund, now: datetime, first_look: timedelta, review_after: timedelta
) -> Settlement:
    if seen.state is RefundState.PENDING:
        # A pending payment can take days at a bank; it is watched, and a person hears of it after a while.
        if now - operation.first_sent_at > max(review_after, LONGEST_PENDING):
            return Settlement(Verdict.NEEDS_REVIEW, "the store has shown the payment as pending for more than a week")
        return Settlement(Verdict.STILL_UNKNOWN, "the store shows the refund; its payment is pending")
    if seen.state is RefundState.SUCCEEDED:
        if seen.amount != operation.amount:
            return Settlement(Verdict.NEEDS_REVIEW, "the store shows the refund with another amount than was asked for")
        if not _same_lines(operation.lines, seen.lines):
            return Settlement(Verdict.NEEDS_REVIEW, "the store shows the refund with other lines than were asked for")
        return Settlement(Verdict.SUCCEEDED, "found in the store by its marker")
    at_work = operation.platform is Platform.WOOCOMMERCE and now - operation.last_sent_at < first_look
    if seen.state is RefundState.UNCLEAR and at_work:
        # WooCommerce saves the refund before it asks the gateway, and says that it was paid only afterwards.
        return Settlement(Verdict.STILL_UNKNOWN, "the store shows the refund; its gateway may still be at work")
    words = {
        RefundState.FAILED: "the store shows the refund, and its payment failed",
        RefundState.NO_MONEY: "the store shows the refund, and no money moved",
        RefundState.UNCLEAR: "the store shows the refund, and not whether money moved",
    }
    return Settlement(Verdict.NEEDS_REVIEW, words[seen.state])


def _same_lines(asked: Mapping[str, int] | None, shown: Mapping[str, int] | None) -> bool:
    """Whether units agree; what either side does not tell is no difference."""
    if asked is None or shown is None:
        return True
    return all(asked.get(line_id, 0) == shown.get(line_id, 0) for line_id in {*asked, *shown})


def out_of_sight(waited: timedelta, shown_before: bool) -> bool:
    """Whether a refund that cannot be looked up since `waited` is left to a person.

    `shown_before`: the store has shown it as made, so that only its payment is open.
    """
    return waited >= (LONGEST_PENDING if shown_before else LONGEST_BLIND)


def next_look(looks: int) -> timedelta:
    """How long to wait before the next look."""
    return timedelta(seconds=LOOK_AFTER[min(looks, len(LOOK_AFTER) - 1)])
