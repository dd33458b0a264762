"""What a story is: a sentence, the steps that play it, and how its cases must end."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from app.demo.scene import Scene

NOTHING = "nothing"


@dataclass(frozen=True, slots=True)
class Ending:
    """How the case of one supplier must end.

    `path` is the states after `requested`, with spaces between. `customer` is what the store's own book says went back
    (`44.80 EUR`, `44.80 EUR by hand`, `nothing`), `owes` the supplier's debt (`9.80 USD`, `9.80 USD paid`, `nothing`),
    `calls` how many refund calls the store received.
    """

    supplier: str
    path: str
    customer: str = NOTHING
    owes: str = NOTHING
    calls: int = 1


Play = Callable[["Scene"], Awaitable[None]]


@dataclass(frozen=True, slots=True)
class Story:
    """One story. `sentence` says what is going to happen."""

    title: str
    store: str
    sentence: str
    endings: tuple[Ending, ...]
    play: Play


def told(title: str, store: str, sentence: str, *endings: Ending) -> Callable[[Play], Story]:
    """Makes a story of the function that plays it."""
    return lambda play: Story(title, store, sentence, endings, play)


@dataclass(slots=True)
class PlayedCase:
    """A case of a story as it stands now. The texts are as in `Ending`."""

    case_id: str
    reference: str
    supplier: str
    path: list[str] = field(default_factory=list)
    customer: str = NOTHING
    owes: str = NOTHING
    calls: int = 0

    @property
    def state(self) -> str:
        """The state it is in."""
        return self.path[-1] if self.path else ""


@dataclass(slots=True)
class Played:
    """A story and what became of it. `differences` is what was not as told; it is final once `done`.

    `links` are pages that the story leaves to be looked at: who for, and where.
    """

    number: int
    story: Story
    cases: list[PlayedCase] = field(default_factory=list)
    saying: str = ""
    links: list[tuple[str, str]] = field(default_factory=list)
    trouble: str | None = None
    differences: list[str] = field(default_factory=list)
    done: bool = False

    @property
    def as_told(self) -> bool:
        """True when it ended, and ended as told."""
        return self.done and not self.differences
