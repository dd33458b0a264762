"""A past case as the comparison needs it: what was asked, and what is known of how it went. Pure values."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime
from typing import Protocol

from app.policy.question import Present, Question


@dataclass(frozen=True, slots=True)
class Story:
    """What happened after the request, as far as anybody knows; None: not known, and `answers.py` says what is assumed.

    Days are whole. `sends` says that the customer hands the goods to a carrier where they have to. `accepted` is the
    share of the wholesale price, in per cent, that the supplier credited. `paid_by_person` is what a person decided.
    `freight` is what one parcel back costs, in minor units of the order's currency. `evidence` is what the customer
    sends when asked, None nothing.
    """

    evidence: Present | None = None
    sends: bool = True
    sends_days: int | None = None
    way_back_days: int | None = None
    authorise_days: int | None = None
    verdict_days: int | None = None
    silent: bool = False
    accepted: int | None = None
    paid_by_person: bool | None = None
    freight: int | None = None


@dataclass(frozen=True, slots=True)
class PastCase:
    """A request, or the part of it that one supplier handled, and its story. `store` names the policy in force."""

    question: Question
    story: Story
    store: str | None = None

    @property
    def declared_at(self) -> datetime:
        """When the customer asked."""
        return self.question.declared_at


class Batch(Protocol):
    """Some past cases, small to send to another process, that are made there. `size` is how many at most."""

    @property
    def size(self) -> int: ...

    def cases(self) -> Iterator[PastCase]:
        """Makes or reads the cases."""
        ...
