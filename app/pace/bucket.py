"""A token bucket with places for calls under way, as arithmetic on a moment. Pure.

Tokens come back at `rate` a second up to `burst`. A part of them, and one place, is kept for calls about money:
readings stop earlier, so that a refund never stands behind a flood of them.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import datetime, timedelta

from app.pace.base import Told

# What readings leave for money: a Shopify refund takes some tens of a thousand points, so this is room for several.
KEPT_FOR_MONEY = 0.2
# Nobody knows when a call under way ends; so often it is looked whether a place is free.
LOOK_AGAIN = 0.1
# After a refusal that names no time.
SHORT_HOLD = 1.0
# Whatever the other side says, it is asked again within the hour.
LONGEST_HOLD = 3600.0


@dataclass(frozen=True, slots=True)
class Limits:
    """What is kept to until the other side tells its own limit (`learns`), or for good.

    `parallel` is how many calls may be under way at once (None: any number), each for `lease` seconds at most: after
    that its process is taken to be dead.
    """

    rate: float
    burst: float
    parallel: int | None = None
    lease: float = 180.0
    learns: bool = False


@dataclass(frozen=True, slots=True)
class Bucket:
    """How it stands at `at`. `leases` are the ends of the calls under way; before `held_until` nothing is asked."""

    tokens: float
    rate: float
    burst: float
    at: datetime
    held_until: datetime | None = None
    leases: tuple[datetime, ...] = ()

    @classmethod
    def full(cls, limits: Limits, now: datetime) -> Bucket:
        """One that nothing was taken from."""
        return cls(limits.burst, limits.rate, limits.burst, now)

    def at_moment(self, now: datetime, limits: Limits) -> Bucket:
        """As it stands now. A clock that went back gives nothing, and has nobody wait longer than the limits do."""
        rate, burst = (self.rate, self.burst) if limits.learns else (limits.rate, limits.burst)
        gone = max(0.0, (now - self.at).total_seconds())
        latest = now + timedelta(seconds=LONGEST_HOLD)
        held = min(self.held_until, latest) if self.held_until and self.held_until > now else None
        longest = now + timedelta(seconds=limits.lease)
        alive = tuple(min(end, longest) for end in self.leases if end > now)
        return Bucket(min(burst, self.tokens + gone * rate), rate, burst, now, held, alive)

    def taken(self, cost: float, limits: Limits, *, first: bool) -> tuple[Bucket, datetime | None] | float:
        """The bucket after a call of that cost, with the end of its place if places are counted; else the seconds after
        which asking again makes sense. `first`: for money. A call that costs more than there can be needs a full one.
        """
        if self.held_until is not None:
            return (self.held_until - self.at).total_seconds()
        kept = 0.0 if first else KEPT_FOR_MONEY * self.burst
        missing = min(cost + kept, self.burst) - self.tokens
        # Times are kept to the microsecond.
        if missing > 1e-6 * max(1.0, self.rate):
            return missing / self.rate
        lease = None
        if limits.parallel is not None:
            places = limits.parallel if first or limits.parallel == 1 else limits.parallel - 1
            if len(self.leases) >= places:
                return LOOK_AGAIN
            lease = self.at + timedelta(seconds=limits.lease)
            while lease in self.leases:
                lease += timedelta(microseconds=1)
        leases = self.leases if lease is None else (*self.leases, lease)
        return replace(self, tokens=self.tokens - cost, leases=leases), lease

    def ended(self, cost: float, lease: datetime | None, told: Told, limits: Limits) -> Bucket:
        """After the answer to a call that took `cost`. What was told lowers what is left, and never raises it: calls of
        others may be on their way that the other side does not know of."""
        tokens, rate, burst = self.tokens, self.rate, self.burst
        if limits.learns:
            rate = told.rate if told.rate and told.rate > 0 else rate
            burst = told.burst if told.burst and told.burst > 0 else burst
        if told.cost is not None:
            tokens += cost - told.cost
        if told.available is not None:
            tokens = min(tokens, told.available)
        hold = told.hold if told.hold is not None else SHORT_HOLD if told.throttled and told.available is None else None
        held = self.held_until
        if hold is not None and hold > 0:
            until = self.at + timedelta(seconds=min(hold, LONGEST_HOLD))
            held = max(held, until) if held else until
        leases = tuple(end for end in self.leases if end != lease)
        return Bucket(min(tokens, burst), rate, burst, self.at, held, leases)
