"""What a comparison says: rows for a table, and CSV for more. Pure."""

from __future__ import annotations

import csv
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from decimal import Decimal
from io import StringIO

from app.money import currency_exponent
from app.whatif.tally import ALL, Tally, currencies, day_within

# How many cases each of these befell, with what a reader of the table calls it.
COUNTS = {
    "approved": "approved at once",
    "returnless": "… of these without sending back",
    "claim": "… of these as a claim",
    "evidence": "asked for evidence first",
    "unanswered": "… of these never answered",
    "operator": "left to a person",
    "rejected": "rejected",
    "paid": "refunded in the end",
    "by_law": "refunded because the law's date came first",
    "breach": "where the policy alone would break the law",
}
# Sums of money.
MONEY = {
    "refunds": "refunds",
    "fees": "fees kept",
    "freight": "way back paid by the merchant",
    "recovery": "credits from suppliers",
    "restocked": "goods taken into own stock",
    "cost": "cost to the merchant",
}
BREACH = "breach."


@dataclass(frozen=True, slots=True)
class Row:
    """One measure under both policies. `unit` is `cases`, `%`, `days` or a currency; None: nothing to measure."""

    name: str
    label: str
    unit: str
    before: Decimal | None
    after: Decimal | None

    @property
    def difference(self) -> Decimal | None:
        """What the policy changes."""
        return None if self.before is None or self.after is None else self.after - self.before


def rows(before: Counter[str], after: Counter[str]) -> Iterator[Row]:
    """Every measure of a group of cases, in the order of the table."""
    yield _row("cases", "cases", "cases", before, after)
    for name, label in COUNTS.items():
        yield Row(name, label, "%", _share(before, name), _share(after, name))
        if name == "breach":
            yield from _breaches(before, after)
    for currency in currencies(before, after):
        for name, label in MONEY.items():
            key = f"{name}:{currency}"
            yield Row(name, label, currency, _money(before, key, currency), _money(after, key, currency))
    for percent in (50, 90):
        label = f"days until {percent} % of the refunds are out"
        yield Row(f"days_{percent}", label, "days", _day(before, percent), _day(after, percent))


def _row(name: str, label: str, unit: str, before: Counter[str], after: Counter[str]) -> Row:
    return Row(name, label, unit, Decimal(before[name]), Decimal(after[name]))


def _share(sums: Counter[str], name: str) -> Decimal | None:
    return (Decimal(100 * sums[name]) / sums["cases"]).quantize(Decimal("0.01")) if sums["cases"] else None


def _breaches(before: Counter[str], after: Counter[str]) -> Iterator[Row]:
    for name in sorted({name for one in (before, after) for name in one if name.startswith(BREACH)}):
        yield _row(name, f"… {name.removeprefix(BREACH).replace('_', ' ')}", "cases", before, after)


def _money(sums: Counter[str], key: str, currency: str) -> Decimal:
    return Decimal(sums[key]).scaleb(-currency_exponent(currency))


def _day(sums: Counter[str], percent: int) -> Decimal | None:
    day = day_within(sums, percent)
    return None if day is None else Decimal(day)


def table(before: Tally, after: Tally) -> list[tuple[str, str, str, str, str]]:
    """The rows over all cases, as texts: measure, unit, before, after, difference with its sign."""
    return [
        (row.label, row.unit, _number(row.before), _number(row.after), _number(row.difference, sign=True))
        for row in rows(before.of(ALL), after.of(ALL))
    ]


def _number(value: Decimal | None, *, sign: bool = False) -> str:
    if value is None:
        return "-"
    if sign and value == 0:
        return "="
    return format(value, "+,f" if sign else ",f")


def csv_text(before: Tally, after: Tally) -> str:
    """Every measure of every group, one a line: `group, key, measure, unit, before, after, difference`."""
    file = StringIO()
    writer = csv.writer(file, lineterminator="\n")
    writer.writerow(("group", "key", "measure", "unit", "before", "after", "difference"))
    for group in sorted(before.groups.keys() | after.groups.keys(), key=lambda one: (one != ALL, one)):
        for row in rows(before.of(group), after.of(group)):
            values = ("" if value is None else str(value) for value in (row.before, row.after, row.difference))
            writer.writerow((*group, row.name, row.unit, *values))
    return file.getvalue()
