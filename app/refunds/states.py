"""Where a refund operation can stand, and which way it may go. Pure."""

from __future__ import annotations

from enum import StrEnum

from app.errors import Conflict


class RefundStatus(StrEnum):
    """`unknown` and `needs_review` keep the money reserved; only `rejected` and `void` give it back."""

    PLANNED = "planned"
    SUBMITTING = "submitting"
    SUCCEEDED = "succeeded"
    REJECTED = "rejected"
    UNKNOWN = "unknown"
    NEEDS_REVIEW = "needs_review"
    VOID = "void"


RESERVED = frozenset(
    {
        RefundStatus.PLANNED,
        RefundStatus.SUBMITTING,
        RefundStatus.SUCCEEDED,
        RefundStatus.UNKNOWN,
        RefundStatus.NEEDS_REVIEW,
    }
)
UNDER_WAY = frozenset({RefundStatus.SUBMITTING, RefundStatus.UNKNOWN})
UNSETTLED = frozenset({RefundStatus.PLANNED, RefundStatus.SUBMITTING, RefundStatus.UNKNOWN, RefundStatus.NEEDS_REVIEW})

_ALLOWED: dict[RefundStatus, frozenset[RefundStatus]] = {
    RefundStatus.PLANNED: frozenset(
        {
            RefundStatus.SUBMITTING,
            RefundStatus.VOID,
            RefundStatus.SUCCEEDED,
            RefundStatus.UNKNOWN,
            RefundStatus.NEEDS_REVIEW,
        }
    ),
    RefundStatus.SUBMITTING: frozenset(
        {
            RefundStatus.SUCCEEDED,
            RefundStatus.REJECTED,
            RefundStatus.UNKNOWN,
            RefundStatus.PLANNED,
            RefundStatus.NEEDS_REVIEW,
        }
    ),
    RefundStatus.UNKNOWN: frozenset(
        {RefundStatus.SUCCEEDED, RefundStatus.REJECTED, RefundStatus.NEEDS_REVIEW, RefundStatus.PLANNED}
    ),
    RefundStatus.NEEDS_REVIEW: frozenset({RefundStatus.SUCCEEDED, RefundStatus.REJECTED}),
    RefundStatus.SUCCEEDED: frozenset(),
    RefundStatus.REJECTED: frozenset(),
    RefundStatus.VOID: frozenset(),
}


class RefundNotMovable(Conflict):
    """The refund's status does not allow this."""

    code = "refund_not_movable"
    title = "Not possible in this refund's status"


def check_move(before: RefundStatus, after: RefundStatus) -> None:
    """Raises `RefundNotMovable` when a refund may not go from `before` to `after`.

    Back to `planned` is a retriable state: nothing was made (proven), or the store itself removes repeats by our key.
    """
    if after not in _ALLOWED[before]:
        allowed = ", ".join(sorted(_ALLOWED[before])) or "nothing"
        raise RefundNotMovable(f"A refund that is {before} cannot become {after}; it can become: {allowed}.")
