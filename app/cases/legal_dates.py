"""What is known of a case's legal dates, as it is stored on the case. Pure values that JSON keeps."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

from pydantic import TypeAdapter

from app.policy.law.model import Cite, LegalView, Right, Start


@dataclass(frozen=True, slots=True)
class RightDate:
    """What one right of the customer comes to, for the lines that rest on it.

    `due_at` is the last instant at which its refund is in time, `act_at` the first instant of that day: then it goes
    out; from `late_at`, the first instant of the day after, it is late. All are None while no such clock runs;
    `waits_for` says what would start it.
    """

    right: Right
    lines: tuple[str, ...]
    alive: bool
    until: datetime | None
    due_at: datetime | None
    act_at: datetime | None
    late_at: datetime | None
    due_start: Start | None
    waits_for: tuple[Start, ...]
    cites: tuple[Cite, ...]

    @classmethod
    def of(cls, view: LegalView, lines: Sequence[str]) -> RightDate:
        """As the law says it now."""
        return cls(
            right=view.right,
            lines=tuple(lines),
            alive=view.alive,
            until=view.statutory_until,
            due_at=view.due_at,
            act_at=view.act_at,
            late_at=_next_day(view.act_at, view.zone) if view.act_at else None,
            due_start=view.due_start,
            waits_for=view.waits_for,
            cites=view.cites,
        )

    @property
    def articles(self) -> list[str]:
        """The articles that set the date, each once."""
        return list(dict.fromkeys(f"{cite.law}: {cite.article}" for cite in self.cites if cite.sets == "due_at"))


def _next_day(start: datetime, zone: str) -> datetime:
    """The first instant of the day after the one that begins at `start` in `zone`."""
    # Wall-clock arithmetic: a day on which the clock changes has 23 or 25 hours.
    return (start.astimezone(ZoneInfo(zone)) + timedelta(days=1)).astimezone(UTC)


@dataclass(frozen=True, slots=True)
class Late:
    """A refund that is late by law: when it was due, and what of it was unpaid, in minor units of `currency`.

    `paid_at` ends the meter.
    """

    due_at: datetime
    right: Right
    amount: int
    currency: str
    exponent: int
    paid_at: datetime | None = None


@dataclass(frozen=True, slots=True)
class Dates:
    """All that is known of the legal dates of one cycle of a case.

    `version` names the law packs, pinned; `exempt`: a statutory exception holds, as the policy claims.

    `reached` are the rights whose date has come and opened the gate; `warned` is the last warning that was given
    (`due_in_3_days`, `due_in_1_day`), and for which date; `conflicts` are the holds that were said to stand against a
    date; `surcharge`: the law wants more for a late refund.
    """

    version: str
    cycle: int
    rights: tuple[RightDate, ...]
    exempt: bool = False
    reached: tuple[Right, ...] = ()
    warned: tuple[str, datetime] | None = None
    conflicts: tuple[str, ...] = ()
    late: Late | None = None
    surcharge: bool = False

    def to_json(self) -> dict[str, Any]:
        """As plain JSON, the way it is stored."""
        stored: dict[str, Any] = _DATES.dump_python(self, mode="json")
        return stored

    @classmethod
    def from_json(cls, stored: Mapping[str, Any]) -> Dates:
        """As it was stored."""
        return _DATES.validate_python(stored)

    @property
    def alive(self) -> bool:
        """A right was declared in time."""
        return any(one.alive for one in self.rights)

    @property
    def until(self) -> datetime | None:
        """Until when a right can still be declared, the latest; None where no end is known."""
        ends = [one.until for one in self.rights if one.alive]
        known = [end for end in ends if end is not None]
        return max(known) if known and len(known) == len(ends) else None

    def running(self) -> Iterator[tuple[RightDate, datetime]]:
        """Rights with a date that has not been acted on, and when to act."""
        for one in self.rights:
            if one.act_at is not None and one.right not in self.reached:
                yield one, one.act_at

    @property
    def next(self) -> RightDate | None:
        """The right whose date comes first, of those that have not been acted on; else of all."""
        waiting = [one for one, _ in self.running()]
        dated = [(one.due_at, place, one) for place, one in enumerate(waiting or self.rights) if one.due_at is not None]
        return min(dated)[2] if dated else None

    def come(self, now: datetime) -> list[RightDate]:
        """The rights whose date has come, acted on or not."""
        return [one for one in self.rights if one.act_at is not None and one.act_at <= now]


def monotone(before: Sequence[RightDate], now: Sequence[RightDate]) -> tuple[RightDate, ...]:
    """What the law says now, with no date later than it was: what has begun to run is not taken back by later facts.

    A right whose date ran keeps its lines, also when news of the order would put them under another right.
    """
    dated = {one.right: one for one in before if one.due_at is not None}
    bound = {line_id: right for right, one in dated.items() for line_id in one.lines}
    found: dict[Right, RightDate] = {}
    for one in now:
        lines = tuple(line_id for line_id in one.lines if bound.get(line_id, one.right) is one.right)
        if lines:
            found[one.right] = replace(one, lines=lines)
    for right, old in dated.items():
        new = found.get(right)
        if new is None:
            found[right] = old
            continue
        lines = tuple(dict.fromkeys((*old.lines, *new.lines)))
        if new.due_at is None or (old.due_at is not None and new.due_at > old.due_at):
            found[right] = replace(old, lines=lines, alive=old.alive or new.alive, until=new.until or old.until)
        else:
            found[right] = replace(new, lines=lines)
    return tuple(found[right] for right in Right if right in found)


_DATES: TypeAdapter[Dates] = TypeAdapter(Dates)
