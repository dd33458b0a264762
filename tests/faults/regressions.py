"""Plays in which the campaign found a bug. Each is played again in every run of the tests.

A play is drawn from its seed and index; whoever changes the drawing must find an index that plays the same again.
"""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Found:
    """One such play; `why` says what was wrong. `only` is the fault that was asked for, if one was."""

    seed: int
    index: int
    why: str
    only: str | None = None


FOUND = (
    Found(
        1,
        54,
        "units of a Shopify refund whose payment failed could never be paid again",
        "fails right after the answer",
    ),
    Found(3, 72, "a denied refund turned up and counted as somebody else's: nobody paid", "refund without payment"),
    Found(
        4,
        66,
        "Shopify named one payment of two, and a third of the money counted as all of it",
        "fails right after the answer",
    ),
    Found(3, 5, "no webhook tells of a deleted refund: it could never be denied", "refund without payment"),
)
