"""Reads the golden tables: one row is a case as a person would write it down, and what the law says to it.

Dates are the customer's: `2026-10-05` is noon there, `2026-10-05T23:59` that minute. What is expected to end on a date
ends with that day. An empty cell means that there is none. `source` names the article and how well it was checked.
"""

from __future__ import annotations

import csv
from dataclasses import dataclass
from datetime import UTC, datetime, time, timedelta
from pathlib import Path
from typing import Any, ClassVar
from zoneinfo import ZoneInfo

from app.money import Money
from app.policy.law.calendar import zone_of
from app.policy.law.model import LawFacts, LegalView, Right, Surcharge

GOLDEN = Path(__file__).parent / "golden"
_DATES = {
    "informed_at": "informed_at", "agreed": "agreed_at", "proved": "dispatch_proved_at", "back": "goods_back_at",
    "promised": "promised_by", "shipped": "shipped_at",
}  # fmt: skip
_YES = {
    "informed": "informed", "collects": "merchant_collects", "nothing": "nothing_to_return", "exempt": "exempt",
    "protected": "protected_group", "repair": "repair_chosen", "major": "major", "consumer": "consumer",
}  # fmt: skip


@dataclass(frozen=True)
class Row:
    """One line of a table."""

    COLUMNS: ClassVar = ("alive", "until", "reject", "due", "start", "waits", "way_back", "fee")
    table: str
    cells: dict[str, str]

    def __str__(self) -> str:
        return f"{self.table}: {self.cells['name']}"

    @property
    def zone(self) -> ZoneInfo:
        return zone_of(self.country, self.region)

    @property
    def country(self) -> str | None:
        return self.cells["country"].partition("-")[0] or None

    @property
    def region(self) -> str | None:
        return self.cells["country"].partition("-")[2] or None

    @property
    def amount(self) -> Money:
        text, _, currency = self.cells["amount"].partition(" ")
        return Money.parse(text, currency)

    def instant(self, cell: str) -> datetime:
        text = cell if "T" in cell else f"{cell}T12:00"
        return datetime.fromisoformat(text).replace(tzinfo=self.zone).astimezone(UTC)

    def facts(self) -> LawFacts:
        more: dict[str, Any] = {}
        for part in filter(None, self.cells["more"].split(";")):
            key, _, value = part.partition("=")
            if key in _DATES:
                more[_DATES[key]] = self.instant(value)
            elif key in _YES:
                more[_YES[key]] = {"yes": True, "no": False}[value]
            else:
                more[key] = int(value)
        return LawFacts(
            country=self.country,
            region=self.region,
            right=Right(self.cells["right"]),
            ordered_at=self.instant(self.cells["ordered"]),
            declared_at=self.instant(self.cells["declared"]),
            delivered_at=self.instant(self.cells["delivered"]) if self.cells["delivered"] else None,
            **more,
        )

    def day_end(self, instant: datetime | None) -> str:
        """As the table writes it: the date when it is the end of a day there, else date and time."""
        if instant is None:
            return ""
        local = instant.astimezone(self.zone)
        start = datetime.combine(local.date() + timedelta(days=1), time(), self.zone).astimezone(UTC)
        if instant == start - timedelta(microseconds=1) and self.country:
            return local.date().isoformat()
        return local.replace(tzinfo=None).isoformat(timespec="auto")

    def expected(self) -> dict[str, str]:
        return {column: self.cells[column] for column in self.COLUMNS}

    def answer(self, view: LegalView) -> dict[str, str]:
        fee = view.fee.of(self.amount)
        return {
            "alive": "yes" if view.alive else "no" if view.covered else "unknown",
            "until": self.day_end(view.statutory_until),
            "reject": self.day_end(view.reject_until),
            "due": self.day_end(view.due_at),
            "start": view.due_start or "",
            "waits": " ".join(view.waits_for),
            "way_back": view.way_back,
            "fee": "none" if fee is None else self.amount.with_minor(fee).text,
        }


def surcharge_text(metered: Surcharge) -> str:
    """`5 % 5.00`, with `legal rate from DATE` where it runs."""
    text = f"{metered.percent} % {metered.amount.text}"
    return f"{text} legal rate from {metered.legal_rate.first}" if metered.legal_rate else text


def rows() -> list[Row]:
    """Every line of every table."""
    found = []
    for file in sorted(GOLDEN.glob("*.csv")):
        with file.open(encoding="utf-8", newline="") as lines:
            found += [Row(file.stem, cells) for cells in csv.DictReader(lines, strict=True)]
    return found
