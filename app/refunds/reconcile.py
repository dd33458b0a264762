"""What an unknown outcome turned out to be. Pure: `decide(operation, seen, now)` reads no clock and calls nobody.

Unknown is settled by looking for our marker, never by sending again blindly. What a missing refund proves depends on
the platform: Shopify removes repeats by our key for a while, so the same request may be sent again; in WooCommerce a
missing refund proves nothing, because a refund row is deleted after the gateway paid when any later step fails.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum

from app.orders.snapshot import Platform, RefundState, SeenRefund

# Shopify keeps idempotency keys for a time that it does not promise (taken as 24 h by clients); after half of that a
# resend could pay twice, so only looking is allowed.
KEY_LIFETIME = timedelta(hours=12)
# Looks come quickly at first, then rarely: seconds after the one before. The last value repeats.
LOOK_AFTER = (10, 20, 30, 60, 120, 240, 600)


class Verdict(StrEnum):
    """What to do with an operation after looking."""

    SUCCEEDED = "succeeded"
    REJECTED = "rejected"
    STILL_UNKNOWN = "still_unknown"
    SEND_AGAIN = "send_again"
    NEEDS_REVIEW = "needs_review"


@dataclass(frozen=True, slots=True)
class Operation:
    """What is known of the operation. `refused` says that the last answer was a refusal that must be read back."""

    platform: Platform
    amount: int
    first_sent_at: datetime
    last_sent_at: datetime
    refused: bool
    may_send_again: bool = True


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
        return _found(operation, seen, now, review_after)
    if operation.refused:
        return Settlement(Verdict.REJECTED, "the store refused it, and reading the order back shows no such refund")
    age = now - operation.first_sent_at
    if operation.platform is Platform.SHOPIFY:
        if operation.may_send_again and age < KEY_LIFETIME:
            return Settlement(Verdict.SEND_AGAIN, "no such refund in the store; the same key and request go out again")
        return Settlement(Verdict.NEEDS_REVIEW, "no such refund in the store, and the key may have expired")
    waited = now - operation.last_sent_at
    if waited < max(first_look, review_after):
        return Settlement(Verdict.STILL_UNKNOWN, "no such refund in the store yet; that proves nothing there")
    return Settlement(
        Verdict.NEEDS_REVIEW,
        "no such refund in the store; there that is no proof that no money moved: look at the payment gateway",
    )


def _found(operation: Operation, seen: SeenRefund, now: datetime, review_after: timedelta) -> Settlement:
    if seen.state is RefundState.PENDING:
        # A pending payment can take days at a bank; it is watched, and a person hears of it after a while.
        if now - operation.first_sent_at > max(review_after, timedelta(days=7)):
            return Settlement(Verdict.NEEDS_REVIEW, "the store has shown the payment as pending for more than a week")
        return Settlement(Verdict.STILL_UNKNOWN, "the store shows the refund; its payment is pending")
    if seen.state is RefundState.SUCCEEDED:
        if seen.amount == operation.amount:
            return Settlement(Verdict.SUCCEEDED, "found in the store by its marker")
        return Settlement(Verdict.NEEDS_REVIEW, "the store shows the refund with another amount than was asked for")
    words = {
        RefundState.FAILED: "the store shows the refund, and its payment failed",
        RefundState.NO_MONEY: "the store shows the refund, and no money moved",
        RefundState.UNCLEAR: "the store shows the refund, and not whether money moved",
    }
    return Settlement(Verdict.NEEDS_REVIEW, words[seen.state])


def next_look(looks: int) -> timedelta:
    """How long to wait before the next look."""
    return timedelta(seconds=LOOK_AFTER[min(looks, len(LOOK_AFTER) - 1)])
