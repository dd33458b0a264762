"""Where a replacement can stand, which way it may go, and what a look at the store says of it. Pure."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import timedelta
from enum import StrEnum

from app.errors import Conflict

# Looks come quickly at first, then rarely: seconds after the one before. The last value repeats. Shopify finds an order
# by its tag some seconds after it was made.
LOOK_AFTER = (10, 20, 30, 60, 120, 240, 600)
# So many looks see nothing before a person is asked, however long they took: one may have come too early.
FEWEST_LOOKS = 4
# A store that cannot be read for so long leaves the question to a person.
LONGEST_BLIND = timedelta(days=1)


class ReplacementStatus(StrEnum):
    """`unknown` and `needs_review` keep the units reserved; only `rejected` and `void` give them back."""

    PLANNED = "planned"
    SUBMITTING = "submitting"
    MADE = "made"
    REJECTED = "rejected"
    UNKNOWN = "unknown"
    NEEDS_REVIEW = "needs_review"
    VOID = "void"


S = ReplacementStatus
RESERVED = frozenset({S.PLANNED, S.SUBMITTING, S.MADE, S.UNKNOWN, S.NEEDS_REVIEW})
UNSETTLED = RESERVED - {S.MADE}
IN_DOUBT = frozenset({S.SUBMITTING, S.UNKNOWN, S.NEEDS_REVIEW})
AT_WORK = IN_DOUBT - {S.NEEDS_REVIEW}
SETTLEABLE = (S.NEEDS_REVIEW, S.UNKNOWN)

_ALLOWED: dict[ReplacementStatus, frozenset[ReplacementStatus]] = {
    S.PLANNED: frozenset({S.SUBMITTING, S.VOID, S.REJECTED, S.NEEDS_REVIEW}),
    S.SUBMITTING: frozenset({S.MADE, S.UNKNOWN, S.PLANNED}),
    S.UNKNOWN: frozenset({S.MADE, S.REJECTED, S.NEEDS_REVIEW, S.SUBMITTING}),
    S.NEEDS_REVIEW: frozenset({S.MADE, S.REJECTED}),
    S.MADE: frozenset(),
    S.REJECTED: frozenset(),
    S.VOID: frozenset(),
}


class ReplacementNotMovable(Conflict):
    """The replacement's status does not allow this."""

    code = "replacement_not_movable"
    title = "Not possible in this replacement's status"


def check_move(before: ReplacementStatus, after: ReplacementStatus) -> None:
    """Raises `ReplacementNotMovable` when a replacement may not go from `before` to `after`.

    Back to `planned`: nothing reached the store, proven. From `unknown` to `submitting`: what was begun is finished.
    """
    if after not in _ALLOWED[before]:
        allowed = ", ".join(sorted(_ALLOWED[before])) or "nothing"
        raise ReplacementNotMovable(f"A replacement that is {before} cannot become {after}; it can become: {allowed}.")


class Verdict(StrEnum):
    """What a look that found no such order means."""

    REJECTED = "rejected"
    STILL_UNKNOWN = "still_unknown"
    NEEDS_REVIEW = "needs_review"


@dataclass(frozen=True, slots=True)
class Unseen:
    """A replacement that the store does not show.

    `refused`: every sending was refused with proof. `waited` is since the last one, `looks` how often nothing was seen,
    this time among them.
    """

    refused: bool
    waited: timedelta
    looks: int


def judge(unseen: Unseen, review_after: timedelta) -> Verdict:
    """A missing order is no proof: it is looked for several times, and then a person is asked."""
    if unseen.refused:
        return Verdict.REJECTED
    if unseen.looks >= FEWEST_LOOKS and unseen.waited >= review_after:
        return Verdict.NEEDS_REVIEW
    return Verdict.STILL_UNKNOWN


def next_look(looks: int) -> timedelta:
    """How long to wait before the next look."""
    return timedelta(seconds=LOOK_AFTER[min(looks, len(LOOK_AFTER) - 1)])
