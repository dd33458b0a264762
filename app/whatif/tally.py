"""Sums over many cases in a memory that does not grow with them. Pure: only whole numbers, so that order is nothing.

One `Counter` holds everything about one group of cases under one policy, by name:

- `cases`, `approved`, … : how many cases;
- `refunds:EUR`, … : minor units in the currency of the shop;
- `day:014`: how many refunds went out that many days after the request.

Adding up is the same in any order and in any number of processes.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field

DAY = "day:"
# Later than that is one more refund that took far too long; the exact day tells nobody anything.
LAST_DAY = 400
Group = tuple[str, str]
ALL: Group = ("all", "all")


def day_key(days: int) -> str:
    """The name under which a refund after so many days is counted."""
    return f"{DAY}{min(max(days, 0), LAST_DAY):03d}"


@dataclass(slots=True)
class Tally:
    """The sums of one policy, by group: all cases, and each country, reason, supplier and month."""

    groups: dict[Group, Counter[str]] = field(default_factory=dict)

    def add(self, groups: Iterable[Group], amounts: Mapping[str, int]) -> None:
        """Adds what one case came to, to each of its groups."""
        for group in groups:
            sums = self.groups.get(group)
            if sums is None:
                sums = self.groups[group] = Counter()
            for name, amount in amounts.items():
                sums[name] += amount

    def merge(self, other: Tally) -> None:
        """Adds another tally to this one."""
        for group, amounts in other.groups.items():
            self.groups.setdefault(group, Counter()).update(amounts)

    def of(self, group: Group) -> Counter[str]:
        """The sums of a group; all nothing for one that has no case."""
        return self.groups.get(group, Counter())


def currencies(*counters: Counter[str]) -> list[str]:
    """The currencies in which anything was counted, in alphabetical order."""
    return sorted({name.partition(":")[2] for one in counters for name in one if ":" in name and DAY not in name})


def days(sums: Counter[str]) -> Iterator[tuple[int, int]]:
    """How many refunds went out after each number of days, in rising order."""
    for name in sorted(name for name in sums if name.startswith(DAY)):
        yield int(name.removeprefix(DAY)), sums[name]


def day_within(sums: Counter[str], percent: int) -> int | None:
    """The day by which that share of the refunds had gone out; None when none did."""
    total = sum(count for _, count in days(sums))
    reached = 0
    for day, count in days(sums):
        reached += count
        if reached * 100 >= total * percent:
            return day
    return None
