"""Time, in one place, so that tests and what-if runs can move it."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Protocol


class Clock(Protocol):
    """Tells the time in UTC."""

    def now(self) -> datetime:
        """The current instant, timezone-aware, in UTC."""
        ...


class SystemClock:
    """The machine's clock."""

    def now(self) -> datetime:
        """The current instant in UTC."""
        return datetime.now(UTC)


class MovableClock:
    """A clock that runs like the machine's and can be moved forward by hand."""

    def __init__(self) -> None:
        self._offset = timedelta()

    def now(self) -> datetime:
        """The machine's instant plus what it was moved by, in UTC."""
        return datetime.now(UTC) + self._offset

    def move(self, by: timedelta) -> None:
        """Moves the clock by `by`; a negative value moves it back."""
        self._offset += by
