"""The page about clocks is what the service runs by."""

from __future__ import annotations

from pathlib import Path

from app.cases.vocabulary import BEFORE_RESOLVING, State
from app.timers.clocks import CLOCKS, Deed, clocks_of
from app.timers.deeds import _DEEDS
from app.timers.models import TimerKind
from app.timers.reference import page

PAGE = Path(__file__).parents[2] / "docs" / "clocks.md"


def test_the_page_is_current() -> None:
    assert PAGE.read_text("utf-8") == page()


def test_every_clock_but_the_legal_one_is_in_the_table_once() -> None:
    kinds = [clock.kind for clock in CLOCKS]
    assert sorted(kinds) == sorted(kind for kind in TimerKind if not kind.startswith("legal"))


def test_every_state_that_waits_for_somebody_has_a_clock() -> None:
    assert [state for state in BEFORE_RESOLVING if not clocks_of(state)] == [State.REQUESTED]
    assert clocks_of(State.RESOLVED)


def test_every_deed_is_done_somehow() -> None:
    assert set(_DEEDS) == set(Deed)
