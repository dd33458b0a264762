"""When an event that was not taken is sent again, and what an answer means. Pure."""

from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from email.utils import parsedate_to_datetime
from enum import StrEnum

# Waits between the tries, as the specification of Standard Webhooks proposes them (standard-webhooks.md, "Retries"):
# about three days in all, so that a weekend is survived.
WAITS = (
    timedelta(seconds=5), timedelta(minutes=5), timedelta(minutes=30), timedelta(hours=2), timedelta(hours=5),
    timedelta(hours=10), timedelta(hours=14), timedelta(hours=20), timedelta(hours=24),
)  # fmt: skip
# Each wait is up to this share shorter or longer, so that what failed together does not come back together.
JITTER = 0.1
# What has waited so long is given up though its tries are not used up: longer than all the waits at their longest.
LONGEST_LIFE = timedelta(hours=84)
# A receiver that asks for more patience than this is asked again sooner: it must not silence an event for ever.
LONGEST_WAIT = timedelta(hours=24)
# Later events of a case wait for an earlier one until it was refused so often, about 35 minutes: then it may be this
# very event that the receiver cannot take, and order matters less than news.
HOLDING_REFUSALS = 4
# Answers that speak of the receiver (or what stands before it) and not of the event: it is busy, or down.
_NOT_ABOUT_THE_EVENT = frozenset({408, 429, 502, 503, 504})
# Failures in a row after which a receiver is believed to be down, and only one event at a time is tried.
PAUSE_AFTER = 3
_FIRST_PAUSE = timedelta(seconds=5)
_LONGEST_PAUSE = timedelta(minutes=5)
_SECONDS = re.compile(r"\d{1,9}", re.ASCII)


class Verdict(StrEnum):
    """What an answer means: taken, try again, or never send anything there again (HTTP 410)."""

    TAKEN = "taken"
    FAILED = "failed"
    GONE = "gone"


@dataclass(frozen=True, slots=True)
class Answer:
    """What came back. `status` is None when nothing did; `error` then says why. `body` is cut and cleaned."""

    status: int | None = None
    error: str | None = None
    body: str | None = None
    retry_after: timedelta | None = None

    @property
    def verdict(self) -> Verdict:
        """Any 2xx takes the event, 410 wants no more of them, and everything else is a failure."""
        if self.status is None:
            return Verdict.FAILED
        if 200 <= self.status < 300:
            return Verdict.TAKEN
        return Verdict.GONE if self.status == 410 else Verdict.FAILED

    @property
    def refuses(self) -> bool:
        """Whether it may be about this very event; no answer, or one of a receiver that is down, is not."""
        return self.verdict is Verdict.FAILED and self.status is not None and self.status not in _NOT_ABOUT_THE_EVENT

    @property
    def told(self) -> str | None:
        """A failure in a few words; None for an event that was taken."""
        return None if self.verdict is Verdict.TAKEN else self.error or f"HTTP {self.status}"


def next_wait(tries: int, chance: float, retry_after: timedelta | None = None) -> timedelta | None:
    """How long to wait after `tries` failures; None when that was the last try.

    `chance` is a random number from 0 to 1. A receiver that asks for more patience (`Retry-After`) gets it.
    """
    if tries > len(WAITS):
        return None
    wait = WAITS[max(tries, 1) - 1] * (1 + JITTER * (2 * chance - 1))
    return max(wait, min(retry_after or timedelta(0), LONGEST_WAIT))


def pause(failures: int, retry_after: timedelta | None = None) -> timedelta:
    """How long a receiver is left alone after so many failures in a row."""
    asked = min(retry_after or timedelta(0), _LONGEST_PAUSE)
    if failures < PAUSE_AFTER:
        return asked
    doubled: int = 2 ** min(failures - PAUSE_AFTER, 10)
    return max(asked, min(_FIRST_PAUSE * doubled, _LONGEST_PAUSE))


def patience(value: str | None, now: datetime) -> timedelta | None:
    """`Retry-After` (RFC 9110: seconds or a date) as a wait; None when it says nothing."""
    if value is None:
        return None
    if _SECONDS.fullmatch(value.strip()):
        return min(timedelta(seconds=int(value)), LONGEST_WAIT)
    try:
        until = parsedate_to_datetime(value)
        wait = (until if until.tzinfo else until.replace(tzinfo=UTC)) - now
    except (ValueError, TypeError, OverflowError):
        return None
    return min(max(wait, timedelta(0)), LONGEST_WAIT)
